"""emoji-detector, measured again on fresh scenes; nothing where nothing is; the judge that the command line knows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from t2i_studio.cli import main
from t2i_studio.emoji.captions import Asked, Request
from t2i_studio.emoji.held_out import held_out_scenes
from t2i_studio.emoji.scenes import compose, render
from t2i_studio.evaluation import JUDGES, Judge, choose_judge, score
from t2i_studio.evaluation.measure import blurred, measure, scenes_of, vae_round_trip
from tests.evaluation.test_matcher import clouds, noise

FRESH = 43_000


@pytest.fixture(scope="module")
def judge() -> Judge:
    return choose_judge("emoji-detector")  # type: ignore[return-value]


@pytest.mark.models
@pytest.mark.parametrize(
    ("change", "number", "least"),
    [(lambda image: image, 100, 0.99), (blurred, 40, 0.97), ("vae", 30, 0.97)],
    ids=["clean", "blurred", "after the VAE"],
)
def test_finds_what_was_rendered(judge: Judge, change: Callable[[Image.Image], Image.Image], number: int, least: float):
    changed = vae_round_trip() if change == "vae" else change
    got = measure(judge, scenes_of(FRESH, number), changed)
    assert got.f1 >= least
    assert got.colours >= 0.97


@pytest.mark.models
def test_knows_pairs_that_generators_are_not_shown(judge: Judge) -> None:
    got = measure(judge, held_out_scenes(40, "test_unseen"))
    assert got.f1 >= 0.99


def scrambled(seed: int) -> Image.Image:
    """A scene in squares of 16 px, in another order."""
    picture = np.asarray(render(scenes_of(seed, 1)[0]))
    squares = picture.reshape(8, 16, 8, 16, 3).swapaxes(1, 2).reshape(64, 16, 16, 3)
    mixed = squares[np.random.default_rng(seed).permutation(64)]
    return Image.fromarray(mixed.reshape(8, 8, 16, 16, 3).swapaxes(1, 2).reshape(128, 128, 3))


def half(noun: str, fill: tuple[int, int, int] | None, seed: int) -> Image.Image:
    """One object whose right half is painted over: with the ground, or another colour."""
    scene = compose(Request((Asked(noun),)), np.random.default_rng(seed))
    x0, _, x1, _ = scene.objects[0].box
    picture = render(scene)
    picture.paste(fill or scene.background, ((x0 + x1) // 2, 0, 128, 128))
    return picture


BROKEN = {
    "empty": Image.new("RGB", (128, 128), (220, 210, 190)),
    "black": Image.new("RGB", (128, 128), "black"),
    "noise": noise(1),
    "clouds": clouds(2),
    "other clouds": clouds(3),
    "scrambled": scrambled(4),
    "scrambled too": scrambled(5),
    "half a lion": half("lion", None, 5),
    "half a car, half grey": half("car", (128, 128, 128), 6),
    "half a chair": half("chair", None, 7),
}


@pytest.mark.models
@pytest.mark.parametrize("picture", BROKEN.values(), ids=BROKEN.keys())
def test_finds_nothing_where_nothing_is(judge: Judge, picture: Image.Image) -> None:
    assert judge(picture) == ()


@pytest.mark.models
def test_its_verdicts_are_a_judges(judge: Judge) -> None:
    scene = compose(Request((Asked("car", "red"), Asked("bowl", "blue"))), np.random.default_rng(6), mirrored=0.5)
    found = judge(render(scene).resize((512, 512), Image.Resampling.BICUBIC))
    assert score(scene.request, found).exact
    assert all(one.distance < 0.03 and 0.5 < one.score <= 1 for one in found)
    assert judge(render(scene)) == judge(render(scene))
    smeared = judge(blurred(render(scene)))
    assert max(one.distance for one in found) < min(one.distance for one in smeared)


def test_the_command_line_knows_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert "emoji-detector" in JUDGES
    assert main(["evaluate", "--judge", "detector", "--limit", "1"]) == 2
    assert "Did you mean 'emoji-detector'" in capsys.readouterr().err
