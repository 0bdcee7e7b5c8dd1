"""One device, two users: who waits for whom. The accelerator is a pretended one; its memory is a number."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from t2i_studio import Studio, models, room
from t2i_studio.config import GenerateSettings
from t2i_studio.errors import Cancelled, StudioError
from t2i_studio.families import FAMILIES
from t2i_studio.jobs import JobQueue, worker
from t2i_studio.jobs.record import Job
from t2i_studio.jobs.store import PROGRESS, read_json
from t2i_studio.training.settings import TrainSettings

pytestmark = pytest.mark.models
GPU = torch.device("cuda", 0)


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Free bytes of the pretended card."""
    free = {"bytes": 0}
    for module in (models, room):
        monkeypatch.setattr(module, "pick_device", lambda wanted: torch.device("cpu") if wanted == "cpu" else GPU)
    monkeypatch.setattr(room, "free_memory", lambda device: (free["bytes"], 2**40))
    monkeypatch.setattr(worker, "ROOM_BEAT", 0.01)
    return free


@pytest.mark.parametrize("name", list(FAMILIES))
def test_weights_are_counted_by_the_headers(name: str, tmp_path: Path) -> None:
    pipe: Any = FAMILIES[name].tiny()
    pipe.save_pretrained(tmp_path)
    (tmp_path / "unet").mkdir(exist_ok=True)
    found = room.weights_of(str(tmp_path))
    modules = {n: p for n, p in pipe.components.items() if isinstance(p, torch.nn.Module)}
    # Tied weights are in the files once.
    count = {n: sum({v.data_ptr(): v.numel() for v in m.state_dict().values()}.values()) for n, m in modules.items()}
    denoiser = count.get("unet", 0) + count.get("transformer", 0)
    assert found == room.Weights(denoiser, sum(count.values()) - denoiser)


def test_two_number_formats_are_one_model(tmp_path: Path) -> None:
    pipe: Any = FAMILIES["stable-diffusion"].tiny()
    pipe.save_pretrained(tmp_path)
    once = room.weights_of(str(tmp_path))
    pipe.save_pretrained(tmp_path, variant="fp16")
    assert room.weights_of(str(tmp_path)) == once


def test_a_fine_tune_waits_and_the_idle_app_leaves(memory: dict[str, int], tmp_path: Path) -> None:
    folder, stop = tmp_path, threading.Event()
    wanted = worker.wanted_bytes("fine-tune", TrainSettings.checked(device="cuda").model_dump(mode="json"))
    assert 2**29 < wanted < 2**31
    waiting = threading.Thread(target=lambda: worker.wait_for_room(folder, "cuda", wanted, stop.is_set))
    waiting.start()
    while not (folder / PROGRESS).exists():
        time.sleep(0.01)
    told = read_json(folder / PROGRESS) or {}
    assert told["wants_room"]
    assert "GB more on cuda" in told["message"]
    memory["bytes"] = 2**36
    waiting.join(10)
    assert not waiting.is_alive()
    assert "wants_room" not in (read_json(folder / PROGRESS) or {})


