"""Words picked by the user in place of the parser's subjects."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from ..errors import PromptError
from .grouping import Prompt, describe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..types import Subject

MAX_LISTED = 40
"""Words named in an error message."""


def pick(prompt: Prompt, found: Sequence[Subject], nouns: Sequence[str]) -> tuple[Subject, ...]:
    """The subjects of picked names, by order of appearance.

    A name is an id of the parser's ("car#2"), or a word or phrase of the prompt in any case; `#2` asks for
    the second of them.

    Raises:
        PromptError: a name is not in the prompt; the message names the words that can be picked.
    """
    chosen: dict[str, Subject] = {}
    for name in nouns:
        subject = _one(prompt, found, " ".join(name.lower().split()))
        if subject is None:
            raise PromptError(f"{name!r} is not in the prompt.", _choices(prompt, found))
        if all(subject.words != other.words for other in chosen.values()):
            chosen[subject.id] = subject
    return tuple(sorted(chosen.values(), key=lambda subject: subject.words))


def _one(prompt: Prompt, found: Sequence[Subject], name: str) -> Subject | None:
    for subject in found:
        if subject.id == name:
            return subject
    phrase, _, number = name.partition("#")
    if not phrase.strip() or (number and not number.isdecimal()):
        return None
    places = _occurrences(prompt, phrase.strip())
    at = int(number or 1) - 1
    if not 0 <= at < len(places):
        return None
    for subject in found:
        if subject.words == places[at]:
            return subject
    return replace(describe(prompt, places[at]), id=name)


def _occurrences(prompt: Prompt, phrase: str) -> list[tuple[int, ...]]:
    """The words under each occurrence of a phrase. Whole words; tokens in scripts without spaces."""
    pattern = r"\s+".join(map(re.escape, phrase.split()))
    before = r"(?<!\w)" if phrase[0].isalnum() else ""
    after = r"(?!\w)" if phrase[-1].isalnum() else ""
    spans = [match.span() for match in re.finditer(before + pattern + after, prompt.text, re.IGNORECASE)]
    words = prompt.words
    if not spans:
        starts = {word.start for word in words}
        ends = {word.end for word in words}
        matches = re.finditer(pattern, prompt.text, re.IGNORECASE)
        spans = [match.span() for match in matches if match.start() in starts and match.end() in ends]
    covered = (
        tuple(i for i, word in enumerate(words) if word.start < end and start < word.end) for start, end in spans
    )
    return [indices for indices in covered if indices]


def _choices(prompt: Prompt, found: Sequence[Subject]) -> str:
    plain = (word.text.lower() for word in prompt.words if word.upos not in {"PUNCT", "SYM"})
    names = list(dict.fromkeys([*(subject.id for subject in found), *plain]))
    if not names:
        return "The prompt has no words to pick."
    more = " …" if len(names) > MAX_LISTED else ""
    return f"Words to pick from: {', '.join(names[:MAX_LISTED])}{more}."
