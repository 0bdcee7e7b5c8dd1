"""Wins and losses: what changed between two ways on one prompt and seed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from t2i_studio.cli import main
from t2i_studio.evaluation import Judged, changes, compare, compared_csv, compared_markdown


def one(prompt: str, seed: int, present: bool | None = None, **numbers: float) -> Judged:
    return Judged("two", "seen", prompt, seed, present, present, None, (), numbers)


def test_only_what_changed_is_told() -> None:
    base = [one("a", 0, False), one("a", 1, True), one("b", 0, True), one("c", 0, False)]
    other = [one("a", 0, True), one("a", 1, True), one("b", 0, False), one("z", 0, True)]
    found = changes(base, other)
    assert [(after.prompt, after.seed) for _, after in found.wins] == [("a", 0)]
    assert [before.prompt for before, _ in found.losses] == ["b"]
    assert (found.num_pairs, found.measure) == (3, "present")


def test_numbers_are_told_by_the_largest_change() -> None:
    base = [one("a", 0, similarity=0.2), one("b", 0, similarity=0.2), one("c", 0, similarity=0.5)]
    other = [one("a", 0, similarity=0.3), one("b", 0, similarity=0.6), one("c", 0, similarity=0.4)]
    found = changes(base, other)
    assert [after.prompt for _, after in found.wins] == ["b", "a"]
    assert [after.prompt for _, after in found.losses] == ["c"]
    assert found.measure == "similarity"


def test_a_verdict_goes_before_what_else_was_measured() -> None:
    """Layout suites have both: a picture that lost its cat is no win for a better box."""
    base = [one("a", 0, True, box_overlap=0.60), one("b", 0, False, box_overlap=0.10)]
    other = [one("a", 0, False, box_overlap=0.61), one("b", 0, True, box_overlap=0.09)]
    found = changes(base, other)
    assert [after.prompt for _, after in found.wins] == ["b"]
    assert [after.prompt for _, after in found.losses] == ["a"]
    assert found.measure == "present"


def test_table_of_numbers() -> None:
    base = [one(f"p{i}", 0, similarity=0.2, **({"min_similarity": 0.1} if i % 2 else {})) for i in range(8)]
    other = [one(f"p{i}", 0, similarity=0.2 + 0.01 * i) for i in range(8)]
    table = compare({"none": base, "other": other})
    assert table[0].present is None
    assert table[0].numbers["similarity"] == pytest.approx((0.2, 0.2, 0.2))
    assert table[0].numbers["min_similarity"][0] == pytest.approx(0.1)
    gain, low, high = table[1].gains["similarity"]
    assert gain == pytest.approx(0.035)
    assert 0 < low < gain < high < 0.07
    text = compared_markdown(table)
    assert "present" not in text
    assert "+0.035" in text
    assert compared_csv(table).splitlines()[0].endswith("min_similarity_gain_low,min_similarity_gain_high")


def test_pictures_alone_have_no_verdicts() -> None:
    table = compare({"none": [one("a", 0)], "other": [one("a", 0)]})
    assert (table[1].present, table[1].exact_gain, table[1].numbers) == (None, None, {})
    assert compared_markdown(table).startswith("| prompts | way | pictures | s a picture |")


@pytest.mark.models
def test_command_draws_a_sheet_a_way(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["evaluate", "--tasks", "single", "--limit", "2", "--seeds", "1", "--steps", "1", "--json"]
    sheet = tmp_path / "sheet.png"
    assert main([*given, "--sheet", str(sheet)]) == 2
    assert main([*given, "--guides", "none,ai-t2i", "--sheet", str(tmp_path / "sheet.jpg")]) == 2
    capsys.readouterr()
    assert main([*given, "--guides", "none,ai-t2i,syngen", "--sheet", str(sheet)]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 3
    with Image.open(tmp_path / "sheet-ai-t2i.png") as image:
        assert image.width > 900
    assert (tmp_path / "sheet-syngen.png").is_file()
