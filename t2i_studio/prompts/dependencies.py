"""Which words describe a noun, by the arcs of a dependency parse (Universal Dependencies). Pure; knows no parser.

a red car        red  ─amod→ car
black and white  white ─conj→ black
the car is red   car  ─nsubj→ red, is ─cop→ red
a car that is red  red ─acl:relcl→ car
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .grouping import Prompt


@dataclass(frozen=True)
class Arc:
    """What a word hangs on."""

    head: int
    "Index of a word of the prompt; -1 where it hangs on none."
    relation: str
    "`amod`, `nsubj`, `acl:relcl` …"


def described_by(prompt: Prompt, nouns: Sequence[int]) -> tuple[int, ...]:
    """The words that describe a subject, in the prompt's order; numbers and words such as "many" are none.

    Args:
        prompt: with one arc a word.
        nouns: indices of the subject's words.
    """
    found = {i for i in range(len(prompt.words)) if i not in nouns and _describes(prompt, i, nouns)}
    while more := {i for i in range(len(prompt.words)) if _joined(prompt, i, found)} - found - set(nouns):
        found |= more
    return tuple(sorted(found))


def _describes(prompt: Prompt, index: int, nouns: Sequence[int]) -> bool:
    arc = prompt.arcs[index]
    kind = arc.relation.partition(":")[0]
    if arc.head in nouns and kind == "amod":
        return prompt.low(index) not in prompt.lists.quantifiers
    if arc.head in nouns and kind in ("compound", "nmod", "flat"):
        return _listed(prompt, index)
    if prompt.upos(index) != "ADJ" and not _listed(prompt, index):
        return False
    if arc.head in nouns and arc.relation == "acl:relcl":
        return True
    said = any(a.head == index and a.relation.startswith("nsubj") and i in nouns for i, a in enumerate(prompt.arcs))
    return said and any(a.head == index and a.relation == "cop" for a in prompt.arcs)


def _joined(prompt: Prompt, index: int, described: set[int]) -> bool:
    """Whether a word is said along with one that describes: "and white"."""
    arc = prompt.arcs[index]
    return arc.relation == "conj" and arc.head in described and (prompt.upos(index) == "ADJ" or _listed(prompt, index))


def _listed(prompt: Prompt, index: int) -> bool:
    """A colour or material that is tagged as a noun."""
    return prompt.low(index) in prompt.lists.colours or prompt.low(index) in prompt.lists.materials
