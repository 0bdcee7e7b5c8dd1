"""Hand-tagged prompts ("a/DET cat/NOUN"), tokenizers made on the fly, and where the development data lies."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from t2i_studio.prompts.grouping import Prompt, find_subjects
from t2i_studio.prompts.wordlists import word_lists
from t2i_studio.types import Subject, Word

Tagged = Callable[..., Prompt]


def _tagged(source: str, language: str = "en", glue: str = " ") -> Prompt:
    """A prompt from `word/UPOS` items; `_` before an item glues it to the last one."""
    text = ""
    words = []
    for item in source.split():
        form, _, upos = item.rpartition("/")
        glued = form.startswith("_")
        form = form.removeprefix("_")
        text += "" if glued or not text else glue
        words.append(Word(form, len(text), len(text) + len(form), upos))
        text += form
    return Prompt(text, tuple(words), word_lists(language))


@pytest.fixture
def tagged() -> Tagged:
    """Makes a prompt of tagged words."""
    return _tagged


@pytest.fixture
def subjects() -> Callable[..., dict[str, tuple[str, int | None]]]:
    """Id → (attributes as text, count) of the subjects of a tagged prompt."""

    def found(source: str, **options: str) -> dict[str, tuple[str, int | None]]:
        prompt = _tagged(source, **options)
        return {s.id: (_attributes(prompt, s), s.count) for s in find_subjects(prompt)}

    return found


def _attributes(prompt: Prompt, subject: Subject) -> str:
    return " ".join(prompt.words[index].text for index in subject.attributes)


@pytest.fixture
def data() -> Path:
    """The folder of development data (`T2I_STUDIO_DATA`); the test is skipped without it."""
    beside = Path(__file__).parents[2].parent / "shared" / "data"
    folder = Path(os.environ.get("T2I_STUDIO_DATA") or beside)
    if not (folder / "prompts").is_dir():
        pytest.skip(f"no development data in {folder}; set T2I_STUDIO_DATA")
    return folder


@pytest.fixture(scope="session")
def clip_tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A CLIP tokenizer of bytes and a few merges ("cat" and "red" are one token), 24 columns."""
    import json

    from transformers import CLIPTokenizer
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    folder = tmp_path_factory.mktemp("clip")
    symbols = list(bytes_to_unicode().values())
    merges = [
        ("c", "a"),
        ("ca", "t</w>"),
        ("r", "e"),
        ("re", "d</w>"),
        ("a", "n"),
        ("an", "d</w>"),
        ("d", "o"),
        ("do", "g</w>"),
    ]
    pieces = [*symbols, *(s + "</w>" for s in symbols), *("".join(pair) for pair in merges)]
    vocabulary = [*pieces, "<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({piece: i for i, piece in enumerate(vocabulary)}), encoding="utf-8")
    lines = ["#version: 0.2", *(" ".join(pair) for pair in merges)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=24)


@pytest.fixture(scope="session", params=[True, False], ids=["whitespace-split", "plain"])
def t5_tokenizer(request: pytest.FixtureRequest) -> Any:
    """A T5-like tokenizer: a unigram model with `▁` and an end token, 40 columns."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.Unigram())
    backend.normalizer = normalizers.NFKC()
    # a lone mark gets the word's first character by the one, the space before it by the other
    marks = pre_tokenizers.Metaspace()
    backend.pre_tokenizer = (
        pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), marks]) if request.param else marks
    )
    backend.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=60, special_tokens=["<pad>", "</s>", "<unk>"], unk_token="<unk>")
    backend.train_from_iterator(
        ["a red cat and a blue dog with two balloons", "a cat on a chair, two dogs!"] * 20, trainer
    )
    backend.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, eos_token="</s>", pad_token="<pad>", unk_token="<unk>", model_max_length=40
    )
