"""Captions as text columns: which ones hold their subjects, one record a caption."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..prompts import all_spans, content_columns, parse, subject_columns, word_columns
from ..types import ParsedPrompt

if TYPE_CHECKING:
    from ..families import Family

TOKENS = ("nouns", "nouns and adjectives", "all")
"""Whose maps are compared; the paper's ablation has nouns and all."""


@dataclass(frozen=True)
class Words:
    """One caption: a map each of `columns`."""

    names: tuple[str, ...]
    columns: tuple[tuple[int, ...], ...]
    "Text columns of each, over all tokenizers; never empty."
    content: tuple[int, ...]
    "Text columns that hold the caption, padding left out."

    def unnamed(self) -> Words:
        """The same picture, its caption left empty: no maps."""
        return replace(self, names=(), columns=())


def words_of(
    pipe: Any, family: Family, caption: str | ParsedPrompt, tokens: str = "nouns", language: str = "en"
) -> Words:
    """The subjects of a caption (Stanza); words past the model's limit of tokens are left out.

    Args:
        tokens: one of `TOKENS`.
    """
    parsed = caption if isinstance(caption, ParsedPrompt) else parse(caption, language)
    sets = family.column_sets(pipe)
    spans = all_spans(parsed, sets)
    starts = [one.start for one in sets]
    found: dict[str, tuple[int, ...]] = {}
    if tokens == "all":
        for index, word in enumerate(parsed.words):
            if word.upos != "PUNCT":
                found[f"{word.text.lower()}@{index}"] = word_columns(index, spans, starts)
    else:
        found = subject_columns(parsed, spans, starts)
    if tokens == "nouns and adjectives":
        for subject in parsed.subjects:
            for index in subject.attributes:
                found[f"{parsed.words[index].text.lower()}@{index}"] = word_columns(index, spans, starts)
    kept = {name: columns for name, columns in found.items() if columns}
    return Words(tuple(kept), tuple(kept.values()), content_columns(spans, starts))


def most(words: Sequence[Words]) -> int:
    """The largest number of maps of any caption."""
    return max((len(one.columns) for one in words), default=0)
