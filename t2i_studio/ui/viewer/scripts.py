"""Names of the player's scripts in the order in which they build on each other."""

from __future__ import annotations

SCRIPTS = tuple(f"viewer/{name}" for name in ("maps", "paint", "strip", "curves", "panel", "player", "lock"))
