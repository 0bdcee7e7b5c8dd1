"""The whole page: header, tabs, status bar, named endpoints; and how it is launched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gradio as gr

from ..errors import StudioError
from . import endpoints, pulse, theme
from .parts import script
from .scratch import Scratch
from .tabs import evaluate, finetune, guide, inspect, runs, teacher
from .tabs.asking import Asking
from .tabs.guide_events import dials_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..studio import Studio

TITLE = "T2I Studio"
WORN = ("model", "lora", "lora_scale", "steps", "guidance_scale", "width", "height")
"""What using a LoRA sets in a tab; from `steps` on what a model brings."""
THREADS = 200
"""Each page that follows a task holds one."""
UPLOADS = (3600, 86400)
"""Seconds between two looks at what was uploaded, and the age at which it goes."""
HEADER = """
<header class="masthead">
  <div class="brand"><span class="mark" aria-hidden="true"><i></i><i></i><i></i><i></i></span>
    <h1>T2I Studio</h1><p>See where a model looks while it paints.</p></div>
  <button type="button" id="switch-light" title="Light or dark page"><span aria-hidden="true">◐</span></button>
</header>
"""


def build(studio: Studio) -> gr.Blocks:
    """The page over one studio."""
    scratch = Scratch()
    with gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=True, delete_cache=UPLOADS) as page:
        # First, so that no handler of the page takes one of their names.
        endpoints.add(studio, scratch)
        gr.HTML(HEADER, elem_id="masthead", container=False, padding=False)
        with gr.Tabs(elem_id="tabs") as tabs:
            with gr.Tab("Inspect", id="inspect", elem_id="tab-inspect"):
                asking = inspect.build(studio, scratch, page)
            with gr.Tab("Guide", id="guide", elem_id="tab-guide", render_children=True):
                steering = guide.build(studio, scratch, page)
            with gr.Tab("Teacher–Student", id="teacher", elem_id="tab-teacher", render_children=True):
                teaching = teacher.build(studio, scratch, page)
            with gr.Tab("Fine-tune", id="finetune", elem_id="tab-finetune", render_children=True):
                tuning = finetune.build(studio, scratch, page)
            with gr.Tab("Evaluate", id="evaluate", elem_id="tab-evaluate", render_children=True):
                comparing = evaluate.build(studio, page, tabs, asking, steering)
            # Drawn at once: an address may open a run, and its search is one call.
            with gr.Tab("Runs", id="runs", elem_id="tab-runs", render_children=True):
                gallery = runs.build(studio, scratch)

        _wire_runs(studio, tabs, {"inspect": asking, "guide": steering, "teacher": teaching}, gallery)
        wearing = {"inspect": asking, "guide": steering, "teacher": teaching}
        worn = {name: {n: tab.settings[n] for n in WORN if n in tab.settings} for name, tab in wearing.items()}
        worn["evaluate"] = {"model": comparing["models"], "lora": comparing["loras"]}
        _wire_lora(studio, tabs, tuning.board, worn, list(steering.dials.values()))
        _wire_teaching(tabs, teaching, tuning)
        pulse.bar(studio)
    page.queue(default_concurrency_limit=8)
    # Where launch finds the folder it may serve.
    page.scratch = scratch  # type: ignore[attr-defined]
    return page


def _wire_lora(
    studio: Studio, tabs: gr.Tabs, board: gr.HTML, places: dict[str, dict[str, gr.Component]], dials: Sequence[Any]
) -> None:  # fmt: skip
    """ "Use this LoRA in …" puts it into a tab's controls, and goes there.

    Args:
        places: tab → its controls by the names of `WORN`, those that it has.
        dials: controls of the tab Guide that come with a model.
    """
    folds = {name: _folds([controls["lora"]]) for name, controls in places.items()}
    outputs = [tabs, *(block for name in places for block in (*places[name].values(), *folds[name])), *dials]

    # Gradio finds the event by its annotation, which it looks for among named arguments alone.
    def wear(inspecting: str, guiding: str, teaching: str, comparing: list[str], event: gr.EventData) -> list[Any]:
        models = (inspecting, guiding, teaching, comparing)
        if getattr(event, "action", "") != "use":
            return [gr.skip()] * len(outputs)
        try:
            model, lora = finetune.worn(studio, str(getattr(event, "job", "")))
        except StudioError as error:  # deleted meanwhile, in another tab
            raise gr.Error(str(error), print_exception=False) from None
        wanted = str(getattr(event, "to", "") or "inspect")
        put: dict[str, Any] = {"model": model, "lora": lora, "lora_scale": 1.0}
        if wanted == "evaluate":
            put = {"model": [model], "lora": f"none, {lora}" if lora else ""}
        elif dict(zip(places, models, strict=True))[wanted] != model:  # steps and size of another model's
            put |= {name: getattr(studio.defaults(model), name) for name in WORN[3:]}
        found: list[Any] = [gr.update(selected=wanted)]
        for name, controls in places.items():
            chosen = name == wanted
            found += [put.get(n, gr.skip()) if chosen else gr.skip() for n in controls]
            found += [gr.update(open=True) if chosen else gr.skip()] * len(folds[name])
        brought = wanted == "guide" and guiding != model
        return found + (dials_of(studio, model) if brought else [gr.skip()] * len(dials))

    given = [controls["model"] for controls in places.values()]
    board.select(wear, given, outputs, queue=False, api_visibility="private")


def _folds(controls: Sequence[gr.Component]) -> list[gr.Accordion]:
    """The folded groups that hold them: what was put there should be seen."""
    found: dict[int, gr.Accordion] = {}
    for control in controls:
        block = control.parent
        while block is not None:
            if isinstance(block, gr.Accordion):
                found[block._id] = block
            block = block.parent
    return list(found.values())


def _wire_teaching(tabs: gr.Tabs, teaching: Asking, tuning: finetune.Parts) -> None:
    """A verdict becomes the settings of a fine-tune."""
    assert teaching.result is not None

    def teach(model: str, event: gr.EventData) -> list[Any]:
        sites = ",".join(str(site) for site in getattr(event, "sites", None) or ())
        return [gr.update(selected="finetune"), model, f"{float(getattr(event, 't_tea', 0)):g}", sites, True]

    wanted = [tuning.settings[name] for name in ("model", "teacher", "sites", "ctcal")]
    teaching.result.select(teach, teaching.settings["model"], [tabs, *wanted], queue=False, api_visibility="private")


def _wire_runs(studio: Studio, tabs: gr.Tabs, asking: dict[str, Asking], gallery: gr.HTML) -> None:
    """A run that is sent to a tab, or used again where it was made, fills that tab's controls."""

    def use(event: gr.EventData) -> list[Any]:
        run = str(getattr(event, "run", ""))
        wanted = str(getattr(event, "to", "") or ("guide" if is_guided(studio, run) else "inspect"))
        found: list[Any] = [gr.update(selected=wanted)]
        for name, tab in asking.items():
            found += tab.fill(run) if name == wanted else [gr.skip()] * len(tab.outputs)
        return found

    doors = [gallery, *(door for tab in asking.values() for door in tab.doors)]
    outputs = [tabs, *(output for tab in asking.values() for output in tab.outputs)]
    gr.on([door.select for door in doors], use, None, outputs, queue=False, api_visibility="private")


def is_guided(studio: Studio, run_id: str) -> bool:
    """Whether a kept run was guided; what can't be read was not."""
    try:
        return bool(studio.runs.load(run_id).settings.get("guide"))
    except StudioError:
        return False


def launch(page: gr.Blocks, **options: Any) -> tuple[Any, str, str]:
    """`page.launch` with the look, and without what a local page does not need."""
    scratch: Scratch = page.scratch  # type: ignore[attr-defined]
    return page.launch(
        theme=theme.theme(), css=theme.css(), js=script("page"), footer_links=[], run_history=False, ssr_mode=False,
        mcp_server=False, pwa=False, enable_monitoring=False, show_error=False, max_file_size="100mb",
        allowed_paths=[str(scratch.root)], **{"max_threads": THREADS, **options},
    )  # fmt: skip
