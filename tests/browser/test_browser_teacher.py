"""The tab Teacher–Student in Chromium, with the model that ships: pictures in, sliders moved, pixels changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from t2i_studio.training import from_scene
from tests.browser.pages import WAIT, Opened, still
from tests.browser.test_browser_accessible import serious
from tests.browser.test_browser_look import CONTRAST, UNNAMED
from tests.ui.serving import Served

Visit = Callable[..., Opened]
pytestmark = [pytest.mark.models, pytest.mark.parametrize("app", ["embedded"], indirect=True)]
DONE = '.teacher[data-state="done"] .tea'
CAPTION = "#teacher-prompt textarea"
CLEAR = "#teacher-picture [aria-label='Remove Image']"
FITS = "document.documentElement.scrollWidth <= innerWidth"


def opened(visit: Visit, **how: Any) -> Opened:
    seen = visit(**how)
    seen.page.wait_for_selector("html[data-taught]", state="attached")
    seen.page.click("#tab-teacher-button")
    seen.page.wait_for_selector("#teacher-go")
    return seen


def compared(seen: Opened, scene: bool = True) -> Opened:
    """Compare, with a new scene, and wait for the end."""
    if scene:
        before = seen.page.input_value(CAPTION)
        seen.page.click("#teacher-scene")
        seen.page.wait_for_function(f"before => document.querySelector('{CAPTION}').value !== before", arg=before)
        seen.page.wait_for_selector("#teacher-picture img")
    over(seen)
    seen.page.wait_for_selector(DONE)
    return seen


def over(seen: Opened) -> None:
    """Compare, and wait until the page has the end of this very comparison: how long it runs depends on the machine."""
    queue = seen.app.studio._queue  # the studio's `latest` is of those that end in a run
    task = seen.started(
        lambda: seen.page.click("#teacher-go"), lambda: next(reversed(list(queue._tasks.values())), None)
    )
    expect(seen.page.locator("#teacher-shown textarea")).to_have_value(task.id, timeout=WAIT)
    seen.page.wait_for_selector("#teacher-go")


def cleared(seen: Opened) -> None:
    """No picture in the tab."""
    if seen.page.locator("#teacher-picture img").count():
        seen.page.click(CLEAR)
        seen.page.wait_for_selector("#teacher-picture img", state="detached")
    seen.page.wait_for_timeout(500)


def drawn(seen: Opened, figure: str, row: int = 0) -> str:
    """What a figure's canvas holds."""
    return seen.page.evaluate(
        "([name, row]) => document.querySelectorAll(`[data-figure=${name}] canvas`)[row].toDataURL()", [figure, row]
    )


def test_a_slider_changes_the_pixels(visit: Visit) -> None:
    seen = compared(opened(visit))
    before = {name: drawn(seen, name) for name in ("teacher", "student", "difference", "mask")}
    verdict = seen.page.inner_text(".tea-verdict")
    pixel = seen.page.inner_text(".tea-row >> nth=0 >> .tea-numbers >> nth=2")
    seen.page.locator(".tea-slide-stu").fill("5")
    after = {name: drawn(seen, name) for name in before}
    assert {name for name in before if before[name] != after[name]} == {"student", "difference"}
    assert seen.page.inner_text(".tea-row >> nth=0 >> .tea-when >> nth=1") == "t 300"
    assert "t = 300" in seen.page.inner_text(".tea-verdict")
    assert seen.page.inner_text(".tea-verdict") != verdict
    assert seen.page.inner_text(".tea-row >> nth=0 >> .tea-numbers >> nth=2") != pixel
    # A teacher that is moved past the student takes it along.
    seen.page.locator(".tea-slide-tea").fill("9")
    assert seen.page.input_value(".tea-slide-stu") == "10"
    assert drawn(seen, "teacher") != before["teacher"]


def test_a_verdict_becomes_the_settings_of_a_fine_tune(visit: Visit) -> None:
    seen = compared(opened(visit))
    seen.page.click("text=Fine-tune with these settings")
    seen.page.wait_for_selector('#tab-finetune-button[aria-selected="true"]')
    seen.page.click("text=Attention · CTCal's terms")
    teacher = seen.page.locator("#tune-teacher input, #tune-teacher textarea")
    expect(teacher).not_to_have_value("auto", timeout=60_000)
    assert float(teacher.input_value()) < 500
    assert ".attn2" in seen.page.locator("#tune-sites input, #tune-sites textarea").input_value()


