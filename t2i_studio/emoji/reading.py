"""From a caption back to what it asks for: the inverse of `captions`, for prompts of others in this language."""

from __future__ import annotations

import re

from ..errors import PromptError
from .captions import Asked, Request
from .vocabulary import COLOURS, NOUNS, NUMBERS, RELATIONS, plural

_LINKS = {link: relation for relation, links in RELATIONS.items() for link in links}
_COUNTS = {word: number for number, word in NUMBERS.items()}
_PLURALS = {plural(noun): noun for noun in NOUNS}
_OPENINGS = re.compile(r"^(?:an?|the)\s+(?:photo|picture|image|emoji)\s+of\s+", re.IGNORECASE)
_BETWEEN = re.compile(
    r"\s*,\s*(?:and\s+)?|\s+(and|with|" + "|".join(sorted(map(re.escape, _LINKS), key=len, reverse=True)) + r")\s+"
)


def read_caption(text: str) -> Request:
    """What a caption asks for: `a red car and a blue bowl`, `a cat to the left of a dog`, `three apples`.

    Raises:
        PromptError: a word that this world does not know, or a form it does not have.
    """
    body = _OPENINGS.sub("", text.strip().lower().rstrip("."))
    asked, relation, at = [], None, 0
    for found in _BETWEEN.finditer(body):
        asked.append(_phrase(body[at : found.start()], text))
        relation = _LINKS.get(found.group(1) or "", relation)
        at = found.end()
    asked.append(_phrase(body[at:], text))
    return Request(tuple(asked), relation)


def _phrase(phrase: str, text: str) -> Asked:
    words = phrase.split()
    count = 1
    if words and words[0] in ("a", "an", "the"):
        words = words[1:]
    elif words and words[0] in _COUNTS:
        count, words = _COUNTS[words[0]], words[1:]
    colour = words.pop(0) if words and words[0] in COLOURS else None
    noun = " ".join(words)
    if count > 1:
        noun = _PLURALS.get(noun, noun)
    if noun not in NOUNS:
        raise PromptError(
            f"{text!r} asks for {phrase!r}, which the embedded world does not have.",
            f"Its nouns: {', '.join(NOUNS)}; its colours: {', '.join(COLOURS)}.",
        )
    return Asked(noun, colour, count)
