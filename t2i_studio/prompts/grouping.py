"""From tagged words to subjects: compounds, repetitions, counts, attributes. Pure; knows no tagger.

A noun phrase is read leftwards from its nouns: adjectives, colours and materials describe, a number counts,
an article ends it. Where a dependency parse is there, its arcs tell what describes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..types import Subject, Word
from .dependencies import Arc, described_by
from .wordlists import WordLists, is_plural, singulars

if TYPE_CHECKING:
    from collections.abc import Sequence

_NOUNS = ("NOUN", "PROPN")
_BE = frozenset(("is", "are", "was", "were"))


@dataclass(frozen=True)
class Prompt:
    """The tagged words of a text.

    `plurals`: whether each is one by the tagger, None where it is silent. `arcs`: what each hangs on, where a
    dependency parser looked; else empty.
    """

    text: str
    words: tuple[Word, ...]
    lists: WordLists
    plurals: tuple[bool | None, ...] = ()
    arcs: tuple[Arc, ...] = ()

    def low(self, index: int) -> str:
        """Word in lower case; empty outside the prompt."""
        return self.words[index].text.lower() if 0 <= index < len(self.words) else ""

    def upos(self, index: int) -> str:
        """Part of speech; empty outside the prompt."""
        return self.words[index].upos if 0 <= index < len(self.words) else ""

    def gap(self, index: int) -> str:
        """Text between a word and the next."""
        return self.text[self.words[index].end : self.words[index + 1].start]

    def joined(self, index: int) -> bool:
        """Whether a word and the next stand together: spaces at most, no line break."""
        return index + 1 < len(self.words) and "\n" not in self.gap(index) and not self.gap(index).strip()

    def hyphen(self, index: int) -> bool:
        """Whether a word is a hyphen inside a word, as in "t-shirt"."""
        inside = 0 < index < len(self.words) - 1
        glued = inside and not self.gap(index - 1) and not self.gap(index)
        return glued and self.low(index) in {"-", "\N{HYPHEN}"}


def find_subjects(prompt: Prompt) -> tuple[Subject, ...]:
    """The depictable things of a prompt by order of appearance; one named twice has ids `car`, `car#2`."""
    subjects: list[Subject] = []
    seen: dict[str, int] = {}
    for group in _groups(prompt):
        nouns = _strip_modifiers(prompt, group)
        if not _depictable(prompt, nouns):
            continue
        subject = describe(prompt, nouns)
        seen[subject.id] = seen.get(subject.id, 0) + 1
        number = seen[subject.id]
        name = subject.id if number == 1 else f"{subject.id}#{number}"
        subjects.append(Subject(name, subject.text, subject.words, subject.attributes, subject.count))
    return tuple(subjects)


def describe(prompt: Prompt, nouns: Sequence[int]) -> Subject:
    """The subject of given words, head last: its id without `#`, its attributes and count."""
    first, last = prompt.words[nouns[0]], prompt.words[nouns[-1]]
    text = prompt.text[first.start : last.end]
    before, start = _attributes_before(prompt, nouns[0])
    attributes = described_by(prompt, nouns) if prompt.arcs else (*before, *_attributes_after(prompt, nouns[-1]))
    return Subject(re.sub(r"\s+", " ", text).lower(), text, tuple(nouns), attributes, _count(prompt, nouns, start))


def _groups(prompt: Prompt) -> list[list[int]]:
    """Runs of nouns that stand together: candidates for compounds, with leading colours and materials."""
    groups: list[list[int]] = []
    index = 0
    while index < len(prompt.words):
        length = _listed_compound(prompt, index)
        if not length and not _is_noun(prompt, index):
            index += 1
            continue
        joins = bool(groups) and _continues(prompt, groups[-1][-1], index)
        members = list(range(index, index + max(length, 1)))
        if joins:
            groups[-1] += [*range(groups[-1][-1] + 1, index), *members]
        else:
            groups.append(members)
        index = members[-1] + 1
    return groups


def _continues(prompt: Prompt, last: int, index: int) -> bool:
    """Whether the noun at `index` belongs to the compound that ends at `last`."""
    if index - last == 2 and prompt.hyphen(last + 1):
        return True
    place_of = prompt.low(index) in prompt.lists.places and prompt.low(index + 1) in {"of", "to"}
    return index - last == 1 and prompt.joined(last) and not place_of


def _listed_compound(prompt: Prompt, index: int) -> int:
    """How many words from here are a name of the list ("hot dogs": 2), else 0."""
    for length in (4, 3, 2):
        end = index + length
        if end > len(prompt.words) or not all(prompt.joined(i) for i in range(index, end - 1)):
            continue
        start = " ".join(prompt.low(i) for i in range(index, end - 1))
        if any(f"{start} {form}" in prompt.lists.compounds for form in singulars(prompt.low(end - 1))):
            return length
    return 0


def _is_noun(prompt: Prompt, index: int) -> bool:
    if prompt.upos(index) in _NOUNS:
        return True
    if prompt.upos(index) != "ADJ" or prompt.low(index) not in prompt.lists.colours_and_things:
        return False
    # "an orange and a cat": a fruit, whatever the tagger says, as no noun follows that it could colour.
    starts = prompt.upos(index - 1) in {"DET", "NUM"} or prompt.low(index - 1) in prompt.lists.colours
    follows = prompt.upos(index + 1) in {*_NOUNS, "ADJ", "VERB"} or _white_and(prompt, index)
    return starts and not follows


def _white_and(prompt: Prompt, index: int) -> bool:
    """ "orange and white cat": a colour joined to another colour."""
    return prompt.upos(index + 1) == "CCONJ" and prompt.low(index + 2) in prompt.lists.colours


def _strip_modifiers(prompt: Prompt, group: list[int]) -> list[int]:
    """The nouns of a group without the colours, materials and numbers before them."""
    lists = prompt.lists
    while len(group) > 1 and not _listed_compound(prompt, group[0]):
        word = prompt.low(group[0])
        shade = word in lists.shades and prompt.low(group[0] + 1) in lists.colours
        if not (word in lists.colours or word in lists.materials or word in lists.numbers or shade):
            break
        if prompt.hyphen(group[1]):
            break
        group = group[1:]
    return group


def _depictable(prompt: Prompt, nouns: list[int]) -> bool:
    """Whether the head of a group shows something, by the lists and by what stands around it."""
    lists, last = prompt.lists, nouns[-1]
    forms = singulars(prompt.low(last))
    article, of = _opening(prompt, nouns[0]), prompt.low(last + 1) == "of"

    def listed(words: frozenset[str]) -> bool:
        return any(form in words for form in forms)

    if listed(lists.always) or (of and listed(lists.measures_of)) or _in_phrase(prompt, last):
        return False
    if listed(lists.places) and (of or article not in {"a", "an", "number"}):
        return False
    if listed(lists.media) and (of or (not article and prompt.upos(last + 1) in {"", "PUNCT"})):
        return False
    if prompt.low(last) in lists.shades and prompt.joined(last) and prompt.low(last + 1) in lists.colours:
        return False
    if len(nouns) == 1 and prompt.low(last) in lists.colours:
        return prompt.low(last) in lists.colours_and_things and prompt.low(last - 1) != "in"
    return True


def _in_phrase(prompt: Prompt, index: int) -> bool:
    """Whether a noun ends a listed phrase that shows nothing ("depth of field")."""
    tails = (" ".join(prompt.low(i) for i in range(index - n, index + 1)) for n in (1, 2, 3))
    return any(tail in prompt.lists.always for tail in tails)


def _opening(prompt: Prompt, index: int) -> str:
    """What opens the noun phrase at `index`: its article, "number", or nothing."""
    _, start = _attributes_before(prompt, index)
    if prompt.upos(start - 1) == "NUM":
        return "number"
    return prompt.low(start - 1) if prompt.upos(start - 1) in {"DET", "PRON"} else ""


def _attributes_before(prompt: Prompt, index: int) -> tuple[tuple[int, ...], int]:
    """Words that describe the noun at `index`, and where its phrase starts (after article and number)."""
    found: list[int] = []
    start = index
    while start > 0 and (step := _step(prompt, start, found)):
        start -= step
        if prompt.upos(start) != "ADV" and prompt.low(start) not in prompt.lists.quantifiers:
            found.append(start)
    return tuple(reversed(found)), start


def _step(prompt: Prompt, start: int, found: list[int]) -> int:
    """How many words further left the phrase reaches; 0 at its start."""
    left = start - 1
    if "\n" in prompt.gap(left):
        return 0
    if _describes(prompt, left, bool(found)):
        return 1
    # "black and white", "big, old", "long-haired": a link counts between two words that describe
    link = prompt.low(left) in {"and", ","} or prompt.hyphen(left)
    if link and found and left > 0 and prompt.upos(left - 1) in {"ADJ", "VERB"} and _describes(prompt, left - 1, True):
        return 0 if _predicate_of(prompt, left - 1) else 2
    return 0


def _describes(prompt: Prompt, index: int, further: bool) -> bool:
    """Whether a word in front of a noun describes it. `further`: another such word stands between."""
    lists, word, upos = prompt.lists, prompt.low(index), prompt.upos(index)
    if upos == "ADJ":
        return True
    if upos == "ADV":
        return further and prompt.upos(index + 1) == "ADJ"
    if upos == "VERB":
        return prompt.upos(index - 1) in {"DET", "NUM", "ADJ"}
    if upos not in _NOUNS or word in lists.numbers:
        return False
    return (
        word in lists.colours
        or word in lists.materials
        or (word in lists.shades and prompt.low(index + 1) in lists.colours)
    )


def _predicate_of(prompt: Prompt, index: int) -> bool:
    """Whether an adjective is said of an earlier noun: "a car that is red, big dogs"."""
    while index > 0 and prompt.upos(index - 1) in {"ADJ", "ADV"}:
        index -= 1
    return prompt.upos(index - 1) == "AUX"


def _attributes_after(prompt: Prompt, index: int) -> tuple[int, ...]:
    """Adjectives said of a noun: "a car that is red and shiny"."""
    at = index + 1
    if prompt.low(at) in {"that", "which"}:
        at += 1
    if prompt.low(at) not in _BE:
        return ()
    at += 1
    found: list[int] = []
    while at < len(prompt.words):
        if prompt.upos(at) == "ADJ" and prompt.low(at + 1) not in {"to", "of"}:
            found.append(at)
        elif not (
            prompt.upos(at) == "ADV"
            or (found and prompt.low(at) in {"and", ","} and prompt.upos(at + 1) in {"ADJ", "ADV"})
        ):
            break
        at += 1
    if prompt.upos(at) in _NOUNS:
        # "the cat is big and red cars stand behind": the last ones belong to the next noun
        while found and found[-1] == at - 1:
            at = found.pop()
    return tuple(found)


def _count(prompt: Prompt, nouns: Sequence[int], start: int) -> int | None:
    """How many are asked for; `start` is where the phrase begins after article and number."""
    lists = prompt.lists
    head = prompt.low(nouns[-1])
    number = _number(prompt, start - 1)
    if number is None and start < nouns[0]:
        number = next((n for i in range(start, nouns[0]) if (n := _number(prompt, i)) is not None), None)
    if number is None and prompt.low(start - 1) == "of":
        number = _measured(prompt, start - 2, head in lists.paired)
    if number is not None:
        return number
    if prompt.low(start - 1) in lists.singular or head in lists.paired:
        return 1
    told = prompt.plurals[nouns[-1]] if prompt.plurals else None
    plural = told if told is not None else is_plural(head, lists)
    return 1 if plural is False else None


def _measured(prompt: Prompt, index: int, paired: bool) -> int | None:
    """The number in "a pair of", "three pairs of"; pairs of one thing count as things."""
    size = next(
        (prompt.lists.measures[form] for form in singulars(prompt.low(index)) if form in prompt.lists.measures),
        None,
    )
    if size is None:
        return None
    return (1 if paired else size) * (_number(prompt, index - 1) or 1)


def _number(prompt: Prompt, index: int) -> int | None:
    word = prompt.low(index)
    if word.isdecimal() and len(word) < 6:
        return int(word)
    return prompt.lists.numbers.get(word)