def test_marks_on_the_curve_are_the_sliders(visit: Visit) -> None:
    seen = compared(opened(visit))
    seen.page.focus(".tea-mark-tea")
    seen.page.keyboard.press("ArrowRight")
    assert seen.page.input_value(".tea-slide-tea") == "1"
    assert seen.page.get_attribute(".tea-mark-tea", "aria-valuetext") == "t 25"
    seen.page.locator(".tea-decay").scroll_into_view_if_needed()
    still(seen, ".tea-decay", 200)
    before = drawn(seen, "student")
    box, mark = (seen.page.locator(one).bounding_box() for one in (".tea-decay", ".tea-mark-stu"))
    seen.page.mouse.move(mark["x"] + mark["width"] / 2, mark["y"] + 60)
    seen.page.mouse.down()
    seen.page.mouse.move(box["x"] + box["width"] / 2, mark["y"] + 60, steps=4)
    seen.page.mouse.up()
    assert seen.page.inner_text(".tea-time >> nth=1") == "t 500"
    assert drawn(seen, "student") != before
    lines = seen.page.locator(".tea-line").count()
    assert lines == seen.page.locator(".tea-row").count() == 2
    first = seen.page.get_attribute(".tea-line >> nth=0", "points")
    seen.page.click('.tea [data-number="concentration"]')
    assert seen.page.get_attribute(".tea-line >> nth=0", "points") != first


def test_a_layer_of_the_table_is_shown_in_the_rows(visit: Visit) -> None:
    seen = compared(opened(visit))
    assert seen.page.locator(".tea-sites tbody tr").count() == 8
    assert seen.page.locator(".tea-badge >> text=carries it").count() >= 1
    before = drawn(seen, "teacher")
    terms = seen.page.inner_text(".tea-row >> nth=0 >> .tea-numbers >> nth=2")
    seen.page.click(".tea-site >> text=mid 0.0")
    assert drawn(seen, "teacher") != before
    assert "mid 0.0 at 8×8" in seen.page.inner_text(".tea-which")
    assert seen.page.get_attribute('[data-site^="mid"] .tea-site', "aria-pressed") == "true"
    assert seen.page.inner_text(".tea-row >> nth=0 >> .tea-numbers >> nth=2") == terms, "the loss sees its own layers"
    seen.page.click("text=Back to training's mean")
    assert drawn(seen, "teacher") == before


def test_raw_cells_by_key_and_the_place_asked_about(visit: Visit) -> None:
    seen = compared(opened(visit))
    before = drawn(seen, "student")
    seen.page.focus(".tea-slide-stu")
    seen.page.keyboard.press("r")
    assert drawn(seen, "student") != before
    assert seen.page.locator(".tea-tools input").first.is_checked()
    seen.page.hover("[data-figure=student] >> nth=0", position={"x": 5, "y": 5})
    assert seen.page.inner_text(".tea-read >> nth=0").startswith("row 1, column 1: teacher")
    # Typing an r is no key of the comparison.
    seen.page.focus(CAPTION)
    seen.page.keyboard.type("r")
    assert seen.page.locator(".tea-tools input").first.is_checked()


def test_an_uploaded_picture_has_no_mask_and_survives_a_reload(visit: Visit, tmp_path: Path) -> None:
    scene = from_scene(40)
    scene.image.convert("CMYK").resize((300, 200)).save(tmp_path / "own.jpg")
    seen = opened(visit)
    seen.page.click("#teacher-scene")  # whose masks must not stay
    seen.page.wait_for_selector("#teacher-picture img")
    cleared(seen)
    seen.page.set_input_files("#teacher-picture input[type=file]", str(tmp_path / "own.jpg"))
    seen.page.wait_for_selector("#teacher-picture img")
    seen.page.wait_for_timeout(500)
    seen.page.fill(CAPTION, scene.caption)
    compared(seen, scene=False)
    assert seen.page.locator("[data-figure=mask]").count() == 0
    assert seen.page.locator("[data-figure=teacher]").count() == 2
    assert "own.jpg" in seen.page.inner_text(".tea .keep-command")
    seen.page.reload()
    seen.page.wait_for_selector(DONE)
    assert seen.page.get_attribute("#tab-teacher-button", "aria-selected") == "true"
    seen.page.wait_for_function(f"text => document.querySelector('{CAPTION}')?.value === text", arg=scene.caption)


def test_a_mask_painted_by_hand_becomes_the_true_one(visit: Visit, tmp_path: Path) -> None:
    scene = from_scene(40)
    scene.image.resize((300, 200)).save(tmp_path / "own.png")
    seen = opened(visit)
    cleared(seen)
    seen.page.set_input_files("#teacher-picture input[type=file]", str(tmp_path / "own.png"))
    seen.page.wait_for_selector("#teacher-picture img")
    seen.page.fill(CAPTION, "a cat and a dog")
    seen.page.click("#teacher-masks button.label-wrap")
    seen.page.wait_for_selector("#teacher-brush .chip >> text=dog")
    painted(seen)
    with seen.page.expect_download() as got:
        seen.page.click("#teacher-brush .brush-save")
    assert got.value.suggested_filename == "own.mask-cat.png"
    mask = np.asarray(Image.open(got.value.path()).convert("L"))
    assert mask.shape == (128, 192)
    assert set(np.unique(mask)) == {0, 255}
    assert mask[64, 40] == 255
    assert mask[64, 180] == 0
    compared(seen, scene=False)
    assert seen.page.locator("[data-figure=mask]").count() == 1
    assert "own.png" in seen.page.inner_text(".tea .keep-command")
    # What was painted, and a word that was left out, outlast a reload.
    seen.page.click("#teacher-chips .chip >> text=dog")
    seen.page.wait_for_selector("#teacher-brush .chip >> text=dog", state="detached")
    over(seen)
    seen.page.reload()
    seen.page.wait_for_selector(DONE)
    seen.page.wait_for_selector('#teacher-chips .chip[aria-pressed="false"] >> text=dog')
    seen.page.click("#teacher-masks button.label-wrap")
    seen.page.wait_for_selector("#teacher-brush .brush-clear")
    seen.page.click("#teacher-brush .brush-clear")
    seen.page.wait_for_selector("#teacher-brush .brush-clear", state="detached")
    compared(seen, scene=False)
    assert seen.page.locator("[data-figure=mask]").count() == 0


