"""emoji-detector: the judge that is learnt, from rendered specimens and their round trips through the autoencoder.

CenterNet's loss: focal for the centres, L1 for the boxes, cross-entropy for the colours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw

from ..boxes import overlap
from ..detector import Detector, Maps, Network, Targets, encode, save_detector
from ..detector.weights import as_tensor
from ..scenes import SCENE_SIZE
from .loop import Plan
from .round_trips import RoundTrips
from .specimens import Specimen, roughened, specimen

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

PLAN = Plan(
    total_steps=4_000, batch_size=32, learning_rate=2e-3, warmup_steps=200, schedule="cosine", final_ratio=0.01,
    ema_decay=0.998, weight_decay=0.02, clip=10.0, seed=43,
)  # fmt: skip
CAPACITY = 6_144
FIRST_POOL, FRESH = 64, 2
"""Round trips at step 0, and new ones each step until `CAPACITY`."""
FROM_POOL = 10
"""Round trips of a batch."""
BOX_WEIGHT, COLOUR_WEIGHT = 1.0, 0.5
MEASURED = ("scene", "spoilt", "cut", "shuffled", "nothing", "round trips")
MEASURED_ON = 256
"""Specimens of a kind on which the exported weights are measured."""
THRESHOLD = 0.6
"""Certainty from which on an object is reported: fixed on rendered scenes, before a generated picture was judged."""


class DetectorTask:
    """Specimens fresh every step, and some of a growing pool of round trips."""

    def __init__(self, folder: Path) -> None:
        torch.manual_seed(4)
        self.network = Network().to(memory_format=torch.channels_last)
        self.modules: dict[str, nn.Module] = {"network": self.network}
        self.pool = RoundTrips(folder / "round-trips", CAPACITY + MEASURED_ON)

    def loss(
        self, rng: np.random.Generator, generator: torch.Generator, step: int
    ) -> tuple[torch.Tensor, dict[str, float]]:
        """Loss of one batch; logs its three terms."""
        batch = self._batch(rng, step)
        targets = encode([one.objects for one in batch], SCENE_SIZE)
        maps = self.network(as_tensor([one.picture for one in batch]))
        centres, boxes, colours = terms(maps, targets)
        loss = centres + BOX_WEIGHT * boxes + COLOUR_WEIGHT * colours
        return loss, {"centres": centres.item(), "boxes": boxes.item(), "colours": colours.item()}

    def preview(self, ema: dict[str, nn.Module], folder: Path, step: int) -> None:
        """What it finds in fixed specimens."""
        fixed = [roughened(specimen(rng), rng) for rng in (np.random.default_rng([47, i]) for i in range(48))]
        save_sheet(Detector(self.network, THRESHOLD), [one.picture for one in fixed], folder / "sheet.png")
        self.network.train().requires_grad_(True)

    def _batch(self, rng: np.random.Generator, step: int) -> list[Specimen]:
        size = min(CAPACITY, FIRST_POOL + FRESH * step)
        new = np.arange(size, min(CAPACITY, size + FRESH))
        old = rng.integers(0, size, FROM_POOL - len(new))
        tripped = self.pool.specimens(np.concatenate([new, old]))
        tripped = [roughened(one, rng) if rng.random() < 0.5 else one for one in tripped]
        return tripped + [roughened(specimen(rng), rng) for _ in range(PLAN.batch_size - FROM_POOL)]


def terms(maps: Maps, targets: Targets) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Losses of centres (a mean over objects), boxes and colours (means over the cells near objects)."""
    certain, wanted = maps.centres.sigmoid(), targets.centres
    is_centre = wanted == 1
    missed = (1 - certain) ** 2 * F.logsigmoid(maps.centres)
    invented = (1 - wanted) ** 4 * certain**2 * F.logsigmoid(-maps.centres)
    centres = -torch.where(is_centre, missed, invented).sum() / is_centre.sum().clamp_min(1)
    weights, total = targets.weights, targets.weights.sum().clamp_min(1)
    boxes = (weights * (maps.boxes - targets.boxes).abs().sum(1)).sum() / total
    colours = (weights * F.cross_entropy(maps.colours, targets.colours, reduction="none")).sum() / total
    return centres, boxes, colours


def save_sheet(detector: Detector, pictures: list[Image.Image], file: Path, columns: int = 8) -> None:
    """Pictures with what is found in them."""
    rows = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * SCENE_SIZE, rows * SCENE_SIZE))
    for i, (picture, found) in enumerate(zip(pictures, detector(pictures), strict=True)):
        shown = picture.copy()
        pen = ImageDraw.Draw(shown)
        for one in found:
            pen.rectangle(one.box, outline="red")
            pen.text((one.box[0] + 2, one.box[1]), f"{one.noun} {one.colour or ''} {one.score:.2f}", fill="red")
        sheet.paste(shown, (i % columns * SCENE_SIZE, i // columns * SCENE_SIZE))
    sheet.save(file)


def export(task: DetectorTask, folder: Path) -> dict[str, float]:
    """Write the folder that ships; what it measures on specimens that training never saw.

    F1 by kind; where nothing is to find, the objects it invents a picture.
    """
    detector = Detector(task.network, THRESHOLD)
    save_detector(detector, folder)
    measured = {}
    for kind in MEASURED:
        specimens = held_out(kind, task.pool)
        if any(one.objects for one in specimens):
            measured[f"f1_{kind.replace(' ', '_')}"] = round(f1(detector, specimens), 4)
        else:
            invented = sum(map(len, detector([one.picture for one in specimens])))
            measured[f"invented_{kind}"] = round(invented / len(specimens), 4)
    return measured


def held_out(kind: str, pool: RoundTrips, number: int = MEASURED_ON) -> list[Specimen]:
    """Specimens of one kind of `MEASURED`, roughened, that training never saw."""
    if kind == "round trips":
        return pool.specimens(np.arange(CAPACITY, CAPACITY + number))
    rngs = [np.random.default_rng([53, MEASURED.index(kind), i]) for i in range(number)]
    return [roughened(specimen(rng, kind), rng) for rng in rngs]


def f1(detector: Detector, specimens: list[Specimen]) -> float:
    """F1 of objects: right is the noun at a place that overlaps (IoU) by more than half."""
    right = reported = there = 0
    for found, one in zip(detector([one.picture for one in specimens]), specimens, strict=True):
        left = list(one.objects)
        for seen in found:
            same = next((o for o in left if o.noun == seen.noun and overlap(o.box, seen.box) > 0.5), None)
            if same is not None:
                left.remove(same)
                right += 1
        reported, there = reported + len(found), there + len(one.objects)
    return 2 * right / max(1, reported + there)
