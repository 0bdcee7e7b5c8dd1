"""The whole way in Chromium, with the model and the parser that ship: a prompt, a picture, its maps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from t2i_studio.emoji.captions import Asked, Request
from t2i_studio.emoji.scenes import compose, render
from tests.browser.pages import Opened
from tests.ui.serving import Served

Visit = Callable[..., Opened]
pytestmark = [pytest.mark.models, pytest.mark.parametrize("app", ["embedded"], indirect=True)]


def test_a_prompt_becomes_a_picture_and_its_maps(visit: Visit, app: Served) -> None:
    seen = visit()
    seen.write("a red car and a blue bowl", "car", "bowl")
    seen.set("steps", 12, "picture")
    empty = seen.pixels(".stage")
    seen.generate()
    seen.finished()
    assert seen.page.locator(".pl-noun .pl-name").all_inner_texts() == ["car", "bowl"]
    assert np.abs(seen.pixels(".stage")[:200].astype(int).mean() - empty[:200].astype(int).mean()) > 0.5
    car = seen.map_pixels()
    assert car.std() > 1
    seen.page.click(".pl-chip >> text=bowl")
    assert np.abs(seen.map_pixels().astype(int) - car.astype(int)).mean() > 0.5
    run = app.studio.latest.run
    assert run.folder.is_dir()
    assert run.maps.nouns == ("car", "bowl")
    assert run.maps["car"].shape == (12, 16, 16)


def test_no_noun_still_paints_and_says_what_to_do(visit: Visit, app: Served) -> None:
    seen = visit()
    seen.write("very quickly")
    seen.set("steps", 3, "picture")
    seen.generate()
    while not app.studio.latest.wait(0):
        seen.page.wait_for_timeout(50)
    seen.page.wait_for_selector("text=choose words by hand")
    assert app.studio.latest.run.maps is None


def test_an_own_picture_is_looked_at(visit: Visit, app: Served, tmp_path: Path) -> None:
    scene = compose(Request((Asked("cat"), Asked("dog"))), np.random.default_rng(3))
    render(scene).resize((300, 200)).save(tmp_path / "own.jpg")
    seen = visit()
    seen.write("a cat and a dog", "cat", "dog")
    seen.page.click("#own-picture >> text=Your own picture")
    seen.page.click("#look")
    seen.page.wait_for_selector("text=There is no picture yet.")
    seen.page.set_input_files("#setting-picture input[type=file]", str(tmp_path / "own.jpg"))
    seen.page.wait_for_selector("#setting-picture img")
    seen.page.fill("#setting-timesteps textarea, #setting-timesteps input", "800, 400, 100")
    seen.generate(button="#look")
    seen.finished()
    assert "noise level" in seen.page.inner_text(".player")
    run = app.studio.latest.run
    assert run.maps.timesteps == (800.0, 400.0, 100.0)
    assert run.image.size == (160, 104)
    assert "t2i-studio inspect" in seen.page.inner_text(".keep-card")
    seen.page.reload()
    seen.page.wait_for_selector(".player")
