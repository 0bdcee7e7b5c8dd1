"""emoji-matcher, measured again on fresh scenes: its thresholds were fixed on others."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import psutil
import pytest
from PIL import Image

from t2i_studio.emoji.captions import Asked, Request
from t2i_studio.emoji.scenes import compose, render
from t2i_studio.evaluation import Judge, choose_judge, score
from t2i_studio.evaluation.measure import blurred, measure, scenes_of

pytestmark = pytest.mark.models
FRESH = 41_000


@pytest.fixture(scope="module")
def judge() -> Judge:
    return choose_judge("emoji-matcher")


@pytest.mark.parametrize(("change", "least"), [(lambda image: image, 0.95), (blurred, 0.9)], ids=["clean", "blurred"])
def test_finds_what_was_rendered(judge: Judge, change: Callable[[Image.Image], Image.Image], least: float) -> None:
    got = measure(judge, scenes_of(FRESH, 30), change)
    assert got.f1 >= least
    assert got.colours >= 0.95


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
    picture = render(scenes_of(7, 1)[0])
    assert judge(picture) == judge(picture)


def test_memory_does_not_grow_with_the_pictures(judge: Judge) -> None:
    """An evaluation has thousands; 80 MB a picture was held once, by caches and in pieces."""
    pictures = [render(scene) for scene in scenes_of(FRESH + 100, 8)]
    taken = []
    for picture in pictures:
        judge(picture)
        taken.append(psutil.Process().memory_info().rss)
    assert taken[-1] - taken[1] < 150e6
