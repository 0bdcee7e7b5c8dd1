"""The CLIP tokenizer of the embedded models: a small BPE over the captions' words.

Its base alphabet is all 256 bytes, alone and at a word's end, so any prompt tokenizes. Merges stop
early, so that some nouns stay several tokens, as they do in the big models.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from tokenizers.pre_tokenizers import ByteLevel
from transformers import CLIPTokenizer

from ..captions import Mixture, caption, sample_request
from ..splits import load_splits

if TYPE_CHECKING:
    from pathlib import Path

START, END = "<|startoftext|>", "<|endoftext|>"
NUM_COLUMNS = 48
"""Columns of a prompt, start, end and padding included."""
_NUM_MERGES = 135
_CLIP_WORDS = r"""<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"""


def train_tokenizer(folder: Path, num_captions: int = 20_000) -> CLIPTokenizer:
    """Train on captions, write `vocab.json`, `merges.txt` and the rest to `folder`, load it back."""
    rng = np.random.default_rng(5)
    splits, mixture = load_splits(), Mixture()
    captions = [caption(sample_request(rng, splits, mixture), rng, mixture.wordings) for _ in range(num_captions)]
    merges = _learn_merges(captions)
    base = sorted(ByteLevel.alphabet())
    symbols = [*base, *(b + "</w>" for b in base), *("".join(m) for m in merges), START, END]
    vocabulary = {symbol: i for i, symbol in enumerate(dict.fromkeys(symbols))}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")
    lines = ["#version: 0.2", *(" ".join(m) for m in merges)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    tokenizer = CLIPTokenizer(
        vocab=str(folder / "vocab.json"), merges=str(folder / "merges.txt"),
        bos_token=START, eos_token=END, unk_token=END, pad_token=END, model_max_length=NUM_COLUMNS,
    )  # fmt: skip
    tokenizer.save_pretrained(folder)
    return CLIPTokenizer.from_pretrained(folder)


def _learn_merges(captions: list[str]) -> list[tuple[str, str]]:
    learner = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    learner.normalizer = normalizers.Lowercase()
    learner.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_CLIP_WORDS), "removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    learner.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=512 + _NUM_MERGES, initial_alphabet=sorted(ByteLevel.alphabet()),
        end_of_word_suffix="</w>", show_progress=False,
    )  # fmt: skip
    learner.train_from_iterator(captions, trainer)
    return [tuple(m) for m in json.loads(learner.to_str())["model"]["merges"]][:_NUM_MERGES]
