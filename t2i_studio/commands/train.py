"""`t2i-studio train`: a fine-tune in the foreground, from a preset and flags."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import yaml

from ..errors import InputError, SettingError
from ..training.settings import TrainSettings
from .jobs import line, queue


def add(commands: Any) -> None:
    """The command's arguments: a preset, and every setting as a flag over it."""
    command = commands.add_parser("train", help="fine-tune a model with a LoRA, its attention taught or not")
    command.add_argument("--config", default="", metavar="FILE", help="a preset's name, or a YAML file of settings")
    for name, field in TrainSettings.model_fields.items():
        flag = "--" + name.replace("_", "-")
        text = (field.description or "").replace("%", "%%")
        if field.annotation is bool:
            command.add_argument(flag, action=argparse.BooleanOptionalAction, default=None, help=text)
        elif name == "validation_prompts":
            command.add_argument(
                "--validation-prompt", dest=name, action="append", default=None, metavar="TEXT", help=text
            )
        else:
            command.add_argument(flag, default=None, metavar="VALUE", help=text)
    command.add_argument("--background", action="store_true", help="queue it as a job and return; see t2i-studio jobs")
    command.add_argument("--json", action="store_true", help="print the folder and last losses as JSON")
    command.set_defaults(run=run)


def settings_of(options: argparse.Namespace) -> TrainSettings:
    """The preset with the flags over it.

    Raises:
        InputError, SettingError: no such preset; an unknown setting or one out of range.
    """
    from ..finetune import preset

    values: dict[str, Any] = {}
    if options.config:
        try:
            values = yaml.safe_load(preset(options.config).read_text(encoding="utf-8")) or {}
        except yaml.YAMLError as error:
            raise SettingError(f"{options.config} can't be read: {error}", "Check the file.") from None
        if not isinstance(values, dict):
            raise SettingError(f"{options.config} holds no settings.", "Write lines such as learning_rate: 1e-4.")
    flags = {name: getattr(options, name) for name in TrainSettings.model_fields}
    given = {name: value for name, value in flags.items() if value is not None}
    return TrainSettings.checked(**{**values, **given})


def run(options: argparse.Namespace) -> int:
    """Train; the first Ctrl+C writes a checkpoint and ends, a second one ends at once."""
    from ..finetune import preflight, train
    from ..training.loop import Watcher
    from ..training.premise import told as in_words

    settings = settings_of(options)
    if options.background:
        if options.output_dir is not None or settings.resume_from_checkpoint:
            raise InputError(
                "A job has a folder of its own, and begins anew.",
                "Leave --output-dir and --resume-from-checkpoint out; t2i-studio jobs resume goes on with a job.",
            )
        preflight(settings)
        job = queue().submit(settings, Path(options.config).stem)
        print(json.dumps(job.as_json()) if options.json else line(job))
        return 0
    asked = {"stop": False}
    last: dict[str, float] = {}

    def stop(*_: Any) -> None:
        if asked["stop"]:
            raise KeyboardInterrupt
        asked["stop"] = True

    class Teller(Watcher):
        started = time.monotonic()

        def premise(self, ratio: float) -> None:
            print(in_words(ratio), file=sys.stderr)

        def step(self, step: int, num_steps: int, row: dict[str, float]) -> None:
            last.update(row)
            if options.json or not (sys.stderr.isatty() or step % 10 == 0 or step == num_steps):
                return
            names = [n for n in row if n not in ("step", "seconds", "lr", "lambda_t")]
            told = " ".join(f"{name} {row[name]:.4g}" for name in names)
            end = "\r\x1b[K" if sys.stderr.isatty() and step < num_steps else "\n"
            print(f"step {step}/{num_steps} {told}", end=end, file=sys.stderr, flush=True)

        def wants_stop(self) -> bool:
            return asked["stop"]

    before = {name: signal.signal(name, stop) for name in (signal.SIGINT, signal.SIGTERM)}
    try:
        folder: Path = train(settings, Teller())
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)
    if os.environ.get("RANK", "0") != "0":
        return 0
    print(json.dumps({"folder": str(folder), **last}) if options.json else folder)
    return 0
