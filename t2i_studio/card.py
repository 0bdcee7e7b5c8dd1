"""The model card of a fine-tune: what it learnt from, with which settings, its curves and samples."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from .training.log import read
from .training.premise import told
from .training.whole import MODEL
from .visuals import save_figure, training_curves

if TYPE_CHECKING:
    from .training.settings import TrainSettings

CURVES = "curves.png"
PREMISE = "premise.json"


def write_card(
    folder: Path, settings: TrainSettings, weights: Mapping[str, float], changes: Mapping[str, float]
) -> Path:
    """`README.md` and `curves.png` from the folder's log and samples.

    Args:
        weights: λ of each term, as used.
        changes: what loading the written files changed; see `lora.check`, `whole.check`.
    """
    rows = read(folder)
    series = {name: [float(row[name] or "nan") for row in rows] for name in (rows[0] if rows else {})}
    if rows:
        save_figure(training_curves(series), folder / CURVES)
    seconds = sum(series.get("seconds", []))
    if settings.full_finetune:
        kind, tags, rank = "full fine-tune", ["text-to-image"], ""
        use = f'DiffusionPipeline.from_pretrained("{folder.name}/{MODEL}")'
    else:
        kind, tags, rank = "LoRA", ["lora", "text-to-image"], f"rank {settings.rank}, "
        use = f'pipe.load_lora_weights("{folder.name}")'
    method = f"CTCal (arXiv 2603.20741), {kind}" if settings.ctcal else kind
    method = f"{method} with reward weights (GORS)" if settings.reward_weights else method
    front = {"base_model": settings.model, "library_name": "diffusers", "tags": tags}
    plain = type(settings).checked().model_dump(mode="json")
    changed = {n: v for n, v in settings.model_dump(mode="json").items() if v != plain[n]}
    pictures = settings.train_batch_size * settings.gradient_accumulation_steps
    lines = [
        "---", yaml.safe_dump(front, sort_keys=False).strip(), "---", "",
        f"# {method} on {settings.model}", "",
        f"{len(rows)} steps of {pictures} pictures from `{settings.data}`, {rank}"
        f"learning rate {settings.learning_rate:g}, {seconds / 60:.1f} minutes.",
        "", "```python", use, "```", "",
        *([f"![Losses over the steps]({CURVES})", ""] if rows else []),
        "## Settings that differ from the defaults", "", "```yaml", yaml.safe_dump(changed).strip(), "```", "",
    ]  # fmt: skip
    if weights:
        lines += ["Weights of the terms, as used: " + ", ".join(f"{n} {w:.4g}" for n, w in weights.items()) + ".", ""]
    if (folder / PREMISE).is_file():
        lines += [told(json.loads((folder / PREMISE).read_text(encoding="utf-8"))["ratio"]), ""]
    lines += ["## Loaded into a plain pipeline", ""]
    lines += [f"- `{name}`: {_told(name, value)}" for name, value in changes.items()] + [""]
    for image, prompt in _last_samples(folder, settings.validation_prompts):
        lines += [f"![{prompt}](samples/{image.name}) {prompt}", ""]
    card = folder / "README.md"
    card.write_text("\n".join(lines), encoding="utf-8")
    return card


def _last_samples(folder: Path, prompts: Sequence[str]) -> list[tuple[Path, str]]:
    """Of the newest step, each with its prompt; the files' names end in the prompt's number."""
    by_step: dict[int, dict[int, Path]] = {}
    for file in (folder / "samples").glob("step-*-*.png"):
        step, number = (int(part) for part in file.stem.removeprefix("step-").split("-"))
        by_step.setdefault(step, {})[number] = file
    newest = by_step[max(by_step)] if by_step else {}
    return [(newest[i], prompt) for i, prompt in enumerate(prompts) if i in newest]


def _told(name: str, value: float) -> str:
    if name == "kohya_difference":
        return f"both files differ in the prediction by at most {value:.2g}"
    return f"loads, and changes the prediction by up to {value:.3g}"
