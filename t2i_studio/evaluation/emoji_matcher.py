"""emoji-matcher: finds the sprites in a picture by correlation. Nothing in it is learnt.

Two passes. *Propose*: every sprite, both ways round, over scales, by normalised correlation of its
silhouette and of its shading, all places at once (FFT). *Refine*: around each proposal the sprite is
moved and scaled by pixels, and compared in colour with its clean renderings. Non-maximum suppression
keeps one object a place. Thresholds were fixed on rendered scenes (`python -m
t2i_studio.evaluation.measure`), before any generated picture was judged.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from PIL import Image

from ..emoji.boxes import Box, area, overlap, overlaps
from ..emoji.scenes import SCENE_SIZE
from ..emoji.sprites import SPRITE_SIZE, sprite
from ..emoji.vocabulary import COLOURS, NOUNS
from .clean import KEPT, background, difference, rendering, window
from .found import Found, scaled

NAME = "emoji-matcher"
SIZE = SCENE_SIZE
"""Pictures are judged at this width and height."""
COARSE = 64
"""Width and height at which proposals are made."""
SIDES = tuple(float(side) for side in np.geomspace(28, 108, 15))
"""Longest sides of sprites that are looked for, pixels of `SIZE`."""
RING = 0.10
"""Width of the rim around a sprite that must be background, as a share of its longest side."""
CONTRAST = 0.06
"""Distance from the background, of [0, 1] RGB, at which a pixel counts as half foreground."""
AT_ONCE = 144
"""Templates that are laid over a picture at once."""
A_TEMPLATE = 12
"""Best places of each."""
PROPOSED = 60
A_PLACE = 5
"""Guesses that are refined at one place."""
HOPELESS = 0.25
"""Correlation below which a guess is not refined."""
ACCEPT = 0.75
SAME_PLACE = 0.30
"""Overlap (IoU) of two boxes from which on they are one object; also where one covers the other."""
COVERED = 0.60
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


class EmojiMatcher:
    """The judge without learning. One instance keeps the templates (40 MB)."""

    name = NAME
    nouns = frozenset(NOUNS)

    def __init__(self, accept: float = ACCEPT, nouns: tuple[str, ...] = NOUNS) -> None:
        self.accept = accept
        self.nouns = frozenset(nouns)
        self._templates = _templates(nouns)

    def __call__(self, image: Image.Image) -> tuple[Found, ...]:
        """Objects of the picture, the most certain first; pictures of other sizes are scaled, and boxes back."""
        picture = image.convert("RGB").resize((SIZE, SIZE), Image.Resampling.BICUBIC)
        rgb_YXC = np.asarray(picture, dtype=np.float32) / 255
        ground = background(rgb_YXC)
        scene = _Scene(rgb_YXC, ground)
        refined = [_refined(scene, guess) for guess in _promising(scene, self._propose(scene))]
        found = _suppressed([found for found in refined if found.score >= self.accept])
        return tuple(scaled(one, image.size, SIZE) for one in found)

    def _propose(self, scene: _Scene) -> list[_Guess]:
        """The best guesses over all sprites, scales and places."""
        shape, luma = _coarse(scene.shape_YX), _coarse(scene.luma_YX)
        templates = self._templates
        # Some at a time: tables of all places of all templates would leave the memory in pieces.
        found = []
        for start in range(0, len(templates.keys), AT_ONCE):
            part = slice(start, start + AT_ONCE)
            weight = templates.detail[part, None, None]
            score = (1 - weight) * _correlation(shape, templates.outline, part)
            score += weight * _correlation(luma, templates.shading, part)
            score.masked_fill_(~templates.inside(score.shape, part), -1.0)
            found.append(score.flatten(1).topk(A_TEMPLATE, dim=1))
        best, where = (torch.cat(tables) for tables in zip(*found, strict=True))
        return _peaks(best, where, templates)


@dataclass(frozen=True)
class _Guess:
    noun: str
    flip: bool
    box: tuple[float, float, float, float]


class _Scene:
    """A picture with what every comparison needs of it."""

    def __init__(self, rgb_YXC: np.ndarray, ground: np.ndarray) -> None:
        self.ground = ground
        self.delta_YXC = rgb_YXC - ground
        far = np.sqrt((self.delta_YXC**2).sum(-1) / 3)
        self.shape_YX = far / (far + CONTRAST)
        self.luma_YX = rgb_YXC @ _LUMA


@dataclass(frozen=True)
class _Filter:
    """Templates of one feature as spectra: weights, weighted zero-mean values, sums."""

    weight: torch.Tensor
    value: torch.Tensor
    mass: torch.Tensor
    norm: torch.Tensor


@dataclass(frozen=True)
class _Templates:
    keys: tuple[tuple[str, bool, int, int], ...]
    "Noun, flipped, width and height at `SIZE`."
    outline: _Filter
    shading: _Filter
    detail: torch.Tensor
    "How much shading counts: little for sprites that hardly have any."
    pads: torch.Tensor
    "Rows and columns of each template at `COARSE`."

    def inside(self, shape: torch.Size, part: slice) -> torch.Tensor:
        """Places (upper left corners) at which a template lies within the picture, less a margin."""
        rows = torch.arange(shape[1])[None, :, None]
        columns = torch.arange(shape[2])[None, None, :]
        pads = self.pads[part, :, None, None]
        return (rows + pads[:, 0] <= COARSE + 2 * _EDGE) & (columns + pads[:, 1] <= COARSE + 2 * _EDGE)


_EDGE = 4
"""Coarse pixels by which a template may hang over the picture's border."""
_FFT = COARSE + 2 * _EDGE


