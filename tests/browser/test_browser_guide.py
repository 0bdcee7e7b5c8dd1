"""The tab Guide in Chromium: two pictures in step, the grid of methods, boxes by hand, cancel, reload."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest

from tests.browser.pages import Opened, still
from tests.ui.serving import Served

Visit = Callable[..., Opened]
DONE = '.pair[data-state="done"]'
BOXES = "#guide-boxes textarea, #guide-boxes input"


def opened(visit: Visit, **how: object) -> Opened:
    seen = visit(**how)
    seen.page.click("#tab-guide-button")
    seen.page.wait_for_selector("#guide-go")
    return seen


@pytest.mark.parametrize("width", [1440, 390])
def test_two_pictures_in_step(visit: Visit, app: Served, width: int) -> None:
    seen = opened(visit, width=width)
    app.studio.hold_at = 4
    seen.page.click("#guide-go")
    seen.page.wait_for_selector('.pair[data-state="running"]')
    app.studio.hold_at = 0
    seen.page.wait_for_selector(".pair .losses .loss-line")
    seen.page.wait_for_selector(f"{DONE} .player >> nth=1")
    assert seen.page.locator(".pair-label").all_inner_texts()[1].startswith("ai-t2i")
    first, second = (seen.page.locator(".pair .pl-time").nth(i) for i in (0, 1))
    first.fill("7")
    seen.page.wait_for_function("document.querySelectorAll('.pair .pl-time')[1].value === '7'")
    assert second.input_value() == "7"
    guided, plain = (app.studio.runs.load(one.id).settings for one in app.studio.runs.list(limit=2))
    assert {**plain, "guide": "ai-t2i"} == guided
    assert seen.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_unguided_picture_is_painted_once(visit: Visit, app: Served) -> None:
    seen = opened(visit)
    for _ in range(2):
        seen.page.click("#guide-go")
        seen.page.wait_for_selector('.pair[data-state="running"]')
        seen.page.wait_for_selector(f"{DONE} .player >> nth=1")
    end = time.monotonic() + 60
    while app.studio.runs.count() < 3 and time.monotonic() < end:  # the first end may have been told twice
        seen.page.wait_for_timeout(100)
    assert app.studio.runs.count() == 3


def test_every_method_fills_a_grid(visit: Visit, app: Served) -> None:
    seen = opened(visit)
    seen.page.click("#guide-every")
    seen.page.wait_for_selector(f"{DONE} .pair-cell")
    labels = seen.page.locator(".pair-cell span").all_inner_texts()
    assert len(labels) == 6
    assert labels[0].startswith("without guidance")
    seen.page.click(".pair-cell >> nth=1")
    seen.page.wait_for_selector(".run-two .player >> nth=1")
    assert seen.page.locator(".run-two .loss").count() == 2


def test_cancel_ends_all_of_it(visit: Visit, app: Served) -> None:
    app.studio.hold_at = 3
    try:
        seen = opened(visit)
        seen.page.click("#guide-every")
        seen.page.wait_for_selector("#guide-cancel")
        seen.page.click("#guide-cancel")
        seen.page.wait_for_selector(".pair .banner")
        seen.page.wait_for_selector("#guide-go")
    finally:
        app.studio.hold_at = 0
    assert app.studio.active() == []
    assert app.studio.runs.count() == 0


def test_boxes_by_hand(visit: Visit, app: Served) -> None:
    seen = opened(visit)
    seen.page.click("#guide-layout > button")
    seen.page.locator(".canvas-area").scroll_into_view_if_needed()
    still(seen, ".canvas-area", 300)
    area = seen.page.locator(".canvas-area").bounding_box()
    for left in (0.05, 0.55):
        seen.page.mouse.move(area["x"] + left * area["width"], area["y"] + 0.3 * area["height"])
        seen.page.mouse.down()
        for share in (0.2, 0.4):
            seen.page.mouse.move(area["x"] + (left + share) * area["width"], area["y"] + (0.3 + share) * area["height"])
        seen.page.mouse.up()
        seen.page.wait_for_function(f"document.querySelectorAll('.canvas-box').length === {1 if left < 0.5 else 2}")
    seen.page.wait_for_function(f"document.querySelector('{BOXES}')?.value.includes('dog')")
    seen.page.click("#guide-go")
    seen.page.wait_for_selector(f"{DONE} .player >> nth=1")
    boxes = app.studio.latest.settings.boxes
    assert [text.split(":")[0] for text in boxes] == ["cat", "dog"]
    left, top, right, bottom = (float(part) for part in boxes[0].split(":")[1].split(","))
    np.testing.assert_allclose([left, top, right, bottom], [0.05, 0.3, 0.45, 0.7], atol=0.02)


def test_typed_boxes_are_drawn_and_wrong_ones_told(visit: Visit) -> None:
    seen = opened(visit)
    seen.unfold("#guide-layout > button", BOXES)
    seen.page.fill(BOXES, "dog: 0.5, 0, 1, 1")
    seen.page.wait_for_selector(".canvas-box >> text=dog")
    seen.page.fill(BOXES, "dog: 0.5")
    seen.page.click("#guide-go")
    seen.page.wait_for_selector("#guide-boxes .problem")


def test_methods_bring_their_dials(visit: Visit, app: Served) -> None:
    seen = opened(visit)
    seen.unfold("text=Weights · what counts how much", "#guide-ai-t2i-aggregation input")
    assert not seen.page.is_visible("#guide-syngen-binding")
    seen.page.fill("#guide-ai-t2i-aggregation input", "2.5")
    seen.page.click("#guide-go")
    seen.page.wait_for_selector(f"{DONE} .player >> nth=1")
    assert app.studio.latest.settings.guide_weights == ("aggregation=2.5",)


def test_attributes_are_moved(visit: Visit, app: Served) -> None:
    seen = opened(visit, width=390)
    seen.page.fill("#guide-prompt textarea", "a red car and a bowl")
    seen.page.wait_for_selector(".attributes summary:has-text('red → car')")
    seen.page.click(".attributes summary")
    seen.page.select_option(".attributes li >> nth=1 >> select", "red")
    seen.page.wait_for_selector(".attributes summary:has-text('red → bowl')")
    assert seen.page.locator(".attributes-word").count() == 1
    seen.page.click("#guide-go")
    seen.page.wait_for_selector(f"{DONE} .player >> nth=1")
    guided, plain = (app.studio.runs.load(one.id).settings for one in app.studio.runs.list(limit=2))
    assert [tuple(one["attributes"]) for one in (guided, plain)] == [("car:", "bowl:red"), ()]
    seen.page.click(".attributes .plain-link")
    seen.page.wait_for_selector(".attributes summary:has-text('red → car')")


def test_a_reload_goes_on_with_the_comparison(visit: Visit) -> None:
    seen = opened(visit)
    seen.page.click("#guide-go")
    seen.page.wait_for_selector('.pair[data-state="running"]')
    seen.page.reload()
    seen.page.wait_for_selector("html[data-opened]", state="attached")
    assert seen.page.get_attribute("#tab-guide-button", "aria-selected") == "true"
    seen.page.wait_for_selector(f"{DONE} .player >> nth=1")


def test_a_guided_run_is_used_again_in_guide(visit: Visit, app: Served) -> None:
    seen = opened(visit)
    seen.page.fill("#guide-prompt textarea", "a red cat and a dog")
    seen.page.click("#guide-go")
    seen.page.wait_for_selector(f"{DONE} .player >> nth=1")
    run = app.studio.latest.run.id
    seen.page.fill("#guide-prompt textarea", "a frog")
    seen.page.evaluate(f"location.hash = 'run={run}'")
    seen.page.click(".run-use")
    seen.page.wait_for_function("document.querySelector('#guide-prompt textarea')?.value === 'a red cat and a dog'")
    seen.page.wait_for_selector("#guide-go")
