"""A piece of the page that draws itself: a `gr.HTML` whose script lies beside the Python.

Templates are static: what a user typed goes to the page as data and is written there by
`textContent`, never as HTML.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

HERE = Path(__file__).parent


def script(*names: str) -> str:
    """The JavaScript files of those names, one after the other."""
    return "\n".join((HERE / f"{name}.js").read_text(encoding="utf-8") for name in names)


def part(
    name: str,
    value: Any = None,
    *,
    elem_id: str = "",
    template: str = "",
    scripts: tuple[str, ...] = (),
    server_functions: list[Callable[..., Any]] | None = None,
    **props: Any,
) -> gr.HTML:
    """A piece with its own script (`name.js`, or `scripts`); its element id is `elem_id`, else `name`."""
    return gr.HTML(
        value, html_template=template or f'<div class="{name}"></div>', js_on_load=script("dom", *(scripts or (name,))),
        elem_id=elem_id or name, elem_classes=["part"], apply_default_css=False, container=False, padding=False,
        server_functions=server_functions, **props,
    )  # fmt: skip


def held(elem_id: str) -> gr.Textbox:
    """What a page shows, held by the page: looks and streams may arrive in another order than they were answered."""
    return gr.Textbox("", visible="hidden", elem_id=elem_id, label="What is shown")


def in_turn(state: str) -> dict[str, Any]:
    """Options of events that read and write one state, such as the chosen words: none is dropped, none overtakes."""
    return {"trigger_mode": "multiple", "concurrency_limit": 1, "concurrency_id": state}