@lru_cache(maxsize=1)
def _templates(nouns: tuple[str, ...]) -> _Templates:
    keys, outlines, shadings, details, pads = [], [], [], [], []
    for noun in nouns:
        for flip in (False, True):
            for side in SIDES:
                width, height = _size(noun, side)
                alpha, luma = _shape(noun, flip, max(3, round(width / 2)), max(3, round(height / 2)))
                rim = max(1, round(RING * side / 2))
                alpha, luma = np.pad(alpha, rim), np.pad(luma, rim)
                keys.append((noun, flip, width, height))
                outlines.append((np.ones_like(alpha), alpha))
                shadings.append((alpha, luma))
                details.append(_detail(alpha, luma))
                pads.append((*alpha.shape, rim))
    return _Templates(
        tuple(keys), _filter(outlines), _filter(shadings), torch.tensor(details, dtype=torch.float32),
        torch.tensor(pads),
    )  # fmt: skip


def _detail(alpha: np.ndarray, luma: np.ndarray) -> float:
    """0.2 for flat sprites to 0.5 for those with strong shading."""
    inside = luma[alpha > 0.5]
    return float(np.clip(2 * inside.std(), 0.2, 0.5))


def _filter(pairs: list[tuple[np.ndarray, np.ndarray]]) -> _Filter:
    weights = torch.zeros(len(pairs), _FFT, _FFT)
    values = torch.zeros(len(pairs), _FFT, _FFT)
    for i, (weight, value) in enumerate(pairs):
        rows, columns = min(weight.shape[0], _FFT), min(weight.shape[1], _FFT)
        weights[i, :rows, :columns] = torch.from_numpy(np.ascontiguousarray(weight[:rows, :columns]))
        values[i, :rows, :columns] = torch.from_numpy(np.ascontiguousarray(value[:rows, :columns]))
    mass = weights.sum((1, 2))
    mean = (weights * values).sum((1, 2)) / mass
    centred = weights * (values - mean[:, None, None])
    norm = (centred * (values - mean[:, None, None])).sum((1, 2)).clamp_min(1e-9).sqrt()
    return _Filter(torch.fft.rfft2(weights).conj(), torch.fft.rfft2(centred).conj(), mass, norm)


