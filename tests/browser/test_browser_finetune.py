"""The tab Fine-tune in Chromium: a real job from Start to "Use this LoRA", and what the LoRA then does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from t2i_studio.jobs import Job
from tests.browser.pages import Opened
from tests.browser.test_browser_accessible import serious
from tests.ui.serving import Served

Visit = Callable[..., Opened]


def opened(visit: Visit, **how: object) -> Opened:
    seen = visit(**how)
    seen.page.click("#tab-finetune-button")
    seen.page.wait_for_selector("#tune-go")
    return seen


def fill(seen: Opened, name: str, value: object) -> None:
    box = seen.page.locator(f"#tune-{name} input, #tune-{name} textarea").first
    box.fill(str(value))
    box.blur()


def state(seen: Opened, wanted: str, seconds: float = 60) -> None:
    seen.page.wait_for_selector(f'.board[data-state="{wanted}"]', timeout=seconds * 1000)


@pytest.mark.parametrize(("width", "dark"), [(1440, False), (390, True)])
def test_start_stop_resume_delete(visit: Visit, app: Served, width: int, dark: bool) -> None:
    seen = opened(visit, width=width, dark=dark)
    assert serious(seen.page) == []
    fill(seen, "max_train_steps", 5000)
    seen.page.click("#tune-go")
    state(seen, "running")
    seen.page.wait_for_function("document.querySelector('.board progress')?.value > 0")
    seen.page.reload()
    seen.page.wait_for_selector("#tune-go")
    state(seen, "running")
    assert seen.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    seen.page.click(".board >> text=Stop")
    state(seen, "stopped")
    seen.page.wait_for_selector(".board-head >> text=checkpoint is written")
    seen.page.click(".board >> text=Resume")
    state(seen, "running")
    seen.page.click(".board >> text=Stop")
    state(seen, "stopped")
    assert serious(seen.page) == []
    seen.page.click(".board >> text=Delete")
    seen.page.click(".board >> text=Delete for good?")
    state(seen, "none")
    assert app.studio.jobs.list() == []


def test_bad_data_is_told_beside_it(visit: Visit, app: Served) -> None:
    seen = opened(visit)
    fill(seen, "data", "/gone")
    seen.page.click("#tune-go")
    assert "There is no folder /gone" in seen.page.inner_text("#tune-data .problem")


@pytest.mark.parametrize(("width", "dark"), [(1440, False), (390, True)])
def test_pictures_made_seen_and_learnt_from(visit: Visit, app: Served, width: int, dark: bool) -> None:
    seen = opened(visit, width=width, dark=dark)
    page = seen.page
    page.click("text=Make pictures · painted")
    page.wait_for_selector("#make-go")
    page.wait_for_function("document.querySelector('#make-cost')?.textContent.includes('140 pictures')")
    assert serious(page) == []
    page.locator("#make-per_prompt input").fill("40")
    page.click("#make-go")
    state(seen, "done")
    page.wait_for_function("document.querySelectorAll('.made-card').length === 24")
    assert "4 kept" in page.inner_text(".board-head")
    page.click(".made >> text=Show more")
    page.wait_for_function("document.querySelectorAll('.made-card').length === 40")
    page.click(".made .ev-only >> text=kept")
    page.wait_for_function("document.querySelectorAll('.made-card').length === 4")
    assert "number 1 of 40" in page.inner_text(".made-card >> nth=0")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert serious(page) == []
    page.click(".board >> text=Learn from these")
    job = app.studio.jobs.list()[0]
    page.wait_for_function(
        f"document.querySelector('#tune-data input, #tune-data textarea').value === {job_folder(app, job)!r}"
    )
    page.click(".board >> text=Delete")
    page.click(".board >> text=Delete for good?")
    state(seen, "none")


def job_folder(app: Served, job: Job) -> str:
    return str(app.studio.jobs.out(job.id))


def test_a_zip_is_brought(visit: Visit, app: Served, tmp_path: Path) -> None:
    (tmp_path / "cats.zip").write_bytes(b"PK")
    seen = opened(visit)
    page = seen.page
    page.click("text=Bring pictures · a zip")
    page.click("#bring-go")
    assert "nothing to bring" in page.inner_text("#bring-name .problem")
    page.set_input_files("#bring-zip input[type=file]", tmp_path / "cats.zip")
    page.wait_for_selector("#bring-zip >> text=cats")
    page.click("#bring-go")
    page.wait_for_function("document.querySelector('#tune-data input, #tune-data textarea')?.value === '/brought/cats'")
    assert "/brought/cats" in page.inner_text("#brought")


@pytest.mark.slow
@pytest.mark.models
@pytest.mark.timeout(900)
@pytest.mark.parametrize("app", ["embedded"], indirect=True)
def test_from_start_to_use_this_lora(visit: Visit, app: Served) -> None:
    seen = opened(visit)
    fill(seen, "data", "scenes:16")
    fill(seen, "max_train_steps", 30)
    seen.unfold("text=Learning · rates", "#tune-learning_rate input")
    fill(seen, "learning_rate", 0.003)
    seen.unfold("text=Samples · pictures", "#tune-validation_steps input")
    fill(seen, "validation_steps", 15)
    fill(seen, "validation_prompts", "a cat and a dog")
    seen.page.click("#tune-go")
    seen.page.wait_for_selector(".board .loss-line", timeout=200_000)
    learning = app.studio.jobs.list()[0].settings
    assert (learning["learning_rate"], learning["validation_steps"]) == (0.003, 15)
    state(seen, "done", 500)
    slider = seen.page.locator(".board-slider")
    last = seen.page.get_attribute(".board-samples img >> nth=0", "src")
    slider.fill("0")
    seen.page.wait_for_function(f"document.querySelector('.board-samples img').getAttribute('src') !== {last!r}")
    folder = str(app.studio.jobs.out(app.studio.jobs.list()[0].id))
    for place, box in (("Guide", "#guide-lora"), ("Teacher–Student", "#teacher-lora"), ("Evaluate", "#eval-loras"),
                       ("Inspect", "#setting-lora")):  # fmt: skip
        seen.page.click(f".board-use >> text={place}")
        shown = seen.page.locator(f"{box} input, {box} textarea").first
        shown.wait_for()
        assert shown.input_value().endswith(folder)
        if place != "Inspect":
            seen.page.click("#tab-finetune-button")
    pictures = {}
    for strength in ("none", "0", "1"):
        if strength == "none":
            seen.page.locator("#setting-lora input, #setting-lora textarea").fill("")
        else:
            seen.page.locator("#setting-lora input, #setting-lora textarea").fill(folder)
            seen.page.locator("#setting-lora_scale input").fill(strength)
        seen.set("steps", 6, "picture")
        seen.generate()
        seen.finished()
        pictures[strength] = np.asarray(app.studio.latest.run.image).astype(int)
    assert np.array_equal(pictures["none"], pictures["0"])
    assert np.abs(pictures["none"] - pictures["1"]).mean() > 0.1
