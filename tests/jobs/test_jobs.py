"""Jobs are real processes here: started, followed, stopped, killed, found again."""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from PIL import Image

from t2i_studio.cli import main
from t2i_studio.config import MakeDataSettings
from t2i_studio.errors import InputError
from t2i_studio.jobs import Job, JobQueue
from t2i_studio.jobs.supervisor import supervise, told
from t2i_studio.jobs.work import as_kept
from t2i_studio.training.settings import TrainSettings

WORKER = "tests.jobs.counting_worker"
LONG = 100_000


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[JobQueue]:
    queue = JobQueue(tmp_path / "jobs", WORKER)
    yield queue
    for job in queue.list():
        if not job.has_ended:
            queue.stop(job.id, force=True)


def steps(number: int) -> TrainSettings:
    return TrainSettings.checked(max_train_steps=number, device="cpu")


def until(queue: JobQueue, job: Job, holds: Callable[[Job], bool], seconds: float = 60) -> Job:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        now = queue.get(job.id)
        if holds(now):
            return now
        time.sleep(0.05)
    raise AssertionError(f"{queue.get(job.id)}\n" + "\n".join(queue.log(job.id)))


def begun(job: Job) -> bool:
    return job.progress.get("step", 0) > 0


def ended(job: Job) -> bool:
    return job.has_ended


def test_one_after_the_other(queue: JobQueue) -> None:
    first, second = queue.submit(steps(LONG), "first"), queue.submit(steps(3), "second")
    assert (queue.get(first.id).state, queue.get(second.id).state) == ("running", "waiting")
    until(queue, first, begun)
    queue.stop(first.id)
    stopped = until(queue, first, ended)
    assert (stopped.state, stopped.exit_code) == ("stopped", 3)
    assert stopped.reason == "Stopped; a checkpoint is written."
    done = until(queue, second, ended)
    assert (done.state, done.progress["step"]) == ("done", 3)
    assert [job.title for job in queue.list()] == ["second", "first"]


def test_the_next_one_starts_without_the_app(queue: JobQueue) -> None:
    queue.submit(steps(3), "first")
    second = queue.submit(steps(3), "second")
    record = queue.store.folder(second.id) / "end.json"
    end = time.monotonic() + 60
    while not record.exists():  # nobody asks the queue meanwhile
        assert time.monotonic() < end
        time.sleep(0.05)
    assert json.loads(record.read_text())["state"] == "done"


def test_a_stopped_job_goes_on(queue: JobQueue) -> None:
    job = queue.submit(steps(LONG), "long")
    until(queue, job, begun)
    queue.stop(job.id)
    before = until(queue, job, ended).progress["step"]
    with pytest.raises(InputError, match="There is no job"):
        queue.resume("nothing")
    again = queue.resume(job.id)
    assert again.attempts == 2
    with pytest.raises(InputError, match="The job is running"):
        queue.resume(job.id)
    assert until(queue, job, lambda now: now.progress["step"] > before).state == "running"


def test_a_waiting_job_is_taken_out(queue: JobQueue) -> None:
    queue.submit(steps(LONG), "first")
    second = queue.submit(steps(3), "second")
    assert queue.stop(second.id).state == "stopped"
    queue.delete(second.id)
    with pytest.raises(InputError):
        queue.get(second.id)


def test_a_running_job_is_not_deleted(queue: JobQueue) -> None:
    job = queue.submit(steps(LONG), "first")
    with pytest.raises(InputError, match="The job runs"):
        queue.delete(job.id)


def test_failing_tells_its_reason(queue: JobQueue) -> None:
    job = until(queue, queue.submit(steps(3), "fails"), ended)
    assert (job.state, job.reason, job.exit_code) == ("failed", "There is no data. Give some.", 1)


def worker_of(job: Job) -> psutil.Process:
    return psutil.Process(job.pid).children()[0]


