"""A prompt box with its chips, as any tab has one: what the parser finds, what the user changes about it."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import gradio as gr

from ...errors import StudioError
from .. import attributes, chips
from ..chips import Choice

if TYPE_CHECKING:
    from ...studio import Studio
    from ...types import ParsedPrompt, TokenSpans

LONG = 25
"""Words from which on a prompt may pass a tokenizer's limit; shorter ones load no tokenizer."""


class Reading:
    """The events of a prompt and its chips, and messages beside controls."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio
        self._stamps = itertools.count(1)

    def read(self, prompt: str, language: str, choice: Choice | None) -> tuple[ParsedPrompt, ParsedPrompt]:
        """The prompt as the parser finds it, and with the user's choice in it."""
        found = self.studio.parse(prompt, None, language)
        nouns = chips.chosen(found, choice or Choice())
        shown = found if nouns is None else self.studio.parse(prompt, nouns, language)
        return found, attributes.with_choice(shown, choice or Choice())

    def parsed(self, prompt: str, model: str, language: str, choice: Choice | None) -> dict[str, Any]:
        """The value of the chips."""
        nothing: dict[str, Any] = {"groups": [], "notes": [], "edited": False}
        if not (prompt or "").strip():
            return nothing
        try:
            _, shown = self.read(prompt, language, choice)
        except StudioError as error:
            return nothing | {"groups": [{"text": "", "plain": True}], "notes": [{"kind": "note", "text": str(error)}]}
        return chips.value(shown, choice or Choice(), self._spans(shown, model))

    def _spans(self, parsed: ParsedPrompt, model: str) -> Sequence[TokenSpans]:
        if len(parsed.words) < LONG or self.studio.active():
            return ()  # while something is painted the model stays as it is; the run's notes tell in the end
        try:
            return self.studio.spans(parsed, model)
        except StudioError:
            return ()  # a model that can't be used says so when it is asked to paint

    def toggle(self, prompt: str, model: str, language: str, choice: Choice | None, event: gr.EventData) -> Any:
        """A chip was clicked."""
        choice = choice or Choice()
        try:
            found, shown = self.read(prompt, language, choice)
        except StudioError:
            return choice, gr.skip()
        choice = chips.toggle(found, shown, choice, int(getattr(event, "word", -1)))
        return choice, self.parsed(prompt, model, language, choice)

    def forget(self, prompt: str, model: str, language: str) -> Any:
        """Back to the nouns that the parser finds."""
        return Choice(), self.parsed(prompt, model, language, None)

    def example(self, event: gr.EventData) -> str:
        """The example that was clicked."""
        return str(getattr(event, "prompt", ""))

    def nouns(self, given: Mapping[str, Any], choice: Choice | None) -> list[str] | None:
        """The subjects the user chose; None where nothing was changed."""
        return chips.chosen(self.studio.parse(given["prompt"], None, given["language"]), choice) if choice else None

    def problem(self, error: StudioError, name: str) -> dict[str, Any]:
        """A message beside a control; the stamp makes the same one appear again."""
        return {"name": name, "problem": error.problem, "remedy": error.remedy, "stamp": next(self._stamps)}
