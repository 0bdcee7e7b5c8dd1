"""The tab Teacher–Student: one picture at little and at much noise, and every level between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gradio as gr

from ...config import ProbeSettings
from ..controls import control
from ..parts import held, in_turn, part
from ..upload import Upload
from .asking import PRIVATE, Asking, model_choices
from .teacher_events import SETTINGS, TeacherHandlers

if TYPE_CHECKING:
    from ...studio import Studio
    from ..scratch import Scratch

PAINTED = "teacher-painted"
"""Turn of the events that read or write the painted masks."""
SCRIPT = (
    "keepcard", "painting", "viewer/maps", "viewer/paint", "viewer/curves",
    *(f"teacher/{name}" for name in ("data", "figures", "rows", "levels", "decay", "sites", "verdict", "teacher")),
)  # fmt: skip


@dataclass(frozen=True)
class Parts:
    """The components of the tab that handlers read or write."""

    settings: dict[str, gr.Component]
    picture: gr.Image
    scene: gr.Button
    chips: gr.HTML
    brush: gr.HTML
    problems: gr.HTML
    compare: gr.Button
    cancel: gr.Button
    seen: gr.HTML
    choice: gr.State
    source: gr.State
    painted: gr.State
    number: gr.State
    watched: gr.State
    shown: gr.Textbox


def build(studio: Studio, scratch: Scratch, page: gr.Blocks) -> Asking:
    """Lay the tab out and wire it."""
    handlers = TeacherHandlers(studio, scratch)

    # Gradio marks the function, which a method does not allow.
    def make_file(wanted: list[Any]) -> dict[str, str]:
        return handlers.make_file(wanted)

    with gr.Row(elem_classes=["inspect"], equal_height=False):
        with gr.Column(elem_classes=["inspect-ask"], scale=0, min_width=320):
            asked = _ask(studio)
        with gr.Column(elem_classes=["inspect-see"], scale=1, min_width=320):
            seen = part("teacher", {"state": "idle"}, scripts=SCRIPT, server_functions=[make_file])
    states = {name: gr.State(None) for name in ("choice", "source", "watched")}
    parts = Parts(**asked, seen=seen, painted=gr.State({}), number=gr.State(0), **states, shown=held("teacher-shown"))
    _wire(handlers, parts, page)
    return Asking(
        handlers.use, [parts.source, parts.picture, parts.choice, parts.settings["prompt"], parts.settings["model"]],
        settings=parts.settings, result=parts.seen,
    )  # fmt: skip


def _ask(studio: Studio) -> dict[str, Any]:
    """The left column: picture, caption, noise, go; the LoRA folds away."""
    settings: dict[str, gr.Component] = {}

    def own(name: str, value: Any = None, **options: Any) -> None:
        settings[name] = control(name, value, ProbeSettings, elem_id=f"teacher-{name}", **options)

    with gr.Group(elem_classes=["card", "ask"]):
        picture = Upload(
            label="Picture", type="filepath", sources=["upload", "clipboard"], elem_id="teacher-picture",
            height=220,
        )  # fmt: skip
        scene = gr.Button("New scene · with its true masks", elem_id="teacher-scene")
        own(
            "prompt", "", label="Caption", placeholder="a cat and a dog",
            info="What is to be seen. Its nouns are looked for; Ctrl+Enter compares.",
        )  # fmt: skip
        chips = part("chips", elem_id="teacher-chips")
        own("model", studio.model, choices=model_choices(studio))
        with gr.Row(elem_classes=["seed-row"], equal_height=True):
            own("t_tea", min_width=90, label="Teacher at t", info="Little noise.")
            own("t_stu", min_width=90, label="Student at t", info="Much noise.")
            own("seed", 0, min_width=90, label="Noise seed", info="For all levels.")
        with gr.Row(elem_classes=["go-row"]):
            compare = gr.Button("Compare", variant="primary", elem_id="teacher-go", elem_classes=["go"])
            cancel = gr.Button("Cancel", variant="stop", elem_id="teacher-cancel", visible=False)
        with gr.Accordion(
            "Masks · paint where each object is", open=False, elem_classes=["fold"], elem_id="teacher-masks"
        ):
            brush = part("brush", elem_id="teacher-brush", scripts=("teacher/brush",))
        with gr.Accordion("LoRA · what a fine-tune changed", open=False, elem_classes=["fold", "lora-fold"]):
            own("lora", info="Folder or .safetensors file: its maps stand beside the base model's.")
            own("lora_scale")
        with gr.Accordion("Language", open=False, elem_classes=["fold"]):
            own("language", info="Of the caption.")
    problems = part("problems", elem_id="teacher-problems")
    return {
        "settings": settings, "picture": picture, "scene": scene, "chips": chips, "brush": brush, "problems": problems,
        "compare": compare, "cancel": cancel,
    }  # fmt: skip


def _wire(handlers: TeacherHandlers, parts: Parts, page: gr.Blocks) -> None:
    given = [parts.choice, parts.source, parts.picture, parts.painted, *(parts.settings[n] for n in SETTINGS)]
    shown = [parts.seen, parts.compare, parts.cancel, parts.problems, parts.shown]
    started = parts.compare.click(
        handlers.start, given, [parts.watched, parts.problems, parts.seen, parts.compare, parts.cancel],
        **{**in_turn(PAINTED), "trigger_mode": "once"}, **PRIVATE,  # after the last stroke
    )  # fmt: skip
    states = [parts.watched, parts.number, parts.source, parts.picture, parts.choice, parts.painted]
    opened = page.load(handlers.attach, None, [*states, *(parts.settings[n] for n in SETTINGS)], **PRIVATE)
    # From here on nothing that was asked before is put into the controls any more.
    opened.then(None, None, None, js="() => { document.documentElement.dataset.taught = 'yes'; }", **PRIVATE)
    for begun in (started, opened):
        begun.then(handlers.follow, parts.watched, shown, concurrency_limit=None, **PRIVATE)
    parts.seen.tick(handlers.heal, [parts.watched, parts.shown], shown, queue=False, **PRIVATE)
    parts.cancel.click(handlers.cancel, parts.watched, parts.cancel, queue=False, **PRIVATE)
    parts.scene.click(
        handlers.scene, parts.number,
        [parts.number, parts.source, parts.picture, parts.settings["prompt"], parts.choice],
        concurrency_limit=None, **PRIVATE,
    )  # fmt: skip
    # A picture of one's own has no known masks.
    gr.on([parts.picture.upload, parts.picture.clear], lambda: None, None, parts.source, queue=False, **PRIVATE)
    _wire_caption(handlers, parts)


def _wire_caption(handlers: TeacherHandlers, parts: Parts) -> None:
    prompt, model, language = (parts.settings[name] for name in ("prompt", "model", "language"))
    words = [prompt, model, language]
    turn, read = in_turn("teacher-words"), {"trigger_mode": "always_last", **PRIVATE}
    gr.on(
        [prompt.change, language.input, model.input], handlers.parsed, [*words, parts.choice], parts.chips,
        **{**turn, **read},
    )  # fmt: skip
    chosen = [parts.choice, parts.chips]
    parts.chips.select(handlers.toggle, [*words, parts.choice], chosen, **turn, **PRIVATE)
    parts.chips.clear(handlers.forget, words, chosen, **turn, **PRIVATE)
    painting = [prompt, language, parts.choice, parts.source, parts.picture, parts.painted]
    gr.on(
        [parts.chips.change, parts.picture.change], handlers.brush, painting, parts.brush,
        concurrency_limit=None, **read,
    )  # fmt: skip
    parts.brush.select(handlers.paint, parts.painted, parts.painted, **in_turn(PAINTED), **PRIVATE)