def test_a_worker_killed_by_the_system_is_told_truly(queue: JobQueue) -> None:
    job = until(queue, queue.submit(steps(LONG), "long"), begun)
    worker_of(job).kill()
    failed = until(queue, job, ended)
    assert (failed.state, failed.exit_code) == ("failed", -signal.SIGKILL)
    assert "Killed (SIGKILL)" in failed.reason
    assert "memory" in failed.reason


def test_a_lost_supervisor_is_told_truly(queue: JobQueue) -> None:
    job = until(queue, queue.submit(steps(LONG), "long"), begun)
    worker = worker_of(job)
    os.kill(job.pid, signal.SIGKILL)
    failed = until(queue, job, ended)
    assert (failed.state, failed.exit_code) == ("failed", None)
    assert "process is gone" in failed.reason
    worker.kill()


def test_another_process_of_the_same_number_is_not_the_job(queue: JobQueue) -> None:
    job = until(queue, queue.submit(steps(LONG), "long"), begun)
    worker, supervisor = worker_of(job), psutil.Process(job.pid)
    supervisor.kill()
    worker.kill()
    queue.store.save(queue.store.load(job.id).with_(pid=os.getpid()))  # born at another time
    assert queue.get(job.id).state == "failed"


def test_the_app_finds_its_job_again(queue: JobQueue, tmp_path: Path) -> None:
    job = until(queue, queue.submit(steps(LONG), "long"), begun)
    other = JobQueue(tmp_path / "jobs", WORKER)
    seen = other.get(job.id[:15])
    assert (seen.id, seen.state, seen.pid) == (job.id, "running", job.pid)


def test_force_ends_a_deaf_worker_with_its_children(queue: JobQueue) -> None:
    job = until(queue, queue.submit(steps(LONG), "deaf"), begun)
    worker = worker_of(job)
    queue.stop(job.id, force=True)
    assert until(queue, job, ended).reason == "Ended by force."
    assert not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE


def _ask_once_it_counts(folder: Path) -> None:
    while not (folder / "progress.json").exists():
        time.sleep(0.02)
    os.kill(os.getpid(), signal.SIGTERM)


def test_grace_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    queue = JobQueue(tmp_path / "jobs", WORKER)
    monkeypatch.setattr(JobQueue, "advance", lambda self: None)
    job = queue.submit(steps(LONG), "deaf")
    folder = queue.store.folder(job.id)
    asking = threading.Thread(target=_ask_once_it_counts, args=(folder,))
    asking.start()
    before = {name: signal.getsignal(name) for name in (signal.SIGTERM, signal.SIGINT)}
    try:
        end = supervise(folder, WORKER, grace=3.0)
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)
    assert (end["state"], end["exit_code"]) == ("stopped", -signal.SIGKILL)


@pytest.mark.parametrize(
    ("code", "asked", "state", "said"),
    [(0, False, "done", ""), (-11, False, "failed", "SIGSEGV"), (1, False, "failed", "last words"),
     (-15, True, "stopped", "before its first step"), (-9, True, "stopped", "by force")],
)  # fmt: skip
def test_what_an_exit_means(code: int, asked: bool, state: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "log.txt").write_text("first\nlast words\n\n")
    if asked:
        (tmp_path / "stop").touch()
    end = told(tmp_path, code)
    assert end["state"] == state
    assert said in end["reason"]


def test_a_damaged_record_hides_no_other_job(queue: JobQueue) -> None:
    one = until(queue, queue.submit(steps(2), "one"), ended)
    two = until(queue, queue.submit(steps(2), "two"), ended)
    (queue.store.folder(one.id) / "job.json").write_text("{")
    assert [job.id for job in queue.list()] == [two.id]
    with pytest.raises(InputError, match="damaged"):
        queue.get(one.id)
    queue.delete(one.id)
    assert not queue.store.folder(one.id).exists()


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


