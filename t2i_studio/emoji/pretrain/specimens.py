"""What the detector learns on: rendered pictures with what is in them, and with what only looks like it.

A *specimen* holds whole objects, spoilt ones that don't count (halves, chimeras, blends, shuffled pieces,
smears, blobs), or nothing at all. Every noun in every colour beside every other: a judge must know the
combinations that generators are not shown.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from ..boxes import area, shared
from ..captions import Asked, Request
from ..detector import Seen
from ..scenes import SCENE_SIZE, Placed, compose, layer_of
from ..sprites import SPRITE_SIZE, sprite
from ..vocabulary import COLOURS, NOUNS

COLOURED, MIRRORED = 0.55, 0.5
KINDS = {"scene": 0.62, "spoilt": 0.14, "cut": 0.06, "shuffled": 0.08, "nothing": 0.10}
"""Shares of the kinds of specimen."""
SPOILT = {"scene": 0.06, "spoilt": 0.7}
"""Chance that an object is spoilt."""
LOOSE = 0.4
"""Share of scenes that are not laid out as generators' training scenes are: any size, a little overlap."""
SIDES = (28.0, 106.0)
"""Longest sides in loose scenes, pixels."""
MAY_LACK, IS_BROKEN = 0.06, 0.35
"""An object that lacks less than the first share is whole, one that lacks more than the second is none;
pictures between are not shown."""


@dataclass(frozen=True)
class Specimen:
    """An RGB picture of 128×128 with its whole objects."""

    picture: Image.Image
    objects: tuple[Seen, ...]


def specimen(rng: np.random.Generator, kind: str | None = None) -> Specimen:
    """A picture of the training distribution, before it is roughened."""
    kind = kind or str(rng.choice(list(KINDS), p=list(KINDS.values())))
    if kind == "nothing":
        return Specimen(_nothing(rng), ())
    if kind == "shuffled":
        whole = _scene(rng, 0.0)
        return Specimen(_shuffled(whole.picture, int(rng.choice([8, 16, 16])), rng), ())
    if kind == "cut":
        return _cut(_scene(rng, 0.0), rng)
    return _scene(rng, SPOILT[kind])


def roughened(one: Specimen, rng: np.random.Generator) -> Specimen:
    """Light, colours, outlines, sharpness, noise and JPEG, each in some pictures; objects stay what they are."""
    if rng.random() < 0.15:
        return one
    steps: tuple[tuple[float, Callable[[Image.Image, np.random.Generator], Image.Image]], ...] = (
        (0.35, _warped), (0.4, _tinted), (0.35, _lit), (0.25, _coarser), (0.4, _blurred), (0.35, _noisy), (0.35, _jpeg),
    )  # fmt: skip
    picture = one.picture
    for chance, step in steps:
        if rng.random() < chance:
            picture = step(picture, rng)
    return Specimen(picture, one.objects)


def _scene(rng: np.random.Generator, spoilt: float) -> Specimen:
    placed, ground = _loose(rng) if rng.random() < LOOSE else _laid_out(rng)
    canvas = Image.new("RGB", (SCENE_SIZE, SCENE_SIZE), ground)
    objects, smears = [], []
    for one in placed:
        layer = layer_of(one)
        if rng.random() >= spoilt:
            objects.append(Seen(one.noun, one.colour, tuple(map(float, one.box))))  # type: ignore[arg-type]
        elif rng.random() < 0.2:
            smears.append(one.box)
        else:
            layer = SPOILERS[int(rng.integers(len(SPOILERS)))](layer, one, rng)
        canvas.paste(layer, one.box[:2], layer)
    for box in smears:
        canvas = _smeared(canvas, box, rng)
    return Specimen(canvas, tuple(objects))


def _asked(rng: np.random.Generator, number: int) -> tuple[Asked, ...]:
    colours = [str(rng.choice(list(COLOURS))) if rng.random() < COLOURED else None for _ in range(number)]
    return tuple(Asked(str(rng.choice(NOUNS)), colour) for colour in colours)


