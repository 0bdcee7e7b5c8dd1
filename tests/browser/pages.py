"""The page as a visitor uses it, with its complaints collected."""

from __future__ import annotations

import io
from base64 import b64decode
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from tests.ui.serving import Served

if TYPE_CHECKING:
    from t2i_studio.tasks import Task

WAIT = 60_000
"""Milliseconds; generous, for machines that do other work."""
# Gradio's own words when a page is left while a stream is open.
LEAVING = ("AbortError", "Connection errored out", "BodyStreamBuffer", "ERR_INCOMPLETE", "network error")


class Opened:
    """One open page."""

    def __init__(self, page: Any, app: Served) -> None:
        self.page, self.app = page, app
        self.wrong: list[str] = []
        page.set_default_timeout(WAIT)
        page.on("console", lambda m: self._heard(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda e: self._heard(str(e)))
        page.on("request", self._asked)
        page.on("response", lambda r: self._heard(f"{r.status} {r.url}") if r.status >= 400 else None)

    def _heard(self, text: str) -> None:
        if not any(word in text for word in LEAVING):
            self.wrong.append(text)

    def _asked(self, request: Any) -> None:
        if not request.url.startswith((self.app.url, "data:", "blob:")):
            self.wrong.append(f"asked elsewhere: {request.url}")

    def go(self, dark: bool = False) -> None:
        self.page.goto(f"{self.app.url}/?__theme={'dark' if dark else 'light'}")
        self.ready()

    def reload(self) -> None:
        self.page.reload()
        self.ready()

    def ready(self) -> None:
        self.page.wait_for_selector("html[data-opened]", state="attached")
        self.page.wait_for_selector(".stage > *")
        self.page.wait_for_selector(".chip")
        self.page.wait_for_function("document.querySelector('#setting-prompt textarea')?.value")

    def write(self, prompt: str, *chips: str) -> None:
        """Type a prompt and wait until the chips show these words as mapped."""
        self.page.fill("#setting-prompt textarea", prompt)
        if prompt.strip():
            self.mapped_are(*chips)

    def mapped_are(self, *words: str) -> None:
        self.page.wait_for_function(
            "words => words === "
            "JSON.stringify([...document.querySelectorAll('#chips .chip-on')].map(c => c.textContent))",
            arg=str(list(words)).replace("'", '"').replace(", ", ","),
        )

    def set(self, name: str, value: object, group: str = "") -> None:
        field = f"#setting-{name} input"
        if group and not self.page.is_visible(field):
            self.unfold(f"#group-{group} > button", field)
        self.page.fill(field, str(value))

    def unfold(self, title: str, field: str) -> None:
        """Open a group, and wait until its controls can be written to."""
        self.page.click(title)
        self.page.wait_for_selector(field)
        # Gradio fills in a group's controls once more in the frame after it first opens.
        self.page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def generate(self, keys: str = "", button: str = "#generate") -> None:
        """Press Generate, another button or keys, and wait until the studio has the task."""
        press = partial(self.page.keyboard.press, keys) if keys else partial(self.page.click, button)
        self.started(press, lambda: self.app.studio.latest)

    def started(self, act: Callable[[], Any], newest: Callable[[], Task | None]) -> Task:
        """Do something that starts a task, and wait until the studio has it.

        Args:
            newest: tells the studio's newest task of that kind.
        """
        before = newest()
        act()
        for _ in range(WAIT // 50):
            now = newest()
            if now is not None and now is not before:
                return now
            self.page.wait_for_timeout(50)
        raise AssertionError("no task came")

    def finished(self) -> None:
        """Wait for the picture of the latest task."""
        task = self.app.studio.latest
        while not task.wait(0):
            self.page.wait_for_timeout(50)
        self.page.wait_for_selector(f".stage[data-run='{task.run.id}'] .player")
        self.page.wait_for_selector("#generate")

    def pixels(self, selector: str) -> np.ndarray:
        """What is drawn there now: (Y, X, 3) uint8."""
        shot = self.page.locator(selector).screenshot(animations="disabled")
        return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"))

    def map_pixels(self) -> np.ndarray:
        """The map canvas alone: (Y, X, 4) uint8."""
        url = self.page.evaluate("document.querySelector('.pl-map').toDataURL()")
        return np.asarray(Image.open(io.BytesIO(b64decode(url.split(",")[1]))).convert("RGBA"))


def still(seen: Opened, selector: str, by: int) -> None:
    """Scroll so that the status bar covers nothing of it, and wait until it rests."""
    seen.page.mouse.wheel(0, by)
    before, now = None, seen.page.locator(selector).bounding_box()
    while before != now:
        seen.page.wait_for_timeout(300)
        before, now = now, seen.page.locator(selector).bounding_box()
