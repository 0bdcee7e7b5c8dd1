"""The tab Runs: everything that was ever made, searchable, comparable, one click from the player."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .. import exports
from ..parts import part
from ..viewer import SCRIPTS
from .runs_events import RunsHandlers

if TYPE_CHECKING:
    import gradio as gr

    from ...studio import Studio
    from ..scratch import Scratch

GALLERY = tuple(f"gallery/{name}" for name in ("search", "cards", "opened", "gallery"))


def build(studio: Studio, scratch: Scratch) -> gr.HTML:
    """The gallery; its event `select` carries the `run` whose settings are wanted in Inspect."""
    handlers = RunsHandlers(studio, scratch)

    # Gradio marks the functions, which methods do not allow.
    def find(wanted: Mapping[str, Any]) -> dict[str, Any]:
        return handlers.find(wanted)

    def open_run(run_id: str) -> dict[str, Any]:
        return handlers.open_run(run_id)

    def delete_run(run_id: str) -> dict[str, Any]:
        return handlers.delete_run(run_id)

    def restore_run(run_id: str) -> dict[str, Any]:
        return handlers.restore_run(run_id)

    def make_file(wanted: list[str]) -> dict[str, str]:
        return exports.made(studio, wanted[0], wanted[1], scratch)

    return part(
        "runs", scripts=("keepcard", *SCRIPTS, "guide/losses", *GALLERY),
        server_functions=[find, open_run, delete_run, restore_run, make_file],
    )  # fmt: skip
