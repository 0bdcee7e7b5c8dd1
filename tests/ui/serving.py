"""Serves the page over any studio on a free port."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from t2i_studio.ui import build_app
from t2i_studio.ui.page import launch
from tests.ui.fakes import FakeStudio


@dataclass(frozen=True)
class Served:
    """A page that answers at `url`, and the studio behind it."""

    url: str
    studio: Any

    def rest(self, seconds: float = 30) -> None:
        """Cancel what is under way, so that the next test finds the device free."""
        for task in self.studio.active():
            task.cancel()
        end = time.monotonic() + seconds
        while self.studio.active() and time.monotonic() < end:
            time.sleep(0.02)
        if isinstance(self.studio, FakeStudio):
            # Else the next page opens on this one's last prompt.
            self.studio.tasks.clear()
            for run in self.studio.runs.list(limit=None):
                self.studio.runs.delete(run.id)
            self.studio.runs.purge()


@contextmanager
def served(studio: Any) -> Iterator[Served]:
    """The page over `studio`, until the end of the block."""
    page = build_app(studio)
    _, url, _ = launch(page, prevent_thread_lock=True, quiet=True, server_name="127.0.0.1")
    try:
        yield Served(url.rstrip("/"), studio)
    finally:
        page.close(verbose=False)
