"""`t2i-studio evaluate`: a suite of prompts painted in one or several ways, and judged."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..config import DEFAULT_MODEL, EvaluateSettings, GenerateSettings
from ..errors import InputError
from ..flags import add_flags, given, words

if TYPE_CHECKING:
    from ..judging import Evaluation
    from ..tasks import Task

_OF_A_SUITE = (
    "steps", "guidance_scale", "width", "height", "scheduler", "negative_prompt", "lora", "lora_scale",
    "guide_strength", "device", "dtype",
)  # fmt: skip
"""Settings that hold for every picture of an evaluation."""
LAYOUTS = ("geneval", "t2i-compbench")
FIGURES = (".png", ".pdf", ".svg")


def add(commands: Any) -> None:
    """The command's arguments."""
    command = commands.add_parser("evaluate", help="paint a suite of prompts and have the pictures judged")
    told = {name: field.description for name, field in EvaluateSettings.model_fields.items()}
    command.add_argument("--suite", default="emoji-geneval", metavar="SUITE", help=f"{told['suite']} Default: first.")
    command.add_argument("--judge", default="emoji-matcher", metavar="JUDGE", help=f"{told['judge']} Default: first.")
    command.add_argument("--seeds", type=int, default=4, metavar="N", help=f"{told['seeds']} Default: 4.")
    command.add_argument("--tasks", type=words, default=(), metavar="TASKS", help="only these, separated by commas")
    command.add_argument("--limit", type=int, default=None, metavar="N", help="prompts a task and split (default: all)")
    command.add_argument("--model", default=DEFAULT_MODEL, metavar="MODEL", help="default: %(default)s")
    axes = command.add_argument_group(
        "ways to compare", "each takes several values, separated by commas; a row for every combination, differences "
        "paired with the first",
    )  # fmt: skip
    axes.add_argument("--models", type=words, default=(), metavar="MODELS", help="names, folders, hub ids")
    axes.add_argument("--loras", type=words, default=(), metavar="PATHS", help="LoRAs; none for without")
    axes.add_argument(
        "--guides", type=words, default=(), metavar="METHODS", help="none, ai-t2i, attend-and-excite:refine=false …"
    )
    axes.add_argument(
        "--ways", type=Path, metavar="FILE", help="more ways by name, from YAML such as configs/guidance/methods.yaml"
    )
    axes.add_argument(
        "--search", action="append", default=[], metavar="DIAL=VALUES",
        help="try every guided way with each of these values, e.g. step_size=5,10,20; twice for all combinations",
    )  # fmt: skip
    axes.add_argument("--best", type=Path, metavar="FILE", help="keep the best of each way here, for --ways")
    axes.add_argument("--sheet", type=Path, metavar="FILE", help="draw what each way won and lost: PNG")
    axes.add_argument(
        "--maps", type=Path, metavar="FILE",
        help="measure scatter and overlap of the subjects' maps at every step; draw them (PNG, PDF, SVG), numbers in a "
        ".csv beside it",
    )  # fmt: skip
    axes.add_argument("--csv", action="store_true", help="print CSV")
    add_flags(command, GenerateSettings, _OF_A_SUITE)
    command.add_argument(
        "--out", type=Path, metavar="DIR", help="keep pictures and verdicts here; goes on if there are some"
    )
    command.add_argument("--layout", choices=LAYOUTS, default="", help=f"{told['layout']} In DIR/LAYOUT.")
    command.add_argument("--json", action="store_true", help="print JSON")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Paint, judge, tell."""
    from ..studio import Studio
    from ..ways import read_ways, ways

    if options.sheet is not None and options.sheet.suffix.lower() != ".png":
        raise InputError(f"{options.sheet.name} is no .png file.", "Call the sheet FILE.png.")
    if options.maps is not None and options.maps.suffix.lower() not in FIGURES:
        raise InputError(f"{options.maps.name} is no figure.", f"End it with {', '.join(FIGURES)}.")
    if options.layout and options.out is None:
        raise InputError("There is no place for the layout.", "Say where with --out DIR.")
    asked: dict[str, Any] = {
        "suite": options.suite, "judge": options.judge, "seeds": options.seeds, "tasks": options.tasks,
        "limit": options.limit, "layout": options.layout, "maps": options.maps is not None,
        "search": tuple(options.search), "shared": given(options, GenerateSettings, _OF_A_SUITE),
    }  # fmt: skip
    several = ways(options.models, options.loras, options.guides, read_ways(options.ways) if options.ways else None)
    if options.best is not None and not options.search:
        raise InputError("Nothing is searched, so none is best.", "Say what to try, e.g. --search step_size=5,10,20.")
    if options.sheet is not None and len(several) < 2 and not options.search:
        raise InputError("There is nothing to compare on a sheet.", "Name two ways, e.g. --guides none,ai-t2i.")
    task = Studio(options.model).submit_evaluation(
        options.out, _progress(options), **asked, **({"ways": several} if several else {})
    )
    evaluation = _followed(task)
    _tell(evaluation, options, several=bool(several or options.search))
    if options.maps is not None:
        _steps(evaluation, options)
    if options.search:
        _choose(evaluation, options)
    for folder in evaluation.laid_out:
        print(f"Laid out: {folder}", file=sys.stderr)
    return 0


def _progress(options: argparse.Namespace) -> Any:
    def progress(done: int, total: int, prompt: str) -> None:
        if sys.stderr.isatty() and not options.json:
            print(f"\r\x1b[K{done}/{total} {prompt}", end="" if done < total else "\n", file=sys.stderr, flush=True)

    return progress


def _followed(task: Task) -> Evaluation:
    """Wait; Ctrl+C ends it within a step, and what is done can be gone on with."""
    from ..evaluating import evaluation_of

    try:
        while not task.wait(0.2):
            pass
    except KeyboardInterrupt:
        task.cancel()
    return evaluation_of(task)


def _tell(evaluation: Evaluation, options: argparse.Namespace, *, several: bool) -> None:
    from ..evaluation import compared_csv, compared_markdown, markdown, rows

    table = evaluation.table() if several else rows(evaluation.found[""])
    if options.sheet is not None:
        _draw(evaluation, options.sheet)
    if options.json:
        print(json.dumps([dataclasses.asdict(row) for row in table]))
    elif options.csv:
        print(compared_csv(evaluation.table()))
    else:
        # Trials are many: a search tells them over all prompts together.
        told = [row for row in evaluation.table() if row.group == "all"] if options.search else []
        table = told or evaluation.table()
        print(compared_markdown(table) if several else markdown(rows(evaluation.found[""])))


def _steps(evaluation: Evaluation, options: argparse.Namespace) -> None:
    """The maps over the steps: figure, CSV beside it, and five steps as a table."""
    from ..evaluation import by_step_csv, by_step_markdown, lines_by_step
    from ..runs import storing
    from ..visuals import save_figure, steps

    rows = evaluation.by_step()
    beside = options.maps.with_suffix(".csv")
    with storing(options.maps):
        save_figure(steps(lines_by_step(rows)), options.maps)
        beside.write_text(by_step_csv(rows), encoding="utf-8")
    print("\n" + by_step_markdown(rows), file=sys.stderr if options.json or options.csv else sys.stdout)
    print(f"Maps: {options.maps}, {beside}", file=sys.stderr)


def _choose(evaluation: Evaluation, options: argparse.Namespace) -> None:
    """Tell the best trial of each way, and keep them as ways."""
    from ..searching import chosen_markdown

    chosen = evaluation.chosen() if options.best is None else evaluation.keep_chosen(options.best)
    print("\n" + chosen_markdown(chosen), file=sys.stderr if options.json or options.csv else sys.stdout)
    if options.best is not None:
        print(f"Best: {options.best}", file=sys.stderr)


def _draw(evaluation: Evaluation, file: Path) -> None:
    """One sheet a way; with several ways their names go into the files' names."""
    from ..runs import storing
    from ..ways import safe_name

    _, *others = evaluation.ways
    for label in others:
        target = file if len(others) == 1 else file.with_stem(f"{file.stem}-{safe_name(label)}")
        with storing(target):
            evaluation.sheet(label).save(target)
        print(f"Sheet: {target}", file=sys.stderr)
