"""Words that describe a subject, named by the user in place of those that were found."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ..errors import PromptError

if TYPE_CHECKING:
    from ..types import ParsedPrompt, Subject


def attributed(parsed: ParsedPrompt, attributes: Mapping[str, Sequence[str]]) -> ParsedPrompt:
    """The prompt with other attributes; subjects that are not named keep theirs.

    Args:
        attributes: subject id → words of the prompt, `red#2` for the second of them; none at all for none.

    Raises:
        PromptError: the prompt has no such subject or word.
    """
    for name in attributes:
        check_known(name, parsed.ids)
    changed = {
        subject.id: tuple(sorted({_nearest(parsed, subject, text.lower()) for text in attributes[subject.id]}))
        for subject in parsed.subjects
        if subject.id in attributes
    }
    subjects = (replace(s, attributes=changed.get(s.id, s.attributes)) for s in parsed.subjects)
    return replace(parsed, subjects=tuple(subjects))


def _nearest(parsed: ParsedPrompt, subject: Subject, text: str) -> int:
    """The word that is meant: `red#2` the second, `red` the last one before the subject, else the first."""
    words = [word.text.lower() for word in parsed.words]
    name, _, number = text.partition("#")
    check_known(name, words)
    places = [i for i, word in enumerate(words) if word == name]
    if number.isdigit():
        if not 1 <= int(number) <= len(places):
            raise PromptError(f"The prompt has no {text!r}.", f"It has {name!r} {len(places)} times.")
        return places[int(number) - 1]
    return max((i for i in places if i < subject.words[0]), default=places[0])


def check_known(name: str, known: Sequence[str]) -> None:
    """Raise `PromptError` where a prompt has no such subject or word, naming the nearest."""
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f"Did you mean {near[0]!r}?" if near else f"It has: {', '.join(known) or 'nothing to be seen'}."
        raise PromptError(f"The prompt has no {name!r}.", hint)