def _laid_out(rng: np.random.Generator) -> tuple[tuple[Placed, ...], tuple[int, int, int]]:
    scene = compose(Request(_asked(rng, int(rng.choice([1, 2, 3, 4], p=[0.35, 0.35, 0.15, 0.15])))), rng, "", MIRRORED)
    return scene.objects, scene.background


def _loose(rng: np.random.Generator) -> tuple[tuple[Placed, ...], tuple[int, int, int]]:
    """One to four objects of any size; what would cover another by much, or leave the picture, is left out."""
    ground = compose(Request((Asked("apple"),)), rng, "").background
    if rng.random() < 0.15:
        ground = tuple(int(v) for v in rng.integers(0, 256, 3))
    placed: list[Placed] = []
    for i, asked in enumerate(_asked(rng, int(rng.integers(1, 5)))):
        side = float(np.exp(rng.uniform(*np.log(SIDES)))) / SPRITE_SIZE
        width, height = (max(8, round(length * side)) for length in sprite(asked.noun).size)
        x, y = (int(rng.integers(-3, SCENE_SIZE - length + 4)) for length in (width, height))
        box = (x, y, x + width, y + height)
        if all(_covered(box, other.box) < MAY_LACK for other in placed):
            placed.append(Placed(asked.noun, asked.colour, box, bool(rng.random() < MIRRORED), i))
    return tuple(placed), ground  # type: ignore[return-value]


def _covered(one: tuple[int, ...], other: tuple[int, ...]) -> float:
    """The common area as a share of the smaller."""
    return shared(one, other) / min(area(one), area(other))


def _half(size: tuple[int, int], rng: np.random.Generator) -> Image.Image:
    """A half-plane through about the middle: L, 255 inside."""
    angle, shift = rng.uniform(0, 2 * np.pi), rng.uniform(-0.08, 0.08)
    x, y = (np.linspace(-0.5, 0.5, length) for length in size)
    inside = np.cos(angle) * x[None, :] + np.sin(angle) * y[:, None] > shift
    return Image.fromarray((inside * 255).astype(np.uint8))


def _halved(layer: Image.Image, one: Placed, rng: np.random.Generator) -> Image.Image:
    out = layer.copy()
    fill = (0, 0, 0, 0) if rng.random() < 0.7 else (*(int(v) for v in rng.integers(0, 256, 3)), 255)
    out.paste(fill, (0, 0), _half(layer.size, rng))
    return out


def _other(layer: Image.Image, one: Placed, rng: np.random.Generator) -> Image.Image:
    """Another noun at the same place and size."""
    noun = str(rng.choice([n for n in NOUNS if n != one.noun]))
    colour = one.colour if rng.random() < 0.5 else str(rng.choice(list(COLOURS)))
    return layer_of(Placed(noun, colour, (0, 0, *layer.size), bool(rng.random() < MIRRORED), 0))


def _chimera(layer: Image.Image, one: Placed, rng: np.random.Generator) -> Image.Image:
    return Image.composite(_other(layer, one, rng), layer, _half(layer.size, rng))


def _blended(layer: Image.Image, one: Placed, rng: np.random.Generator) -> Image.Image:
    return Image.blend(layer, _other(layer, one, rng), float(rng.uniform(0.42, 0.58)))


