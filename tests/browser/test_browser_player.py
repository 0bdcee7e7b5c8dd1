"""The map player in Chromium: what is clicked, scrubbed, played, hovered and typed, read from pixels and text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.browser.pages import Opened
from tests.ui.serving import Served

Visit = Callable[..., Opened]
WIDTHS = {"wide": 1440, "narrow": 390}


@pytest.fixture(params=WIDTHS.values(), ids=WIDTHS.keys())
def seen(request: pytest.FixtureRequest, visit: Visit) -> Opened:
    """A page whose picture is done: a cat on the left, a dog on the right."""
    page = visit(width=request.param, height=1000)
    page.generate()
    page.finished()
    return page


def place(seen: Opened) -> float:
    """Where the map is brightest, left 0 to right 1."""
    drawn = seen.map_pixels().astype(float)
    columns = (drawn[..., :3].sum(-1) * drawn[..., 3]).sum(0)
    return float(columns.argmax() / len(columns))


def when(seen: Opened) -> str:
    return seen.page.inner_text(".pl-when")


def at_step(seen: Opened, step: int) -> None:
    seen.page.locator(".pl-time").fill(str(step))


def test_click_on_a_noun_shows_its_map(seen: Opened) -> None:
    assert place(seen) < 0.5
    seen.page.click(".pl-chip >> text=dog")
    assert place(seen) > 0.5
    assert seen.page.get_attribute(".pl-chip >> text=dog", "aria-pressed") == "true"
    assert seen.page.get_attribute(".pl-chip >> text=cat", "aria-pressed") == "false"
    seen.page.click(".pl-bare")
    assert seen.map_pixels()[..., 3].max() == 0


def test_shift_click_adds_a_noun_in_its_colour(seen: Opened) -> None:
    alone = seen.map_pixels()
    seen.page.click(".pl-chip >> text=dog", modifiers=["Shift"])
    both = seen.map_pixels()
    assert not np.array_equal(alone, both)
    assert seen.page.locator(".pl-chip[aria-pressed=true]").count() == 2
    assert seen.page.locator(".pl-swatch").all_inner_texts()[0].startswith("cat")
    shown = seen.page.evaluate(
        "[0, 1].map(i => getComputedStyle(document.documentElement).getPropertyValue(`--noun-${i}`).trim())"
    )
    colours = [[int(text[i : i + 2], 16) for i in (1, 3, 5)] for text in shown]
    halves = (both[:, : both.shape[1] // 2], both[:, both.shape[1] // 2 :])
    for own, other, side in zip(colours, reversed(colours), halves, strict=True):
        strongest = side.reshape(-1, 4)[side[..., 3].argmax(), :3].astype(float)
        assert np.abs(strongest - own).sum() < np.abs(strongest - other).sum() / 2


def test_hover_shows_a_noun_for_as_long_as_it_lasts(visit: Visit) -> None:
    seen = visit()
    seen.generate()
    seen.finished()
    before = seen.map_pixels()
    seen.page.hover(".pl-chip >> text=dog")
    assert place(seen) > 0.5
    seen.page.mouse.move(5, 5)
    assert np.array_equal(before, seen.map_pixels())


def test_scrubbing_changes_map_text_and_numbers(seen: Opened) -> None:
    at_step(seen, 0)
    assert when(seen) == "t 981 · step 1 of 30"
    first, numbers = seen.map_pixels(), seen.page.inner_text(".pl-numbers >> nth=0")
    at_step(seen, 29)
    assert when(seen) == "t 1 · step 30 of 30"
    assert not np.array_equal(first, seen.map_pixels())
    assert seen.page.inner_text(".pl-numbers >> nth=0") != numbers
    seen.page.click(".pl-mean")
    assert when(seen) == "mean of all steps"


def test_strip_and_curve_go_to_their_step_with_the_marker(seen: Opened) -> None:
    for lane in (".pl-strip-lane", ".pl-curve-box"):
        box = seen.page.locator(lane).bounding_box()
        seen.page.locator(lane).click(position={"x": box["width"] * 0.502, "y": box["height"] / 2})
        assert when(seen).endswith("step 16 of 30")
        marks = seen.page.evaluate(
            "[...document.querySelectorAll('.pl-mark')].map(m => { const b = m.getBoundingClientRect();"
            " const p = m.parentNode.getBoundingClientRect(); return (b.x + b.width / 2 - p.x) / p.width })"
        )
        assert all(abs(mark - 0.515) < 0.02 for mark in marks), marks
        at_step(seen, 2)


def test_play_runs_through_the_steps_and_stops_at_the_end(seen: Opened) -> None:
    at_step(seen, 5)
    frame = seen.map_pixels()
    seen.page.click(".pl-play")
    assert seen.page.get_attribute(".pl-play", "aria-label") == "Pause"
    seen.page.wait_for_function("document.querySelector('.pl-when')?.textContent.includes('step 30')")
    seen.page.wait_for_function("document.querySelector('.pl-play').getAttribute('aria-label').startsWith('Play')")
    assert not np.array_equal(frame, seen.map_pixels())


def test_keys_do_what_they_say(seen: Opened) -> None:
    seen.page.focus(".player")
    press = seen.page.keyboard.press
    press("2")
    assert place(seen) > 0.5
    press("1")
    assert place(seen) < 0.5
    press("ArrowLeft")
    assert "step 29" in when(seen)
    press("ArrowRight")
    assert "step 30" in when(seen)
    press("r")
    assert seen.page.is_checked(".pl-raw")
    press("0")
    assert seen.map_pixels()[..., 3].max() == 0
    press(" ")
    assert seen.page.get_attribute(".pl-play", "aria-label") == "Pause"
    press(" ")
    assert seen.page.get_attribute(".pl-play", "aria-label") != "Pause"


def test_keys_typed_elsewhere_are_left_alone(visit: Visit) -> None:
    seen = visit()
    seen.generate()
    seen.finished()
    before = seen.map_pixels()
    seen.page.focus("#setting-prompt textarea")
    seen.page.keyboard.type(" 2rf")
    assert seen.page.input_value("#setting-prompt textarea").endswith(" 2rf")
    assert np.array_equal(before, seen.map_pixels())


def test_space_on_a_button_presses_that_button_only(visit: Visit) -> None:
    seen = visit()
    seen.generate()
    seen.finished()
    seen.page.focus(".pl-chip >> text=dog")
    seen.page.keyboard.press(" ")
    assert place(seen) > 0.5
    assert seen.page.get_attribute(".pl-play", "aria-label") != "Pause"


def test_raw_cells_are_cells(seen: Opened) -> None:
    at_step(seen, 20)
    smooth = seen.map_pixels()
    seen.page.check(".pl-raw")
    raw = seen.map_pixels()
    side = raw.shape[0] // 16
    cells = raw.reshape(16, side, 16, side, 4)
    assert (cells == cells[:, :1, :, :1]).all()
    assert not np.array_equal(raw, smooth)


def test_outline_mask_opacity_and_own_scale(seen: Opened) -> None:
    at_step(seen, 4)
    heat = seen.map_pixels()
    seen.page.click("[data-overlay=outline]")
    outline = seen.map_pixels()
    drawn = (outline[..., 3] > 0).mean()
    seen.page.click("[data-overlay=mask]")
    mask = seen.map_pixels()
    assert mask[..., 3].max() > 150  # hides what was not looked at
    assert mask[..., 3].argmin() != heat[..., 3].argmin()
    seen.page.locator(".pl-opacity").fill("0.3")
    assert seen.map_pixels()[..., 3].max() <= 0.3 * 255 + 1
    seen.page.click("[data-overlay=heat]")
    dim = seen.page.inner_text(".pl-most")
    seen.page.check(".pl-own")
    assert float(seen.page.inner_text(".pl-most")) < float(dim)
    seen.page.click("[data-overlay=outline]")
    assert 0 < (seen.map_pixels()[..., 3] > 0).mean() < 0.3
    assert drawn < 0.3


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS.keys())
def test_hovered_values_are_those_of_the_file(visit: Visit, app: Served, width: int) -> None:
    seen = visit(width=width, height=1400)
    seen.generate()
    seen.finished()
    at_step(seen, 11)
    run = app.studio.runs.load(app.studio.latest.run.id)
    figure = seen.page.locator(".pl-picture")
    box = figure.bounding_box()
    for row, column in ((0, 0), (7, 3), (8, 11), (15, 15)):
        figure.hover(position={"x": (column + 0.5) / 16 * box["width"], "y": (row + 0.5) / 16 * box["height"]})
        assert seen.page.inner_text(".pl-where") == f"row {row + 1}, column {column + 1}"
        shown = {
            line.inner_text().split("\n")[0]: float(line.locator("b").get_attribute("data-value"))
            for line in seen.page.locator(".pl-ranked").all()
        }
        assert list(shown.values()) == sorted(shown.values(), reverse=True)
        for noun in run.maps.nouns:
            step = run.maps[noun].max() / 255
            assert abs(shown[noun] - run.maps[noun][11, row, column]) <= step / 2 + 1e-6


def test_cells_can_be_read_by_keys(visit: Visit) -> None:
    seen = visit()
    seen.generate()
    seen.finished()
    seen.page.focus(".player")
    seen.page.keyboard.press("Shift+ArrowRight")
    assert seen.page.inner_text(".pl-where") == "row 9, column 10"
    seen.page.keyboard.press("Shift+ArrowUp")
    assert seen.page.inner_text(".pl-where") == "row 8, column 10"


def test_touch_reads_a_cell(chromium, app: Served) -> None:
    page = chromium.new_page(viewport={"width": 390, "height": 844}, has_touch=True)
    seen = Opened(page, app)
    seen.go()
    seen.generate()
    seen.finished()
    page.locator(".pl-picture").scroll_into_view_if_needed()
    page.wait_for_timeout(600)  # the page itself scrolls to the picture, smoothly
    page.locator(".pl-picture").tap(position={"x": 9, "y": 9})
    assert page.inner_text(".pl-where") == "row 1, column 1"
    page.locator(".pl-chip >> text=dog").tap()
    assert place(seen) > 0.5
    assert seen.wrong == []
    page.close()


def test_layers_change_the_map_and_heads_wait_for_one_layer(visit: Visit) -> None:
    seen = visit()
    seen.unfold("#group-attention > button", "#setting-heads input")
    seen.page.check("#setting-heads input")
    seen.generate()
    seen.finished()
    together = seen.map_pixels()
    assert seen.page.is_disabled(".pl-heads")
    seen.page.select_option(".pl-layers", label="up_blocks.1")
    layer = seen.map_pixels()
    assert not np.array_equal(together, layer)
    seen.page.select_option(".pl-heads", label="head 4")
    assert not np.array_equal(layer, seen.map_pixels())
    seen.page.select_option(".pl-layers", index=0)
    assert np.array_equal(together, seen.map_pixels())


def test_full_screen_and_back(seen: Opened) -> None:
    seen.page.click(".pl-full")
    seen.page.wait_for_function("document.fullscreenElement?.classList.contains('player')")
    assert seen.page.locator(".player").bounding_box()["width"] == seen.page.viewport_size["width"]
    seen.page.keyboard.press("f")
    seen.page.wait_for_function("document.fullscreenElement === null")


def test_everything_moves_without_a_server(visit: Visit) -> None:
    seen = visit()
    seen.generate()
    seen.finished()
    seen.page.wait_for_timeout(300)
    seen.page.context.set_offline(True)
    pixels = []
    for step in (0, 5, 12, 29):
        at_step(seen, step)
        pixels.append(seen.map_pixels())
    seen.page.click(".pl-chip >> text=dog")
    assert place(seen) > 0.5
    assert all(not np.array_equal(pixels[0], other) for other in pixels[1:])
    seen.wrong.clear()  # the status bar asked in vain


def test_exported_page_opens_from_disk_and_plays(visit: Visit, chromium, tmp_path: Path) -> None:
    seen = visit()
    seen.generate()
    seen.finished()
    with seen.page.expect_download() as waiting:
        seen.page.click("[data-kind=html]")
    file = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(file)
    for width in WIDTHS.values():
        page = chromium.new_page(viewport={"width": width, "height": 900})
        wrong: list[str] = []
        page.on("console", lambda m, wrong=wrong: wrong.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda e, wrong=wrong: wrong.append(str(e)))
        page.on("request", lambda r, wrong=wrong: None if r.url.startswith(("file:", "data:")) else wrong.append(r.url))
        page.goto(file.as_uri())
        there = Opened.__new__(Opened)
        there.page = page
        assert place(there) < 0.5
        page.click(".pl-chip >> text=dog")
        assert place(there) > 0.5
        page.locator(".pl-time").fill("0")
        assert "step 1 of 30" in page.inner_text(".pl-when")
        assert page.evaluate("document.querySelector('.pl-picture img').naturalWidth") == 128
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert wrong == []
        page.close()
