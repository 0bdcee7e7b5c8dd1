"""`t2i-studio probe`: what a model's maps say at little and at much noise, over one picture or many."""

from __future__ import annotations

import argparse
import csv
import io
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..config import DEFAULT_MODEL, ProbeSettings
from ..errors import InputError
from ..flags import add_flags, given

FLAGS = frozenset(ProbeSettings.model_fields) - {"renormalise", "maps_of", "heads"}
"""A probe is of the maps that training compares: of nouns, over all keys, heads together."""

if TYPE_CHECKING:
    from ..training import Picture, Summary, Table


def add(commands: Any) -> None:
    """The command's arguments."""
    command = commands.add_parser("probe", help="maps of the same pictures at little and at much noise")
    command.add_argument(
        "image", metavar="IMAGE", nargs="?", type=Path,
        help="a picture, or a folder of them; masks beside it as NAME.mask-NOUN.png",
    )  # fmt: skip
    command.add_argument("--caption", default="", metavar="TEXT", help="what is to be seen; a scene has its own")
    command.add_argument("--run", dest="run_id", metavar="RUN", help="the picture and prompt of a kept run")
    command.add_argument("--scenes", type=int, metavar="N", help="N held-out scenes of the embedded world")
    command.add_argument(
        "--scene", dest="chosen", metavar="INDEX", type=indices, action="extend",
        help="single ones of them: a number, several (3,7) or a range (10-19); may be given again",
    )  # fmt: skip
    add_flags(command, ProbeSettings, FLAGS)
    command.add_argument("--figure", type=Path, metavar="FILE", help="draw the decay and the sites: PNG, SVG or PDF")
    shape = command.add_mutually_exclusive_group()
    shape.add_argument("--json", action="store_true", help="print JSON")
    shape.add_argument("--csv", action="store_true", help="print CSV, one row a noise level")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Probe, tabulate, tell."""
    from ..studio import Studio
    from ..training import summarise, tabulate

    asked = given(options, ProbeSettings, FLAGS)
    studio = Studio(asked.get("model") or DEFAULT_MODEL)
    pictures, total = _pictures(studio, options)
    found: list[Summary] = []
    for number, picture in enumerate(pictures):
        # One noise a picture, so that the mean is over noises too.
        seed = int(asked.get("seed") or 0) + number
        found.append(summarise(studio.probe(picture, **{**asked, "seed": seed})))
        if sys.stderr.isatty():
            print(f"\r\x1b[K{number + 1}/{total} {picture.name}", end="", file=sys.stderr, flush=True)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    table = tabulate(found)
    if options.figure is not None:
        from ..visuals import decay, save_figure

        data = table.as_json()
        save_figure(decay(data["levels"], data["sites"], table.t_tea, table.t_stu, table.measure), options.figure)
    _tell(table, options)
    return 0


def _pictures(studio: Any, options: argparse.Namespace) -> tuple[Iterator[Picture], int]:
    """What is to be probed, and how many."""
    from ..pictures import captioned
    from ..training import Picture, from_file, from_folder, from_scene

    sources = [options.image, options.run_id, options.scenes, options.chosen]
    if sum(one is not None for one in sources) != 1:
        raise InputError(
            "Say what to probe.", "Give one of: a picture or folder, --run RUN, --scenes N, --scene INDEX."
        )
    if options.scenes is not None and options.scenes < 1:
        raise InputError(f"{options.scenes} scenes can't be probed.", "Give 1 or more.")
    numbers: Sequence[int] = range(options.scenes) if options.scenes else options.chosen or ()
    if numbers:
        return (_named(from_scene(number), options.caption) for number in numbers), len(numbers)
    if options.run_id is not None:
        run = studio.runs.load(options.run_id)
        return iter([Picture(run.id, run.image, options.caption or run.prompt.text)]), 1
    if options.image.is_dir():
        return from_folder(options.image, options.caption), len(captioned(options.image, options.caption))
    return iter([from_file(options.image, options.caption)]), 1


def _named(scene: Picture, caption: str) -> Picture:
    """With another caption than its own, where one was given."""
    return replace(scene, caption=caption) if caption else scene


def indices(text: str) -> list[int]:
    """`3,10-12` → 3, 10, 11, 12.

    Raises:
        argparse.ArgumentTypeError: not so written.
    """
    found: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise argparse.ArgumentTypeError(f"{text!r} are no indices of scenes: write 3, or 3,7, or 10-19")
        found += range(int(first), int(last or first) + 1)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is an empty range: the smaller number comes first")
    return found


def _tell(table: Table, options: argparse.Namespace) -> None:
    from ..training import judge

    if options.json:
        print(json.dumps(table.as_json(), indent=1))
        return
    if options.csv:
        print(as_csv(table), end="")
        return
    names = list(table.levels[0].numbers)
    print(f"{table.num_pictures} pictures; mean and 95 % interval over pictures\n")
    print("| timestep | " + " | ".join(name.replace("_", " ") for name in names) + " |")
    print("|---" * (len(names) + 1) + "|")
    for level in table.levels:
        cells = [f"{e.mean:.3f} [{e.low:.3f}, {e.high:.3f}]" for e in (level.numbers[name] for name in names)]
        print(f"| {level.timestep:g} | " + " | ".join(cells) + " |")
    name = table.measure.replace("_", " ")
    print(f"\n| site | grid | {name} at t {table.t_tea:g} | at t {table.t_stu:g} | by default |\n|---|---|---|---|---|")
    for row in table.sites:
        cells = [f"{e.mean:.3f} [{e.low:.3f}, {e.high:.3f}]" for e in (row.teacher, row.student)]
        print(f"| {row.site} | {row.grid} | {cells[0]} | {cells[1]} | {'yes' if row.default else ''} |")
    verdict = judge(table)
    print(f"\n{verdict.text}")
    if verdict.sites:
        print("Sites that carry the meaning: " + ", ".join(verdict.sites))


def as_csv(table: Table) -> str:
    """One row a noise level; three columns a number."""
    out = io.StringIO()
    rows = csv.writer(out)
    names = list(table.levels[0].numbers)
    rows.writerow(["timestep", *(c for n in names for c in (n, f"{n}_low", f"{n}_high"))])
    for level in table.levels:
        rows.writerow([level.timestep, *(v for n in names for v in asdict(level.numbers[n]).values())])
    return out.getvalue()
