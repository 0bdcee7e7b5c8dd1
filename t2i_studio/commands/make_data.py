"""`t2i-studio make-data`: a model paints its own training pictures, and the best are kept."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..config import PRACTICE_MODEL, GenerateSettings, MakeDataSettings
from ..errors import InputError
from ..flags import add_flags, given, words
from .jobs import line

if TYPE_CHECKING:
    from ..making import Making
    from ..tasks import Task

_PAINTED = (
    "steps", "guidance_scale", "width", "height", "scheduler", "negative_prompt", "lora", "lora_scale",
    "guide", "guide_strength", "guide_weights", "device", "dtype",
)  # fmt: skip
_OWN = ("tasks", "limit", "per_prompt", "first_seed", "scorer", "keep_top", "threshold")


def add(commands: Any) -> None:
    """The command's arguments."""
    command = commands.add_parser("make-data", help="have a model paint its own training pictures, and keep the best")
    told = {name: (field.description or "").replace("%", "%%") for name, field in MakeDataSettings.model_fields.items()}
    command.add_argument("--model", default=PRACTICE_MODEL, metavar="MODEL", help="default: %(default)s")
    prompts = command.add_mutually_exclusive_group()
    prompts.add_argument("--suite", default=None, metavar="SUITE", help=f"{told['suite']} Default: emoji-train.")
    prompts.add_argument("--prompts", type=Path, default=None, metavar="FILE", help="a text file with a prompt a line")
    kinds: dict[str, Any] = {"tasks": words, "scorer": str, "threshold": float}
    for name in _OWN:
        default = MakeDataSettings.model_fields[name].default
        text = told[name] + (f" Default: {default}." if default not in (None, ()) else "")
        command.add_argument(
            "--" + name.replace("_", "-"), type=kinds.get(name, int), default=None, metavar=name.upper(), help=text
        )
    add_flags(command, GenerateSettings, _PAINTED)
    command.add_argument("--out", type=Path, metavar="DIR", help="the data set's folder; goes on if there is one")
    command.add_argument("--background", action="store_true", help="queue it as a job and return; see t2i-studio jobs")
    command.add_argument("--json", action="store_true", help="print JSON")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Paint, score, select, tell."""
    from ..studio import Studio

    asked = {name: value for name in _OWN if (value := getattr(options, name)) is not None}
    suite = options.suite if options.prompts is None else _as_suite(options.prompts)
    if suite is not None:
        asked["suite"] = suite
    asked["shared"] = {"model": options.model, **given(options, GenerateSettings, _PAINTED)}
    studio = Studio(options.model)
    if options.background:
        if options.out is not None:
            raise InputError(
                "A job has a folder of its own.", "Leave --out out; t2i-studio jobs show tells the folder."
            )
        job = studio.queue_making(**asked)
        print(json.dumps(job.as_json()) if options.json else line(job))
        return 0
    if options.out is None:
        raise InputError("There is no place for the data.", "Say where with --out DIR.")
    making = _followed(studio.submit_making(options.out, _progress(options), **asked))
    kept = sum(one.kept for one in making.selected)
    if options.json:
        print(json.dumps({"folder": str(making.folder), "kept": kept, "made": len(making.selected)}))
    else:
        print(f"{making.folder}: {kept} of {len(making.selected)} pictures kept")
    return 0


def _as_suite(file: Path) -> str:
    """A file as a suite's name, whatever it is called."""
    if not file.is_file():
        raise InputError(f"There is no file {file}.", "Give a text file with a prompt a line.")
    return str(file.resolve())


def _progress(options: argparse.Namespace) -> Any:
    def progress(done: int, total: int, prompt: str) -> None:
        if sys.stderr.isatty() and not options.json:
            print(f"\r\x1b[K{done}/{total} {prompt}", end="" if done < total else "\n", file=sys.stderr, flush=True)

    return progress


def _followed(task: Task) -> Making:
    """Wait; Ctrl+C ends it within a step, and what is painted can be gone on with."""
    from ..data_sets import making_of

    try:
        while not task.wait(0.2):
            pass
    except KeyboardInterrupt:
        task.cancel()
    return making_of(task)
