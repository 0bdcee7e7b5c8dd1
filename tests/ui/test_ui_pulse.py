"""What wakes the tabs: any change that they show, and nothing else."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import TYPE_CHECKING

from t2i_studio.config import GenerateSettings
from t2i_studio.errors import StorageError
from t2i_studio.jobs import JobQueue
from t2i_studio.training.settings import TrainSettings
from t2i_studio.ui import pulse
from tests.ui.fakes import FakeStudio

if TYPE_CHECKING:
    import pytest


def stamps(studio: FakeStudio) -> dict[str, int]:
    return pulse.look(studio)["stamps"]


def test_at_rest_nothing_changes(studio: FakeStudio) -> None:
    assert stamps(studio) == stamps(studio)
    assert pulse.look(studio)["status"]["text"] == "idle"


def test_a_task_changes_its_stamp_when_it_starts_moves_and_ends(studio: FakeStudio) -> None:
    studio.hold_at = 2
    studio.go.clear()
    seen = [stamps(studio)]
    with studio.turn:  # another one is at work
        task = studio.submit(GenerateSettings(prompt="a cat and a dog", model="emoji-unet", steps=4))
        seen.append(stamps(studio))
    while task.step < 2:
        time.sleep(0.01)
    seen.append(stamps(studio))
    assert pulse.look(studio)["status"]["done"] == 2
    studio.go.set()
    assert task.wait(60)
    seen.append(stamps(studio))
    assert all(before["tasks"] != after["tasks"] for before, after in pairwise(seen))
    assert all(before["jobs"] == after["jobs"] for before, after in pairwise(seen))
    assert stamps(studio) == seen[-1]


def test_a_job_changes_its_stamp_while_it_works_and_when_it_ends_and_is_deleted(studio: FakeStudio) -> None:
    empty = stamps(studio)
    job = studio.jobs.submit(TrainSettings.checked(max_train_steps=200, device="cpu"), "counts")
    seen = {empty["jobs"]}
    end = time.monotonic() + 120
    while not studio.jobs.get(job.id).has_ended and time.monotonic() < end:
        seen.add(stamps(studio)["jobs"])
        time.sleep(0.02)
    assert studio.jobs.get(job.id).state == "done"
    assert len(seen) > 2
    done = stamps(studio)
    assert done["jobs"] != empty["jobs"]
    assert done["tasks"] == empty["tasks"]
    studio.jobs.delete(job.id)
    assert stamps(studio) == empty


def test_a_picture_laid_down_by_a_job_changes_its_stamp(studio: FakeStudio) -> None:
    job = studio.jobs.submit(TrainSettings.checked(max_train_steps=100_000, device="cpu"), "counts")
    store = studio.jobs.store
    samples = store.folder(job.id) / "out" / "samples"
    samples.mkdir(parents=True)
    before = store.written(job.id)
    time.sleep(0.02)  # a file system's clock may tick in hundredths
    (samples / "step-00000-0.png").touch()
    assert store.written(job.id) != before
    studio.jobs.stop(job.id, force=True)


def test_a_disk_that_is_full_does_not_stop_the_page(studio: FakeStudio, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(queue: JobQueue) -> None:
        raise StorageError("The record can't be written: no space left on device.", "Check the disk.")

    monkeypatch.setattr(JobQueue, "advance", full)
    assert pulse.look(studio)["status"]["text"] == "idle"
