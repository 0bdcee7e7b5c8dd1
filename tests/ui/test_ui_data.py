"""The data folds of the tab Fine-tune, their handlers called as Gradio calls them; jobs are processes that count."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from t2i_studio.ui.scratch import Scratch
from t2i_studio.ui.tabs.data import FIRST
from t2i_studio.ui.tabs.data_events import MAKING, DataHandlers, asked
from t2i_studio.ui.tabs.finetune_events import NAMES, FineTuneHandlers
from tests.ui.fakes import FakeStudio


@pytest.fixture
def tuning(studio: FakeStudio) -> Iterator[FineTuneHandlers]:
    yield FineTuneHandlers(studio, Scratch())  # type: ignore[arg-type]
    for job in studio.jobs.list():
        if not job.has_ended:
            studio.jobs.stop(job.id, force=True)


@pytest.fixture
def handlers(tuning: FineTuneHandlers) -> DataHandlers:
    return DataHandlers(tuning.studio, tuning.board)


def values(**changes: Any) -> list[Any]:
    """As the page begins, the model first."""
    given = {"suite": "emoji-train", "tasks": ["two"], "limit": "", "per_prompt": 30, "keep_top": 4, "threshold": "",
             "scorer": "emoji-detector", "first_seed": 1_000_000}  # fmt: skip
    return ["emoji-unet", *((given | changes)[name] for name in MAKING)]


def test_what_the_page_begins_with_is_whole() -> None:
    found = asked(*values())
    assert (found["keep_top"], list(found["tasks"])) == (FIRST["keep_top"], FIRST["tasks"])
    assert (found["limit"], found["threshold"], found["shared"]) == (None, None, {"model": "emoji-unet"})


def test_made_seen_and_learnt_from(handlers: DataHandlers, tuning: FineTuneHandlers) -> None:
    job_id, board, problem = handlers.make(*values())
    assert problem is None
    assert board["job"]["kind"] == "make-data"
    end = time.monotonic() + 30
    while board["job"]["state"] != "done":
        assert time.monotonic() < end
        time.sleep(0.05)
        board = tuning.board(job_id)
    told = board["job"]["made"]
    assert told["asked"] == "30 pictures a prompt of emoji-train, the best 4 kept, scored by emoji-detector"
    assert (told["kept"], told["dropped"]) == (4, 26)

    page = handlers.pictures({"id": job_id, "only": "kept"})
    assert page["counts"] == {"all": 30, "kept": 4, "dropped": 26}
    assert [one["why"] for one in page["items"]] == [f"number {rank} of 30" for rank in (1, 2, 3, 4)]
    assert page["items"][0]["image"].startswith("data:image/jpeg")
    assert (page["items"][0]["found"], page["items"][0]["reward"]) == ("red cat", "0.97")
    pages = [handlers.pictures({"id": job_id, "only": "dropped", "offset": at})["items"] for at in (0, 24)]
    assert list(map(len, pages)) == [24, 2]
    assert pages[1][-1]["why"] == "shows nothing of the prompt"

    use = SimpleNamespace(action="use-data", job=job_id)
    controls = tuning.act(job_id, use)[3:]  # type: ignore[arg-type]
    given = dict(zip((*NAMES, *MAKING), controls, strict=True))
    assert given["data"] == told["data"] == board["job"]["folder"]
    assert {name for name, value in given.items() if value != gr.skip()} == {"data"}

    twin = tuning.act(job_id, SimpleNamespace(action="duplicate", job=job_id))[3:]  # type: ignore[arg-type]
    again = dict(zip((*NAMES, *MAKING), twin, strict=True))
    assert [again["model"], *(again[name] for name in MAKING)] == values()
    assert again["rank"] == gr.skip()


@pytest.mark.parametrize(
    ("changes", "home"),
    [({"keep_top": ""}, "make-keep_top"), ({"per_prompt": None}, "make-per_prompt"),
     ({"per_prompt": 0}, "make-per_prompt"), ({"threshold": "much"}, "make-threshold"),
     ({"scorer": ""}, "make-scorer"), ({"suite": ""}, "make-suite")],
)  # fmt: skip
def test_bad_input_is_told_beside_its_control(handlers: DataHandlers, changes: dict, home: str) -> None:
    job_id, board, problem = handlers.make(*values(**changes))
    assert job_id == board == gr.skip()
    assert problem["home"] == home
    assert handlers.studio.jobs.list() == []


def test_cost_before_anything_is_painted(handlers: DataHandlers) -> None:
    assert handlers.cost(*values()) == "210 pictures of 7 prompts; about 7 min."
    assert handlers.cost(*values(per_prompt=2000)) == "14,000 pictures of 7 prompts; about 7.8 h."
    assert handlers.cost(*values(per_prompt=None)) == ""


def test_tasks_follow_the_prompts(handlers: DataHandlers) -> None:
    assert handlers.tasks_of("emoji-train")["choices"] == ["two", "attribution", "position"]
    assert handlers.tasks_of("emoji-tra")["choices"] == []


def test_brought_pictures_go_into_the_data_field(handlers: DataHandlers, tmp_path: Path) -> None:
    (tmp_path / "cats.zip").write_bytes(b"")
    data, told, problem = handlers.bring(str(tmp_path / "cats.zip"), "")
    assert (data, problem) == ("/brought/cats", None)
    assert "/brought/cats" in told
    assert handlers.bring(None, "owner/name")[2]["home"] == "bring-name"
    assert handlers.bring(str(tmp_path / "gone.zip"), "")[2]["home"] == "bring-zip"
    assert "nothing to bring" in handlers.bring(None, " ")[2]["problem"]
    assert "There is no job" in handlers.pictures({"id": "gone"})["problem"]
