"""The tab Inspect: a prompt, its picture, and where the model looked for each noun."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import gradio as gr

from ...config import InspectSettings
from .. import exports, stage
from ..controls import GROUPS, as_text, control
from ..parts import held, in_turn, part
from ..upload import Upload
from ..viewer import SCRIPTS
from .asking import PRIVATE, Asking, model_choices
from .inspect_events import MODEL_SETS, Handlers

if TYPE_CHECKING:
    from ...studio import Studio
    from ..scratch import Scratch

EXAMPLES = (
    "a cat and a dog",
    "a red car and a blue bowl",
    "a rabbit with a crown",
    "three apples",
    "a lion, a balloon and a green bench",
)


@dataclass(frozen=True)
class Parts:
    """The components of the tab that handlers read or write."""

    settings: dict[str, gr.Component]
    chips: gr.HTML
    examples: gr.HTML
    problems: gr.HTML
    stage: gr.HTML
    keep: gr.HTML
    die: gr.Button
    generate: gr.Button
    picture: gr.Image
    timesteps: gr.Textbox
    look: gr.Button
    cancel: gr.Button
    choice: gr.State
    watched: gr.State
    shown: gr.Textbox


def build(studio: Studio, scratch: Scratch, page: gr.Blocks) -> Asking:
    """Lay the tab out and wire it."""
    handlers = Handlers(studio, scratch)
    with gr.Row(elem_classes=["inspect"], equal_height=False):
        with gr.Column(elem_classes=["inspect-ask"], scale=0, min_width=320):
            asked = _ask(studio, handlers)
        with gr.Column(elem_classes=["inspect-see"], scale=1, min_width=320):
            seen = _see(handlers)
    states = {"choice": gr.State(None), "watched": gr.State(None)}
    parts = Parts(**asked, **seen, **states, shown=held("inspect-shown"))
    _wire(handlers, parts, page)
    names = list(parts.settings)
    return Asking(
        partial(handlers.use, names), [parts.choice, parts.chips, *parts.settings.values()],
        partial(handlers.asked, names), settings=parts.settings, doors=(parts.keep,),
    )  # fmt: skip


def _ask(studio: Studio, handlers: Handlers) -> dict[str, Any]:
    """The left column: few controls in sight, the rest folded by group."""
    defaults = studio.defaults(studio.model)
    settings: dict[str, gr.Component] = {}
    with gr.Group(elem_classes=["card", "ask"]):
        settings["prompt"] = control(
            "prompt", EXAMPLES[0], placeholder="a cat and a dog", autofocus=False,
            info="What to paint. Ctrl+Enter generates.",
        )  # fmt: skip
        chips = part("chips", handlers.parsed(EXAMPLES[0], studio.model, "en", None))
        examples = part("examples", list(EXAMPLES))
        settings["model"] = control("model", studio.model, choices=model_choices(studio))
        with gr.Row(elem_classes=["seed-row"], equal_height=True):
            settings["seed"] = control("seed", defaults.seed, min_width=120)
            die = gr.Button("Random", elem_id="die", min_width=80, scale=0)
        with gr.Row(elem_classes=["go-row"]):
            generate = gr.Button("Generate", variant="primary", elem_id="generate", elem_classes=["go"])
            cancel = gr.Button("Cancel", variant="stop", elem_id="cancel", visible=False)
        for title, (info, names) in GROUPS.items():
            slug = title.split()[0].lower()
            fold = gr.Accordion(
                f"{title} · {info}", open=False, elem_id=f"group-{slug}", elem_classes=["fold", f"{slug}-fold"]
            )
            with fold, gr.Row(elem_classes=["fold-row"]):
                for name in names:
                    settings[name] = control(name, getattr(defaults, name), min_width=130)
        own = _own_picture()
    problems = part("problems")
    return {
        "settings": settings, "chips": chips, "examples": examples, "problems": problems,
        "die": die, "generate": generate, "cancel": cancel, **own,
    }  # fmt: skip


def _own_picture() -> dict[str, Any]:
    """A picture that exists already: its maps, with the prompt above as its caption."""
    info = InspectSettings.model_fields["timesteps"].description
    with gr.Accordion("Your own picture · its maps", open=False, elem_id="own-picture", elem_classes=["fold"]):
        picture = Upload(
            label="Picture", type="filepath", sources=["upload", "clipboard"], elem_id="setting-picture",
            height=220,
        )  # fmt: skip
        timesteps = control("timesteps", as_text(InspectSettings().timesteps), InspectSettings, info=info)
        look = gr.Button("Look at this picture", elem_id="look")
    return {"picture": picture, "timesteps": timesteps, "look": look}


def _see(handlers: Handlers) -> dict[str, Any]:
    """The right column: the picture's place, what to take away."""

    def make_file(wanted: list[str]) -> dict[str, str]:
        return exports.made(handlers.studio, wanted[0], wanted[1], handlers.scratch)

    return {
        "stage": part("stage", stage.IDLE, scripts=(*SCRIPTS, "painting", "stage")),
        "keep": part("keep", scripts=("keepcard", "keep"), server_functions=[make_file]),
    }


