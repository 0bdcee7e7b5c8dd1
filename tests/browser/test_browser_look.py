"""How the page looks: widths, themes, contrast, names for those who don't see it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.browser.pages import Opened

Visit = Callable[..., Opened]

HERE = Path(__file__).parent
CONTRAST = (HERE / "contrast.js").read_text(encoding="utf-8")
UNNAMED = (HERE / "unnamed.js").read_text(encoding="utf-8")
KINDS = {"wide": (1440, False), "wide-dark": (1440, True), "narrow": (390, False), "narrow-dark": (390, True)}


@pytest.fixture(params=KINDS.values(), ids=KINDS.keys())
def finished(request: pytest.FixtureRequest, visit: Visit) -> Opened:
    """A page with a picture on it."""
    width, dark = request.param
    seen = visit(width=width, height=1000 if width > 400 else 844, dark=dark)
    seen.generate()
    seen.finished()
    return seen


def test_page_fits_reads_and_names_everything(finished: Opened) -> None:
    for group in ("picture", "attention", "lora", "machine"):
        finished.page.click(f"#group-{group} > button")
    finished.page.wait_for_timeout(300)
    assert finished.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert finished.page.evaluate(CONTRAST) == []
    assert finished.page.evaluate(UNNAMED) == []


def test_dark_is_dark_and_light_is_light(visit: Visit) -> None:
    light, dark = visit(), visit(dark=True)
    assert light.pixels("body").mean() > 200
    assert dark.pixels("body").mean() < 70


def test_switch_turns_the_page(visit: Visit) -> None:
    seen = visit()
    before = seen.pixels("body")
    seen.page.click("#switch-light")
    assert np.abs(seen.pixels("body").mean() - before.mean()) > 50


def test_nothing_of_gradios_own_footer(visit: Visit) -> None:
    assert not visit().page.is_visible("footer")


def test_narrow_page_brings_the_progress_into_sight(visit: Visit) -> None:
    seen = visit(width=390, height=844)
    seen.set("steps", 900, "picture")
    seen.generate()
    seen.page.wait_for_selector(".stage-painting img:not([hidden])")
    seen.page.wait_for_function("document.querySelector('.stage').getBoundingClientRect().top < innerHeight / 2")
    seen.page.click(".stage-cancel")
    seen.page.wait_for_selector(".banner")


def test_one_noun_one_colour(visit: Visit) -> None:
    seen = visit()
    seen.generate()
    seen.finished()
    chip = seen.page.evaluate("getComputedStyle(document.querySelectorAll('.chip-on')[1]).borderColor")
    seen.page.click(".pl-chip >> text=dog")
    assert (
        seen.page.evaluate("getComputedStyle(document.querySelectorAll('.pl-noun .pl-dot')[1]).backgroundColor") == chip
    )
    assert seen.page.evaluate("getComputedStyle(document.querySelector('.pl-picture')).outlineColor") == chip
