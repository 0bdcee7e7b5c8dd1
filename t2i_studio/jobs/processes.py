"""Processes that outlive us: started apart, recognised later by number and birth."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

_SAME = 1.0
"""Seconds by which two readings of a birth may differ."""
_GOING = 3.0
"""Seconds that killed processes have to go."""


def start_apart(module: str, arguments: list[str], log: Path) -> tuple[int, float]:
    """Start `python -m module` in a session of its own; its number and birth.

    Output is added to `log`.
    """
    options: dict[str, object] = {"start_new_session": True} if os.name == "posix" else {"creationflags": 0x00000208}
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments], stdin=subprocess.DEVNULL, stdout=output,
            stderr=subprocess.STDOUT, close_fds=True, **options,  # type: ignore[call-overload]
        )  # fmt: skip
    with suppress(psutil.Error):
        return process.pid, born_at(psutil.Process(process.pid))
    return process.pid, 0.0


def born_at(process: psutil.Process) -> float:
    """Seconds from the machine's start to the process's: a clock that is set meanwhile does not change it."""
    return process.create_time() - psutil.boot_time()


def alive(pid: int, born: float) -> bool:
    """Whether that very process still runs."""
    try:
        process = psutil.Process(pid)
        return abs(born_at(process) - born) < _SAME and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def ask_to_stop(pid: int, born: float) -> None:
    """SIGTERM, to that very process only."""
    if alive(pid, born):
        with suppress(OSError):
            os.kill(pid, signal.SIGTERM)


def kill_tree(pid: int, born: float) -> None:
    """End that process and all it started, and see them gone (up to a few seconds: one may hang in the system)."""
    if not alive(pid, born):
        return
    with suppress(psutil.Error):
        killed = list(_killed_from_above(psutil.Process(pid)))
        end = time.monotonic() + _GOING
        while any(alive(*one) for one in killed) and time.monotonic() < end:
            time.sleep(0.01)


def _killed_from_above(process: psutil.Process) -> Iterator[tuple[int, float]]:
    """Held still, then killed before its children: it neither starts another nor writes how one of them ended.

    Yields: number and birth of each.
    """
    children: list[psutil.Process] = []
    with suppress(psutil.Error):
        yield process.pid, born_at(process)
    with suppress(psutil.Error):
        process.suspend()
    with suppress(psutil.Error):
        children = process.children()
    with suppress(psutil.Error):
        process.kill()
    for child in children:
        yield from _killed_from_above(child)
