"""The tab Evaluate: a suite painted in several ways, a table that fills, each cell open to its pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import gradio as gr

from ...config import EvaluateSettings
from ...errors import StudioError
from ..controls import control
from ..parts import part
from .asking import PRIVATE, Asking
from .evaluate_events import FIELDS, METHODS_OFFERED, EvaluateHandlers

if TYPE_CHECKING:
    from ...studio import Studio

SUITES = (
    ("attend-and-excite · 276 prompts, two subjects each", "attend-and-excite"),
    ("attend-and-excite-test · those of its 96 test pairs", "attend-and-excite-test"),
    ("attend-and-excite-tuning · 36 tuning pairs, to find settings", "attend-and-excite-tuning"),
    ("emoji-geneval · GenEval's six tasks in the emoji world", "emoji-geneval"),
    ("emoji-layout · two subjects, each asked into a box", "emoji-layout"),
)
JUDGES = (
    ("emoji-matcher · finds the emoji by correlation", "emoji-matcher"),
    ("emoji-detector · finds the emoji by a small network", "emoji-detector"),
    ("none · pictures alone", "none"),
)
LAYOUTS = (
    ("none", ""),
    ("geneval · folders for its evaluate_images.py", "geneval"),
    ("t2i-compbench · folders for its evaluators", "t2i-compbench"),
)
SCRIPT = ("painting", "evaluate/table", "evaluate/pictures", "evaluate/afterwards", "evaluate/evaluation")


def build(studio: Studio, page: gr.Blocks, tabs: gr.Tabs, asking: Asking, steering: Asking) -> dict[str, gr.Component]:
    """Lay the tab out and wire it; a picture opens in Inspect (`asking`), a guided one in Guide (`steering`).

    Returns:
        Its controls by name.
    """
    handlers = EvaluateHandlers(studio)
    with gr.Row(elem_classes=["inspect"], equal_height=False):
        with gr.Column(elem_classes=["inspect-ask"], scale=0, min_width=320):
            fields, plan, buttons, problems = _ask(studio)
        with gr.Column(elem_classes=["inspect-see"], scale=1, min_width=320):
            # Gradio marks the function, which a method does not allow.
            def pictures(wanted: Mapping[str, Any]) -> dict[str, Any]:
                return handlers.pictures(wanted)

            def sheet(wanted: Mapping[str, Any]) -> dict[str, Any]:
                return handlers.sheet(wanted)

            def maps(wanted: Mapping[str, Any]) -> dict[str, Any]:
                return handlers.maps(wanted)

            given = [pictures, sheet, maps]
            board = part("evaluation", {"state": "idle"}, scripts=SCRIPT, server_functions=given)
    _wire(handlers, fields, plan, buttons, problems, board, page)

    chosen = [fields[name] for name in ("models", "guides", "loras", "named", "search")]
    stay = [gr.skip()] * len(chosen)

    def use(event: gr.EventData) -> list[Any]:
        try:
            if getattr(event, "best", False):
                kept = handlers.best(str(getattr(event, "id", "")))
                return [gr.skip(), *_skips(asking), *_skips(steering), *kept]
            given = handlers.settings_of({name: getattr(event, name, "") for name in ("id", "way", "prompt", "seed")})
            if given.guide:
                return [gr.update(selected="guide"), *_skips(asking), *steering.fill_settings(given), *stay]
            return [gr.update(selected="inspect"), *asking.fill_settings(given), *_skips(steering), *stay]
        except StudioError as error:
            raise gr.Error(str(error), print_exception=False) from None

    board.select(use, None, [tabs, *asking.outputs, *steering.outputs, *chosen], queue=False, api_visibility="private")
    return fields


def _skips(tab: Asking) -> list[Any]:
    return [gr.skip()] * len(tab.outputs)


def _ask(studio: Studio) -> tuple[dict[str, gr.Component], gr.HTML, tuple[gr.Button, gr.Button], gr.HTML]:
    """The left column: what is painted, in which ways, how often."""
    told = {name: field.description for name, field in EvaluateSettings.model_fields.items()}
    first = studio.practice_model
    defaults = studio.defaults(first)
    with gr.Group(elem_classes=["card", "ask"]):
        fields: dict[str, gr.Component] = {
            "suite": gr.Dropdown(
                list(SUITES), value="attend-and-excite", allow_custom_value=True, label="Suite",
                info="A suite, or the path of a .txt, a folder of them, or GenEval's metadata.", elem_id="eval-suite",
            ),
            "tasks": gr.Dropdown(
                [], value=[], multiselect=True, label="Tasks", info="Empty: all of the suite.", elem_id="eval-tasks"
            ),
            "models": gr.Dropdown(
                list(studio.models()), value=[first], multiselect=True, allow_custom_value=True,
                label="Models", info="Each is a row; several keep their own steps and scale.", elem_id="eval-models",
            ),
            "guides": gr.CheckboxGroup(
                list(METHODS_OFFERED), value=["none", "ai-t2i"], label="Guidance",
                info="Each is a row; the first one is what the others are compared with.", elem_id="eval-guides",
            ),
            "loras": gr.Textbox(
                label="LoRAs", lines=1, max_lines=3, elem_id="eval-loras",
                info="Paths, separated by commas; each is a row. none: without.",
            ),
        }  # fmt: skip
        with gr.Row(elem_classes=["seed-row"], equal_height=True):
            fields["seeds"] = gr.Number(
                1, label="Seeds", info="Pictures a prompt.", step=1, min_width=110, elem_id="eval-seeds"
            )
            fields["limit"] = gr.Number(
                0, label="Limit", info="Prompts a task; 0: all.", step=1, min_width=110, elem_id="eval-limit"
            )
        plan = part("plan", scripts=("evaluate/plan",), elem_id="eval-plan")
        with gr.Row(elem_classes=["go-row"]):
            go = gr.Button("Evaluate", variant="primary", elem_id="eval-go", elem_classes=["go"])
            cancel = gr.Button("Cancel", variant="stop", elem_id="eval-cancel", elem_classes=["stop"], visible=False)
        with gr.Accordion(
            "Search and maps · dials, named ways", open=False, elem_classes=["fold"], elem_id="eval-more"
        ):
            fields["named"] = gr.Textbox(
                label="Named ways", lines=1, max_lines=1, elem_id="eval-named",
                info="Path of a YAML file such as configs/guidance/methods.yaml: more rows.",
            )  # fmt: skip
            fields["search"] = gr.Textbox(
                label="Search", lines=1, max_lines=3, elem_id="eval-search", info=told["search"],
                placeholder="step_size=5,10,20 window=0.25,0.5",
            )  # fmt: skip
            fields["maps"] = gr.Checkbox(False, label="Maps by step", info=told["maps"], elem_id="eval-maps")
        with gr.Accordion("Judge and picture · who looks, steps", open=False, elem_classes=["fold"]):
            fields["judge"] = gr.Dropdown(
                list(JUDGES), value="emoji-matcher", allow_custom_value=True, label="Judge", info=told["judge"],
                elem_id="eval-judge",
            )  # fmt: skip
            fields["layout"] = gr.Dropdown(
                list(LAYOUTS), value="", label="Layout", info=told["layout"], elem_id="eval-layout"
            )
            with gr.Row(elem_classes=["fold-row"]):
                for name in ("steps", "guidance_scale"):
                    fields[name] = control(name, getattr(defaults, name), elem_id=f"eval-{name}", min_width=130)
    return fields, plan, (go, cancel), part("problems", elem_id="eval-problems")


def _wire(
    handlers: EvaluateHandlers, fields: dict[str, gr.Component], plan: gr.HTML, buttons: tuple[gr.Button, gr.Button],
    problems: gr.HTML, board: gr.HTML, page: gr.Blocks,
) -> None:  # fmt: skip
    go, cancel = buttons
    given = [fields[name] for name in FIELDS]
    watched = gr.State(None)
    seen = [board, go, cancel, problems]
    started = [watched, *seen]
    go.click(handlers.start, given, started, concurrency_limit=None, **PRIVATE)
    page.load(handlers.attach, None, started, **PRIVATE)
    # No stream: a comparison takes hours, and the page asks again after a laptop slept.
    only = "(id, board) => [id, board && { id: board.id, stamp: board.stamp }]"  # not the table, at each beat
    board.tick(handlers.look, [watched, board], seen, queue=False, js=only, **PRIVATE)
    cancel.click(handlers.cancel, [watched, board], cancel, queue=False, **PRIVATE)
    read: dict[str, Any] = {"trigger_mode": "always_last", "concurrency_limit": None, **PRIVATE}
    gr.on([page.load, fields["suite"].change], handlers.tasks_of, fields["suite"], fields["tasks"], **read)
    gr.on([page.load, *(one.change for one in given)], handlers.plan, given, plan, **read)
    numbers = [fields["steps"], fields["guidance_scale"]]
    fields["models"].input(handlers.use_models, fields["models"], numbers, queue=False, **PRIVATE)
