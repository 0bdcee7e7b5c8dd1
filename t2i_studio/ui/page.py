"""The whole page: header, tabs, status bar, named endpoints; and how it is launched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gradio as gr

from ..errors import StudioError
from . import endpoints, follow, theme
from .parts import part, script
from .scratch import Scratch
from .tabs import evaluate, guide, inspect, runs

if TYPE_CHECKING:
    from ..studio import Studio

TITLE = "T2I Studio"
BEAT = 2.0
"""Seconds between two looks at what runs."""
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
    with gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=True) as page:
        # First, so that no handler of the page takes one of their names.
        endpoints.add(studio, scratch)
        clock = gr.Timer(BEAT)
        gr.HTML(HEADER, elem_id="masthead", container=False, padding=False)
        with gr.Tabs(elem_id="tabs") as tabs:
            with gr.Tab("Inspect", id="inspect", elem_id="tab-inspect"):
                asking = inspect.build(studio, scratch, page, clock)
            with gr.Tab("Guide", id="guide", elem_id="tab-guide", render_children=True):
                steering = guide.build(studio, scratch, page, clock)
            with gr.Tab("Evaluate", id="evaluate", elem_id="tab-evaluate", render_children=True):
                evaluate.build(studio, page, clock, tabs, asking, steering)
            # Drawn at once: an address may open a run, and its search is one call.
            with gr.Tab("Runs", id="runs", elem_id="tab-runs", render_children=True):
                gallery = runs.build(studio, scratch)

        def use(event: gr.EventData) -> list[Any]:
            run = str(getattr(event, "run", ""))
            if is_guided(studio, run):
                return [gr.update(selected="guide"), *([gr.skip()] * len(asking.outputs)), *steering.fill(run)]
            return [gr.update(selected="inspect"), *asking.fill(run), *([gr.skip()] * len(steering.outputs))]

        gallery.select(use, None, [tabs, *asking.outputs, *steering.outputs], queue=False, api_visibility="private")
        bar = part("statusbar", follow.status(studio))
        clock.tick(
            lambda: follow.status(studio), None, bar, queue=False, show_progress="hidden", api_visibility="private"
        )
    page.queue(default_concurrency_limit=8)
    # Where launch finds the folder it may serve.
    page.scratch = scratch  # type: ignore[attr-defined]
    return page


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
        allowed_paths=[str(scratch.root)], **options,
    )  # fmt: skip