def test_a_waiting_fine_tune_can_be_stopped(memory: dict[str, int], tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        worker.wait_for_room(tmp_path, "cuda", 2**30, lambda: True)


def test_what_a_killed_wait_left_is_forgotten(memory: dict[str, int], tmp_path: Path) -> None:
    left = {"step": 3, "wants_room": True, "message": "waiting for 1.0 GB more"}
    (tmp_path / PROGRESS).write_text(json.dumps(left))
    with pytest.raises(Cancelled):
        worker.wait_for_room(tmp_path, "cuda", 2**30, lambda: True)
    assert read_json(tmp_path / PROGRESS) == {"step": 3}
    (tmp_path / PROGRESS).write_text(json.dumps(left))
    memory["bytes"] = 2**36
    worker.wait_for_room(tmp_path, "cuda", 2**30, lambda: True)
    assert read_json(tmp_path / PROGRESS) == {"step": 3}


def test_nobody_waits_on_a_cpu(memory: dict[str, int], tmp_path: Path) -> None:
    worker.wait_for_room(tmp_path, "cpu", 2**40, lambda: True)
    assert not (tmp_path / PROGRESS).exists()


def _job(studio: Studio, **changes: Any) -> Job:
    """A fine-tune at work on the pretended card, as its record says."""
    job = Job("job", "teaching", TrainSettings.checked().model_dump(mode="json"), "cuda:0", "2026-01-01T00:00:00+00:00")
    folder = studio.home / "jobs" / job.id
    folder.mkdir(parents=True, exist_ok=True)
    kept = job.with_(state="running", **changes)
    studio.jobs.store.save(kept)
    (folder / PROGRESS).write_text(json.dumps(kept.progress))
    return kept


class _Shelf:
    """Holds a model on the card, until it is cleared."""

    cleared = False

    def is_on(self, device: str) -> bool:
        return models.same_device(device, "cuda")

    def holds(self, settings: Any) -> bool:
        return False

    def clear(self) -> None:
        self.cleared = True

    def get(self, settings: Any) -> Any:
        raise StudioError("It would be loaded now.", "Go on.")


def test_the_model_leaves_for_a_fine_tune_that_asks(memory: dict[str, int], tmp_path: Path) -> None:
    studio, shelf = Studio(home=tmp_path), _Shelf()
    studio._shelf = shelf  # type: ignore[assignment]
    _job(studio)
    studio.make_room()
    assert not shelf.cleared
    _job(studio, progress={"wants_room": True})
    studio.make_room()
    assert shelf.cleared


def test_a_painting_waits_beside_a_fine_tune_and_can_be_cancelled(
    memory: dict[str, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(JobQueue, "advance", lambda _: None)  # its process lives, as far as anyone can see
    studio = Studio(home=tmp_path)
    studio._shelf = _Shelf()  # type: ignore[assignment]
    _job(studio)
    task = studio.submit(GenerateSettings.checked(prompt="a cat and a dog", device="cuda"))
    while "waiting for memory" not in task.message:
        assert task.active, task.error
        time.sleep(0.02)
    assert "teaching" in task.message
    assert studio._shelf.cleared  # type: ignore[union-attr]
    task.cancel()
    assert task.wait(10)
    assert task.status == "cancelled"


def test_a_fine_tune_that_died_holds_nothing(memory: dict[str, int], tmp_path: Path) -> None:
    studio = Studio(home=tmp_path)
    studio._shelf = _Shelf()  # type: ignore[assignment]
    _job(studio)
    task = studio.submit(GenerateSettings.checked(prompt="a cat and a dog", device="cuda"))
    assert task.wait(60)
    assert task.error is not None
    assert task.error.problem == "It would be loaded now."


@pytest.mark.parametrize("suite", [False, True])
def test_nobody_waits_for_a_fine_tune_that_waits_itself(memory: dict[str, int], tmp_path: Path, suite: bool) -> None:
    """It waits for the memory of the model that is loaded, which leaves; else both would wait for ever."""
    studio = Studio(home=tmp_path)
    studio._shelf = _Shelf()  # type: ignore[assignment]
    _job(studio, progress={"wants_room": True})
    if suite:
        asked = {"suite": "emoji-geneval", "limit": 1, "shared": {"device": "cuda"}, "ways": {"none": {}}}
        task = studio.submit_evaluation(tmp_path / "out", **asked)
    else:
        task = studio.submit(GenerateSettings.checked(prompt="a cat and a dog", device="cuda"))
    assert task.wait(60)
    assert task.error is not None
    assert task.error.problem == "It would be loaded now."
    assert studio._shelf.cleared  # type: ignore[union-attr]


def test_room_is_made_without_a_page(memory: dict[str, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = threading.Event()
    monkeypatch.setattr(Studio, "make_room", lambda _: made.set())
    studio = Studio(home=tmp_path, device="cuda")
    studio._models()
    assert made.wait(10)
