"""What a model made becomes a run: settings, words, timings, versions, and what the user should know."""

from __future__ import annotations

import datetime
import json
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from safetensors import SafetensorError, safe_open

from .paths import typed
from .runs import new_run_id
from .training.settings import IN_LORA
from .types import ParsedPrompt, Run, TokenSpans

if TYPE_CHECKING:
    from .config import GenerateSettings, InspectSettings
    from .generation import Generated

_VERSIONED = ("t2i-studio", "torch", "diffusers", "transformers", "peft", "stanza", "numpy")
_NO_NOUN = "No depictable noun was found, so there are no maps: choose words by hand."


def record(
    settings: GenerateSettings | InspectSettings, parsed: ParsedPrompt, spans: tuple[TokenSpans, ...], made: Generated,
    loading: float, total: float,
) -> Run:  # fmt: skip
    """The run of one generation or inspection, not kept yet."""
    created = datetime.datetime.now(datetime.UTC)
    from .capture.probabilities import ORACLE  # torch: not before something was made with it

    notes = [_NO_NOUN] if not parsed.subjects else []
    for span in spans:
        if span.dropped:
            shown = ", ".join(span.dropped[:12]) + (" …" if len(span.dropped) > 12 else "")
            notes.append(f"Past the model's limit of {span.num_columns} tokens, so not painted: {shown}.")
    if ORACLE in made.ways:
        notes.append("Maps were read by the one-hot oracle: exact, but slower (t2i-studio doctor says why).")
    learner = taught_on(settings.lora)
    if learner and learner != settings.model:
        notes.append(f"The LoRA was taught on {learner}; on {settings.model} it may do something else.")
    return Run(
        id=new_run_id(settings.prompt, created),
        created=created.isoformat(timespec="seconds"),
        settings=settings.model_dump(),
        prompt=parsed,
        spans=spans,
        image=made.image,
        maps=made.maps,
        guidance=made.guidance,
        timings={"load": loading, **made.timings, "total": total},
        versions={
            **versions(),
            "scheduler": made.scheduler,
            **({"maps by": ", ".join(made.ways)} if made.ways else {}),
        },
        notes=tuple(notes),
    )


def taught_on(lora: str) -> str:
    """The model that a LoRA of this studio was taught on, by its header; "" where that does not tell."""
    if not lora:
        return ""
    from .training.lora import WEIGHTS

    place = typed(lora)
    try:
        with safe_open(place / WEIGHTS if place.is_dir() else place, "np") as file:
            return str(json.loads((file.metadata() or {}).get(IN_LORA, "{}")).get("model", ""))
    except (OSError, ValueError, SafetensorError):
        return ""


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide a result."""
    found = {"python": platform.python_version()}
    for name in _VERSIONED:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found
