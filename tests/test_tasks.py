"""One at a time, in order; cancelled for real; every end told truthfully."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest

from t2i_studio import tasks
from t2i_studio.config import GenerateSettings
from t2i_studio.errors import SettingError
from t2i_studio.tasks import Queue, Task

SETTINGS = GenerateSettings(prompt="a cat", steps=4)


def test_second_task_waits_and_knows_its_place() -> None:
    go = threading.Event()
    order: list[str] = []

    def work(task: Task) -> None:
        order.append(task.id)
        assert go.wait(10)

    queue = Queue(work)
    first, second, third = (queue.submit(SETTINGS) for _ in range(3))
    while first.status != "running":
        first.wait(0.01)
    assert (second.status, second.position, third.position) == ("waiting", 1, 2)
    assert queue.latest is third
    go.set()
    assert third.wait(10)
    assert order == [first.id, second.id, third.id]
    assert [t.status for t in (first, second, third)] == ["done"] * 3


def test_cancel_stops_within_a_step_and_while_waiting() -> None:
    stepped = threading.Event()

    def work(task: Task) -> None:
        for step in range(1000):
            task.report("step", step, 1000)
            stepped.set()
            task.check_cancelled()
            task.wait(0.005)

    queue = Queue(work)
    running, waiting = queue.submit(SETTINGS), queue.submit(SETTINGS)
    assert stepped.wait(10)
    waiting.cancel()
    running.cancel()
    assert running.wait(10)
    assert waiting.wait(10)
    assert (running.status, waiting.status) == ("cancelled", "cancelled")
    assert waiting.step == 0


def test_a_picture_goes_between_two_of_a_long_task() -> None:
    order: list[str] = []
    submitted, go = threading.Event(), threading.Event()

    def work(task: Task) -> None:
        if not task.long:
            order.append(task.settings.prompt)
            return
        for number in range(2):
            order.append(f"{task.evaluation} {number}")
            submitted.set()
            assert go.wait(10)
            task.give_way()

    queue = Queue(work)
    long = queue.submit(SETTINGS, evaluation="long")
    assert submitted.wait(10)
    other = queue.submit(SETTINGS, evaluation="other")
    short = [queue.submit(GenerateSettings(prompt=prompt)) for prompt in ("cat", "dog")]
    short[1].cancel()
    go.set()
    assert other.wait(10)
    assert order == ["long 0", "cat", "long 1", "other 0", "other 1"]
    assert [task.status for task in (long, *short, other)] == ["done", "done", "cancelled", "done"]


def test_errors_end_the_task_not_the_queue() -> None:
    def work(task: Task) -> None:
        if task.settings.prompt == "bad":
            raise SettingError("Steps is 0.", "Use more.", "steps")
        if task.settings.prompt == "worse":
            raise ZeroDivisionError("surprise")

    queue = Queue(work)
    bad = queue.submit(GenerateSettings(prompt="bad"))
    worse = queue.submit(GenerateSettings(prompt="worse"))
    good = queue.submit(SETTINGS)
    assert good.wait(10)
    assert isinstance(bad.error, SettingError)
    assert worse.status == "failed"
    assert "surprise" in str(worse.error)
    assert "report" in str(worse.error)
    assert good.status == "done"


def test_time_left_needs_a_step() -> None:
    task = Task(SETTINGS)
    assert task.seconds_left is None
    task.status = "running"
    task.report("step 0", 0, 4)
    assert task.seconds_left is None
    task.report("step 1/4", 1, 4)
    assert task.seconds_left == pytest.approx(0, abs=5)


def test_old_tasks_go_where_their_maps_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "KEPT_BYTES", 3 * 4 * 256)

    def work(task: Task) -> None:
        stack = SimpleNamespace(held=4 * 256)
        task.run = SimpleNamespace(maps=SimpleNamespace(stacks={"16x16": stack}))  # type: ignore[assignment]

    queue = Queue(work)
    made = []
    for _ in range(tasks.AT_LEAST + 4):
        made.append(queue.submit(SETTINGS))
        assert made[-1].wait(10)
    latest = queue.submit(SETTINGS)
    assert latest.wait(10)
    assert [task for task in made if queue.find(task.id)] == made[-tasks.AT_LEAST + 1 :]
