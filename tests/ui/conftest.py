"""A page over the fake studio, served on a free port, for tests without a browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ui.fakes import FakeStudio
from tests.ui.serving import Served, served


@pytest.fixture
def studio(tmp_path: Path) -> FakeStudio:
    """A quick studio of its own."""
    return FakeStudio(seconds_a_step=0.002, home=tmp_path)


@pytest.fixture(scope="session")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One app for all endpoint tests."""
    with served(FakeStudio(seconds_a_step=0.01, home=tmp_path_factory.mktemp("runs"))) as page:
        yield page
