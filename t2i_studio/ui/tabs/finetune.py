"""The tab Fine-tune: model, data, preset, Start; then a live board of what learns in the background."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gradio as gr

from ...training.settings import GROUPS, TrainSettings
from ..controls import control
from ..parts import part
from ..viewer import SCRIPTS
from . import data as bringing
from .asking import PRIVATE, model_choices
from .data_events import MAKING, DataHandlers
from .finetune_events import NAMES, FineTuneHandlers, preset_info, presets

if TYPE_CHECKING:
    from ...studio import Studio
    from ..scratch import Scratch

FIRST = "ctcal"
SCRIPT = (*SCRIPTS, "guide/losses", "finetune/made", "finetune/board")
LABELS = {
    "ctcal": "Teach attention (CTCal)", "max_train_steps": "Steps", "data": "Pictures", "use_ema": "Running mean (EMA)",
    "train_text_encoder": "Text encoder too", "text_encoder_lr": "Text encoder's learning rate",
    "lr_scheduler": "Schedule", "lr_warmup_steps": "Warm-up steps", "adam_weight_decay": "Weight decay",
    "sites": "Layers", "validation_prompts": "Prompts of the samples", "report_to": "Tracker",
    "pixel_weight": "λ1 of the pixel term", "semantic_weight": "λ2 of the semantic term",
    "reconstruction_weight": "λ3 of the reconstruction", "response_weight": "λ4 of the response term",
}  # fmt: skip


@dataclass(frozen=True)
class Parts:
    """The components of the tab that handlers read or write."""

    preset: gr.Dropdown
    settings: dict[str, gr.Component]
    data: bringing.DataParts
    go: gr.Button
    cost: gr.HTML
    problems: gr.HTML
    board: gr.HTML
    chosen: gr.State


def build(studio: Studio, scratch: Scratch, page: gr.Blocks) -> Parts:
    """Lay the tab out and wire it. The board's event `select` may ask for a job's LoRA to be used."""
    handlers = FineTuneHandlers(studio, scratch)
    with gr.Row(elem_classes=["inspect"], equal_height=False):
        with gr.Column(elem_classes=["inspect-ask"], scale=0, min_width=320):
            asked = _ask(studio, handlers)
        with gr.Column(elem_classes=["inspect-see"], scale=1, min_width=320):
            bringer = DataHandlers(studio, handlers.board)

            # Gradio marks the function, which a method does not allow.
            def pictures(wanted: Mapping[str, Any]) -> dict[str, Any]:
                return bringer.pictures(wanted)

            board = part("board", {"jobs": [], "job": None}, scripts=SCRIPT, server_functions=[pictures])
    parts = Parts(**asked, board=board, chosen=gr.State(""))
    _wire(handlers, parts, page)
    shown = [parts.chosen, parts.board]
    bringing.wire(bringer, parts.data, parts.settings["model"], parts.settings["data"], shown, parts.problems, page)
    return parts


def _ask(studio: Studio, handlers: FineTuneHandlers) -> dict[str, Any]:
    settings: dict[str, gr.Component] = {}
    first = handlers.values_of(FIRST)

    def own(name: str, **options: Any) -> None:
        label = {"label": LABELS[name]} if name in LABELS else {}
        settings[name] = control(
            name, first[NAMES.index(name)], TrainSettings, elem_id=f"tune-{name}", **{**label, **options}
        )

    with gr.Group(elem_classes=["card", "ask"]):
        preset = gr.Dropdown(
            presets(), value=FIRST, label="Preset", info=preset_info(FIRST), elem_id="tune-preset", interactive=True
        )
        own("model", choices=model_choices(studio))
        own("data")
        data = bringing.build()
        with gr.Row(elem_classes=["seed-row"], equal_height=True):
            own("max_train_steps", min_width=120)
            own("seed", min_width=120)
        go = gr.Button("Start", variant="primary", elem_id="tune-go", elem_classes=["go"])
        cost = part("cost", handlers.cost(FIRST, *first), template='<p class="hint cost"></p>')
        for title, (info, names) in GROUPS.items():
            with (
                gr.Accordion(f"{title} · {info}", open=False, elem_classes=["fold"]),
                gr.Row(elem_classes=["fold-row"]),
            ):
                for name in names:
                    own(name, min_width=130)
    problems = part("problems", elem_id="tune-problems")
    return {"preset": preset, "settings": settings, "data": data, "go": go, "cost": cost, "problems": problems}


def _wire(handlers: FineTuneHandlers, parts: Parts, page: gr.Blocks) -> None:
    controls = [parts.settings[name] for name in NAMES]
    shown = [parts.chosen, parts.board]
    asked = [parts.preset, parts.settings["model"], parts.settings["data"]]
    parts.preset.input(handlers.use_preset, asked, [parts.preset, *controls], queue=False, **PRIVATE)
    parts.go.click(
        handlers.start, [parts.preset, *controls], [*shown, parts.problems], concurrency_limit=None, **PRIVATE
    )
    deciding = ("max_train_steps", "model", "train_batch_size", "ctcal", "full_finetune")
    costly = [parts.settings[name].change for name in deciding]
    gr.on(costly, handlers.cost, [parts.preset, *controls], parts.cost, trigger_mode="always_last", **PRIVATE)
    page.load(handlers.open, None, shown, **PRIVATE)
    parts.board.tick(handlers.refresh, shown, shown, queue=False, **PRIVATE)
    making = [parts.data.making[name] for name in MAKING]
    parts.board.select(
        handlers.act, parts.chosen, [*shown, parts.preset, *controls, *making], trigger_mode="multiple",
        concurrency_limit=None, **PRIVATE,
    )  # fmt: skip


def worn(studio: Studio, job_id: str) -> tuple[str, str]:
    """Model, and LoRA or "", by which what a finished job gave is used."""
    job = studio.jobs.get(job_id)
    out = studio.jobs.out(job.id)
    return (str(out / "model"), "") if job.settings.get("full_finetune") else (str(job.settings["model"]), str(out))
