"""Token columns of words, on tokenizers made on the fly."""

from __future__ import annotations

from typing import Any

import pytest

from t2i_studio.errors import CaptureError
from t2i_studio.prompts import token_spans
from t2i_studio.prompts.grouping import find_subjects
from t2i_studio.types import ParsedPrompt, Word


def parsed(prompt: Any) -> ParsedPrompt:
    return ParsedPrompt(prompt.text, prompt.words, find_subjects(prompt))


def test_clip_columns_count_from_the_start_token(tagged, clip_tokenizer: Any) -> None:
    spans = token_spans(parsed(tagged("a/DET red/ADJ cat/NOUN and/CCONJ a/DET dog/NOUN")), clip_tokenizer)
    assert spans.tokens[0] == "<|startoftext|>"
    assert spans.tokens[-1] == "<|endoftext|>"
    assert spans.words == ((1,), (2,), (3,), (4,), (5,), (6,))
    assert spans.subjects == {"cat": (3,), "dog": (6,)}
    assert (spans.num_columns, spans.dropped) == (24, ())


@pytest.mark.parametrize("form", ["bird", "CAT", "Café", "naïve", "cat🐱", "२", "İstanbul"])
def test_a_word_of_several_tokens_has_all_of_them(form: str, tagged, clip_tokenizer: Any) -> None:
    spans = token_spans(parsed(tagged(f"a/DET {form}/NOUN !/PUNCT")), clip_tokenizer)
    word, mark = spans.words[1], spans.words[2]
    assert word == tuple(range(2, 2 + len(word)))
    assert word
    assert mark == (word[-1] + 1,)
    assert len(spans.tokens) == mark[0] + 2


def test_upper_case_splits_like_lower_case(tagged, clip_tokenizer: Any) -> None:
    assert token_spans(parsed(tagged("A/DET CAT/NOUN")), clip_tokenizer).words == ((1,), (2,))


def test_punctuation_glued_to_a_word_is_not_the_words(tagged, clip_tokenizer: Any) -> None:
    spans = token_spans(
        parsed(tagged("a/DET cat/NOUN _,/PUNCT (/PUNCT _dog/NOUN _:/PUNCT _1.3/NUM _)/PUNCT")), clip_tokenizer
    )
    assert spans.subjects == {"cat": (2,), "dog": (5,)}


def test_repeated_words_have_their_own_columns(tagged, clip_tokenizer: Any) -> None:
    spans = token_spans(parsed(tagged("a/DET cat/NOUN and/CCONJ a/DET cat/NOUN")), clip_tokenizer)
    assert spans.subjects == {"cat": (2,), "cat#2": (5,)}


def test_words_past_the_limit_are_reported(tagged, clip_tokenizer: Any) -> None:
    source = " ".join(["cat/NOUN ,/PUNCT"] * 10 + ["dog/NOUN and/CCONJ bird/NOUN and/CCONJ dog/NOUN"])
    spans = token_spans(parsed(tagged(source)), clip_tokenizer)
    assert len(spans.tokens) == spans.num_columns == 24
    assert spans.words[20] == (21,)
    assert spans.words[21] == (22,)
    assert spans.dropped == ("bird", "and", "dog")
    assert spans.subjects["bird"] == spans.subjects["dog#2"] == ()


def test_a_word_cut_by_the_limit_is_reported_too(tagged, clip_tokenizer: Any) -> None:
    spans = token_spans(parsed(tagged("cat/NOUN bird/NOUN")), clip_tokenizer, max_length=5)
    assert spans.dropped == ("bird",)
    assert spans.words == ((1,), (2, 3))
    assert spans.num_columns == 5


def test_t5_has_no_start_token_and_lone_marks_belong_to_the_word(tagged, t5_tokenizer: Any) -> None:
    prompt = parsed(tagged("a/DET red/ADJ cat/NOUN ,/PUNCT two/NUM zebras/NOUN"))
    spans = token_spans(prompt, t5_tokenizer, "t5")
    assert spans.tokenizer == "t5"
    assert spans.tokens[-1] == "</s>"
    assert spans.words[0][0] == 0
    flat = [column for word in spans.words for column in word]
    assert flat == list(range(len(spans.tokens) - 1))


def test_an_empty_prompt_has_only_special_tokens(clip_tokenizer: Any) -> None:
    spans = token_spans(ParsedPrompt("", (), ()), clip_tokenizer)
    assert spans.tokens == ("<|startoftext|>", "<|endoftext|>")
    assert not spans.words


def test_every_column_of_a_word_overlaps_its_text(tagged, clip_tokenizer: Any) -> None:
    text = "Ünïcode  “quoted”\ttabs\n\nשלום עולם 🐱🐶 e\u0301clair (a:1.2) …don't"
    words = tuple(
        Word(text[i:j], i, j, "NOUN") for i, j in [(0, 7), (10, 16), (18, 22), (24, 28), (29, 33), (34, 36), (37, 44)]
    )
    spans = token_spans(ParsedPrompt(text, words, ()), clip_tokenizer, max_length=100)
    assert spans.dropped == ()
    assert all(spans.words)
    columns = [column for word in spans.words for column in word]
    assert columns == sorted(set(columns))


def test_a_tokenizer_without_offsets_is_refused() -> None:
    class Slow:
        model_max_length = 77
        is_fast = False

    with pytest.raises(CaptureError, match="Slow"):
        token_spans(ParsedPrompt("a cat", (), ()), Slow())