def _pieces(layer: Image.Image, one: Placed, rng: np.random.Generator) -> Image.Image:
    return _shuffled(layer, max(4, -(-max(layer.size) // int(rng.integers(3, 6)))), rng)


def _blob(layer: Image.Image, one: Placed, rng: np.random.Generator) -> Image.Image:
    """A smooth outline of no noun in smooth colours."""

    def soft(low: float, high: float, bands: str) -> Image.Image:
        small = rng.uniform(low, high, (4, 4, len(bands))).astype(np.uint8).squeeze()
        return Image.fromarray(small, bands if len(bands) > 1 else "L").resize(layer.size, Image.Resampling.BICUBIC)

    around = Image.new("L", layer.size, 0)
    margin = max(1, min(layer.size) // 8)
    around.paste(255, (margin, margin, layer.size[0] - margin, layer.size[1] - margin))
    alpha = np.asarray(around.filter(ImageFilter.GaussianBlur(margin)), dtype=np.float32)
    solid = (alpha + np.asarray(soft(0, 255, "L"), dtype=np.float32) - 150) * 4
    out = soft(30, 250, "RGB").convert("RGBA")
    out.putalpha(Image.fromarray(solid.clip(0, 255).astype(np.uint8)))
    return out


SPOILERS = (_halved, _halved, _chimera, _chimera, _blended, _blended, _pieces, _blob)


def _smeared(picture: Image.Image, box: tuple[int, int, int, int], rng: np.random.Generator) -> Image.Image:
    """So blurred that nobody could name it."""
    spread = float(rng.uniform(0.12, 0.25)) * max(box[2] - box[0], box[3] - box[1])
    soft = picture.filter(ImageFilter.GaussianBlur(spread))
    reach = round(spread)
    within = (box[0] - reach, box[1] - reach, box[2] + reach, box[3] + reach)
    mask = Image.new("L", picture.size, 0)
    mask.paste(255, within)
    return Image.composite(soft, picture, mask)


def _shuffled(picture: Image.Image, side: int, rng: np.random.Generator) -> Image.Image:
    """Square pieces in another order; what is left over at the right and below stays."""
    columns, rows = picture.width // side, picture.height // side
    places = [(x * side, y * side) for y in range(rows) for x in range(columns)]
    out = picture.copy()
    for place, (x, y) in zip(places, rng.permutation(places).tolist() if places else (), strict=True):
        out.paste(picture.crop((x, y, x + side, y + side)), place)
    return out


def _cut(whole: Specimen, rng: np.random.Generator) -> Specimen:
    """A part of the picture is one colour or noise: what lost little stays an object."""
    for _ in range(20):
        edge, upright, first = int(rng.integers(20, 108)), rng.random() < 0.5, rng.random() < 0.5
        gone = (0, edge) if first else (edge, SCENE_SIZE)
        box = (gone[0], 0, gone[1], SCENE_SIZE) if upright else (0, gone[0], SCENE_SIZE, gone[1])
        lost = [_lost(one.box, box) for one in whole.objects]
        if all(share <= MAY_LACK or share >= IS_BROKEN for share in lost):
            break
    else:
        return Specimen(_nothing(rng), ())
    picture = whole.picture.copy()
    if rng.random() < 0.3:
        picture.paste(_noise(rng).crop(box), box[:2])
    else:
        grey = int(rng.integers(0, 256))
        picture.paste((grey, grey, grey) if rng.random() < 0.6 else picture.getpixel((1, 1)), box)
    kept = tuple(one for one, share in zip(whole.objects, lost, strict=True) if share <= MAY_LACK)
    return Specimen(picture, kept)


def _lost(box: tuple[float, ...], gone: tuple[int, ...]) -> float:
    return shared(box, gone) / area(box)


def _nothing(rng: np.random.Generator) -> Image.Image:
    """One colour, a gradient, clouds, stripes, blobs or noise."""
    kind = int(rng.integers(4))
    ground = tuple(int(v) for v in rng.integers(0 if rng.random() < 0.3 else 150, 256, 3))
    if kind == 0:
        return Image.new("RGB", (SCENE_SIZE, SCENE_SIZE), ground)  # type: ignore[arg-type]
    if kind == 1:
        return _noise(rng)
    small = rng.integers(40, 256, (int(rng.integers(2, 9)), int(rng.integers(2, 9)), 3), dtype=np.uint8)
    clouds = Image.fromarray(small).resize((SCENE_SIZE, SCENE_SIZE), Image.Resampling.BICUBIC)
    if kind == 2:
        return clouds
    picture = Image.new("RGB", (SCENE_SIZE, SCENE_SIZE), ground)  # type: ignore[arg-type]
    for _ in range(int(rng.integers(1, 5))):
        width, height = (int(v) for v in rng.integers(20, 90, 2))
        blob = _blob(Image.new("RGBA", (width, height)), Placed("", None, (0, 0, 0, 0), False, 0), rng)
        picture.paste(blob, tuple(int(v) for v in rng.integers(0, 90, 2)), blob)  # type: ignore[arg-type]
    return picture


def _noise(rng: np.random.Generator) -> Image.Image:
    side = int(rng.choice([16, 32, 64, 128]))
    values = rng.normal(rng.uniform(60, 200), rng.uniform(10, 80), (side, side, 3)).clip(0, 255).astype(np.uint8)
    return Image.fromarray(values).resize((SCENE_SIZE, SCENE_SIZE), Image.Resampling.BILINEAR)


def _warped(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Outlines that wobble by up to 2.5 px."""
    step, knots = SCENE_SIZE // 4, 5
    shift = rng.uniform(-2.5, 2.5, (knots, knots, 2))
    mesh = []
    for row in range(4):
        for column in range(4):
            corners = [(row, column), (row + 1, column), (row + 1, column + 1), (row, column + 1)]
            quad = [float(v) for y, x in corners for v in (x * step + shift[y, x, 0], y * step + shift[y, x, 1])]
            mesh.append(((column * step, row * step, (column + 1) * step, (row + 1) * step), tuple(quad)))
    edge = picture.transform(picture.size, Image.Transform.MESH, mesh, Image.Resampling.BILINEAR)
    edge.paste(picture.crop((0, 0, SCENE_SIZE, 3)), (0, 0))
    edge.paste(picture.crop((0, SCENE_SIZE - 3, SCENE_SIZE, SCENE_SIZE)), (0, SCENE_SIZE - 3))
    edge.paste(picture.crop((0, 0, 3, SCENE_SIZE)), (0, 0))
    edge.paste(picture.crop((SCENE_SIZE - 3, 0, SCENE_SIZE, SCENE_SIZE)), (SCENE_SIZE - 3, 0))
    return edge


def _tinted(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Gain, tint, contrast and saturation by a few per cent: no colour becomes another."""
    values = np.asarray(picture, dtype=np.float32)
    values = values * (rng.uniform(0.92, 1.08) * rng.uniform(0.96, 1.04, 3))
    grey = values.mean(-1, keepdims=True)
    values = grey + (values - grey) * rng.uniform(0.85, 1.15)
    values = 128 + (values - 128) * rng.uniform(0.9, 1.1)
    return Image.fromarray(values.clip(0, 255).astype(np.uint8))


def _lit(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Uneven light."""
    field = Image.fromarray((128 + rng.normal(0, 8, (4, 4, 3))).clip(0, 255).astype(np.uint8))
    field = field.resize(picture.size, Image.Resampling.BICUBIC)
    values = np.asarray(picture, dtype=np.float32) + np.asarray(field, dtype=np.float32) - 128
    return Image.fromarray(values.clip(0, 255).astype(np.uint8))


def _coarser(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    side = int(rng.integers(56, 120))
    return picture.resize((side, side), Image.Resampling.BILINEAR).resize(picture.size, Image.Resampling.BICUBIC)


def _blurred(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    return picture.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.3, 2.0))))


def _noisy(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    values = np.asarray(picture, dtype=np.float32)
    noise = rng.standard_normal(values.shape, dtype=np.float32) * np.float32(rng.uniform(2, 16))
    return Image.fromarray((values + noise).clip(0, 255).astype(np.uint8))


def _jpeg(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    kept = io.BytesIO()
    picture.save(kept, "JPEG", quality=int(rng.integers(20, 95)))
    return Image.open(kept).convert("RGB")
