"""What a click changes about the attributes of nouns, and how it gets into settings and back."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from t2i_studio.ui import attributes, chips
from t2i_studio.ui.chips import Choice
from t2i_studio.ui.scratch import Scratch
from t2i_studio.ui.tabs.guide_events import SETTINGS, GuideHandlers
from tests.ui.fakes import FakeStudio, parse_prompt
from tests.ui.test_ui_guide import values

PROMPT = "a red car and a blue bowl"


@pytest.fixture
def handlers(studio: FakeStudio) -> GuideHandlers:
    return GuideHandlers(studio, Scratch())  # type: ignore[arg-type]


def told(choice: Choice) -> dict[str, list[str]]:
    shown = attributes.with_choice(parse_prompt(PROMPT), choice)
    return {noun["id"]: [word["text"] for word in noun["words"]] for noun in attributes.value(shown, choice)["nouns"]}


def after(choice: Choice, noun: str, key: str, on: bool) -> Choice:
    return attributes.describe(attributes.with_choice(parse_prompt(PROMPT), choice), choice, noun, key, on)


def test_untouched_are_the_parsers() -> None:
    assert told(Choice()) == {"car": ["red"], "bowl": ["blue"]}
    assert attributes.written(parse_prompt(PROMPT), Choice()) == ()


def test_taken_given_and_moved() -> None:
    taken = after(Choice(), "car", "red", False)
    assert told(taken) == {"car": [], "bowl": ["blue"]}
    moved = after(taken, "car", "blue", True)
    assert told(moved) == {"car": ["blue"], "bowl": []}
    shown = attributes.with_choice(parse_prompt(PROMPT), moved)
    assert attributes.written(shown, moved) == ("car:blue", "bowl:")
    assert chips.chosen(parse_prompt(PROMPT), moved) is None, "the nouns are still the parser's"


def test_a_word_that_comes_twice_is_told_apart() -> None:
    shown = parse_prompt("a red car and a red bowl")
    choice = attributes.describe(shown, Choice(), "bowl", "red#1", True)
    assert dict(choice.attributes) == {"car": (), "bowl": ("red#2", "red#1")}
    assert attributes.written(attributes.with_choice(shown, choice), choice) == ("car:", "bowl:red#1,red#2")


def test_what_went_from_the_prompt_is_forgotten() -> None:
    choice = Choice(attributes=(("car", ("blue",)), ("bowl", ())))
    shown = attributes.with_choice(parse_prompt("a red car"), choice)
    assert attributes.written(shown, choice) == ("car:",)


def test_articles_and_nouns_describe_nothing() -> None:
    assert [w["key"] for w in attributes.value(parse_prompt(PROMPT), Choice())["free"]] == ["red", "blue"]


def test_the_page_paints_with_what_was_said_and_takes_it_back(handlers: GuideHandlers) -> None:
    event: Any = SimpleNamespace(noun="car", key="red", on=False)
    choice, drawn = handlers.describe(PROMPT, "emoji-unet", "en", None, event)
    assert [group["describes"] for group in drawn["groups"] if group["text"] == "red"] == [-1]
    assert handlers.described(PROMPT, "en", choice)["edited"]
    ids, problem, *_ = handlers.start(choice, None, *values(handlers, prompt=PROMPT))
    assert problem is None
    plain, guided = (handlers.studio.task(one).settings for one in ids)  # type: ignore[union-attr]
    assert (plain.attributes, guided.attributes) == ((), ("car:",))
    filled = handlers.filled(guided)
    assert filled[0] == choice
    assert len(filled) == 3 + len(values(handlers))
    assert filled[3] == guided.model_dump()[SETTINGS[0]] == PROMPT
    assert handlers.undescribe(PROMPT, "emoji-unet", "en", choice)[0] == Choice()
