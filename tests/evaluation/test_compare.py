"""Captions read back, suites of others, and several ways of painting side by side."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from t2i_studio.cli import main
from t2i_studio.emoji.captions import Asked, Mixture, Request, caption, sample_request
from t2i_studio.emoji.reading import read_caption
from t2i_studio.emoji.splits import load_splits
from t2i_studio.errors import InputError, PromptError
from t2i_studio.evaluation import SUITES, Judged, choose_items, compare, compared_csv, compared_markdown
from t2i_studio.evaluation.compare import paired
from t2i_studio.intervals import bootstrapped


def test_every_caption_of_ours_is_read_back() -> None:
    rng, mixture = np.random.default_rng(0), Mixture(single=0.2, pair=0.3, triple=0.2, count=0.15, relation=0.15)
    for _ in range(500):
        request = sample_request(rng, load_splits(), mixture)
        assert read_caption(caption(request, rng, mixture.wordings)) == request


@pytest.mark.parametrize(
    ("text", "request_"),
    [
        ("a horse with a glasses", Request((Asked("horse"), Asked("glasses")))),
        ("a elephant and a rabbit", Request((Asked("elephant"), Asked("rabbit")))),
        ("A Gray Car, two white mice.", Request((Asked("car", "gray"), Asked("mouse", "white", 2)))),
        ("a bear on top of a bench", Request((Asked("bear"), Asked("bench")), "above")),
    ],
)  # fmt: skip
def test_captions_by_hand(text: str, request_: Request) -> None:
    assert read_caption(text) == request_


@pytest.mark.parametrize("text", ["a cow", "a cat and a beige dog", "", "cat dog", "two cat and"])
def test_what_this_world_does_not_have(text: str) -> None:
    with pytest.raises(PromptError):
        read_caption(text)


def test_attend_and_excite_is_in_the_language() -> None:
    items = SUITES["attend-and-excite"]()
    assert len(items) == 276
    assert [sum(item.task == task for item in items) for task in ("animals", "animals-objects", "objects")] == [
        66,
        144,
        66,
    ]
    assert all(len(item.request.asked) == 2 for item in items)
    assert {item.split for item in items} == {"seen", "unseen"}
    assert all(a.colour for item in items if item.task == "objects" for a in item.request.asked)


def test_a_prompt_file_is_a_suite(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("a cat\n\na dog and a frog\n")
    assert [(i.task, i.prompt) for i in choose_items(str(tmp_path / "mine.txt"))] == [
        ("mine", "a cat"), ("mine", "a dog and a frog"),
    ]  # fmt: skip
    with pytest.raises(InputError, match="can't be read"):
        choose_items(str(tmp_path / "none.txt"))


def verdicts(present: list[list[bool]]) -> list[Judged]:
    return [
        Judged("two", "seen", f"prompt {i}", seed, value, value, 0.1, ())
        for i, row in enumerate(present)
        for seed, value in enumerate(row)
    ]


def test_differences_are_paired() -> None:
    first, other = verdicts([[False, True]] * 30), verdicts([[True, True]] * 30)
    assert paired(first, other, "present") == (0.5, 0.5, 0.5)  # every prompt gains the same: no doubt left
    mixed = verdicts([[True, True], [False, True]] * 15)
    gain, low, high = paired(first, mixed, "present")
    assert gain == pytest.approx(0.25)
    assert 0.1 < low < 0.25 < high < 0.4
    missing = verdicts([[True]])
    assert paired(first, missing, "present")[0] == 1.0
    assert np.isnan(paired([], other, "present")[0])


def costing(judged: list[Judged]) -> list[Judged]:
    return [replace(one, seconds=1.0 + i % 2, memory=(1 + i) * 2**20) for i, one in enumerate(judged)]


def test_a_single_prompt_is_drawn_picture_by_picture() -> None:
    mean, low, high = bootstrapped([[0.0, 1.0, 1.0, 0.0, 1.0, 1.0]])
    assert low < mean < high
    assert bootstrapped([[1.0], []])[1:] == (1.0, 1.0)


def test_table_of_ways() -> None:
    table = compare({"none": costing(verdicts([[False]] * 4)), "ai-t2i": verdicts([[True]] * 4)})
    assert [(row.way, row.exact[0], row.seconds) for row in table] == [("none", 0, 1.5), ("ai-t2i", 1, None)]
    assert [row.memory for row in table] == [4 * 2**20, None]
    assert compared_markdown(table).splitlines()[2].endswith("| 1.50 | 4 |")
    assert compared_markdown(table).splitlines()[3].endswith("| – | – |")
    assert table[0].exact_gain is None
    assert "+1.00 [+1.00, +1.00]" in compared_markdown(table)
    read = list(csv.DictReader(io.StringIO(compared_csv(table))))
    assert read[1]["exact_gain_low"] == "1.0"
    assert read[0]["exact_gain"] == ""


@pytest.mark.models
def test_ways_by_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.txt").write_text("a cat\n")
    given = ["evaluate", "--suite", str(tmp_path / "mine.txt"), "--seeds", "1", "--steps", "2"]
    given += ["--out", str(tmp_path / "o")]
    given += ["--guides", "none,ai-t2i:isolation=0:presence=1"]
    assert main([*given, "--json"]) == 0
    table = json.loads(capsys.readouterr().out)
    assert [row["way"] for row in table] == ["none", "ai-t2i:isolation=0:presence=1"]
    assert table[0]["seconds"] > 0
    assert {p.name for p in (tmp_path / "o").iterdir()} == {"none", "ai-t2i-isolation=0-presence=1"}
    assert main([*given, "--csv"]) == 0  # nothing is painted again
    assert capsys.readouterr().out.count("\n") >= 3
    assert (
        main(["evaluate", "--suite", "attend-and-excite", "--guides", "none,ai-t2", "--limit", "1", "--seeds", "1"])
        == 2
    )
