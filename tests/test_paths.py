"""What users type where a path is wanted."""

from __future__ import annotations

from pathlib import Path

import pytest

from t2i_studio import Studio
from t2i_studio.errors import InputError, StudioError
from t2i_studio.evaluation import choose_items
from t2i_studio.models import resolve, stamp
from t2i_studio.paths import typed
from t2i_studio.pictures import captioned, open_picture
from t2i_studio.training.data import folder_of

PROMPT = "a cat and a dog, " * 40


def test_home_is_made_whole(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert typed("~/x") == tmp_path / "x"


@pytest.mark.parametrize("text", [PROMPT, "~nobody-at-all/x"])
def test_what_can_be_no_path(text: str) -> None:
    with pytest.raises(InputError, match="can be no path here"):
        typed(text)


@pytest.mark.parametrize("use", [resolve, stamp, choose_items, open_picture, captioned, folder_of, Studio().add_data])
def test_a_prompt_pasted_where_a_path_belongs(use) -> None:
    with pytest.raises(StudioError):
        use(PROMPT)
