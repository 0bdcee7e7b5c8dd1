"""The tab Runs in Chromium: found, opened, compared, deleted, brought back, reached by address."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from t2i_studio.runs import new_run_id
from t2i_studio.types import Run
from tests.browser.pages import Opened
from tests.ui.serving import Served
from tests.visuals.conftest import synthetic_run

Visit = Callable[..., Opened]
START = datetime(2020, 1, 1, 12, tzinfo=UTC)
NUM = 60


def kept(app: Served, prompt: str, day: int, steps: int = 6, seed: int = 1) -> Run:
    made = START + timedelta(days=day)
    run = synthetic_run(prompt=prompt, num_steps=steps)
    settings = {**run.settings, "seed": seed}
    return app.studio.runs.save(replace(run, id=new_run_id(prompt, made), created=made.isoformat(), settings=settings))


@pytest.fixture
def runs(app: Served) -> Iterator[list[Run]]:
    """Sixty runs, the newest first, and no others."""
    for item in app.studio.runs.list(limit=None):
        app.studio.runs.delete(item.id)
    made = [kept(app, f"a cat and a dog, picture n{day}x", day) for day in range(NUM)]
    yield made[::-1]
    store = app.studio.runs
    for item in store.list(limit=None):
        store.delete(item.id)
    store.purge()


def opened(visit: Visit, hash_: str = "#runs", width: int = 1440) -> Opened:
    seen = visit(width=width)
    seen.page.evaluate("hash => { location.hash = hash }", hash_)
    return seen


def cards(seen: Opened, at_least: int = 1) -> list[str]:
    seen.page.wait_for_function("n => document.querySelectorAll('.run-card').length >= n", arg=at_least)
    return seen.page.locator(".run-prompt").all_inner_texts()


def test_newest_come_first_and_more_on_the_way_down(visit: Visit, runs: list[Run]) -> None:
    seen = visit()
    seen.page.click("#tab-runs-button")
    assert cards(seen, 24)[:2] == ["a cat and a dog, picture n59x", "a cat and a dog, picture n58x"]
    assert seen.page.inner_text(".gallery-count") == f"{NUM} runs"
    seen.page.wait_for_function("document.querySelector('.run-card img').naturalWidth > 0")
    while seen.page.is_visible(".gallery-more"):
        seen.page.locator(".run-card >> nth=-1").scroll_into_view_if_needed()
        seen.page.wait_for_timeout(100)
    names = cards(seen, NUM)
    assert names == [run.prompt.text for run in runs]


def test_words_narrow_the_list(visit: Visit, runs: list[Run]) -> None:
    seen = opened(visit)
    cards(seen, 24)
    seen.page.fill(".gallery-words", "dog n17x")
    seen.page.wait_for_function("document.querySelectorAll('.run-card').length === 1")
    assert cards(seen) == ["a cat and a dog, picture n17x"]
    seen.page.fill(".gallery-words", "zebra")
    seen.page.wait_for_function("document.querySelector('.gallery-count').textContent.startsWith('No run fits')")
    seen.page.fill(".gallery-words", "")
    seen.page.fill(".gallery-since", "2020-02-01")
    seen.page.fill(".gallery-until", "2020-02-02")
    seen.page.wait_for_function("document.querySelectorAll('.run-card').length === 2")


@pytest.mark.parametrize("width", [1440, 390])
def test_a_run_opens_in_the_player_and_reload_keeps_it(visit: Visit, runs: list[Run], width: int) -> None:
    seen = opened(visit, width=width)
    cards(seen, 2)
    seen.page.click(".run-open >> nth=1")
    seen.page.wait_for_selector(f".run-one[data-run='{runs[1].id}'] .player")
    assert seen.page.evaluate("location.hash") == f"#run={runs[1].id}"
    seen.page.reload()
    seen.page.wait_for_selector(f".run-one[data-run='{runs[1].id}'] .player")
    assert seen.page.is_visible(".run-one")
    seen.page.locator(".run-one .pl-time").fill("0")
    assert "step 1 of 6" in seen.page.inner_text(".run-one .pl-when")
    assert seen.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    seen.page.go_back()
    cards(seen, 24)


def test_two_runs_are_compared_in_step(visit: Visit, app: Served, runs: list[Run]) -> None:
    other = kept(app, "a cat and a dog, picture n59x", 100, steps=11, seed=2)
    seen = opened(visit)
    cards(seen, 24)
    for card in (0, 1):
        seen.page.check(f".run-card >> nth={card} >> input")
    seen.page.click(".gallery-compare")
    seen.page.wait_for_selector(".run-two .player >> nth=1")
    assert other.id in seen.page.evaluate("location.hash")
    left, right = (seen.page.locator(".run-pair .card").nth(i) for i in (0, 1))
    left.locator(".pl-chip >> text=dog").click()
    assert right.locator(".pl-chip >> text=dog").get_attribute("aria-pressed") == "true"
    left.locator(".pl-time").fill("5")
    assert left.locator(".pl-when").inner_text() == "t 491 · step 6 of 11"
    # Six steps lie at 981, 785, 589, 393 …: the noise level counts, not the number of the step.
    assert right.locator(".pl-when").inner_text() in ("t 393 · step 4 of 6", "t 589 · step 3 of 6")
    right.locator(".pl-raw").check()
    assert left.locator(".pl-raw").is_checked()
    seen.page.uncheck(".run-lock")
    right.locator(".pl-time").fill("0")
    assert left.locator(".pl-when").inner_text() == "t 491 · step 6 of 11"
    seen.page.check(".run-lock")
    assert right.locator(".pl-when").inner_text() != "t 981 · step 1 of 6"
    rows = seen.page.locator(".differs").all_inner_texts()
    assert {row.split("differs")[0].strip() for row in rows} == {"seed", "steps"}


def test_compare_from_an_open_run(visit: Visit, runs: list[Run]) -> None:
    seen = opened(visit, f"#run={runs[0].id}")
    seen.page.click(".run-compare")
    cards(seen, 24)
    seen.page.click(".run-open >> nth=3")
    seen.page.wait_for_selector(".run-two .player >> nth=1")
    assert seen.page.evaluate("location.hash") == f"#compare={runs[0].id},{runs[3].id}"


def test_delete_can_be_undone(visit: Visit, app: Served, runs: list[Run]) -> None:
    seen = opened(visit)
    cards(seen, 24)
    seen.page.click(".run-card >> nth=0 >> .run-delete")
    seen.page.wait_for_selector(".gallery-toast >> text=Deleted")
    assert cards(seen)[0] == "a cat and a dog, picture n58x"
    assert app.studio.runs.count() == NUM - 1
    seen.page.click(".gallery-toast >> text=Undo")
    seen.page.wait_for_function("document.querySelector('.run-prompt').textContent.endsWith('n59x')")
    assert app.studio.runs.count() == NUM


def test_settings_go_back_to_inspect(visit: Visit, runs: list[Run]) -> None:
    seen = opened(visit, f"#run={runs[4].id}")
    seen.page.click(".run-use")
    seen.page.wait_for_function(
        "text => document.querySelector('#setting-prompt textarea').value === text", arg=runs[4].prompt.text
    )
    assert seen.page.is_visible("#setting-prompt")
    assert seen.page.evaluate("location.hash") == ""


def test_an_address_of_nothing_says_so(visit: Visit) -> None:
    seen = opened(visit, "#run=20261122-104512-nothing-0000")
    seen.page.wait_for_selector(".gallery-toast >> text=There is no run")


def test_page_of_a_new_start_shows_the_last_run(visit: Visit, app: Served, runs: list[Run]) -> None:
    app.studio.tasks.clear()
    seen = visit()
    seen.page.wait_for_selector(f".stage[data-run='{runs[0].id}'] .player")
    assert seen.page.input_value("#setting-prompt textarea") == runs[0].prompt.text


def test_what_is_generated_appears_in_the_gallery(visit: Visit, app: Served) -> None:
    seen = visit()
    seen.write("a rabbit with a crown", "rabbit", "crown")
    seen.generate()
    seen.finished()
    seen.page.click("#tab-runs-button")
    seen.page.wait_for_function("document.querySelector('.run-prompt')?.textContent === 'a rabbit with a crown'")
    drawn = seen.pixels(".run-card >> nth=0 >> img")
    assert np.ptp(drawn) > 50


def test_status_bar_tells_memory_and_what_waits(visit: Visit, app: Served) -> None:
    seen = visit()
    assert seen.page.inner_text(".status-memory") == "3.0 of 8 GB free"
    seen.set("steps", 900, "picture")
    seen.generate()
    seen.page.wait_for_selector(".stage-painting img:not([hidden])")
    app.studio.submit(app.studio.settings("a frog on a bench"))
    seen.page.wait_for_selector(".status-waiting >> text=1 waiting: a frog on a bench")
    seen.page.wait_for_function("document.querySelector('.status-job progress')?.value > 0")
