"""The process that stands above one job: starts its worker, passes a stop on, and writes how it ended.

    python -m t2i_studio.jobs.supervisor FOLDER WORKER

Loads nothing heavy, so it survives when the system kills the worker for its memory.
"""

from __future__ import annotations

import datetime
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from .store import END, LOG, STOP, read_json, write_json

REASON = "reason.json"
RESERVE = "reserve"
GRACE = 120.0
"""Seconds that a worker has for its checkpoint once it was asked to stop."""
_NO_MEMORY = "The system killed it, as a rule for want of memory: use a smaller batch, or gradient checkpointing."


def supervise(folder: Path, module: str, grace: float = GRACE) -> dict[str, Any]:
    """Run `python -m module FOLDER` to its end; what is written to `end.json`."""
    (folder / REASON).unlink(missing_ok=True)
    (folder / RESERVE).write_bytes(b" " * 65536)  # room for the end, should the disk be full by then
    running: list[subprocess.Popen[bytes]] = []
    killers: list[threading.Timer] = []

    def stop(*_: Any) -> None:
        (folder / STOP).touch()
        if running and not killers:
            running[0].terminate()
            killers.append(threading.Timer(grace, running[0].kill))
            killers[0].daemon = True
            killers[0].start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    worker = subprocess.Popen([sys.executable, "-m", module, str(folder)], stdin=subprocess.DEVNULL)
    running.append(worker)
    if (folder / STOP).exists():  # asked before there was anything to stop
        stop()
    code = worker.wait()
    for timer in killers:
        timer.cancel()
    (folder / RESERVE).unlink(missing_ok=True)
    end = told(folder, code) | {"ended": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")}
    write_json(folder / END, end)
    return end


def told(folder: Path, code: int) -> dict[str, Any]:
    """State, reason and exit code of an ended worker."""
    asked = (folder / STOP).exists()
    said = (read_json(folder / REASON) or {}).get("reason", "")
    if code == 0:
        return {"state": "done", "reason": "", "exit_code": 0}
    if asked:
        if code == -signal.SIGTERM:
            reason = "Stopped before its first step."
        else:
            reason = said if code > 0 and said else "Ended by force: it did not answer in time."
        return {"state": "stopped", "reason": reason, "exit_code": code}
    if code < 0:
        name = signal.Signals(-code).name if -code in {int(s) for s in signal.Signals} else f"signal {-code}"
        reason = f"Killed ({name}). {_NO_MEMORY}" if -code == getattr(signal, "SIGKILL", 9) else f"Killed ({name})."
        return {"state": "failed", "reason": reason, "exit_code": code}
    return {"state": "failed", "reason": said or _last_line(folder), "exit_code": code}


def _last_line(folder: Path) -> str:
    file = folder / LOG
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines() if file.is_file() else []
    return next((line.strip() for line in reversed(lines) if line.strip()), "It ended without a word.")[:400]


def main() -> int:
    """Supervise, then let the next job of the queue begin."""
    from .queue import JobQueue

    folder, module = Path(sys.argv[1]), sys.argv[2]
    supervise(folder, module)
    JobQueue(folder.parent, module).advance()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
