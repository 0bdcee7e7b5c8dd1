"""Ended by force means: from above, so that nobody writes how a child of his ended."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from t2i_studio.jobs.processes import born_at, kill_tree

if TYPE_CHECKING:
    from pathlib import Path

PARENT = """
import pathlib, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
pathlib.Path(sys.argv[1]).write_text(str(child.pid))
child.wait()
pathlib.Path(sys.argv[1]).write_text("it ended")
"""


def test_a_parent_does_not_outlive_its_child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kill = psutil.Process.kill

    def slow(process: psutil.Process) -> None:
        kill(process)
        time.sleep(0.5)

    monkeypatch.setattr(psutil.Process, "kill", slow)
    told = tmp_path / "told"
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(told)])
    while not (told.exists() and told.read_text()):
        time.sleep(0.02)
    child = psutil.Process(int(told.read_text()))
    kill_tree(parent.pid, born_at(psutil.Process(parent.pid)))
    parent.wait(10)
    assert told.read_text() == str(child.pid)
    child.wait(10)


def test_a_stranger_of_the_same_number_lives() -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        kill_tree(process.pid, born_at(psutil.Process(process.pid)) - 60)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
    finally:
        process.kill()
        process.wait(10)


def test_what_can_not_be_held_still_is_killed_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(process: psutil.Process) -> None:
        raise psutil.AccessDenied(process.pid)

    monkeypatch.setattr(psutil.Process, "suspend", refused)
    monkeypatch.setattr(psutil.Process, "children", refused)
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    kill_tree(process.pid, born_at(psutil.Process(process.pid)))
    assert process.wait(10)
