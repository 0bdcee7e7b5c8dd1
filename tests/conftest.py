"""Shared by all tests: no hub, no user folder, warnings of ours are errors."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from t2i_studio.families import Family

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
if "PYTEST_XDIST_WORKER" in os.environ:  # as many workers as cores: one thread each
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(autouse=True)
def studio_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own for every test."""
    home = tmp_path / "home"
    monkeypatch.setenv("T2I_STUDIO_HOME", str(home))
    return home


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """A file's tests share fixtures, so they go to one worker; so do all that drive Chromium: it starves easily."""
    from xdist.scheduler import LoadFileScheduling

    class OneBrowser(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return "browser" if "/browser/" in file else file

    return OneBrowser(config, log)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that asks for `family` runs once for each there is; only such tests import torch."""
    if "family" in metafunc.fixturenames:
        from t2i_studio.families import FAMILIES

        metafunc.parametrize("family", list(FAMILIES), indirect=True)


@pytest.fixture
def family(request: pytest.FixtureRequest) -> Family:
    from t2i_studio.families import FAMILIES

    return FAMILIES[request.param]


@pytest.fixture
def pipe(family: Family):
    """A small pipeline of the family, random weights."""
    pipe = family.tiny()
    pipe.set_progress_bar_config(disable=True)
    return pipe


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Why tests were tried again, which -r tells by name only."""
    for report in terminalreporter.stats.get("rerun", ()):
        told = [line for line in report.longreprtext.splitlines() if line.startswith("E ")]
        terminalreporter.write_line(f"{report.nodeid} ({report.when}): {' '.join(told[:3])[:600]}")
