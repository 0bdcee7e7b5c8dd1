"""The whole way in Chromium, with the model and the parser that ship: a prompt, a picture, its maps."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

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
