"""Which words are mapped, and what a click changes."""

from __future__ import annotations

import pytest

from t2i_studio.ui import chips
from t2i_studio.ui.chips import Choice
from tests.ui.fakes import FakeStudio, parse_prompt


def shown_after(text: str, choice: Choice, *clicks: int) -> tuple[list[str], Choice]:
    """Ids mapped after clicks on words."""
    found = parse_prompt(text)
    for click in clicks:
        choice = chips.toggle(found, parse_prompt(text, chips.chosen(found, choice)), choice, click)
    return list(parse_prompt(text, chips.chosen(found, choice)).ids), choice


def test_untouched_prompt_asks_for_the_parsers_nouns() -> None:
    assert chips.chosen(parse_prompt("a cat and a dog"), Choice()) is None


def test_click_removes_a_noun_and_brings_it_back() -> None:
    assert shown_after("a cat and a dog", Choice(), 1)[0] == ["dog"]
    ids, choice = shown_after("a cat and a dog", Choice(), 1, 1)
    assert ids == ["cat", "dog"]
    assert not choice


def test_click_adds_a_word_in_its_place() -> None:
    assert shown_after("a red cat and a dog", Choice(), 1)[0] == ["red", "cat", "dog"]


def test_second_of_a_repeated_word() -> None:
    assert shown_after("a red car and a blue car", Choice(), 2)[0] == ["car#2"]
    assert shown_after("a red car and a blue car", Choice(), 6)[0] == ["car"]


def test_all_removed_is_no_noun_not_all_nouns() -> None:
    found = parse_prompt("a cat")
    assert chips.chosen(found, Choice(removed=("cat",))) == []


def test_choice_survives_typing_and_forgets_words_that_went() -> None:
    choice = Choice(added=("red",), removed=("dog",))
    assert chips.chosen(parse_prompt("a red cat, a dog, a bird"), choice) == ["red", "cat", "bird"]
    assert chips.chosen(parse_prompt("a cat"), choice) == ["cat"]


def test_choice_of_makes_exactly_those_nouns() -> None:
    found = parse_prompt("a red cat and a dog")
    choice = chips.choice_of(found, ("red", "dog"))
    assert chips.chosen(found, choice) == ["red", "dog"]
    assert not chips.choice_of(found, None)


def test_click_beside_the_words_changes_nothing() -> None:
    found = parse_prompt("a cat")
    assert chips.toggle(found, found, Choice(), 99) == Choice()


def test_value_marks_nouns_attributes_and_what_is_past_the_limit(studio: FakeStudio) -> None:
    parsed = parse_prompt("a red cat " + "word " * 120)
    value = chips.value(parsed, Choice(), studio.spans(parsed))
    by_text = {group["text"]: group for group in value["groups"]}
    assert by_text["cat"]["colour"] == 0
    assert by_text["red"]["describes"] == 0
    assert value["groups"][-1]["dropped"]
    assert any("Past the model's limit" in note["text"] and "more" in note["text"] for note in value["notes"])


def test_prompt_without_nouns_says_what_to_do() -> None:
    notes = chips.value(parse_prompt("green and blue"), Choice())["notes"]
    assert "click a word" in notes[0]["text"]


@pytest.mark.parametrize("text", ["🦊 قطة و كلب", "<script>alert(1)</script> cat", "café naïve cat", "cat\n\n\tdog"])
def test_any_text_comes_back_word_by_word(text: str) -> None:
    value = chips.value(parse_prompt(text), Choice())
    assert all(group["text"] in text for group in value["groups"])
