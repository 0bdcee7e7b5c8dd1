"""`t2i-studio`: the studio's work without a browser.

Arguments only; the work is `Studio`'s. Nothing heavy is imported before a command runs.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import __version__
from .commands import add_data, evaluate, jobs, make_data, probe, train
from .config import DEFAULT_MODEL, GenerateSettings, InspectSettings
from .errors import Cancelled, InputError, StudioError
from .flags import add_flags, given
from .ui.serve import add_arguments as add_serve_arguments

if TYPE_CHECKING:
    from .tasks import Task
    from .types import Maps, Run

EXIT_FAILED, EXIT_USAGE, EXIT_CANCELLED = 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code. Errors for users are one line on stderr."""
    parser = build_parser()
    options = parser.parse_args(arguments)
    try:
        return options.run(options) or 0
    except (Cancelled, KeyboardInterrupt):
        print("Cancelled.", file=sys.stderr)
        return EXIT_CANCELLED
    except StudioError as error:
        print(f"t2i-studio: {error}", file=sys.stderr)
        return EXIT_USAGE if isinstance(error, InputError) else EXIT_FAILED
    except BrokenPipeError:
        return EXIT_FAILED


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = argparse.ArgumentParser(prog="t2i-studio", description="See, steer and teach text–image alignment.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_generate(commands)
    _add_inspect(commands)
    _add_runs(commands)
    _add_replay(commands)
    evaluate.add(commands)
    probe.add(commands)
    make_data.add(commands)
    add_data.add(commands)
    train.add(commands)
    jobs.add(commands)
    serve = commands.add_parser("serve", help="start the app in the browser")
    add_serve_arguments(serve)
    serve.set_defaults(run=_serve)
    doctor = commands.add_parser("doctor", help="versions, devices, models found, free memory")
    doctor.add_argument("--self-test", action="store_true", help="check on this device that recorded maps are right")
    doctor.add_argument(
        "--model", default=DEFAULT_MODEL, metavar="MODEL", help="for --self-test (default: %(default)s)"
    )
    doctor.add_argument("--device", default="auto", metavar="DEVICE", help="for --self-test (default: %(default)s)")
    doctor.add_argument(
        "--dtype", default="auto", choices=("auto", "float32", "float16", "bfloat16"),
        help="for --self-test (default: %(default)s)",
    )  # fmt: skip
    doctor.add_argument("--json", action="store_true", help="print JSON")
    doctor.set_defaults(run=_doctor)
    return parser


def _add_generate(commands: Any) -> None:
    command = commands.add_parser("generate", help="paint a prompt and record its maps")
    command.add_argument("prompt", metavar="PROMPT", help=GenerateSettings.model_fields["prompt"].description)
    add_flags(command, GenerateSettings)
    command.add_argument("--out", type=Path, metavar="DIR", help="keep the run in this folder")
    command.add_argument("--json", action="store_true", help="print what was made as JSON")
    command.set_defaults(run=_generate)


def _add_inspect(commands: Any) -> None:
    command = commands.add_parser("inspect", help="record the maps of pictures that exist already")
    command.add_argument("image", metavar="IMAGE", type=Path, help="a picture, or a folder of them")
    command.add_argument(
        "--caption", default="", metavar="TEXT",
        help="what is to be seen; a folder may hold metadata.jsonl or a .txt beside each picture instead",
    )  # fmt: skip
    add_flags(command, InspectSettings)
    command.add_argument("--out", type=Path, metavar="DIR", help="keep the run, or a folder's runs, here")
    command.add_argument("--json", action="store_true", help="print JSON, one line a picture")
    command.set_defaults(run=_inspect)


def _add_runs(commands: Any) -> None:
    runs = commands.add_parser("runs", help="list, show, export or delete kept runs")
    actions = runs.add_subparsers(title="actions", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="newest first")
    listing.add_argument("--query", default="", help="words of the prompt")
    listing.add_argument("--limit", type=int, default=20)
    listing.add_argument("--json", action="store_true", help="print JSON")
    listing.set_defaults(run=_runs_list)
    for name, work, text in (
        ("show", _runs_show, "print all that is known of a run"),
        ("export", _runs_export, "write a run as one file: a zip of all, its player as a page, or its maps"),
        ("delete", _runs_delete, "put a run in the trash"),
    ):
        action = actions.add_parser(name, help=text)
        action.add_argument("run_id", metavar="RUN", help="id, its beginning, or folder")
        if name == "export":
            action.add_argument(
                "--format", choices=("zip", "html", "npz", "pngs"), default="zip", help="default: %(default)s"
            )
            action.add_argument("--out", type=Path, required=True, metavar="FILE")
        action.set_defaults(run=work)


def _add_replay(commands: Any) -> None:
    command = commands.add_parser("replay", help="make a kept run again and compare")
    command.add_argument("run_id", metavar="RUN", help="id, its beginning, or folder")
    command.add_argument("--out", type=Path, metavar="DIR", help="keep the new run in this folder")
    command.add_argument("--json", action="store_true", help="print JSON")
    command.set_defaults(run=_replay)


def _generate(options: argparse.Namespace) -> int:
    from .studio import Studio

    asked = given(options, GenerateSettings)
    studio = Studio(asked.get("model") or DEFAULT_MODEL)
    task = studio.submit(studio.settings(options.prompt, **{"model": studio.model, **asked}), options.out)
    _print_run(_followed(task, options), as_json=options.json)
    return 0


def _inspect(options: argparse.Namespace) -> int:
    from .pictures import Captioned, captioned
    from .studio import Studio

    asked = given(options, InspectSettings)
    studio = Studio(asked.get("model") or DEFAULT_MODEL)
    folder = options.image.is_dir()
    pictures = captioned(options.image, options.caption) if folder else [Captioned(options.image, options.caption)]
    failed = 0
    for one in pictures:
        out = options.out / one.file.stem if folder and options.out else options.out
        try:
            run = _followed(studio.submit_inspection(one.file, one.caption, out, **asked), options)
        except Cancelled:
            raise
        except StudioError as error:
            if not folder:
                raise
            failed += 1
            print(f"{one.file.name}: {error}", file=sys.stderr)
            continue
        _print_run(run, as_json=options.json)
    return EXIT_FAILED if failed else 0


def _followed(task: Task, options: argparse.Namespace) -> Run:
    """Show progress until the task ends; Ctrl+C cancels it."""
    from .studio import result_of

    try:
        shown = None
        while not task.wait(0.1):
            if task.message != shown and not options.json and sys.stderr.isatty():
                shown = task.message
                print(f"\r\x1b[K{shown}", end="", file=sys.stderr, flush=True)
    except KeyboardInterrupt:
        task.cancel()
        task.wait()
    if sys.stderr.isatty() and not options.json:
        print("\r\x1b[K", end="", file=sys.stderr)
    return result_of(task)


def _print_run(run: Run, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(_summary(run), ensure_ascii=False))
        return
    print(run.folder)
    print("nouns: " + (", ".join(run.prompt.ids) or "none"))
    for note in run.notes:
        print(f"note: {note}")


def _summary(run: Run) -> dict[str, Any]:
    maps = run.maps
    return {
        "id": run.id,
        "folder": str(run.folder),
        "nouns": list(run.prompt.ids),
        "maps": {} if maps is None else {k: list(s.values_TSNYX.shape) for k, s in maps.stacks.items()},
        "settings": dict(run.settings),
        "timings": {k: round(v, 3) for k, v in run.timings.items()},
        "notes": list(run.notes),
    }


def _runs_list(options: argparse.Namespace) -> int:
    from .runs import RunStore

    found = RunStore().list(query=options.query, limit=options.limit)
    if options.json:
        print(json.dumps([dataclasses.asdict(r) for r in found], ensure_ascii=False, default=str))
        return 0
    for summary in found:
        print(f"{summary.id}  {summary.model}  {summary.prompt}")
    if not found:
        print('No runs yet. Make one: t2i-studio generate "a cat and a dog"', file=sys.stderr)
    return 0


def _runs_show(options: argparse.Namespace) -> int:
    from .runs import RunStore, run_reference

    print(json.dumps(_summary(RunStore().load(run_reference(options.run_id))), ensure_ascii=False, indent=2))
    return 0


def _runs_export(options: argparse.Namespace) -> int:
    from .runs import RunStore, run_reference, storing, write_npz
    from .visuals import write_pngs

    store, reference = RunStore(), run_reference(options.run_id)
    if options.format == "zip":
        print(store.export(reference, options.out))
        return 0
    run = store.load(reference)
    endings = {"html": ".html", "npz": ".npz", "pngs": "-maps.zip"}
    file = options.out / f"{run.id}{endings[options.format]}" if options.out.is_dir() else options.out
    with storing(file):
        if options.format == "html":
            run.show().save(file)
        else:
            {"npz": write_npz, "pngs": write_pngs}[options.format](file, _maps_of(run))
    print(file)
    return 0


def _maps_of(run: Run) -> Maps:
    if run.maps is None:
        raise InputError("This run has no maps.", "Choose a word of the prompt and generate again.")
    return run.maps


def _runs_delete(options: argparse.Namespace) -> int:
    from .runs import RunStore, run_reference
    from .runs.folder import read_record

    store, wanted = RunStore(), run_reference(options.run_id)
    folder = store.delete(wanted if isinstance(wanted, str) else str(read_record(wanted)["id"]))
    inside = folder.is_relative_to(store.root)
    print(f"In the trash: {folder}" if inside else f"Off the list; its files stay at {folder}")
    return 0


def _replay(options: argparse.Namespace) -> int:
    import numpy as np

    from .runs import run_reference
    from .studio import Studio

    studio = Studio()
    kept = studio.runs.load(run_reference(options.run_id))
    again = studio.replay(kept, options.out)
    same_size = kept.image.size == again.image.size
    same_pixels = same_size and bool((np.asarray(kept.image) == np.asarray(again.image)).all())
    difference = _map_difference(kept, again)
    if options.json:
        report = {"same_pixels": same_pixels, "largest_map_difference": difference, **_summary(again)}
        print(json.dumps(report, ensure_ascii=False))
        return 0
    print(again.folder)
    print(f"pixels: {'the same' if same_pixels else 'different'}; maps: largest difference {difference}")
    return 0


def _map_difference(one: Run, other: Run) -> float | None:
    if one.maps is None or other.maps is None:
        return None
    largest = 0.0
    for name, stack in one.maps.stacks.items():
        if name not in other.maps.stacks or other.maps.stacks[name].values_TSNYX.shape != stack.values_TSNYX.shape:
            return float("inf")
        largest = max(largest, float(abs(stack.values_TSNYX - other.maps.stacks[name].values_TSNYX).max()))
    return largest


def _serve(options: argparse.Namespace) -> int:
    from .ui.serve import serve

    return serve(options) or 0


def _self_test(options: argparse.Namespace) -> int:
    from .studio import Studio

    checks = Studio(options.model, device=options.device, dtype=options.dtype).self_test()
    failed = [check for check in checks if not check.passed]
    if options.json:
        print(json.dumps({"passed": not failed, "checks": [dataclasses.asdict(check) for check in checks]}))
        return EXIT_FAILED if failed else 0
    for check in checks:
        verdict = "passed" if check.passed else "FAILED"
        print(f"{verdict}  {check.site}  {check.num_keys} keys, {check.backend}: {check.finding}")
    if failed and all(check.oracle_right for check in failed):
        print("From now on maps are recorded there by the oracle: slower, and right.")
    elif failed:
        print("The oracle is wrong there too: don't trust maps of this device and number format.")
    return EXIT_FAILED if failed else 0


def _doctor(options: argparse.Namespace) -> int:
    if options.self_test:
        return _self_test(options)
    from .doctor import report

    found = report()
    if options.json:
        print(json.dumps(found, ensure_ascii=False))
        return 0
    for title, rows in found.items():
        print(title)
        for name, value in rows.items():
            print(f"  {name:<22} {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
