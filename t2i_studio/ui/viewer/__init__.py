"""The map player: one run as data, one component that draws it, on any page and in a file of its own.

    pack.py      a run → plain data, maps packed to 8 bits
    *.js, *.css  the player: maps → paint → strip, curves, panel → player → lock
    offline.py   data + player = one HTML file that opens without a network

Knows runs and drawing; knows no model, no Gradio.
"""

from __future__ import annotations

from .offline import Player, standalone
from .pack import player_data
from .scripts import SCRIPTS

__all__ = ["SCRIPTS", "Player", "player_data", "standalone"]