def _wire(handlers: Handlers, parts: Parts, page: gr.Blocks) -> None:
    names = list(parts.settings)
    controls = list(parts.settings.values())
    _wire_prompt(handlers, parts)
    model = parts.settings["model"]
    model.input(
        handlers.use_model, model, [*(parts.settings[n] for n in MODEL_SETS), parts.problems], queue=False, **PRIVATE
    )
    parts.die.click(None, None, parts.settings["seed"], js="() => Math.floor(Math.random() * 4294967296)")

    ends = [parts.stage, parts.generate, parts.cancel, parts.problems, parts.keep, parts.shown]
    started = parts.generate.click(
        partial(handlers.start, names), [parts.choice, *controls],
        [parts.watched, parts.problems, parts.stage, parts.generate, parts.cancel],
        concurrency_limit=None, **PRIVATE,
    )  # fmt: skip
    looked = parts.look.click(
        partial(handlers.look, names), [parts.choice, parts.picture, parts.timesteps, *controls],
        [parts.watched, parts.problems, parts.stage, parts.generate, parts.cancel],
        concurrency_limit=None, **PRIVATE,
    )  # fmt: skip
    opened = page.load(
        partial(handlers.attach, names), None, [parts.watched, parts.choice, parts.chips, *controls], **PRIVATE
    )
    for begun in (started, looked, opened):
        begun.then(handlers.follow, parts.watched, ends, concurrency_limit=None, **PRIVATE)
    shown = opened.then(handlers.show_last, None, [parts.stage, parts.keep], **PRIVATE)
    # From here on nothing that was asked before is put into the controls any more.
    shown.then(None, None, None, js="() => { document.documentElement.dataset.opened = 'yes'; }", **PRIVATE)
    parts.stage.tick(handlers.heal, [parts.watched, parts.shown], ends, queue=False, **PRIVATE)
    parts.cancel.click(handlers.cancel, parts.watched, parts.cancel, queue=False, **PRIVATE)


def _wire_prompt(handlers: Handlers, parts: Parts) -> None:
    prompt, model, language = (parts.settings[name] for name in ("prompt", "model", "language"))
    words, chosen, turn = [prompt, model, language], [parts.choice, parts.chips], in_turn("inspect-words")
    gr.on(
        [prompt.change, language.input, model.input], handlers.parsed, [*words, parts.choice], parts.chips,
        **{**turn, "trigger_mode": "always_last"}, **PRIVATE,
    )  # fmt: skip
    parts.chips.select(handlers.toggle, [*words, parts.choice], chosen, **turn, **PRIVATE)
    parts.chips.clear(handlers.forget, words, chosen, **turn, **PRIVATE)
    parts.examples.select(handlers.example, None, prompt, queue=False, **PRIVATE)