@pytest.mark.slow
def test_a_real_job_by_command(capsys: pytest.CaptureFixture[str], studio_home: Path, tmp_path: Path) -> None:
    """Queue, follow, and a reason that a user understands when the data is gone."""
    base = ["train", "--background", "--device", "cpu", "--json", "--max-train-steps", "2", "--train-batch-size", "1"]
    assert main([*base, "--data", "scenes:2"]) == 0
    good = json.loads(capsys.readouterr().out)["id"]
    assert main([*base, "--data", str(tmp_path / "gone")]) != 0
    assert "There is no folder" in capsys.readouterr().err
    Image.new("RGB", (64, 64)).save(_folder(tmp_path / "data") / "0.png")
    (tmp_path / "data" / "0.txt").write_text("a cat")
    assert main([*base, "--data", str(tmp_path / "data")]) == 0
    shutil.rmtree(tmp_path / "data")  # while it waits for the first one
    bad = json.loads(capsys.readouterr().out)["id"]
    queue = JobQueue(studio_home / "jobs")
    done = until(queue, queue.store.load(good), ended, 200)
    assert done.state == "done", queue.log(good)
    assert (queue.out(good) / "pytorch_lora_weights.safetensors").exists()
    failed = until(queue, queue.store.load(bad), ended, 200)
    assert failed.state == "failed"
    assert "There is no folder" in failed.reason
    for action in (["list"], ["show", good], ["logs", good]):
        assert main(["jobs", *action]) == 0
    assert f"{good}  done 2/2" in capsys.readouterr().out
    assert main(["jobs", "resume", good]) != 0
    assert main(["jobs", "delete", good]) == 0
    assert [job.id for job in queue.list()] == [bad]


@pytest.mark.parametrize("name", ["../v2", "/etc", "..", ".", "", "a/b", "C:\\x", ".lock"])
def test_an_id_is_no_path(queue: JobQueue, tmp_path: Path, name: str) -> None:
    (tmp_path / "v2").mkdir()
    (tmp_path / "v2" / "job.json").write_text("{broken")
    for act in (queue.get, queue.delete, queue.stop, queue.resume):
        with pytest.raises(InputError, match="There is no job"):
            act(name)
    assert (tmp_path / "v2" / "job.json").exists()


def test_a_record_says_nothing_of_where_it_lies(queue: JobQueue, tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    folder = queue.store.root / "planted"
    folder.mkdir(parents=True)
    record = {"id": "../precious", "title": "x", "settings": {}, "device": "cpu", "created": "", "state": "failed"}
    (folder / "job.json").write_text(json.dumps(record))
    assert queue.get("planted").id == "planted"
    queue.delete("planted")
    assert (tmp_path / "precious").exists()
    assert not folder.exists()


def test_what_another_job_needs_stays(queue: JobQueue) -> None:
    first = until(queue, queue.submit(steps(3), "data"), ended)
    busy = queue.submit(steps(LONG), "busy")
    waiting = queue.submit(steps(3).model_copy(update={"data": str(queue.out(first.id))}), "learner")
    with pytest.raises(InputError, match="learner uses what it made"):
        queue.delete(first.id)
    queue.stop(waiting.id)
    queue.stop(busy.id, force=True)
    until(queue, busy, ended)
    queue.delete(first.id)


def test_names_of_what_ships_are_no_folders_of_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("emoji-unet", "emoji-own-pictures", "emoji-train", "mine"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)
    kept = as_kept(TrainSettings.checked(model="emoji-unet", data="emoji-own-pictures"))
    assert (kept["model"], kept["data"]) == ("emoji-unet", "emoji-own-pictures")
    assert as_kept(TrainSettings.checked(data="mine"))["data"] == str(tmp_path / "mine")
    making = MakeDataSettings.checked(suite="emoji-train", keep_top=1, shared={"model": "emoji-unet"})
    assert as_kept(making)["suite"] == "emoji-train"
