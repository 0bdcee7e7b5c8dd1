"""What describes each noun, to be added, removed and moved by the user.

Knows parsed prompts; knows no page. The value goes to `attributes.js`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..prompts import attributed

if TYPE_CHECKING:
    from ..types import ParsedPrompt
    from .chips import Choice

_NEVER = frozenset({"PUNCT", "SYM", "DET", "CCONJ", "SCONJ", "ADP", "AUX", "PRON"})
"""Parts of speech that describe nothing."""


def with_choice(shown: ParsedPrompt, choice: Choice) -> ParsedPrompt:
    """The prompt with the user's attributes in it; nouns and words that went are forgotten."""
    words = {word_key(shown, i) for i in range(len(shown.words))}
    known = {name: tuple(w for w in given if w in words) for name, given in choice.attributes if name in shown.ids}
    return attributed(shown, known)


def word_key(parsed: ParsedPrompt, index: int) -> str:
    """A word as attributes are written: `red`, and `red#2` where it comes more than once."""
    words = [word.text.lower() for word in parsed.words]
    number = words[: index + 1].count(words[index])
    return words[index] if Counter(words)[words[index]] == 1 else f"{words[index]}#{number}"


def describe(shown: ParsedPrompt, choice: Choice, noun: str, key: str, on: bool) -> Choice:
    """The choice after a word was given to a noun, which takes it from any other, or taken from it.

    `shown` is the prompt with the choice in it.
    """
    now = {s.id: [word_key(shown, i) for i in s.attributes] for s in shown.subjects}
    if noun not in now:
        return choice
    given = {name: tuple(k for k in words if k != key) for name, words in now.items()}
    if on:
        given[noun] = (*given[noun], key)
    changed = {name: words for name, words in given.items() if list(words) != now[name]}
    return replace(choice, attributes=tuple({**dict(choice.attributes), **changed}.items()))


def written(shown: ParsedPrompt, choice: Choice) -> tuple[str, ...]:
    """The user's attributes as settings: `car:red`; none where nothing was changed."""
    edited = dict(choice.attributes)
    return tuple(
        f"{s.id}:{','.join(word_key(shown, i) for i in s.attributes)}" for s in shown.subjects if s.id in edited
    )


def value(shown: ParsedPrompt, choice: Choice) -> dict[str, Any]:
    """What the page draws: each noun with its words, and the words that it could be given."""
    nouns = {i for s in shown.subjects for i in s.words}
    free = [i for i, word in enumerate(shown.words) if i not in nouns and word.upos not in _NEVER]
    return {
        "nouns": [
            {"id": s.id, "colour": n, "words": [_word(shown, i) for i in s.attributes]}
            for n, s in enumerate(shown.subjects)
        ],
        "free": [_word(shown, i) for i in free],
        "edited": bool(choice.attributes),
    }  # fmt: skip


def _word(shown: ParsedPrompt, index: int) -> dict[str, str]:
    return {"key": word_key(shown, index), "text": shown.words[index].text}
