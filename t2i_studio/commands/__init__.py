"""Commands of `t2i-studio` that are worth a file of their own: each adds its parser and runs its work."""

from __future__ import annotations
