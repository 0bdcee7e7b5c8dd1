"""The shipped English parser on prompts: the slower tier, it loads `assets/stanza-en`."""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path

import pytest

from t2i_studio.errors import PromptError
from t2i_studio.prompts import measure, parse, tagging
from t2i_studio.prompts.pretrain import lexicon
from t2i_studio.types import ParsedPrompt

pytestmark = pytest.mark.models

ODD = [
    "", " \n\t ", "...", "!?;—()", "🐱", "a 🐱 and a dog 🐶🐶", "חתול שחור וכלב לבן", "قطة سوداء", "猫と犬",
    "Café au lait in a naïve cup", "e\u0301clair", "a\ncat\n\nand\ta  dog", "(cat:1.3), ((red dog)), [bird]",
    "a cat\u00a0and\u200b a dog", "x" * 3000, "a" * 1200 + " cat", "\u0000 cat", "\ud83d cat", "İstanbul ıi",
    "http://example.com/a?b=c cat.png", "1girl, best_quality, <lora:x:0.8>", "a cat AND a dog BREAK a bird",
]  # fmt: skip


def offsets_hold(parsed: ParsedPrompt) -> None:
    end = 0
    for word in parsed.words:
        assert word.text
        assert parsed.text[word.start : word.end] == word.text
        assert word.start >= end
        end = word.end
    assert len(set(parsed.ids)) == len(parsed.ids)


@pytest.mark.parametrize("text", ODD, ids=range(len(ODD)))
def test_odd_text_survives_with_right_offsets(text: str) -> None:
    offsets_hold(parse(text))


def test_random_text_survives_with_right_offsets() -> None:
    source = random.Random(1)
    pieces = [
        "a",
        "red",
        "cat",
        " ",
        "  ",
        "\n",
        ",",
        ".",
        "(",
        ":1.2",
        "'s",
        "-",
        "🐱",
        "é",
        "e\u0301",
        "ש",
        "&",
        "\t",
        "don't",
        "U.S.",
    ]
    for _ in range(60):
        offsets_hold(parse("".join(source.choices(pieces, k=source.randint(1, 40)))))


def test_a_prompt_without_words_is_empty() -> None:
    assert parse(" \n") == ParsedPrompt(" \n", (), ())


def test_five_hundred_words() -> None:
    parsed = parse(" and ".join(f"a red box {i}" for i in range(100)))
    assert len(parsed.words) == 499
    offsets_hold(parsed)


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("a cat and a dog", ("cat", "dog")),
        ("a red car and a blue car", ("car", "car#2")),
        ("a photo of a traffic light and a teddy bear", ("traffic light", "teddy bear")),
        ("an orange and a cat", ("orange", "cat")),
        ("a bear with a bow", ("bear", "bow")),
        ("A MOUSE ON TOP OF A BOWL", ("mouse", "bowl")),
        ("two glasses to the left of a crown", ("glasses", "crown")),
    ],
)
def test_subjects_of_plain_prompts(text: str, ids: tuple[str, ...]) -> None:
    assert parse(text).ids == ids


def test_picked_words() -> None:
    parsed = parse("a cat and a big dog", nouns=["big", "Dog"])
    assert parsed.ids == ("big", "dog")
    with pytest.raises(PromptError, match="cat, dog"):
        parse("a cat and a big dog", nouns=["zebra"])
    with pytest.raises(PromptError, match="no words to pick"):
        parse("", nouns=["cat"])


def test_threads_share_one_parser() -> None:
    found: list[tuple[str, ...]] = []
    threads = [threading.Thread(target=lambda: found.append(parse("a cat and a dog").ids)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [("cat", "dog")] * 8


def test_parsing_takes_tens_of_milliseconds() -> None:
    parse("a cat")
    start = time.perf_counter()
    for _ in range(10):
        parse("a photo of a red cat to the left of two dogs")
    assert (time.perf_counter() - start) / 10 < 0.5


def test_a_language_that_is_not_installed_names_the_remedy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("STANZA_RESOURCES_DIR", str(tmp_path))
    with pytest.raises(PromptError, match=r"stanza\.download\('fr'\)"):
        parse("un chat", "fr")


def test_an_official_package_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("STANZA_RESOURCES_DIR", str(tmp_path))
    assert tagging.installed("zh") is None
    (tmp_path / "resources.json").write_text('{"zh": {"alias": "zh-hans"}}', encoding="utf-8")
    for part in ("tokenize", "pos"):
        (tmp_path / "zh-hans" / part).mkdir(parents=True)
        (tmp_path / "zh-hans" / part / "some.pt").touch()
    assert tagging.installed("zh") == tmp_path
    assert tagging.installed("en") is None


def test_training_words_are_none_of_the_benchmarks(data: Path) -> None:
    nouns = {word for line in (data / "prompts/attend_and_excite").glob("*.txt") for word in line.read_text().split()}
    used = {*lexicon.NOUNS, *lexicon.PLURALS.values(), *lexicon.PAIRED} - {"orange"}
    assert not used & (nouns | lexicon.HELD_OUT)


def test_attend_and_excite_is_right(data: Path) -> None:
    report = measure.attend_and_excite(data / "prompts" / "attend_and_excite")
    assert report["prompts"] == 276
    assert report["exact"] >= 0.99, report["wrong"]


@pytest.mark.slow
def test_geneval_nouns(data: Path) -> None:
    report = measure.geneval(data / "prompts" / "geneval" / "evaluation_metadata.jsonl")
    assert report["prompts"] == 553
    assert min(report["precision"], report["recall"]) >= 0.99, report["wrong"]


@pytest.mark.slow
def test_parts_of_speech_on_the_treebank(data: Path) -> None:
    assert measure.upos_accuracy(data / "ud_english_ewt" / "en_ewt-ud-test.conllu") >= 0.93
