"""Does CTCal teach? The same pictures, steps and search for every row; judged on test pairs by the matcher.

    python benchmarks/teaching.py --out DIR [--steps 600] [--training-seeds 5] [--rows base,plain,gors,ctcal …]

1. data    the model's own pictures of train prompts, selected by the detector (seeds that no table uses)
2. search  each row's learning rate and guidance scale, on tuning pairs
3. train   each row with several seeds; paired by seed
4. judge   test pairs seen and unseen
5. table   shares, and differences to the first row and to GORS, by bootstrap over training seeds and prompts

Whatever is there is not made again: stop it when you like. A small world: it shows mechanism and correctness, not
gains at the scale of SD. Prints Markdown, keeps it in DIR/table.md.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from t2i_studio import Studio
from t2i_studio.config import PRACTICE_MODEL
from t2i_studio.evaluating import evaluation_of
from t2i_studio.evaluation import Judged
from t2i_studio.finetune import SETTINGS, preset, train
from t2i_studio.pictures import METADATA
from t2i_studio.training import checkpoints
from t2i_studio.training.lora import WEIGHTS
from t2i_studio.training.settings import TrainSettings

RATES = (3e-5, 1e-4, 3e-4)
SCALES = (2.5, 4.0)
SEARCH_SEED = 1_000
"""Of the trainings whose rate is searched: none of the table's."""
TUNING, TEST = "attend-and-excite-tuning", "attend-and-excite-test"
MEASURES = ("present", "exact")
DRAWS = 4_000
SAME = {"resume_from_checkpoint": ""}
"""Of two settings that teach alike, what may differ."""
DATA = ("model", "tasks", "prompts", "per_prompt", "keep", "threshold", "made")
"""Options that the data depend on."""


@dataclass(frozen=True)
class Row:
    """One way to teach, or none."""

    preset: str = ""
    data: str = "selected"
    settings: Mapping[str, Any] = field(default_factory=dict)
    painting: Mapping[str, Any] = field(default_factory=dict)
    "How its pictures are painted."
    of: str = ""
    "The row whose LoRA it uses."


ROWS = {
    "base": Row(),
    "longer": Row("plain-lora", "scenes"),
    "plain-unselected": Row("plain-lora", "unselected"),
    "plain": Row("plain-lora"),
    "gors": Row("gors"),
    "ctcal": Row("ctcal"),
    "ctcal-rewards": Row("ctcal", settings={"reward_weights": True}),
    "ctcal-guided": Row(of="ctcal", painting={"guide": "ai-t2i"}),
    "all-tokens": Row("ablation-all-tokens"),
    "nouns": Row("ablation-nouns"),
    "semantic": Row("ablation-semantic"),
    "response": Row("ablation-response"),
    "random-teacher": Row("ablation-random-teacher"),
}
"""The last five are the paper's ablation, one term more each, then CTCal whole with another teacher."""


def make_data(studio: Studio, options: argparse.Namespace, out: Path) -> dict[str, str]:
    """Data sets by name, equally large."""
    selected = out / "data"
    studio.make_data(
        suite="emoji-train", tasks=options.tasks, out=selected, per_prompt=options.per_prompt, keep_top=options.keep,
        threshold=options.threshold, limit=options.prompts, scorer="emoji-detector", model=options.model,
        **options.made,
    )  # fmt: skip
    rows = [json.loads(line) for line in (selected / METADATA).read_text(encoding="utf-8").splitlines()]
    every = [json.loads(line) for line in (selected / "selection.jsonl").read_text(encoding="utf-8").splitlines()]
    unselected = out / "unselected"
    if not (unselected / METADATA).exists():
        unselected.mkdir(parents=True, exist_ok=True)
        chosen = [every[i] for i in np.random.default_rng(0).permutation(len(every))[: len(rows)]]
        lines = []
        for number, one in enumerate(chosen):
            shutil.copyfile(selected / one["file_name"], unselected / f"{number:05d}.png")
            lines.append(json.dumps({"file_name": f"{number:05d}.png", "text": one["text"]}) + "\n")
        (unselected / METADATA).write_text("".join(lines), encoding="utf-8")
    print(f"{len(rows)} of {len(every)} pictures selected", file=sys.stderr)
    return {"selected": str(selected), "unselected": str(unselected), "scenes": f"scenes:{len(rows)}"}


