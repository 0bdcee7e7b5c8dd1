"""Tokenizers without training, for the `tiny()` models of tests."""

from __future__ import annotations

from typing import Any

from tokenizers.pre_tokenizers import ByteLevel
from transformers import CLIPTokenizer, T5Tokenizer

START, END = "<|startoftext|>", "<|endoftext|>"


def tiny_clip_tokenizer(num_columns: int) -> CLIPTokenizer:
    """Every byte is a token, alone and at a word's end; prompts are cut at `num_columns`."""
    base = sorted(ByteLevel.alphabet())
    merges: Any = [("c", "a"), ("ca", "t</w>"), ("d", "o"), ("do", "g</w>"), ("a", "n"), ("an", "d</w>")]
    symbols = [*base, *(b + "</w>" for b in base), *("".join(m) for m in merges), START, END]
    vocabulary = {symbol: i for i, symbol in enumerate(symbols)}
    return CLIPTokenizer(
        vocab=vocabulary, merges=merges, bos_token=START, eos_token=END, unk_token=END, pad_token=END,
        model_max_length=num_columns,
    )  # fmt: skip


def tiny_t5_tokenizer() -> T5Tokenizer:
    """Letters and the mark of a word's start; a few whole words."""
    words = ("▁a", "▁cat", "▁and", "▁dog", "▁", *"abcdefghijklmnopqrstuvwxyz,.#0123456789")
    special = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    return T5Tokenizer(vocab=[*special, *((word, -float(i + 1)) for i, word in enumerate(words))], extra_ids=0)
