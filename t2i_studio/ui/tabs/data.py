"""Where a fine-tune's pictures come from: made by the model itself, a zip, the hub. Folds of the tab Fine-tune."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from ...config import MakeDataSettings
from ..controls import control
from ..parts import part
from .asking import PRIVATE
from .data_events import MAKING, DataHandlers

SUITES = (
    ("emoji-train · prompts meant for it, of no test", "emoji-train"),
    ("attend-and-excite · 276 prompts, two subjects each", "attend-and-excite"),
)
SCORERS = (
    ("emoji-detector · a small network that finds the emoji", "emoji-detector"),
    ("emoji-matcher · finds the emoji by correlation", "emoji-matcher"),
    ("none · keeps by order", "none"),
)
LABELS = {
    "suite": "Prompts", "limit": "Prompts a task", "per_prompt": "Pictures a prompt", "keep_top": "Keep the best",
    "threshold": "Least reward", "first_seed": "First seed",
}  # fmt: skip
FIRST: dict[str, Any] = {"keep_top": 4, "tasks": ["two"]}
"""Values that the page begins with, where the settings have no default."""


@dataclass(frozen=True)
class DataParts:
    """The components of the two folds."""

    making: dict[str, gr.Component]
    make: gr.Button
    cost: gr.HTML
    zip: gr.File
    name: gr.Textbox
    bring: gr.Button
    brought: gr.HTML


def build() -> DataParts:
    """Lay the folds out."""
    making: dict[str, gr.Component] = {}

    def own(name: str, **options: Any) -> None:
        label = {"label": LABELS[name]} if name in LABELS else {}
        making[name] = control(name, FIRST.get(name), MakeDataSettings, elem_id=f"make-{name}", **{**label, **options})

    with gr.Accordion("Make pictures · painted by the model", open=False, elem_classes=["fold", "data-fold"]):
        own("suite", choices=list(SUITES))
        making["tasks"] = gr.Dropdown(
            ["two", "attribution", "position"], value=FIRST["tasks"], multiselect=True, label="Tasks",
            info="Empty: all of them.", elem_id="make-tasks",
        )  # fmt: skip
        with gr.Row(elem_classes=["fold-row"]):
            for name in ("per_prompt", "limit", "keep_top", "threshold", "first_seed"):
                own(name, min_width=130)
        own("scorer", choices=list(SCORERS))
        cost = part("cost", "", elem_id="make-cost", template='<p class="hint cost"></p>')
        make = gr.Button("Make pictures", elem_id="make-go")
    with gr.Accordion(
        "Bring pictures · a zip, or a data set of the hub", open=False, elem_classes=["fold", "data-fold"]
    ):
        file = gr.File(
            label="Zip of pictures with metadata.jsonl or .txt captions", file_types=[".zip"], type="filepath",
            elem_id="bring-zip", height=120,
        )  # fmt: skip
        name = gr.Textbox(
            label="Or a data set of the Hugging Face hub", placeholder="owner/name", elem_id="bring-name", max_lines=1,
            info="A folder of pictures with metadata.jsonl; downloaded once.",
        )  # fmt: skip
        bring = gr.Button("Bring pictures", elem_id="bring-go")
        brought = part("cost", "", elem_id="brought", template='<p class="hint cost" role="status"></p>')
    return DataParts(making, make, cost, file, name, bring, brought)


def wire(
    handlers: DataHandlers, parts: DataParts, model: gr.Component, data: gr.Component, shown: list[Any],
    problems: gr.HTML, page: gr.Blocks,
) -> None:  # fmt: skip
    """Connect the folds with the tab: its model paints, its data field takes the folder, its board shows the job."""
    given = [model, *(parts.making[name] for name in MAKING)]
    parts.make.click(handlers.make, given, [*shown, problems], concurrency_limit=None, **PRIVATE)
    parts.bring.click(
        handlers.bring, [parts.zip, parts.name], [data, parts.brought, problems], concurrency_limit=None, **PRIVATE
    )
    read: dict[str, Any] = {"trigger_mode": "always_last", "concurrency_limit": None, **PRIVATE}
    gr.on([page.load, *(one.change for one in given)], handlers.cost, given, parts.cost, **read)
    suite = parts.making["suite"]
    suite.input(handlers.tasks_of, suite, parts.making["tasks"], **read)
