"""The tab Fine-tune's handlers, called as Gradio calls them; jobs are processes that count."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from t2i_studio.training.settings import GROUPS, OWN_PICTURES, TrainSettings
from t2i_studio.ui.finetune.board import POINTS, curves
from t2i_studio.ui.scratch import Scratch
from t2i_studio.ui.tabs.data_events import MAKING
from t2i_studio.ui.tabs.finetune import worn
from t2i_studio.ui.tabs.finetune_events import NAMES, FineTuneHandlers, as_values, presets, settings_from
from tests.ui.fakes import FakeStudio


@pytest.fixture
def handlers(studio: FakeStudio) -> Iterator[FineTuneHandlers]:
    yield FineTuneHandlers(studio, Scratch())  # type: ignore[arg-type]
    for job in studio.jobs.list():
        if not job.has_ended:
            studio.jobs.stop(job.id, force=True)


def values(handlers: FineTuneHandlers, preset: str = "ctcal", **changes: Any) -> list[Any]:
    given = dict(zip(NAMES, handlers.values_of(preset), strict=True)) | {"device": "cpu", "max_train_steps": 3}
    return list((given | changes).values())


def event(action: str, job: str) -> gr.EventData:
    return SimpleNamespace(action=action, job=job)  # type: ignore[return-value]


def until(handlers: FineTuneHandlers, chosen: str, holds: Callable[[dict], bool]) -> dict[str, Any]:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        board = handlers.refresh(chosen, None)[1]
        if holds(board["job"]):
            return board
        time.sleep(0.05)
    raise AssertionError(board)


def test_every_setting_has_a_control() -> None:
    own = set(TrainSettings.model_fields) - {"output_dir", "resume_from_checkpoint"}
    assert set(NAMES) == own
    assert len(NAMES) == len(set(NAMES))
    assert all(info for info, _ in GROUPS.values())


@pytest.mark.parametrize("preset", presets())
def test_controls_hold_every_preset(handlers: FineTuneHandlers, preset: str) -> None:
    from t2i_studio.ui.tabs.finetune_events import preset_settings

    held = settings_from(dict(zip(NAMES, handlers.values_of(preset), strict=True)))
    assert held == preset_settings(preset, model=handlers.studio.practice_model)
    assert as_values(held.model_dump()) == handlers.values_of(preset)


def test_a_preset_leaves_model_and_data(handlers: FineTuneHandlers) -> None:
    told, *kept = handlers.use_preset("gors", "my-model", "my-pictures")
    given = dict(zip(NAMES, kept, strict=True))
    skipped = gr.skip()
    assert given["model"] == given["data"] == given["seed"] == skipped
    assert (given["ctcal"], given["reward_weights"]) == (False, True)
    assert told["info"].startswith("GORS (T2I-CompBench")


def test_what_a_preset_brought_goes_with_it(handlers: FineTuneHandlers) -> None:
    _, *values = handlers.use_preset("full-finetune", "my-model", "my-pictures")
    brought = dict(zip(NAMES, values, strict=True))
    assert (brought["data"], brought["full_finetune"]) == ("scenes:4000", True)
    assert brought["model"] == gr.skip()
    after = dict(zip(NAMES, handlers.use_preset("ctcal", "my-model", brought["data"])[1:], strict=True))
    assert (after["model"], after["data"], after["full_finetune"]) == (gr.skip(), OWN_PICTURES, False)
    sd3 = dict(zip(NAMES, handlers.use_preset("ctcal-sd3", "my-model", "x")[1:], strict=True))["model"]
    assert sd3.startswith("stabilityai/")
    back = dict(zip(NAMES, handlers.use_preset("gors", sd3, "x")[1:], strict=True))
    assert (back["model"], back["data"]) == (handlers.studio.practice_model, gr.skip())


def test_started_followed_and_done(handlers: FineTuneHandlers) -> None:
    job_id, board, problem = handlers.start("ctcal", *values(handlers))
    assert problem is None
    assert board["job"]["method"] == "CTCal LoRA"
    board = until(handlers, job_id, lambda job: job["state"] == "done")
    assert (board["job"]["step"], board["job"]["num_steps"]) == (3, 3)
    assert handlers.refresh(job_id, board) == [gr.skip(), gr.skip()]
    assert handlers.open()[0] == job_id
    out = str(handlers.studio.jobs.out(job_id))
    assert worn(handlers.studio, job_id) == (board["job"]["model"], out)
    job = handlers.studio.jobs.get(job_id)
    handlers.studio.jobs.store.save(job.with_(settings=job.settings | {"full_finetune": True}))
    assert worn(handlers.studio, job_id) == (f"{out}/model", "")


def test_stopped_resumed_duplicated_deleted(handlers: FineTuneHandlers) -> None:
    job_id, *_ = handlers.start("gors", *values(handlers, "gors", max_train_steps=100_000, seed=7))
    until(handlers, job_id, lambda job: job["step"] > 0)
    handlers.act(job_id, event("stop", job_id))
    board = until(handlers, job_id, lambda job: job["state"] == "stopped")
    assert board["job"]["reason"]
    handlers.act(job_id, event("resume", job_id))
    until(handlers, job_id, lambda job: job["state"] == "running")
    with pytest.raises(gr.Error, match="The job runs"):
        handlers.act(job_id, event("delete", job_id))
    _, _, preset, *controls = handlers.act(job_id, event("duplicate", job_id))
    assert preset == gr.skip()
    assert dict(zip(NAMES, controls[: len(NAMES)], strict=True))["seed"] == 7
    assert controls[len(NAMES) :] == [gr.skip()] * len(MAKING)
    handlers.act(job_id, event("force", job_id))
    until(handlers, job_id, lambda job: job["state"] == "stopped")
    handlers.act(job_id, event("delete", job_id))
    assert handlers.open()[1] == {"jobs": [], "job": None}


@pytest.mark.parametrize(
    ("changes", "home"),
    [({"data": "/gone"}, "tune-data"), ({"rank": 0}, "tune-rank"), ({"learning_rate": None}, "tune-learning_rate"),
     ({"teacher": "soon"}, "tune-teacher"), ({"pixel_weight": "much"}, "tune-pixel_weight")],
)  # fmt: skip
def test_bad_input_is_told_beside_its_control(handlers: FineTuneHandlers, changes: dict, home: str) -> None:
    job_id, board, problem = handlers.start("ctcal", *values(handlers, **changes))
    assert job_id == board == gr.skip()
    assert problem["home"] == home
    assert handlers.studio.jobs.list() == []


def test_cost_goes_by_the_last_of_its_kind(handlers: FineTuneHandlers, studio: FakeStudio) -> None:
    from t2i_studio.jobs.store import PROGRESS, write_json

    assert "after the first steps" in handlers.cost("ctcal", *values(handlers))
    job_id, *_ = handlers.start("ctcal", *values(handlers))
    until(handlers, job_id, lambda job: job["state"] == "done")
    write_json(studio.jobs.store.folder(job_id) / PROGRESS, {"step": 3, "num_steps": 3, "seconds": 0.5})
    assert handlers.cost("ctcal", *values(handlers, max_train_steps=600)) == (
        "About 5 minutes, going by the last one of this kind."
    )
    assert "after the first" in handlers.cost("ctcal", *values(handlers, train_batch_size=32))


def test_curves_are_thinned(tmp_path) -> None:
    lines = ["step,loss,seconds"] + [f"{i + 1},{i},0.1" for i in range(1000)]
    (tmp_path / "log.csv").write_text("\n".join(lines))
    found = curves(tmp_path)
    assert len(found["steps"]) <= POINTS
    assert found["steps"][-1] == 1000
    assert found["numbers"]["loss"][0] == pytest.approx(2.0)  # mean of 0 … 4
    assert list(found["numbers"]) == ["loss"]
