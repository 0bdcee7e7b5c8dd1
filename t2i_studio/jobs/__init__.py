"""Long work in processes of its own, that outlive the page and the app: queued, followed, stopped, resumed.

    record.py      what a job is, as it stands on disk
    store.py       one folder a job
    processes.py   which process is still the one that was started
    queue.py       submit, list, stop, resume, delete; one running job a device
    supervisor.py  the process that runs one job and tells truthfully how it ended
    worker.py      the process that does the work
    work.py        the kinds of work: a fine-tune, the making of data

Other places to run (a cluster, say) would stand behind the same `JobQueue`.
"""

from __future__ import annotations

from .queue import JobQueue
from .record import ENDED, Job

__all__ = ["ENDED", "Job", "JobQueue"]
