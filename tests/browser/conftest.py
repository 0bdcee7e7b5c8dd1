"""One served page a studio, one Chromium for all; a test that says nothing gets the fake studio.

Another studio: add it to `STUDIOS` and write `@pytest.mark.parametrize("app", ["its name"], indirect=True)`.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from t2i_studio import Studio
from tests.browser.pages import Opened
from tests.ui.fakes import FakeStudio
from tests.ui.serving import Served, served

STUDIOS: dict[str, Callable[[Path], Any]] = {
    "fake": lambda home: FakeStudio(seconds_a_step=0.05, home=home),
    "embedded": lambda home: Studio(home=home),
}
CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run",
]  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder drives Chromium."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def _apps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Served]]:
    kept: dict[str, Served] = {}
    with ExitStack() as stack:

        def get(name: str) -> Served:
            if name not in kept:
                kept[name] = stack.enter_context(served(STUDIOS[name](tmp_path_factory.mktemp(name))))
            return kept[name]

        yield get


@pytest.fixture
def app(request: pytest.FixtureRequest, _apps: Callable[[str], Served]) -> Iterator[Served]:
    """The served page; at rest before and after."""
    page = _apps(getattr(request, "param", "fake"))
    page.rest()
    yield page
    page.rest()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """The system's Chromium; Playwright brings none of its own."""
    if not Path(CHROMIUM).exists() and not shutil.which("chromium"):
        pytest.skip("Chromium is not installed (Debian: apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = CHROMIUM if Path(CHROMIUM).exists() else shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium: Any, app: Served) -> Iterator[Callable[..., Opened]]:
    """Opens the page: `visit(width=390, dark=True)`. Fails at the end on errors or requests to elsewhere."""
    opened: list[Opened] = []

    def go(width: int = 1440, height: int = 1000, dark: bool = False) -> Opened:
        page = Opened(chromium.new_page(viewport={"width": width, "height": height}), app)
        opened.append(page)
        page.go(dark)
        return page

    yield go
    wrong = [line for page in opened for line in page.wrong]
    for page in opened:
        page.page.close()
    assert not wrong, wrong
