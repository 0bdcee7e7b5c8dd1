"""The prompt as toggle chips: which words are mapped, and what the user changed about it.

Knows parsed prompts; knows no page. The chips' value goes to `chips.js`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..types import ParsedPrompt, TokenSpans

NO_NOUN = "No noun found. The picture is still made; click a word to see where the model looks for it."
SHOWN_WORDS = 12
"""How many words past the token limit are named."""


@dataclass(frozen=True)
class Choice:
    """What the user changed: subject ids added to and removed from what the parser finds."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    attributes: tuple[tuple[str, tuple[str, ...]], ...] = ()
    "(subject id, words) where the user says what describes it."

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.attributes)


def word_id(parsed: ParsedPrompt, index: int) -> str:
    """The subject id of a single word: `car`, and `car#2` where the word comes a second time."""
    low = parsed.words[index].text.lower()
    before = sum(word.text.lower() == low for word in parsed.words[: index + 1])
    return low if before == 1 else f"{low}#{before}"


def chosen(parsed: ParsedPrompt, choice: Choice) -> list[str] | None:
    """Ids to map, in the order of the prompt; None where the user changed nothing about them.

    `parsed` is the prompt as the parser reads it, without the choice.
    """
    if not (choice.added or choice.removed):
        return None
    place = {word_id(parsed, i): i for i in range(len(parsed.words))}
    place |= {s.id: s.words[0] for s in parsed.subjects}
    kept = [key for key in (*parsed.ids, *choice.added) if key in place and key not in choice.removed]
    return sorted(dict.fromkeys(kept), key=place.__getitem__)


def toggle(parsed: ParsedPrompt, shown: ParsedPrompt, choice: Choice, index: int) -> Choice:
    """The choice after a click on word `index`; `shown` is the prompt with the choice in it."""
    if not 0 <= index < len(shown.words):
        return choice
    subject = next((s for s in shown.subjects if index in s.words), None)
    if subject is None:
        key = word_id(parsed, index)
        if key in choice.removed:
            return replace(choice, removed=tuple(k for k in choice.removed if k != key))
        return replace(choice, added=(*choice.added, key))
    if subject.id in choice.added:
        return replace(choice, added=tuple(k for k in choice.added if k != subject.id))
    return replace(choice, removed=(*choice.removed, subject.id))


def choice_of(
    parsed: ParsedPrompt, nouns: Sequence[str] | None, attributes: Mapping[str, tuple[str, ...]] | None = None
) -> Choice:
    """The choice that makes exactly `nouns` of what the parser finds, and says what describes some."""
    said = tuple((attributes or {}).items())
    if nouns is None:
        return Choice(attributes=said)
    return Choice(tuple(n for n in nouns if n not in parsed.ids), tuple(i for i in parsed.ids if i not in nouns), said)


def value(shown: ParsedPrompt, choice: Choice, spans: Sequence[TokenSpans] = (), problem: str = "") -> dict[str, Any]:
    """What the chips draw: groups of words in order, notes under them."""
    dropped = {i for s in spans for i, columns in enumerate(s.words) if not columns and shown.words[i].upos != "PUNCT"}
    return {
        "groups": _groups(shown, dropped),
        "notes": _notes(shown, dropped, problem),
        "edited": bool(choice.added or choice.removed),
    }


def _groups(shown: ParsedPrompt, dropped: set[int]) -> list[dict[str, Any]]:
    owner = {i: n for n, subject in enumerate(shown.subjects) for i in subject.words}
    described = {i: n for n, subject in enumerate(shown.subjects) for i in subject.attributes}
    groups: list[dict[str, Any]] = []
    last = None
    for index, word in enumerate(shown.words):
        noun = owner.get(index, -1)
        if groups and noun >= 0 and noun == last:
            gap = shown.text[shown.words[index - 1].end : word.start]
            groups[-1]["text"] += gap + word.text
            continue
        last = noun
        groups.append({
            "text": word.text, "word": index, "colour": noun, "describes": described.get(index, -1),
            "plain": word.upos == "PUNCT", "dropped": index in dropped,
        })  # fmt: skip
    return groups


def _notes(shown: ParsedPrompt, dropped: set[int], problem: str) -> list[dict[str, str]]:
    notes = []
    if problem:
        notes.append({"kind": "note", "text": problem})
    elif not shown.subjects:
        notes.append({"kind": "note", "text": NO_NOUN})
    else:
        notes.append({"kind": "hint", "text": "Coloured words are mapped. Click a word to add or remove it."})
    if dropped:
        words = [shown.words[i].text for i in sorted(dropped)]
        more = f" … and {len(words) - SHOWN_WORDS} more" if len(words) > SHOWN_WORDS else ""
        names = ", ".join(words[:SHOWN_WORDS]) + more
        notes.append({"kind": "note", "text": f"Past the model's limit, so it never reads: {names}."})
    return notes
