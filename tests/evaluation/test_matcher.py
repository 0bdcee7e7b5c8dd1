"""emoji-matcher, measured again on fresh scenes: its thresholds were fixed on others."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageFilter

from t2i_studio.emoji.captions import Asked, Mixture, Request
from t2i_studio.emoji.scenes import Scene, compose, render, sample_scene
from t2i_studio.evaluation import Judge, choose_judge, score
from t2i_studio.evaluation.found import overlap

pytestmark = pytest.mark.models
MIXTURE = Mixture(single=0.25, pair=0.3, triple=0.15, count=0.2, relation=0.1)
FRESH = 41_000


@pytest.fixture(scope="module")
def judge() -> Judge:
    return choose_judge("emoji-matcher")


def f1(judge: Judge, scenes: list[Scene], change: Callable[[Image.Image], Image.Image]) -> tuple[float, float]:
    """F1 of noun and place, and the share of right colours among the found."""
    right = reported = there = coloured = 0
    for scene in scenes:
        found, taken = judge(change(render(scene))), set()
        for one in found:
            for i, placed in enumerate(scene.objects):
                if i not in taken and placed.noun == one.noun and overlap(one.box, placed.box) > 0.5:
                    taken.add(i)
                    coloured += one.colour == placed.colour
                    break
        right, reported, there = right + len(taken), reported + len(found), there + len(scene.objects)
    return 2 * right / (reported + there), coloured / max(1, right)


@pytest.mark.parametrize(
    ("change", "least"),
    [(lambda image: image, 0.95), (lambda image: image.filter(ImageFilter.GaussianBlur(1.5)), 0.9)],
    ids=["clean", "blurred"],
)
def test_finds_what_was_rendered(judge: Judge, change: Callable[[Image.Image], Image.Image], least: float) -> None:
    scenes = [sample_scene(np.random.default_rng([FRESH, i]), MIXTURE) for i in range(30)]
    found, colours = f1(judge, scenes, change)
    assert found >= least
    assert colours >= 0.95


def noise(seed: int) -> Image.Image:
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(0, 256, (128, 128, 3), dtype=np.uint8))


def clouds(seed: int) -> Image.Image:
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(60, 256, (6, 6, 3), dtype=np.uint8))
    return small.resize((128, 128), Image.Resampling.BICUBIC)


@pytest.mark.parametrize(
    "picture",
    [
        Image.new("RGB", (128, 128), (220, 210, 190)),
        Image.new("RGB", (128, 128), "black"),
        noise(1),
        clouds(2),
        clouds(3),
    ],
    ids=["empty", "black", "noise", "clouds", "other clouds"],
)
def test_finds_nothing_where_nothing_is(judge: Judge, picture: Image.Image) -> None:
    assert judge(picture) == ()


def test_half_an_object_is_no_object(judge: Judge) -> None:
    scene = compose(Request((Asked("lion"),)), np.random.default_rng(5))
    x0, y0, x1, y1 = scene.objects[0].box
    picture = render(scene)
    picture.paste(scene.background, ((x0 + x1) // 2, y0, x1, y1))
    assert [found for found in judge(picture) if found.noun == "lion"] == []


def test_other_sizes_are_scaled(judge: Judge) -> None:
    scene = compose(Request((Asked("car", "red"), Asked("bowl", "blue"))), np.random.default_rng(6))
    large = render(scene).resize((512, 512), Image.Resampling.BICUBIC)
    assert score(scene.request, judge(large)).exact


def test_same_picture_same_verdict(judge: Judge) -> None:
    picture = render(sample_scene(np.random.default_rng(7), MIXTURE))
    assert judge(picture) == judge(picture)
