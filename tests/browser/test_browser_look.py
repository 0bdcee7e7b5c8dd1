"""How the page looks: widths, themes, contrast, names for those who don't see it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.browser.pages import Opened

Visit = Callable[..., Opened]

# Text and its ground, by the formula of WCAG 2; grounds of parents where one is see-through.
CONTRAST = """() => {
  const rgb = (text) => { const n = text.match(/[\\d.]+/g).map(Number);
    return text.startsWith('color(') ? [n[0] * 255, n[1] * 255, n[2] * 255, n[3] ?? 1] : [...n.slice(0, 3), n[3] ?? 1]; };
  const light = (c) => { const [r, g, b] = c.slice(0, 3).map((v) => { v /= 255; return v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; });
    return .2126 * r + .7152 * g + .0722 * b; };
  const ground = (node) => { for (; node; node = node.parentElement) { const c = rgb(getComputedStyle(node).backgroundColor); if (c[3] === 1) return c; } return [255, 255, 255]; };
  const bad = [];
  for (const node of document.querySelectorAll('.gradio-container *')) {
    const own = [...node.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || !node.offsetParent || node.closest('[aria-hidden=true], .icon, progress')) continue;
    const [a, b] = [light(rgb(getComputedStyle(node).color)), light(ground(node))];
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5) bad.push(`${node.className || node.tagName}: ${node.textContent.trim().slice(0, 30)} ${ratio.toFixed(2)}`);
  }
  return bad;
}"""
UNNAMED = """() => [...document.querySelectorAll('.gradio-container button, .gradio-container input, .gradio-container textarea, .gradio-container img')]
  .filter((n) => n.offsetParent && !(n.getAttribute('aria-label') || n.alt || n.textContent.trim() || n.labels?.length || n.closest('label')))
  .map((n) => n.outerHTML.slice(0, 120))"""


@pytest.fixture(
    params=[(1440, False), (1440, True), (390, False), (390, True)], ids=["wide", "wide-dark", "narrow", "narrow-dark"]
)
def finished(request: pytest.FixtureRequest, visit: Visit) -> Opened:
    """A page with a picture on it."""
    width, dark = request.param
    seen = visit(width=width, height=1000 if width > 400 else 844, dark=dark)
    seen.generate()
    seen.finished()
    seen.page.wait_for_selector(".figure img", state="attached")
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


def test_switch_turns_the_page_and_its_figures(visit: Visit) -> None:
    seen = visit()
    seen.generate()
    seen.finished()
    seen.page.wait_for_selector(".figure-grid img.only-light")
    before = seen.pixels("body")
    seen.page.click("#switch-light")
    seen.page.wait_for_selector(".figure-grid img.only-dark")
    assert not seen.page.is_visible(".figure-grid img.only-light")
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
    seen.page.click(".look-noun >> text=dog")
    assert (
        seen.page.evaluate("getComputedStyle(document.querySelectorAll('.look-noun .dot')[1]).backgroundColor") == chip
    )
    assert seen.page.evaluate("getComputedStyle(document.querySelector('.look-picture')).outlineColor") == chip
