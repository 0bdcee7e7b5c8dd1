"""emoji-detector: a small convolutional network that finds the objects of a 128×128 picture.

    network.py   the network: picture → maps
    decoding.py  maps → objects; objects → the maps that training wants
    weights.py   the folder that ships, read and written

It was trained on rendered scenes and their round trips through the autoencoder; it shares no weights with
any generator. Knows no prompts.
"""

from __future__ import annotations

from .decoding import Seen, Targets, decode, encode
from .network import Maps, Network, Shape
from .weights import FOLDER, Detector, load_detector, save_detector

__all__ = [
    "FOLDER", "Detector", "Maps", "Network", "Seen", "Shape", "Targets", "decode", "encode", "load_detector",
    "save_detector",
]  # fmt: skip
