"""The tab Guide: one seed painted twice, without and with guidance, the two players in step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gradio as gr

from ...guidance import METHODS
from ..controls import control
from ..parts import held, in_turn, part
from ..viewer import SCRIPTS
from .asking import PRIVATE, Asking, model_choices
from .guide_events import BROUGHT, DIALS, SETTINGS, GuideHandlers, dials_of

if TYPE_CHECKING:
    from ...studio import Studio
    from ..scratch import Scratch

EXAMPLE = "a cat and a dog"
FIRST = "ai-t2i"
SCRIPT = (*SCRIPTS, "keepcard", "painting", "guide/losses", "guide/pair")


@dataclass(frozen=True)
class Parts:
    """The components of the tab that handlers read or write."""

    settings: dict[str, gr.Component]
    dials: dict[str, gr.Component]
    chips: gr.HTML
    attributes: gr.HTML
    canvas: gr.HTML
    problems: gr.HTML
    pair: gr.HTML
    both: gr.Button
    every: gr.Button
    cancel: gr.Button
    groups: dict[str, gr.Group]
    choice: gr.State
    rest: gr.State
    watched: gr.State
    shown: gr.Textbox


def build(studio: Studio, scratch: Scratch, page: gr.Blocks) -> Asking:
    """Lay the tab out and wire it."""
    handlers = GuideHandlers(studio, scratch)
    with gr.Row(elem_classes=["inspect"], equal_height=False):
        with gr.Column(elem_classes=["inspect-ask"], scale=0, min_width=320):
            asked = _ask(studio, handlers)
        with gr.Column(elem_classes=["inspect-see"], scale=1, min_width=320):
            pair = part("pair", {"state": "idle"}, scripts=SCRIPT)
    states = {name: gr.State(None) for name in ("choice", "rest", "watched")}
    parts = Parts(**asked, pair=pair, **states, shown=held("guide-shown"))
    _wire(handlers, parts, page)
    return Asking(
        handlers.use, [parts.choice, parts.chips, parts.rest, *parts.settings.values(), *parts.dials.values()],
        fill_settings=handlers.filled, settings=parts.settings, dials=parts.dials, doors=(parts.pair,),
    )  # fmt: skip


def _ask(studio: Studio, handlers: GuideHandlers) -> dict[str, Any]:
    """The left column: prompt, method, go; dials and boxes fold away."""
    settings: dict[str, gr.Component] = {}
    first = studio.practice_model
    defaults = studio.defaults(first)

    def own(name: str, value: Any, **options: Any) -> None:
        settings[name] = control(name, value, elem_id=f"guide-{name}", **options)

    with gr.Group(elem_classes=["card", "ask"]):
        own("prompt", EXAMPLE, placeholder=EXAMPLE, info="What to paint, twice. Ctrl+Enter starts.")
        chips = part("chips", handlers.parsed(EXAMPLE, first, "en", None), elem_id="guide-chips")
        attributes = part("attributes", handlers.described(EXAMPLE, "en", None), elem_id="guide-attributes")
        own("model", first, choices=model_choices(studio))
        own(
            "guide",
            FIRST,
            choices=[(f"{name} · {kind.title}", name) for name, kind in METHODS.items()],
            info="How the subjects are steered.",
        )
        with gr.Row(elem_classes=["seed-row"], equal_height=True):
            own("seed", defaults.seed, min_width=120)
            own("guide_strength", 1.0, min_width=120)
        with gr.Row(elem_classes=["go-row"]):
            both = gr.Button("Paint both", variant="primary", elem_id="guide-go", elem_classes=["go"])
            cancel = gr.Button("Cancel", variant="stop", elem_id="guide-cancel", elem_classes=["stop"], visible=False)
        every = gr.Button("Try all methods", elem_id="guide-every")
        with gr.Accordion("Weights · what counts how much", open=False, elem_classes=["fold"]):
            dials, groups = _dials(dials_of(studio, first))
        with gr.Accordion("Boxes · where each should stand", open=False, elem_classes=["fold"], elem_id="guide-layout"):
            canvas = part("canvas", handlers.canvas(EXAMPLE, first, "en", None, ""), scripts=("guide/canvas",))
            settings["boxes"] = gr.Textbox(
                label="Boxes", elem_id="guide-boxes", lines=1, max_lines=4, interactive=True,
                info="Drawn above, or typed: cat: 0.05, 0.3, 0.45, 0.9; left, top, right, bottom of 1.",
            )  # fmt: skip
        with (
            gr.Accordion("Picture · steps, size", open=False, elem_classes=["fold"]),
            gr.Row(elem_classes=["fold-row"]),
        ):
            for name in ("steps", "guidance_scale", "width", "height", "scheduler", "language"):
                own(name, getattr(defaults, name), min_width=130)
        with gr.Accordion("LoRA · a fine-tuned add-on", open=False, elem_classes=["fold", "lora-fold"]):
            for name in ("lora", "lora_scale"):
                own(name, getattr(defaults, name))
    problems = part("problems", elem_id="guide-problems")
    return {
        "settings": settings, "dials": dials, "chips": chips, "attributes": attributes, "canvas": canvas,
        "problems": problems, "both": both, "every": every, "cancel": cancel, "groups": groups,
    }  # fmt: skip


def _dials(values: Sequence[Any]) -> tuple[dict[str, gr.Component], dict[str, gr.Group]]:
    """A control for every field of every method; those of the chosen one are in sight."""
    own = dict(zip(DIALS, values, strict=True))
    dials: dict[str, gr.Component] = {}
    groups: dict[str, gr.Group] = {}
    for method, kind in METHODS.items():
        with (
            gr.Group(visible=method == FIRST, elem_classes=["dials"]) as groups[method],
            gr.Row(elem_classes=["fold-row"]),
        ):
            for name in kind.model_fields:
                place = f"{method}.{name}"
                dials[place] = control(name, own[place], kind, elem_id=f"guide-{method}-{name}", min_width=130)
    return dials, groups


def _wire(handlers: GuideHandlers, parts: Parts, page: gr.Blocks) -> None:
    given = [parts.choice, parts.rest, *(parts.settings[n] for n in SETTINGS), *(parts.dials[n] for n in DIALS)]
    prompt, model, language, boxes = (parts.settings[n] for n in ("prompt", "model", "language", "boxes"))
    started = [parts.watched, parts.problems, parts.pair, parts.both, parts.every, parts.cancel]
    shown = [parts.pair, parts.both, parts.every, parts.cancel, parts.problems, parts.shown]
    go = parts.both.click(handlers.start, given, started, concurrency_limit=None, **PRIVATE)
    every = parts.every.click(handlers.start_all, given, started, concurrency_limit=None, **PRIVATE)
    opened = page.load(handlers.attached, None, parts.watched, **PRIVATE)
    for begun in (go, every, opened):
        begun.then(handlers.follow, parts.watched, shown, concurrency_limit=None, **PRIVATE)
    parts.pair.tick(handlers.heal, [parts.watched, parts.shown], shown, queue=False, **PRIVATE)
    parts.cancel.click(handlers.cancel, parts.watched, parts.cancel, queue=False, **PRIVATE)
    parts.settings["guide"].change(
        handlers.show_dials, parts.settings["guide"], list(parts.groups.values()), queue=False, **PRIVATE
    )
    brought = [*(parts.settings[n] for n in BROUGHT), *(parts.dials[n] for n in DIALS)]
    model.input(handlers.use_model, model, brought, queue=False, **PRIVATE)
    read: dict[str, Any] = {"trigger_mode": "always_last", "concurrency_limit": None, **PRIVATE}
    turn = in_turn("guide-words")
    gr.on(
        [prompt.change, language.input, model.input], handlers.parsed, [prompt, model, language, parts.choice],
        parts.chips, **{**turn, "trigger_mode": "always_last"}, **PRIVATE,
    )  # fmt: skip
    words = [prompt, model, language, parts.choice, boxes]
    gr.on([parts.chips.change, boxes.change], handlers.canvas, words, parts.canvas, **read)
    parts.canvas.select(handlers.drawn, None, boxes, **turn, **PRIVATE)
    asked, chosen = [prompt, model, language, parts.choice], [parts.choice, parts.chips]
    parts.chips.select(handlers.toggle, asked, chosen, **turn, **PRIVATE)
    parts.chips.change(handlers.described, [prompt, language, parts.choice], parts.attributes, **read)
    parts.attributes.select(handlers.describe, asked, chosen, **turn, **PRIVATE)
    parts.attributes.clear(handlers.undescribe, asked, chosen, **turn, **PRIVATE)
    parts.chips.clear(handlers.forget, [prompt, model, language], chosen, **turn, **PRIVATE)
