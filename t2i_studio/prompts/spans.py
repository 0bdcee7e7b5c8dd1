"""Where a tokenizer puts the words of a prompt: columns of its attention maps.

Tokens are matched to words by overlap of character offsets, never by their text. Knows nothing of models.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import CaptureError
from ..types import ParsedPrompt, TokenSpans

if TYPE_CHECKING:
    from collections.abc import Sequence

_UNLIMITED = 1_000_000
"""Tokenizers without a limit report a huge one."""


def token_spans(parsed: ParsedPrompt, tokenizer: Any, name: str = "clip", max_length: int | None = None) -> TokenSpans:
    """Columns of each word and subject of a prompt under a transformers tokenizer.

    `max_length`: the pipeline's own limit in tokens, special ones included, where it is not the tokenizer's
    `model_max_length` (T5 in Stable Diffusion 3: 256). Without any limit there is no padding.

    Raises:
        CaptureError: the tokenizer gives no character offsets.
    """
    limit = max_length if max_length is not None else int(min(tokenizer.model_max_length, _UNLIMITED))
    _, whole = _offsets(tokenizer, parsed.text, None)
    tokens, kept = _offsets(tokenizer, parsed.text, limit)
    columns = [_overlapping(word.start, word.end, kept) for word in parsed.words]
    dropped = tuple(
        word.text
        for word, found in zip(parsed.words, columns, strict=True)
        if len(found) < len(_overlapping(word.start, word.end, whole))
    )
    subjects = {
        subject.id: tuple(sorted({column for index in subject.words for column in columns[index]}))
        for subject in parsed.subjects
    }
    width = limit if limit < _UNLIMITED else len(tokens)
    return TokenSpans(name, tokens, width, tuple(columns), subjects, dropped)


def all_spans(parsed: ParsedPrompt, sets: Sequence[Any]) -> tuple[TokenSpans, ...]:
    """The same for every tokenizer of a model, one record each.

    Args:
        sets: what a family's `column_sets` gives.
    """
    return tuple(token_spans(parsed, one.tokenizer, one.name, one.num_columns) for one in sets)


def _offsets(tokenizer: Any, text: str, limit: int | None) -> tuple[tuple[str, ...], list[tuple[int, int]]]:
    """Tokens with offsets, special tokens included, cut to `limit` tokens."""
    if not getattr(tokenizer, "is_fast", False):
        raise CaptureError(
            f"The tokenizer {type(tokenizer).__name__} does not tell which characters a token covers.",
            "Use the fast version of this tokenizer (a folder with tokenizer.json).",
        )
    cut = {"truncation": True, "max_length": limit} if limit is not None else {"truncation": False}
    encoded = tokenizer(text, return_offsets_mapping=True, verbose=False, **cut)
    tokens = tokenizer.convert_ids_to_tokens(encoded["input_ids"])
    # a lone T5 mark starts the word after it, be its offset that word's first character or the space before
    offsets = [
        (first, last + 1) if token == "▁" else (first, last)
        for token, (first, last) in zip(tokens, encoded["offset_mapping"], strict=True)
    ]
    return tuple(tokens), offsets


def _overlapping(start: int, end: int, offsets: Sequence[tuple[int, int]]) -> tuple[int, ...]:
    # special tokens are (0, 0) and overlap nothing
    return tuple(column for column, (first, last) in enumerate(offsets) if first < end and start < last)
