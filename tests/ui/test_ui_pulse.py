"""What wakes the tabs: any change that they show, and nothing else."""

from __future__ import annotations

import time
from itertools import pairwise

from t2i_studio.config import GenerateSettings
from t2i_studio.training.settings import TrainSettings
from t2i_studio.ui import pulse
from tests.ui.fakes import FakeStudio


def test_at_rest_nothing_changes(studio: FakeStudio) -> None:
    assert pulse.look(studio)["stamps"] == pulse.look(studio)["stamps"] == {"tasks": [], "jobs": []}
    assert pulse.look(studio)["status"]["text"] == "idle"


def test_a_task_changes_its_stamp_when_it_starts_moves_and_ends(studio: FakeStudio) -> None:
    studio.hold_at = 2
    studio.go.clear()
    seen = [pulse.look(studio)["stamps"]["tasks"]]
    task = studio.submit(GenerateSettings(prompt="a cat and a dog", model="emoji-unet", steps=4))
    seen.append(pulse.look(studio)["stamps"]["tasks"])
    while task.step < 2:
        time.sleep(0.01)
    seen.append(pulse.look(studio)["stamps"]["tasks"])
    assert pulse.look(studio)["status"]["done"] == 2
    studio.go.set()
    assert task.wait(5)
    seen.append(pulse.look(studio)["stamps"]["tasks"])
    assert all(before != after for before, after in pairwise(seen))
    assert pulse.look(studio)["stamps"]["tasks"] == seen[-1]
    assert pulse.look(studio)["stamps"]["jobs"] == []


def test_a_job_changes_its_stamp_while_it_works_and_when_it_is_deleted(studio: FakeStudio) -> None:
    job = studio.jobs.submit(TrainSettings.checked(max_train_steps=20, device="cpu"), "counts")
    seen: list[object] = []
    end = time.monotonic() + 60
    while not studio.jobs.get(job.id).has_ended and time.monotonic() < end:
        now = pulse.look(studio)
        if now["stamps"]["jobs"] not in seen:
            seen.append(now["stamps"]["jobs"])
        time.sleep(0.02)
    done = pulse.look(studio)["stamps"]
    assert len(seen) > 3
    assert done["jobs"] != seen[-1]
    assert done["tasks"] == []
    studio.jobs.delete(job.id)
    assert pulse.look(studio)["stamps"]["jobs"] == []
