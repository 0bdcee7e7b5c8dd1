"""The tab Runs: its handlers over a store of real folders."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from t2i_studio.runs import new_run_id
from t2i_studio.types import Run
from t2i_studio.ui.scratch import Scratch
from t2i_studio.ui.tabs.runs_events import RunsHandlers
from tests.ui.fakes import FakeStudio
from tests.visuals.conftest import synthetic_run

START = datetime(2026, 1, 1, 12, tzinfo=UTC)


def kept(studio: FakeStudio, prompt: str, day: int = 0, model: str = "emoji-unet") -> Run:
    made = START + timedelta(days=day)
    run = synthetic_run(prompt=prompt)
    settings = {**run.settings, "prompt": prompt, "model": model}
    return studio.runs.save(replace(run, id=new_run_id(prompt, made), created=made.isoformat(), settings=settings))


@pytest.fixture
def handlers(studio: FakeStudio) -> RunsHandlers:
    return RunsHandlers(studio, Scratch())  # type: ignore[arg-type]


def test_nothing_yet(handlers: RunsHandlers) -> None:
    assert handlers.find({}) == {"items": [], "total": 0, "models": [], "methods": []}


def test_found_by_words_model_and_date(handlers: RunsHandlers, studio: FakeStudio) -> None:
    for day, (prompt, model) in enumerate(
        [("a cat", "emoji-unet"), ("a dog", "big-one"), ("a cat and a dog", "big-one")]
    ):
        kept(studio, prompt, day, model)
    everything = handlers.find({})
    assert [item["prompt"] for item in everything["items"]] == ["a cat and a dog", "a dog", "a cat"]
    assert everything["models"] == ["big-one", "emoji-unet"]
    assert everything["methods"] == ["none"]
    assert everything["items"][0]["thumbnail"].startswith("data:image/webp;base64,")
    assert everything["items"][0]["facts"] == "big-one · seed 1 · 6 steps"

    def prompts(**wanted: str) -> list[str]:
        return [item["prompt"] for item in handlers.find(wanted)["items"]]

    assert prompts(query="dog cat") == ["a cat and a dog"]
    assert prompts(model="emoji-unet") == ["a cat"]
    assert prompts(since="2026-01-02T00:00:00Z", until="2026-01-03T00:00:00Z") == ["a dog"]
    assert prompts(query="zebra") == []


def test_pages_follow_each_other(handlers: RunsHandlers, studio: FakeStudio) -> None:
    for day in range(5):
        kept(studio, f"cat {day}", day)
    first, second = handlers.find({"limit": 3}), handlers.find({"limit": 3, "offset": 3})
    assert [item["prompt"] for item in first["items"] + second["items"]] == [f"cat {day}" for day in (4, 3, 2, 1, 0)]
    assert first["total"] == second["total"] == 5


def test_opened_run_has_maps_files_and_settings(handlers: RunsHandlers, studio: FakeStudio) -> None:
    run = kept(studio, "a cat and a dog")
    opened = handlers.open_run(run.id)
    assert opened["look"]["id"] == run.id
    assert [noun["id"] for noun in opened["look"]["nouns"]] == ["cat", "dog"]
    assert "html" in [kind["name"] for kind in opened["keep"]["kinds"]]
    assert ("seed", "1") in opened["asked"]
    assert ("run", run.id) in opened["facts"]


def test_deleted_and_brought_back(handlers: RunsHandlers, studio: FakeStudio) -> None:
    run = kept(studio, "a cat")
    assert "problem" not in handlers.delete_run(run.id)
    assert handlers.find({})["total"] == 0
    assert "deleted" in handlers.open_run(run.id)["problem"]
    assert "problem" not in handlers.restore_run(run.id)
    assert handlers.find({})["total"] == 1


@pytest.mark.parametrize("wanted", [{"since": "soon"}, {"offset": "many"}, {"limit": []}])
def test_nonsense_is_told(handlers: RunsHandlers, wanted: dict[str, object]) -> None:
    answer = handlers.find(wanted)
    assert answer.get("problem") or answer["items"] == []


def test_paths_are_no_ids(handlers: RunsHandlers, studio: FakeStudio, tmp_path: Path) -> None:
    kept(studio, "a cat")
    for wanted in ("../runs", "/etc", str(tmp_path), ""):
        assert handlers.open_run(wanted)["problem"]
        assert handlers.delete_run(wanted)["problem"]


def test_a_broken_run_is_listed_and_explained(handlers: RunsHandlers, studio: FakeStudio) -> None:
    run = kept(studio, "a cat")
    assert run.folder is not None
    (run.folder / "image.png").unlink()
    (run.folder / "thumbnail.webp").unlink()
    assert handlers.find({})["items"][0]["thumbnail"] == ""
    assert "image.png" in handlers.open_run(run.id)["problem"]
