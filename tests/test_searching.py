"""Ways by name, the trials of a search, and which is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from t2i_studio.cli import main
from t2i_studio.config import CONFIGS
from t2i_studio.errors import SettingError
from t2i_studio.evaluation import Judged
from t2i_studio.guidance import METHODS, choose_method, read_weights
from t2i_studio.searching import all_trials, choose, read_axes, trials
from t2i_studio.ways import read_ways, safe_name, ways, write_ways

AXES = {"step_size": ("5", "10"), "window": ("0.25", "0.5", "1")}


def test_every_guided_way_gets_the_same_number_of_trials() -> None:
    given = ways(guides=["none", "ai-t2i", "attend-and-excite:refine=false:step-size=3"])
    tried = trials(given, AXES)
    assert {label: len(one) for label, one in tried.items()} == {
        "none": 1, "ai-t2i": 6, "attend-and-excite:refine=false:step-size=3": 6,
    }  # fmt: skip
    last = list(all_trials(tried).values())[-1]
    assert last["guide_weights"] == ("refine=false", "step_size=10", "window=1"), "the axis wins over the way's own"
    assert len(all_trials(tried)) == 13


@pytest.mark.parametrize("texts", [["step_size"], ["=5"], ["window=1", "window=0.5"], ["window=,"]])
def test_what_is_no_axis(texts: list[str]) -> None:
    with pytest.raises(SettingError, match="no axis"):
        read_axes(texts)


def test_dials_that_a_method_does_not_have_are_told_before_anything_is_painted() -> None:
    with pytest.raises(SettingError, match="Unknown setting 'radius'"):
        trials(ways(guides=["syngen"]), read_axes(["radius=0.1,0.2"]))
    with pytest.raises(SettingError, match="Step size"):
        trials(ways(guides=["syngen"]), read_axes(["step-size=-1,2"]))


def judged(exact: list[bool], distance: float, present: bool = True) -> list[Judged]:
    return [Judged("two", "", "a cat", seed, present, one, distance) for seed, one in enumerate(exact)]


def test_the_best_is_exact_then_present_then_clean_then_first() -> None:
    tried = {"none": {"none": {}}, "m": {name: {"guide": "m", "guide_weights": (name,)} for name in "abcd"}}
    found = {
        "none": judged([True, True], 0.0), "a": judged([True, False], 0.1, present=False),
        "b": judged([True, False], 0.2), "c": judged([True, False], 0.1), "d": judged([False, True], 0.1),
    }  # fmt: skip
    none, best = choose(tried, found)
    assert (none.trial, none.value, none.num_trials) == ("none", 1.0, 1)
    assert (best.trial, best.measure, best.value, best.num_trials) == ("c", "exact", 0.5, 4)
    with pytest.raises(SettingError, match="not judged"):
        choose({"none": {"none": {}}}, {"none": [Judged("two", "", "a cat", 0)]})


def test_ways_are_read_as_they_were_written(tmp_path: Path) -> None:
    given = ways(guides=["none", "ai-t2i:isolation=0"])
    write_ways(tmp_path / "deep" / "ways.yaml", given, "Two lines\nof note")
    assert read_ways(tmp_path / "deep" / "ways.yaml") == given
    assert ways(named=given) == given
    assert list(ways(models=["one", "two"], guides=["syngen"], named=given))[:3] == [
        "one · syngen", "one · none", "one · ai-t2i:isolation=0",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "",
        "- a",
        "a: b",
        "a: {gide: ai-t2i}",
        "a: {steps: -1}",
        "a: [",
        "a: {guide: 3}",
        "a: {prompt: x}",
        "a: {seed: 1}",
        "a: {1: 2}",
        "a: {on: true}",
        "a: 2026-13-45",
    ],
)
def test_files_that_hold_no_ways_are_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "ways.yaml").write_text(text)
    with pytest.raises(SettingError):
        read_ways(tmp_path / "ways.yaml")


def test_a_label_is_no_way_out_of_a_folder() -> None:
    assert safe_name("../../x") == "x"
    assert safe_name("..") == "plain"
    assert safe_name("ai-t2i step_size=2.5") == "ai-t2i-step_size=2.5"


@pytest.mark.parametrize("file", sorted((CONFIGS / "guidance").glob("*.yaml")), ids=lambda file: file.stem)
def test_ways_that_ship_can_be_painted(file: Path) -> None:
    for way in read_ways(file).values():
        if way["guide"]:
            assert isinstance(choose_method(way["guide"], **read_weights(way["guide_weights"])), METHODS[way["guide"]])


@pytest.mark.models
def test_a_search_by_command_goes_on_and_can_be_evaluated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("T2I_STUDIO_HOME", str(tmp_path))
    (tmp_path / "mine.txt").write_text("a cat and a dog\n")
    given = ["evaluate", "--suite", str(tmp_path / "mine.txt"), "--seeds", "1", "--steps", "2"]
    search = [*given, "--guides", "none,ai-t2i", "--search", "step_size=5,10", "--out", str(tmp_path / "out")]
    best = tmp_path / "best.yaml"
    for _ in range(2):
        assert main([*search, "--best", str(best)]) == 0
    out = capsys.readouterr().out
    assert "| way | tried | chosen | exact |" in out
    assert len(list((tmp_path / "out").iterdir())) == 3
    assert list(read_ways(best)) == ["none", "ai-t2i"]
    assert best.read_text().startswith("# Chosen by exact of emoji-matcher among step_size=5,10\n")
    assert main([*given, "--ways", str(best), "--out", str(tmp_path / "table")]) == 0
    assert "| ai-t2i |" in capsys.readouterr().out
    assert main([*given, "--guides", "none", "--search", "window=0.5"]) == 2
    assert main([*given, "--best", str(best)]) == 2
