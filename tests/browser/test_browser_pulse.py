"""A page at rest leaves browser and server alone, and misses nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from t2i_studio.config import GenerateSettings
from t2i_studio.training.settings import TrainSettings
from tests.browser.pages import WAIT, Opened
from tests.ui.serving import Served

Visit = Callable[..., Opened]
CALL = "component_server"


def rest(seen: Opened) -> None:
    """Wait until the page does nothing but ask: three times one after the other."""
    asked: list[str] = []
    seen.page.on("request", lambda request: asked.append(request.url.rstrip("/").rsplit("/", 1)[-1]))
    for _ in range(WAIT // 200):
        if len(asked) > 2 and set(asked[-3:]) == {CALL}:
            return
        seen.page.wait_for_timeout(200)
    raise AssertionError(f"the page is not at rest: {asked}")


DEAF = """
const whole = window.fetch;
window.fetch = async (to, how) => {
  const answer = await whole(to, how);
  if (!String(to.url || to).includes("/queue/data")) return answer;
  const heard = new TransformStream({ transform: (chunk, on) => { if (!window.deaf) on.enqueue(chunk); } });
  return new Response(answer.body.pipeThrough(heard), answer);
};
"""
"""Streams that are open and say nothing more, as on a laptop that slept; one that breaks Gradio opens again itself."""


def test_a_page_at_rest_starts_no_event(visit: Visit) -> None:
    seen = visit()
    rest(seen)
    asked: list[str] = []
    seen.page.on("request", lambda request: asked.append(request.url.rstrip("/").rsplit("/", 1)[-1]))
    while len(asked) < 3:
        seen.page.wait_for_timeout(200)
    assert set(asked) == {CALL}


def test_what_another_page_does_is_told_in_the_bar(visit: Visit, app: Served) -> None:
    seen = visit()
    app.studio.submit(GenerateSettings(prompt="a lion with a crown", model="emoji-unet", steps=200))
    seen.page.wait_for_selector(".status-job >> text=a lion with a crown")
    assert seen.page.evaluate("document.querySelector('.statusbar progress').max") == 200
    app.studio.latest.cancel()
    seen.page.wait_for_selector(".status-job >> text=idle")


def test_a_job_that_another_page_starts_appears_on_a_page_at_rest(visit: Visit, app: Served) -> None:
    seen = visit()
    seen.page.click("#tab-finetune-button")
    rest(seen)
    job = app.studio.jobs.submit(TrainSettings.checked(max_train_steps=3, device="cpu"), "from elsewhere")
    seen.page.wait_for_selector(".board >> text=from elsewhere")
    seen.page.wait_for_function("document.querySelector('.board').innerText.includes('done')")
    app.studio.jobs.delete(job.id)
    seen.page.wait_for_function("!document.querySelector('.board').innerText.includes('from elsewhere')")


def test_a_picture_that_came_after_the_stream_fell_silent_is_shown(visit: Visit, app: Served) -> None:
    seen = visit()
    seen.page.add_init_script(DEAF)
    seen.reload()
    app.studio.hold_at = 12
    app.studio.go.clear()
    try:
        seen.generate()
        seen.page.wait_for_selector(".stage-step >> text=Step 12/30")
        seen.page.evaluate("window.deaf = true")
    finally:
        app.studio.go.set()
        app.studio.hold_at = 0
    seen.finished()


def test_a_server_that_is_gone_is_told_and_a_new_one_opened(visit: Visit, app: Served) -> None:
    seen = visit()
    seen.write("a rabbit with a crown", "rabbit", "crown")
    seen.page.route("**/component_server/*", lambda route: route.abort())
    seen.page.wait_for_selector(".status-job >> text=the server does not answer")
    seen.page.unroute("**/component_server/*")
    seen.page.wait_for_selector(".status-job >> text=idle")
    assert seen.page.input_value("#setting-prompt textarea") == "a rabbit with a crown"

    def restarted(route: Any) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json=answer.json() | {"page": "another"})

    with seen.page.expect_navigation():
        seen.page.route("**/component_server/*", restarted, times=1)
    seen.ready()
    seen.wrong.clear()  # it asked in vain