def painted(seen: Opened) -> None:
    """A stroke over the left half."""
    area = seen.page.locator(".brush-area")
    wide, high = (area.bounding_box()[side] for side in ("width", "height"))
    area.hover(position={"x": wide * 0.15, "y": high * 0.5})  # once it stands still
    seen.page.mouse.down()
    area.hover(position={"x": wide * 0.35, "y": high * 0.5})
    seen.page.mouse.up()
    seen.page.wait_for_selector("#teacher-brush .brush-save")


def test_what_is_no_picture_is_told_beside_it(visit: Visit, tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"\x89PNG nothing of a picture")
    seen = opened(visit)
    cleared(seen)
    seen.page.fill(CAPTION, "a cat")
    seen.page.click("#teacher-go")
    seen.page.wait_for_selector("#teacher-picture .problem >> text=There is no picture yet.")
    with seen.page.expect_response(lambda answer: "/upload" in answer.url):
        seen.page.set_input_files("#teacher-picture input[type=file]", str(tmp_path / "broken.png"))
    seen.page.wait_for_timeout(1000)
    seen.page.click("#teacher-go")
    seen.page.wait_for_selector("#teacher-picture .problem >> text=broken.png is no picture.")


def test_a_caption_without_nouns_is_told_beside_it(visit: Visit) -> None:
    seen = compared(opened(visit))
    seen.page.fill(CAPTION, "very quickly")
    seen.page.click("#teacher-go")
    seen.page.wait_for_selector("#teacher-prompt .problem >> text=names nothing to look for")


@pytest.mark.parametrize("where", ["inspect", "runs"])
def test_a_picture_is_sent_here(visit: Visit, app: Served, where: str) -> None:
    run = app.studio.generate("a red car and a cat", steps=3, seed=2)
    seen = visit()
    if where == "runs":
        seen.page.evaluate(f"location.hash = 'run={run.id}'")
        seen.page.click(".run-one .send-teacher")
    else:
        seen.page.click("#keep .send-teacher")
    seen.page.wait_for_function(f"document.querySelector('{CAPTION}')?.value === 'a red car and a cat'")
    assert seen.page.evaluate("location.hash") == "#teacher"
    assert seen.page.get_attribute("#tab-teacher-button", "aria-selected") == "true"
    seen.page.wait_for_selector("#teacher-picture img")
    compared(seen, scene=False)
    shown = seen.page.locator(".tea-row h4").all_inner_texts()
    assert [text.strip() for text in shown] == ["car", "cat"]
    assert f"--run {run.id}" in seen.page.inner_text(".tea .keep-command")


def test_a_figure_is_made(visit: Visit) -> None:
    seen = compared(opened(visit))
    seen.page.locator(".tea-slide-stu").fill("6")
    with seen.page.expect_download() as got:
        seen.page.click(".tea [data-kind='decay-png']")
    assert got.value.suggested_filename == "teacher-0-student-400-decay.png"
    assert np.ptp(np.asarray(Image.open(got.value.path()))) > 100


def test_cancel(visit: Visit, app: Served) -> None:
    seen = opened(visit)
    seen.page.click("#teacher-scene")
    seen.page.wait_for_selector("#teacher-picture img")
    seen.page.click("#tab-inspect-button")
    seen.set("steps", 400, "picture")
    seen.generate()  # what the comparison waits for
    seen.page.click("#tab-teacher-button")
    seen.page.click("#teacher-go")
    seen.page.wait_for_selector("#teacher-cancel")
    seen.page.click("#teacher-cancel")
    seen.page.wait_for_selector(".teacher .banner >> text=Cancelled.")
    seen.page.wait_for_selector("#teacher-go")


@pytest.mark.parametrize(("width", "dark"), [(1440, False), (390, True)])
def test_it_fits_reads_and_names_everything(visit: Visit, width: int, dark: bool) -> None:
    seen = opened(visit, width=width, dark=dark)
    assert serious(seen.page) == []
    compared(seen)
    assert serious(seen.page) == []
    assert seen.page.evaluate(FITS)
    assert seen.page.evaluate(CONTRAST) == []
    # The preview of what was uploaded is Gradio's own, without a text for it.
    assert [one for one in seen.page.evaluate(UNNAMED) if "gradio_api" not in one] == []


def test_dark_and_light_are_drawn_anew(visit: Visit) -> None:
    seen = compared(opened(visit))
    before = drawn(seen, "mask")
    seen.page.click("#switch-light")
    seen.page.wait_for_timeout(200)
    assert drawn(seen, "mask") != before
