"""`t2i-studio jobs`: fine-tunes that run in the background."""

from __future__ import annotations

import argparse
import json
from typing import Any

from ..config import home
from ..jobs import Job, JobQueue


def add(commands: Any) -> None:
    """The command's arguments."""
    jobs = commands.add_parser("jobs", help="fine-tunes in the background: list, show, stop, resume, logs, delete")
    actions = jobs.add_subparsers(title="actions", required=True, metavar="ACTION")
    for name, work, text in (
        ("list", _list, "newest first"),
        ("show", _show, "print all that is known of a job"),
        ("stop", _stop, "write a checkpoint and end"),
        ("resume", _resume, "go on from the last checkpoint"),
        ("logs", _logs, "the last lines it printed"),
        ("delete", _delete, "remove an ended job and all it made"),
    ):
        action = actions.add_parser(name, help=text)
        if name != "list":
            action.add_argument("job_id", metavar="JOB", help="id, or its beginning")
        if name == "stop":
            action.add_argument("--force", action="store_true", help="end it at once, without a checkpoint")
        if name == "logs":
            action.add_argument("--lines", type=int, default=40, metavar="N", help="default: %(default)s")
        if name in ("list", "show"):
            action.add_argument("--json", action="store_true", help="print JSON")
        action.set_defaults(run=work)


def queue() -> JobQueue:
    """The user's jobs."""
    return JobQueue(home() / "jobs")


def line(job: Job) -> str:
    """One job in one line."""
    step = job.progress.get("step")
    told = f" {step}/{job.progress['num_steps']}" if step else ""
    return f"{job.id}  {job.state}{told}{'  ' + job.reason if job.reason else ''}"


def _list(options: argparse.Namespace) -> int:
    found = queue().list()
    if options.json:
        print(json.dumps([job.as_json() for job in found]))
    else:
        print("\n".join(line(job) for job in found) or "No jobs yet.")
    return 0


def _show(options: argparse.Namespace) -> int:
    job = queue().get(options.job_id)
    if options.json:
        print(json.dumps(job.as_json()))
        return 0
    print(line(job))
    print(f"folder: {queue().out(job.id)}")
    for name, value in {**job.progress, **job.settings}.items():
        print(f"{name}: {value}")
    return 0


def _stop(options: argparse.Namespace) -> int:
    print(line(queue().stop(options.job_id, force=options.force)))
    return 0


def _resume(options: argparse.Namespace) -> int:
    print(line(queue().resume(options.job_id)))
    return 0


def _logs(options: argparse.Namespace) -> int:
    print("\n".join(queue().log(options.job_id, options.lines)))
    return 0


def _delete(options: argparse.Namespace) -> int:
    queue().delete(options.job_id)
    return 0
