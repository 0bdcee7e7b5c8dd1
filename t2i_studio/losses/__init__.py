"""Losses on attention maps: pure functions, one idea a file, under the names their papers use.

Maps are float tensors of probabilities, one subject each, with the graph that made them. All are
worked out on the device of the maps, without a word to the host.
"""

from __future__ import annotations

from .aggregation import aggregation, gather, peaks
from .boxes import boxdiff, inside, middle, outside
from .ctcal import MapCoder, mean_one, per_sample, pixel, reconstruction, response, semantic
from .divergence import symmetric_kl, syngen
from .geometry import pooled
from .isolation import isolation
from .overlap import overlap
from .presence import excited, presence
from .transport import foreground, transport

__all__ = [
    "MapCoder",
    "aggregation",
    "boxdiff",
    "excited",
    "foreground",
    "gather",
    "inside",
    "isolation",
    "mean_one",
    "middle",
    "outside",
    "overlap",
    "peaks",
    "per_sample",
    "pixel",
    "pooled",
    "presence",
    "reconstruction",
    "response",
    "semantic",
    "symmetric_kl",
    "syngen",
    "transport",
]
