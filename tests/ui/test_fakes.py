"""The pretended studio takes what the real one takes: a page that works on one works on the other."""

from __future__ import annotations

import inspect

import pytest

from t2i_studio import Studio
from tests.ui.fakes import FakeStudio

SHARED = sorted(
    name
    for name, member in inspect.getmembers(FakeStudio, inspect.isfunction)
    if not name.startswith("_") and inspect.isfunction(getattr(Studio, name, None))
)


@pytest.mark.parametrize("name", SHARED)
def test_what_the_pretended_studio_asks_for_the_real_one_takes(name: str) -> None:
    real = inspect.signature(getattr(Studio, name)).parameters
    fake = inspect.signature(getattr(FakeStudio, name)).parameters
    assert {p for p, it in fake.items() if it.kind is not it.VAR_KEYWORD} <= set(real)
    assert {p for p, it in real.items() if it.default is it.empty and it.kind is it.POSITIONAL_OR_KEYWORD} <= set(fake)