def taught(row: Row, data: Mapping[str, str], folder: Path, options: argparse.Namespace, **changes: Any) -> Path:
    """The folder of a row's LoRA, trained if it is not there; goes on where it was stopped."""
    own = TrainSettings.from_yaml(preset(row.preset)).model_dump()
    settings = TrainSettings.checked(**{
        **own, **row.settings, "model": options.model, "data": data[row.data], "max_train_steps": options.steps,
        "output_dir": str(folder), "checkpointing_steps": 100, "checkpoints_total_limit": 1, **changes,
    })  # fmt: skip
    again = (folder / SETTINGS).exists()
    if again and TrainSettings.from_yaml(folder / SETTINGS).model_copy(update=SAME) != settings.model_copy(update=SAME):
        raise SystemExit(f"{folder} was taught in another way: delete it, or choose another --out.")
    card = folder / "README.md"
    if not (folder / WEIGHTS).exists() or not card.exists() or "changes the prediction" not in card.read_text():
        train(settings.model_copy(update={"resume_from_checkpoint": "latest"}) if again else settings)
    for old in checkpoints.listed(folder):
        shutil.rmtree(old)
    return folder


def judged(
    studio: Studio,
    suite: str,
    ways: Mapping[str, Mapping[str, Any]],
    out: Path,
    options: argparse.Namespace,
    seeds: int,
) -> dict[str, Sequence[Judged]]:
    """Verdicts of the matcher, way by way."""
    task = studio.submit_evaluation(
        out, suite=suite, judge="emoji-matcher", seeds=seeds, limit=options.limit,
        shared={"model": options.model, **options.judged},
        ways={label: dict(way) for label, way in ways.items()},
    )  # fmt: skip
    return dict(evaluation_of(task).found)


def search(
    studio: Studio, names: Sequence[str], data: Mapping[str, str], out: Path, options: argparse.Namespace
) -> dict[str, tuple[float, float]]:
    """Learning rate (0: untaught) and guidance scale of every row: those with most exact pictures of tuning pairs.

    The scale is searched too, for the untaught model as for the others: who learns from guided pictures is guided
    twice.
    """
    trials: dict[str, tuple[str, float, float]] = {}
    ways: dict[str, dict[str, Any]] = {}
    for name in names:
        for rate in options.rates if ROWS[name].preset else (0.0,):
            folder = out / "search" / f"{name}-{rate:g}"
            lora = ""
            if rate:
                lora = str(taught(ROWS[name], data, folder, options, learning_rate=rate, seed=SEARCH_SEED))
            for scale in options.scales:
                label = f"{name} {rate:g} {scale:g}"
                trials[label], ways[label] = (name, rate, scale), {"lora": lora, "guidance_scale": scale}
    found = judged(studio, TUNING, ways, out / "tuning", options, options.search_seeds)
    share = {label: np.mean([(one.exact, one.present) for one in ones], axis=0) for label, ones in found.items()}
    best: dict[str, tuple[float, float]] = {}
    for label, (name, rate, scale) in sorted(trials.items(), key=lambda trial: -share[trial[0]][1]):
        exact, present = share[label]
        print(f"search: {label}: exact {exact:.3f}, present {present:.3f}", file=sys.stderr)
        first = best.get(name)
        if first is None or exact > share[f"{name} {first[0]:g} {first[1]:g}"][0]:
            best[name] = rate, scale
    return best


def cells(ones: Sequence[Judged], measure: str) -> dict[tuple[str, str], float]:
    """Split and prompt → share over the seeds of pictures."""
    by_prompt: dict[tuple[str, str], list[bool]] = {}
    for one in ones:
        by_prompt.setdefault((one.split, one.prompt), []).append(bool(getattr(one, measure)))
    return {key: sum(values) / len(values) for key, values in by_prompt.items()}


def interval(values: np.ndarray) -> tuple[float, float, float]:
    """Mean of (training seeds, prompts), and 95 % by drawing both anew."""
    rng = np.random.default_rng(1)
    seeds, prompts = values.shape
    draws = [values[rng.integers(0, seeds, seeds)][:, rng.integers(0, prompts, prompts)].mean() for _ in range(DRAWS)]
    low, high = np.percentile(draws, [2.5, 97.5])
    return float(values.mean()), float(low), float(high)


