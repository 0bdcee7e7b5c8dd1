"""A suite painted by one model in one way, and judged: pictures and verdicts in a folder that can be gone on with."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .evaluation import evaluate
from .generation import paint

if TYPE_CHECKING:
    from PIL import Image

    from .config import GenerateSettings
    from .evaluation import Item, Judge, Judged
    from .models import LoadedModel


def judged(
    model: LoadedModel, settings: GenerateSettings, items: Sequence[Item], look: Judge, judge: str, num_seeds: int,
    out: Path | None, home: Path, progress: Callable[[int, int, str], None] | None = None,
) -> tuple[list[Judged], float | None]:  # fmt: skip
    """All verdicts, and the mean seconds of those pictures that were painted now.

    Args:
        settings: hold for every picture, but for prompt and seed.
        judge: the name of `look`.
        out: folder of pictures and verdicts; None for one inside `home` named after all that decides a picture.
        progress: called with pictures done, all pictures, and the prompt.

    Raises:
        InputError: the folder holds the evaluation of something else.
    """
    weights = model.fingerprint()
    about = {"judge": judge, "weights": weights, **settings.model_dump(mode="json", exclude={"prompt", "seed"})}
    told = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:8]
    folder = out or home / safe_name(f"{Path(settings.model).name}-{judge}-{settings.guide or 'plain'}-{told}")
    seen: list[Judged] = []
    spent, painted = 0.0, 0

    def timed(prompts: Sequence[str], seeds: Sequence[int]) -> list[Image.Image]:
        nonlocal spent, painted
        started = time.monotonic()
        images = paint(model, settings, prompts, seeds)
        spent, painted = spent + time.monotonic() - started, painted + len(images)
        return images

    for one in evaluate(items, timed, look, num_seeds, folder, about):
        seen.append(one)
        if progress is not None:
            progress(len(seen), len(items) * num_seeds, one.prompt)
    return seen, spent / painted if painted else None


def safe_name(label: str) -> str:
    """A label as the name of a folder."""
    return re.sub(r"[^\w.=-]+", "-", label).strip("-") or "plain"
