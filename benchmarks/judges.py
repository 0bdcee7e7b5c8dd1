"""The judges of the embedded world beside each other, and beside a look at the pictures.

    python benchmarks/judges.py f1 [--scenes 200]       what each finds of what was rendered
    t2i-studio evaluate --suite emoji-geneval --limit 10 --seeds 1 --judge none --out DIR
    python benchmarks/judges.py sheet DIR SHEETS         the pictures, numbered, large, without prompts: for a look
    python benchmarks/judges.py agree DIR [--looked docs/data/looked-at.json]
    python benchmarks/judges.py nouns DIR…               how often each noun was found where one was asked for

`sheet` leaves a blank for the look beside the sheets: {"pictures": {number: [[noun, colour or null, x, y], …]}}, x
and y the object's middle in pixels of 128; `agree` takes numbers of sheets, or names of picture files. Prints
Markdown tables.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

sys.path.insert(0, str(Path(__file__).parent.parent))

from t2i_studio.emoji.held_out import held_out_scenes
from t2i_studio.emoji.vocabulary import NOUNS
from t2i_studio.evaluation import JUDGES, Found, Item, choose_items, picture_name, score
from t2i_studio.evaluation.agreement import agreement
from t2i_studio.evaluation.evaluate import Judged, read
from t2i_studio.evaluation.measure import blurred, measure, scenes_of, vae_round_trip

FRESH = 55_000
"""Seed of the scenes: those that thresholds were fixed on have others."""
A_SHEET, COLUMNS, SIDE, HEAD = 20, 5, 300, 26
HALF = 24.0
"""Half of the box that stands for an object of a look, whose middle alone was written down."""


def f1(number: int, judges: Sequence[str]) -> None:
    """Precision, recall and F1 of judges on fresh scenes: of all kinds, and of pairs that training never shows."""
    kinds = {"of all kinds": scenes_of(FRESH, number), "unseen pairs": held_out_scenes(number, "test_unseen")}
    changes = {"rendered": lambda image: image, "after the VAE": vae_round_trip(), "blurred": blurred}
    print("| judge | scenes | pictures | objects | precision | recall | F1 | colours |")
    print("|---|---|---|---|---|---|---|---|")
    for name, (kind, scenes), (change, changed) in itertools.product(judges, kinds.items(), changes.items()):
        got = measure(JUDGES[name](), scenes, changed)
        shares = " | ".join(f"{share:.3f}" for share in (got.precision, got.recall, got.f1, got.colours))
        print(f"| {name} | {kind} | {change} | {got.num_objects} | {shares} |", flush=True)


def sheets(folder: Path, out: Path) -> None:
    """The pictures of an evaluation, enlarged, in no order, each under its number alone: no prompt can be guessed."""
    out.mkdir(parents=True, exist_ok=True)
    files = mixed(folder)
    blank = ",\n".join(f'  "{number}": []' for number in range(len(files)))
    (out / "blank.json").write_text('{\n"pictures": {\n' + blank + "\n}\n}\n", encoding="utf-8")
    font = ImageFont.load_default(18)
    for start in range(0, len(files), A_SHEET):
        part = files[start : start + A_SHEET]
        rows = -(-len(part) // COLUMNS)
        sheet = Image.new("RGB", (COLUMNS * (SIDE + 6), rows * (SIDE + HEAD)), "white")
        pen = ImageDraw.Draw(sheet)
        for i, file in enumerate(part):
            x, y = i % COLUMNS * (SIDE + 6), i // COLUMNS * (SIDE + HEAD)
            pen.text((x + 4, y + 2), str(start + i), fill="black", font=font)
            with Image.open(file) as image:
                sheet.paste(image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BICUBIC), (x, y + HEAD))
        sheet.save(out / f"sheet-{start:03d}.png")


def mixed(folder: Path) -> list[Path]:
    """The picture files of an evaluation in the order of the sheets: always the same, and not the suite's."""
    files = [folder / picture_name(judged) for judged in read(folder)]
    return [files[i] for i in np.random.default_rng(FRESH).permutation(len(files))]