def _correlation(picture: torch.Tensor, filters: _Filter, part: slice) -> torch.Tensor:
    """Weighted normalised correlation at every place: (templates, rows, columns) in [-1, 1]."""
    spectrum, squares = torch.fft.rfft2(picture), torch.fft.rfft2(picture**2)
    size = picture.shape
    dot = torch.fft.irfft2(spectrum * filters.value[part], s=size)
    total = torch.fft.irfft2(spectrum * filters.weight[part], s=size)
    square = torch.fft.irfft2(squares * filters.weight[part], s=size)
    spread = (square - total**2 / filters.mass[part, None, None]).clamp_min(1e-4).sqrt()
    return dot / (spread * filters.norm[part, None, None])


def _coarse(values_YX: np.ndarray) -> torch.Tensor:
    """Halved by area mean, with a margin that goes on like the border."""
    halved = values_YX.reshape(COARSE, SIZE // COARSE, COARSE, SIZE // COARSE).mean((1, 3))
    return torch.from_numpy(np.pad(halved, _EDGE, mode="edge").astype(np.float32))


def _peaks(best: torch.Tensor, where: torch.Tensor, templates: _Templates) -> list[_Guess]:
    """The best guesses of what each template found; a place gives way to others once it has given several."""
    guesses: list[_Guess] = []
    taken = np.empty((PROPOSED, 4))
    order = best.flatten().argsort(descending=True)[: PROPOSED * A_TEMPLATE]
    scores, places = best.flatten()[order].tolist(), where.flatten()[order].tolist()
    for rank, score, place in zip(order.tolist(), scores, places, strict=True):
        template = rank // A_TEMPLATE
        if score < 0.3:
            break
        noun, flip, width, height = templates.keys[template]
        rim = int(templates.pads[template, 2])
        top, left = divmod(place, _FFT)
        scale = SIZE // COARSE
        x, y = (left + rim - _EDGE) * scale, (top + rim - _EDGE) * scale
        box = (float(x), float(y), float(x + width), float(y + height))
        shares = overlaps(box, taken[: len(guesses)])
        near = np.flatnonzero(shares > 0.6)
        if len(near) >= 10 or any(guesses[i].noun == noun and shares[i] > 0.75 for i in near):
            continue
        taken[len(guesses)] = box
        guesses.append(_Guess(noun, flip, box))
        if len(guesses) == PROPOSED:
            break
    return guesses


def _promising(scene: _Scene, guesses: list[_Guess]) -> list[_Guess]:
    """The few guesses a place that fit best at full resolution, before anything is moved."""

    def fit(guess: _Guess) -> float:
        x0, y0, x1, y1 = guess.box
        return _fit(scene, guess.noun, guess.flip, (int(x0), int(y0)), int(x1 - x0), int(y1 - y0))

    scored = sorted(((fit(guess), guess) for guess in guesses), key=lambda pair: -pair[0])
    kept: list[_Guess] = []
    for score, guess in scored:
        if score > HOPELESS and sum(_same_place(guess.box, other.box) for other in kept) < A_PLACE:
            kept.append(guess)
    return kept


def _refined(scene: _Scene, guess: _Guess) -> Found:
    """The guess moved and scaled to where it fits best, with its colour."""
    best_score, best = -1.0, guess.box
    x0, y0, x1, y1 = guess.box
    middle, width, height = ((x0 + x1) / 2, (y0 + y1) / 2), x1 - x0, y1 - y0
    for reach, growths in ((2, (0.93, 1.0, 1.07)), (1, (0.965, 1.0, 1.035))):
        for growth in growths:
            for dx in (-reach, 0, reach):
                for dy in (-reach, 0, reach):
                    w, h = round(width * growth), round(height * growth)
                    corner = (round(middle[0] + dx - w / 2), round(middle[1] + dy - h / 2))
                    score = _fit(scene, guess.noun, guess.flip, corner, w, h)
                    if score > best_score:
                        best_score, best = score, (*corner, corner[0] + w, corner[1] + h)
        middle = ((best[0] + best[2]) / 2, (best[1] + best[3]) / 2)
        width, height = best[2] - best[0], best[3] - best[1]
    colour, distance, likeness = _coloured(scene, guess, best)
    score = 0.5 * max(best_score, 0.0) + 0.5 * likeness
    return Found(guess.noun, colour, tuple(map(float, best)), score, distance)  # type: ignore[arg-type]


def _fit(scene: _Scene, noun: str, flip: bool, corner: tuple[int, int], width: int, height: int) -> float:
    """Correlation of outline and shading at one place, full resolution."""
    if width < 8 or height < 8 or width > SIZE + 16 or height > SIZE + 16:
        return -1.0
    outline, shading, rim, detail = _fine(noun, flip, width, height)
    shape = window(scene.shape_YX, corner, outline.shape, rim)
    shade = window(scene.luma_YX, corner, outline.shape, rim)
    return (1 - detail) * outline.correlation(shape) + detail * shading.correlation(shade)


class _Template:
    """One feature of a sprite at a size, ready to be laid over many places."""

    def __init__(self, values: np.ndarray, weight: np.ndarray) -> None:
        self.shape = values.shape
        self._weight = weight / weight.sum()
        centred = values - np.vdot(self._weight, values)
        self._weighted = self._weight * centred
        self._power = max(float(np.vdot(self._weighted, centred)), 1e-6 / float(weight.sum()))
        self._least = 1e-4 / float(weight.sum())

    def correlation(self, picture: np.ndarray) -> float:
        """Weighted normalised correlation with a window of the template's shape, in [-1, 1]."""
        picture = np.ascontiguousarray(picture)
        a = picture - np.vdot(self._weight, picture)
        power = max(float(np.vdot(self._weight, a * a)), self._least)
        return float(np.vdot(self._weighted, a)) / float(np.sqrt(power * self._power))


def _coloured(scene: _Scene, guess: _Guess, box: tuple[float, ...]) -> tuple[str | None, float, float]:
    """The colour whose clean rendering is nearest, its distance, and the cosine to it."""
    width, height = int(box[2] - box[0]), int(box[3] - box[1])
    corner = (int(box[0]), int(box[1]))
    seen: list[tuple[float, str | None, float]] = []
    for colour in (None, *COLOURS):
        distance, delta, wanted = difference(
            scene.delta_YXC, scene.ground, corner, rendering(guess.noun, colour, guess.flip, width, height)
        )
        cosine = float((delta * wanted).sum() / np.sqrt(max((delta**2).sum() * (wanted**2).sum(), 1e-6)))
        seen.append((distance, colour, cosine))
    distance, colour, cosine = min(seen, key=lambda row: row[0])
    return colour, distance, max(cosine, 0.0)


def _suppressed(found: list[Found]) -> tuple[Found, ...]:
    """One object a place: the most certain."""
    kept: list[Found] = []
    for one in sorted(found, key=lambda f: -f.score):
        if not any(_same_place(one.box, other.box) for other in kept):
            kept.append(one)
    return tuple(kept)


def _same_place(one: Box, other: Box) -> bool:
    iou = overlap(one, other)
    shared = iou * (area(one) + area(other)) / (1 + iou)
    return iou > SAME_PLACE or shared / min(area(one), area(other)) > COVERED


def _size(noun: str, side: float) -> tuple[int, int]:
    width, height = sprite(noun).size
    return round(width * side / SPRITE_SIZE), round(height * side / SPRITE_SIZE)


@lru_cache(maxsize=KEPT)
def _shape(noun: str, flip: bool, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """Alpha and luminance of a sprite at a size, [0, 1]."""
    pixels, alpha = rendering(noun, None, flip, width, height)
    return alpha, pixels @ _LUMA


@lru_cache(maxsize=KEPT)
def _fine(noun: str, flip: bool, width: int, height: int) -> tuple[_Template, _Template, int, float]:
    """Outline and shading with their rim of background, its width, and the weight of shading."""
    alpha, luma = _shape(noun, flip, width, height)
    rim = max(2, round(RING * max(width, height)))
    detail = _detail(alpha, luma)
    alpha, luma = np.pad(alpha, rim), np.pad(luma, rim)
    return _Template(alpha, np.ones_like(alpha)), _Template(luma, alpha), rim, detail
