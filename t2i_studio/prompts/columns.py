"""From a tokenizer's columns to the model's: all tokenizers' spans one after the other.

`starts` is the first text column of each tokenizer in the model, in the order of `spans`.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..types import ParsedPrompt, TokenSpans


def subject_columns(
    parsed: ParsedPrompt, spans: Sequence[TokenSpans], starts: Sequence[int]
) -> dict[str, tuple[int, ...]]:
    """Text columns of each subject over all tokenizers."""
    return {
        subject.id: tuple(
            start + column
            for span, start in zip(spans, starts, strict=True)
            for column in span.subjects.get(subject.id, ())
        )
        for subject in parsed.subjects
    }


def word_columns(index: int, spans: Sequence[TokenSpans], starts: Sequence[int]) -> tuple[int, ...]:
    """Text columns of the prompt's word number `index`."""
    return tuple(start + c for span, start in zip(spans, starts, strict=True) for c in span.words[index])


def content_columns(spans: Sequence[TokenSpans], starts: Sequence[int]) -> tuple[int, ...]:
    """Text columns that hold the prompt, start and end tokens included, padding left out."""
    return tuple(start + c for span, start in zip(spans, starts, strict=True) for c in range(len(span.tokens)))
