"""The tab Inspect in Chromium, over the fake studio: what a visitor does, read from text and pixels."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from t2i_studio.errors import ModelBroken
from tests.browser.pages import Opened
from tests.ui.serving import Served

Visit = Callable[..., Opened]


@pytest.fixture
def held(app: Served) -> Iterator[threading.Event]:
    """Generations stop after step 12 until the event is set."""
    app.studio.hold_at = 12
    app.studio.go.clear()
    yield app.studio.go
    app.studio.go.set()
    app.studio.hold_at = 0


def test_generate_shows_progress_then_picture_and_maps(visit: Visit, held: threading.Event) -> None:
    seen = visit()
    seen.generate()
    seen.page.wait_for_selector(".stage-step >> text=Step 12/30")
    seen.page.wait_for_selector(".stage-painting img:not([hidden])")
    assert "left" in seen.page.inner_text(".stage-left")
    assert seen.page.evaluate("document.querySelector('.stage-progress progress').value") == 12
    early = seen.pixels(".stage figure")
    held.set()
    seen.finished()
    assert np.abs(seen.pixels(".pl-picture").astype(int).mean() - early.astype(int).mean()) > 1
    assert seen.page.locator(".pl-noun .pl-name").all_inner_texts() == ["cat", "dog"]


def test_cancel_stops_and_says_where(visit: Visit, app: Served) -> None:
    seen = visit()
    seen.set("steps", 900, "picture")
    seen.generate()
    seen.page.wait_for_function("/Step \\d+\\/900/.test(document.querySelector('.stage-step')?.textContent)")
    seen.page.click("#cancel")
    seen.page.wait_for_selector(".banner")
    assert re.match(r"Cancelled at step \d+ of 900\.", seen.page.inner_text(".banner"))
    assert app.studio.latest.status == "cancelled"
    seen.page.wait_for_selector("#generate")


# Failed once in about eight runs: the page did not follow the task again after the reload. Cause not known yet.
@pytest.mark.flaky(reruns=2)
def test_reload_midway_finds_the_task_with_its_prompt(visit: Visit, app: Served) -> None:
    seen = visit()
    seen.write("a rabbit with a crown", "rabbit", "crown")
    seen.set("steps", 800, "picture")
    seen.generate()
    seen.page.wait_for_selector(".stage-painting img:not([hidden])")
    seen.reload()
    seen.page.wait_for_function("/Step \\d+\\/800/.test(document.querySelector('.stage-step')?.textContent)")
    assert seen.page.input_value("#setting-prompt textarea") == "a rabbit with a crown"
    seen.mapped_are("rabbit", "crown")
    seen.page.click("#cancel")
    seen.page.wait_for_selector(".banner")
    assert app.studio.latest.status == "cancelled"


def test_reload_shows_the_last_picture(visit: Visit) -> None:
    seen = visit()
    seen.generate()
    seen.finished()
    seen.reload()
    seen.page.wait_for_selector(".player")
    seen.page.wait_for_selector(".keep-command")


def test_second_page_waits_its_turn(visit: Visit) -> None:
    first, second = visit(), visit()
    first.set("steps", 900, "picture")
    first.generate()
    first.page.wait_for_selector(".stage-painting img:not([hidden])")
    second.generate()
    second.page.wait_for_function("/1 before it/.test(document.querySelector('.stage-step')?.textContent)")
    first.page.click("#cancel")
    second.finished()


def test_chips_toggle_by_mouse_and_keyboard(visit: Visit) -> None:
    seen = visit()
    seen.write("a red car and a blue bowl", "car", "bowl")
    seen.page.click(".chip >> text=car")
    seen.mapped_are("bowl")
    seen.page.focus(".chip >> text=blue")
    seen.page.keyboard.press("Enter")
    seen.mapped_are("blue", "bowl")
    assert seen.page.evaluate("document.activeElement.textContent") == "blue"
    assert seen.page.get_attribute(".chip >> text=blue", "aria-pressed") == "true"
    seen.page.click(".plain-link")
    seen.mapped_are("car", "bowl")


def test_chosen_words_are_the_ones_mapped(visit: Visit) -> None:
    seen = visit()
    seen.write("a green lighthouse", "lighthouse")
    seen.page.click(".chip >> text=green")
    seen.mapped_are("green", "lighthouse")
    seen.generate()
    seen.finished()
    assert seen.page.locator(".pl-noun .pl-name").all_inner_texts() == ["green", "lighthouse"]
    assert "--nouns green,lighthouse" in seen.page.inner_text(".keep-command code")


def test_ctrl_enter_generates_from_the_prompt(visit: Visit) -> None:
    seen = visit()
    seen.page.focus("#setting-prompt textarea")
    seen.generate(keys="Control+Enter")
    seen.finished()


def test_example_fills_the_prompt(visit: Visit) -> None:
    seen = visit()
    seen.page.click(".example >> text=three apples")
    seen.mapped_are("apples")


def test_a_model_brings_its_size(visit: Visit) -> None:
    seen = visit()
    seen.page.click("#setting-model input")
    seen.page.click("text=big-one")
    seen.page.click("#group-picture > button")
    seen.page.wait_for_function("document.querySelector('#setting-width input')?.value === '512'")


@pytest.mark.parametrize(
    ("name", "value", "group"),
    [("steps", 0, "picture"), ("steps", 10_000, "picture"), ("width", 130, "picture"),
     ("seed", -1, ""), ("seed", 2**32, "")],
)  # fmt: skip
def test_a_bad_number_is_told_beside_its_box(visit: Visit, name: str, value: int, group: str) -> None:
    seen = visit()
    seen.set(name, value, group)
    seen.page.click("#generate")
    told = seen.page.wait_for_selector(f"#setting-{name} .problem")
    assert len(told.inner_text()) > 20
    assert "Traceback" not in seen.page.content()
    assert seen.page.get_attribute(f"#setting-{name} input", "aria-invalid") == "true"
    seen.set(name, 8 if name != "width" else 128, group)
    assert seen.page.locator(".problem").count() == 0


def test_folded_group_opens_for_its_problem(visit: Visit) -> None:
    seen = visit()
    seen.set("height", 3, "picture")
    seen.page.click("#group-picture > button")
    seen.page.click("#generate")
    seen.page.wait_for_selector("#setting-height .problem", state="visible")


def test_empty_prompt_is_told_beside_the_prompt(visit: Visit) -> None:
    seen = visit()
    seen.write("   ")
    seen.page.click("#generate")
    assert "empty" in seen.page.wait_for_selector("#setting-prompt .problem").inner_text()


def test_broken_model_is_told_beside_the_model(visit: Visit, app: Served) -> None:
    seen = visit()
    app.studio.trouble = ModelBroken("unet/config.json is missing.", "Download the model again.")
    try:
        seen.page.click("#generate")
        told = seen.page.wait_for_selector("#setting-model .problem").inner_text()
    finally:
        app.studio.trouble = None
    assert told == "unet/config.json is missing. Download the model again."


@pytest.mark.parametrize(
    "prompt", ["<img src=x onerror='window.stolen=1'> cat", "${window.stolen=1} `cat` {{this}}", "قطة 🦊 و كلب cat"]
)
def test_any_text_is_shown_as_text(visit: Visit, prompt: str) -> None:
    seen = visit()
    seen.write(prompt, "cat")
    seen.generate()
    seen.finished()
    assert seen.page.evaluate("window.stolen") is None
    assert prompt in seen.page.get_attribute(".pl-picture img", "alt")


def test_prompt_of_500_words_names_what_is_lost(visit: Visit) -> None:
    seen = visit()
    seen.write("a cat " + "very " * 500 + "good", "cat")
    seen.page.wait_for_selector(".chips-note >> text=Past the model's limit")
    assert seen.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_prompt_without_nouns_is_painted_with_a_note(visit: Visit) -> None:
    seen = visit()
    seen.write("green and blue")
    seen.page.wait_for_selector(".chips-note >> text=No noun found")
    seen.generate()
    seen.finished()
    assert seen.page.locator(".pl-noun").count() == 0
    assert "noun" in seen.page.inner_text(".player .note")


def test_files_come_when_asked_for(visit: Visit) -> None:
    seen = visit()
    seen.generate()
    seen.finished()
    for kind, ending in (("picture", ".png"), ("maps", ".safetensors"), ("zip", ".zip")):
        with seen.page.expect_download() as waiting:
            seen.page.click(f"[data-kind={kind}]")
        assert waiting.value.suggested_filename.endswith(ending)


def test_random_changes_the_seed(visit: Visit) -> None:
    seen = visit()
    before = seen.page.input_value("#setting-seed input")
    seen.page.click("#die")
    seen.page.wait_for_function("before => document.querySelector('#setting-seed input').value !== before", arg=before)