def agree(folder: Path, looked: Path | None) -> None:
    """Judge the pictures with every judge; print how often each two looks say the same."""
    torch.set_num_threads(1)
    items = {(item.task, item.prompt): item for item in choose_items("emoji-geneval")}
    kept = [one for one in read(folder) if (one.task, one.prompt) in items]
    looks: dict[str, list[Sequence[Found]]] = {name: _judged(name, folder, kept) for name in JUDGES}
    if looked is not None:
        order = mixed(folder)
        look = json.loads(looked.read_text(encoding="utf-8"))
        painted = json.loads((folder / "about.json").read_text(encoding="utf-8"))["weights"]
        if look["weights"] != painted:
            raise SystemExit(
                f"{looked} looked at pictures of weights {look['weights']}; {folder} has those of {painted}."
            )
        seen = {order[int(key)].name if key.isdigit() else key: rows for key, rows in look["pictures"].items()}
        looks["a look"] = [[_found(*row) for row in seen[picture_name(one)]] for one in kept]
    requests = [_request(items[one.task, one.prompt]) for one in kept]
    print("| one | other | pictures | present | exact | κ of nouns | colours |")
    print("|---|---|---|---|---|---|---|")
    for one, other in itertools.combinations(looks, 2):
        told = agreement(requests, looks[one], looks[other])
        shares = f"{told.present:.2f} | {told.exact:.2f} | {told.kappa:.2f} | {told.colours:.2f}"
        print(f"| {one} | {other} | {told.num_pictures} | {shares} |")
    print("\n| who | objects | present | exact |\n|---|---|---|---|")
    for name, found in looks.items():
        scores = [score(asked, one) for asked, one in zip(requests, found, strict=True)]
        shares = [sum(getattr(one, what) for one in scores) / len(scores) for what in ("present", "exact")]
        print(f"| {name} | {sum(map(len, found))} | {shares[0]:.2f} | {shares[1]:.2f} |")


def nouns(folders: Sequence[Path]) -> None:
    """What the judge of these evaluations found of each noun, where a prompt asks for one of it; the rarest first."""
    found: dict[str, list[bool]] = {}
    for judged in itertools.chain.from_iterable(map(read, folders)):
        for noun in set(judged.prompt.replace(",", "").split()).intersection(NOUNS):
            found.setdefault(noun, []).append(any(one.noun == noun for one in judged.found))
    print("| noun | asked | found |\n|---|---|---|")
    for noun, hits in sorted(found.items(), key=lambda pair: float(np.mean(pair[1]))):
        print(f"| {noun} | {len(hits)} | {np.mean(hits):.2f} |")


def _judged(name: str, folder: Path, kept: Sequence[Judged]) -> list[Sequence[Found]]:
    judge = JUDGES[name]()
    found = []
    for one in kept:
        with Image.open(folder / picture_name(one)) as image:
            found.append(judge(image))
    return found


def _found(noun: str, colour: str | None, x: float, y: float) -> Found:
    return Found(noun, colour, (x - HALF, y - HALF, x + HALF, y + HALF), 1.0, 0.0)


def _request(item: Item):
    assert item.request is not None
    return item.request


def main() -> None:
    """Parse the arguments, then do it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    actions = parser.add_subparsers(required=True, dest="action")
    one = actions.add_parser("f1")
    one.add_argument("--scenes", type=int, default=200)
    one.add_argument("--judge", action="append", choices=JUDGES, help="default: every one")
    one = actions.add_parser("sheet")
    one.add_argument("folder", type=Path)
    one.add_argument("out", type=Path)
    one = actions.add_parser("agree")
    one.add_argument("folder", type=Path)
    one.add_argument("--looked", type=Path)
    one = actions.add_parser("nouns")
    one.add_argument("folders", type=Path, nargs="+", help="of one way each")
    options = parser.parse_args()
    if options.action == "f1":
        f1(options.scenes, options.judge or list(JUDGES))
    elif options.action == "sheet":
        sheets(options.folder, options.out)
    elif options.action == "nouns":
        nouns(options.folders)
    else:
        agree(options.folder, options.looked)


if __name__ == "__main__":
    main()