def table(found: Mapping[str, Sequence[Judged]], names: Sequence[str]) -> list[str]:
    """Markdown: shares by split, and differences to the first row and to GORS."""
    lines = []
    for measure in MEASURES:
        shares: dict[str, np.ndarray] = {}
        for name in names:
            runs = [cells(ones, measure) for label, ones in found.items() if label.split(" ")[0] == name]
            keys = sorted(runs[0])
            shares[name] = np.array([[run[key] for key in keys] for run in runs])
        splits = np.array([split for split, _ in keys])
        others = list(dict.fromkeys([names[0], *(n for n in ("gors",) if n in names)]))
        head = ["row", "trainings", *sorted(set(splits)), "both", *(f"over {other}" for other in others)]
        lines += [f"**{measure}**", "", f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
        for name in names:
            own = shares[name]
            parts = [own[:, splits == split] for split in sorted(set(splits))] + [own]
            row = [name, str(len(own)) if len(own) > 1 or ROWS[name].preset else "–"]
            row += ["{:.3f} [{:.3f}, {:.3f}]".format(*interval(part)) for part in parts]
            for other in others:
                count = max(len(own), len(shares[other]))
                pair = [np.broadcast_to(x, (count, x.shape[1])) if len(x) == 1 else x for x in (own, shares[other])]
                told = "{:+.3f} [{:+.3f}, {:+.3f}]".format(*interval(pair[0] - pair[1]))
                row.append("–" if name == other else told)
            lines.append(f"| {' | '.join(row)} |")
        lines.append("")
    return lines


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def _painting(text: str) -> dict[str, str]:
    """steps=15,dtype=bfloat16 → settings of a picture."""
    return dict(part.split("=", 1) for part in text.split(",") if part)


def _check(options: argparse.Namespace) -> None:
    """Say at once what would fail, or mix two tables, after hours."""
    unknown = [name for name in options.rows if name not in ROWS]
    if unknown:
        raise SystemExit(f"No row is called {', '.join(unknown)}. There are: {', '.join(ROWS)}.")
    lost = [name for name in options.rows if ROWS[name].of and ROWS[name].of not in options.rows]
    if lost:
        raise SystemExit(f"{lost[0]} uses the LoRA of {ROWS[lost[0]].of}: name that row too.")
    if not any(ROWS[name].preset for name in options.rows):
        raise SystemExit("No row is taught: name one that is, such as ctcal.")
    asked = json.loads(json.dumps({name: getattr(options, name) for name in DATA}))
    kept = options.out / "data.json"
    if kept.exists() and json.loads(kept.read_text()) != asked:
        raise SystemExit(f"{options.out} has data of {kept.read_text()}: ask for the same, or choose another --out.")
    options.out.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps(asked))


def main() -> None:
    """All stages, each resumed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", default=PRACTICE_MODEL)
    parser.add_argument("--rows", type=_words, default=tuple(ROWS))
    parser.add_argument("--steps", type=int, default=600, help="optimizer steps of every training")
    parser.add_argument("--training-seeds", type=int, default=5)
    parser.add_argument("--tasks", type=_words, default=(), help="of the train prompts; default all")
    parser.add_argument("--prompts", type=int, default=None, help="train prompts a task; default all")
    parser.add_argument("--per-prompt", type=int, default=20)
    parser.add_argument("--keep", type=int, default=3, help="of a prompt's pictures, at most")
    parser.add_argument("--threshold", type=float, default=0.75, help="the least reward of what is kept")
    parser.add_argument("--made", type=_painting, default={}, help="how data are painted, as steps=15,dtype=bfloat16")
    parser.add_argument("--judged", type=_painting, default={}, help="how what is judged is painted")
    parser.add_argument("--rates", type=lambda text: tuple(map(float, text.split(","))), default=RATES)
    parser.add_argument("--scales", type=lambda text: tuple(map(float, text.split(","))), default=SCALES)
    parser.add_argument("--search-seeds", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=4, help="pictures a test prompt")
    parser.add_argument("--limit", type=int, default=None, help="test prompts a task; default all")
    options = parser.parse_args()
    _check(options)
    studio = Studio(options.model)
    data = make_data(studio, options, options.out)
    chosen = search(studio, [name for name in options.rows if not ROWS[name].of], data, options.out, options)
    ways: dict[str, dict[str, Any]] = {}
    for seed in range(options.training_seeds):  # seed by seed: stopped halfway, every row has as many
        for name in options.rows:
            row = ROWS[name]
            rate, scale = chosen[row.of or name]
            if row.preset:
                folder = options.out / "loras" / f"{name}-{seed}"
                taught(row, data, folder, options, learning_rate=rate, seed=seed)
                ways[f"{name} {seed}"] = {"lora": str(folder), "guidance_scale": scale}
            elif row.of:
                lora = str(options.out / "loras" / f"{row.of}-{seed}")
                ways[f"{name} {seed}"] = {"lora": lora, "guidance_scale": scale, **row.painting}
            elif seed == 0:
                ways[name] = {"lora": "", "guidance_scale": scale}
    found = judged(studio, TEST, ways, options.out / "judged", options, options.seeds)
    told = ", ".join(f"{name} {rate:g} and {scale:g}" for name, (rate, scale) in chosen.items())
    lines = [*table(found, options.rows), f"Learning rate and guidance scale, by search on tuning pairs: {told}."]
    (options.out / "table.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
