"""The tab Evaluate in Chromium: a table that fills, cells that open, pictures that lead to their maps."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.browser.pages import Opened
from tests.browser.test_browser_accessible import serious
from tests.ui.serving import Served

Visit = Callable[..., Opened]
DONE = '.evaluation[data-state="done"]'
RUNNING = '.evaluation[data-state="running"]'


@pytest.fixture(autouse=True)
def _let_go(app: Served) -> Iterator[None]:
    yield
    app.studio.hold_at = 0


def opened(visit: Visit, limit: int = 4, **how: object) -> Opened:
    seen = visit(**how)
    seen.page.click("#tab-evaluate-button")
    seen.page.wait_for_selector("#eval-go")
    seen.page.wait_for_function("document.querySelector('.plan')?.textContent.includes('552 pictures')")
    seen.page.fill("#eval-limit input", str(limit))
    seen.page.keyboard.press("Tab")
    seen.page.wait_for_function(f"document.querySelector('.plan')?.textContent.includes('{limit * 6 * 2} pictures')")
    return seen


@pytest.mark.parametrize("width", [1440, 390])
def test_the_table_fills_and_its_cells_open(visit: Visit, app: Served, width: int) -> None:
    app.studio.hold_at = 3
    seen = opened(visit, width=width)
    seen.page.click("#eval-go")
    seen.page.wait_for_selector(f"{RUNNING} .ev-table")
    seen.page.wait_for_function("document.querySelector('.stage-step')?.innerText.includes('Picture 3/48')")
    assert not seen.page.is_visible("#eval-go")
    app.studio.hold_at = 0
    seen.page.wait_for_selector(f"{DONE} .ev-gain")
    assert seen.page.locator(".ev-table tbody tr:not(.ev-group)").count() == 14  # six tasks and splits, and all
    assert seen.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    seen.page.locator(".ev-table tbody tr:not(.ev-group)").nth(1).locator(".ev-cell").first.click()
    seen.page.wait_for_selector(".ev-pictures .ev-card img")
    assert seen.page.locator(".ev-card").count() == 12
    assert "Show more, 12 left" in seen.page.inner_text(".ev-more")
    seen.page.click(".ev-more")
    seen.page.wait_for_function("document.querySelectorAll('.ev-card').length === 24")
    seen.page.click(".ev-only >> text=won")
    seen.page.wait_for_function("document.querySelectorAll('.ev-card').length < 24")
    marks = seen.page.locator(".ev-card .ev-mark").evaluate_all("nodes => nodes.map((node) => node.dataset.mark)")
    assert marks == ["no", "yes"] * (len(marks) // 2)
    assert seen.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_picture_leads_to_its_maps(visit: Visit) -> None:
    seen = opened(visit)
    seen.page.click("#eval-go")
    seen.page.wait_for_selector(f"{DONE} .ev-cell")
    assert seen.page.inner_text(".ev-table tbody tr >> nth=0") == "all prompts"
    seen.page.locator(".ev-table tbody tr:not(.ev-group)").first.locator(".ev-cell").first.click()
    seen.page.wait_for_selector(".ev-door")
    prompt = seen.page.inner_text(".ev-door .ev-prompt >> nth=0")
    seen.page.click(".ev-door >> nth=0")
    seen.page.wait_for_function(
        "prompt => document.querySelector('#setting-prompt textarea').value === prompt", arg=prompt
    )
    seen.page.wait_for_selector("#generate")
    assert seen.page.get_attribute("#tab-inspect-button", "aria-selected") == "true"
    seen.page.click("#tab-evaluate-button")
    seen.page.locator(".ev-table tbody tr:not(.ev-group)").nth(1).locator(".ev-cell").first.click()
    seen.page.wait_for_selector(".ev-pictures[data-way='ai-t2i'] .ev-door")
    seen.page.click(".ev-door >> nth=0")
    seen.page.wait_for_selector("#guide-go")
    assert seen.page.input_value("#guide-prompt textarea") == prompt


@pytest.mark.parametrize(("width", "dark"), [(1440, False), (390, True)])
def test_a_search_and_the_maps_of_its_ways(visit: Visit, app: Served, width: int, dark: bool) -> None:
    seen = opened(visit, width=width, dark=dark)
    seen.page.click("#eval-more button.label-wrap")
    seen.page.fill("#eval-search textarea, #eval-search input", "step_size=5,10")
    seen.page.click("#eval-maps input")
    seen.page.wait_for_function("document.querySelector('.plan')?.textContent.includes('72 pictures')")  # in three ways
    seen.page.click("#eval-go")
    seen.page.wait_for_selector(f"{DONE} .ev-best")
    seen.page.wait_for_function("document.querySelectorAll('.ev-best tbody tr').length === 2")
    seen.page.wait_for_selector(".ev-maps img:not([hidden])")
    # Rows that come late draw the figure anew.
    seen.page.wait_for_function("document.querySelector('.ev-maps img')?.naturalWidth > 500")
    with seen.page.expect_download() as download:
        seen.page.click(".ev-maps button[data-kind=csv]")
    assert download.value.path().read_text().startswith("way,step,timestep")
    assert seen.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert serious(seen.page) == []
    seen.page.click(".ev-best button")
    named = seen.page.locator("#eval-named textarea, #eval-named input")
    seen.page.wait_for_function("document.querySelector('#eval-search textarea, #eval-search input')?.value === ''")
    assert named.input_value().endswith(".yaml")
    assert named.is_visible()
    seen.page.wait_for_function("document.querySelector('.plan')?.textContent.includes('48 pictures')")
    assert seen.page.locator(".ev-best").is_visible(), "what was found stays in sight"


def test_a_reload_goes_on_and_cancel_ends_it(visit: Visit, app: Served) -> None:
    app.studio.hold_at = 2
    seen = opened(visit)
    seen.page.click("#eval-go")
    seen.page.wait_for_selector(RUNNING)
    seen.page.reload()
    seen.page.wait_for_selector("html[data-opened]", state="attached")
    assert seen.page.get_attribute("#tab-evaluate-button", "aria-selected") == "true"
    seen.page.wait_for_selector(f"{RUNNING} .ev-table")
    seen.page.click("#eval-cancel")
    seen.page.wait_for_selector('.evaluation[data-state="cancelled"] .banner')
    seen.page.wait_for_selector("#eval-go")
    assert app.studio.active() == []


def test_what_is_wrong_is_told_beside_its_control(visit: Visit) -> None:
    seen = opened(visit)
    seen.page.fill("#eval-seeds input", "0")
    seen.page.click("#eval-go")
    seen.page.wait_for_selector("#eval-seeds .problem")


@pytest.mark.parametrize(("width", "dark"), [(1440, False), (390, True)])
def test_no_serious_violation(visit: Visit, width: int, dark: bool) -> None:
    seen = opened(visit, width=width, dark=dark)
    assert serious(seen.page) == []
    seen.page.click("#eval-go")
    seen.page.wait_for_selector(f"{DONE} .ev-gain")
    seen.page.locator(".ev-table tbody tr:not(.ev-group)").nth(1).locator(".ev-cell").first.click()
    seen.page.wait_for_selector(".ev-card img")
    assert serious(seen.page) == []
