"""Scatter and overlap over the steps: measured on the sampling passes, paired with the first way."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest

from t2i_studio import Studio
from t2i_studio.cli import main
from t2i_studio.evaluation import Judged, by_step, by_step_csv, by_step_markdown
from t2i_studio.evaluation.evaluate import read
from t2i_studio.metrics import measure, scatter
from t2i_studio.visuals import save_figure, steps


def judged(prompt: str, scatter: list[float], overlap: list[float] | None, seed: int = 0) -> Judged:
    maps = {"timestep": [900.0, 500.0], "scatter": scatter} | ({"overlap": overlap} if overlap else {})
    return Judged("two", "", prompt, seed, maps=maps)


def test_a_row_a_way_and_step_with_paired_gains() -> None:
    plain = [judged("a", [0.4, 0.3], [0.9, 0.8]), judged("b", [0.4, 0.4], None)]
    guided = [judged("a", [0.4, 0.2], [0.9, 0.6]), judged("b", [0.4, 0.3], None), Judged("two", "", "c", 0)]
    rows = by_step({"none": plain, "ai-t2i": guided})
    assert [(row.way, row.step, row.timestep, row.num_pictures) for row in rows] == [
        ("none", 0, 900.0, 2), ("none", 1, 500.0, 2), ("ai-t2i", 0, 900.0, 2), ("ai-t2i", 1, 500.0, 2),
    ]  # fmt: skip
    assert rows[1].scatter[0] == pytest.approx(0.35)
    assert rows[1].scatter_gain is None
    assert rows[3].scatter_gain == pytest.approx((-0.1, -0.1, -0.1))
    assert rows[3].overlap_gain == pytest.approx((-0.2, -0.2, -0.2))
    table = list(csv.DictReader(io.StringIO(by_step_csv(rows))))
    assert table[3]["overlap_gain_low"].startswith("-0.2")
    assert table[0]["overlap_gain"] == ""
    assert "| ai-t2i | 1 | 500 | 0.250 [0.200, 0.300] | -0.100 [-0.100, -0.100] |" in by_step_markdown(rows)
    assert by_step({"none": [Judged("two", "", "c", 0)]}) == []


def test_ways_of_other_numbers_of_steps_are_not_paired() -> None:
    """Step 1 of 4 has more noise than step 1 of 2."""
    few = [judged("a", [0.4, 0.2], None)]
    maps = {"timestep": [900.0, 700.0, 500.0, 200.0], "scatter": [0.4, 0.3, 0.2, 0.1]}
    many = [Judged("two", "", "a", 0, maps=maps)]
    gains = [row.scatter_gain for row in by_step({"few": few, "many": many}) if row.way == "many"]
    assert gains[0] == (0.0, 0.0, 0.0)
    assert all(gain is not None and np.isnan(gain[0]) for gain in gains[1:])
    assert "–" in by_step_markdown(by_step({"few": few, "many": many}))


def test_figure_of_one_subject_draws_no_overlap(tmp_path: Path) -> None:
    nothing = (float("nan"),) * 3
    figure = steps({"a $way$": [{"scatter": (0.3, 0.2, 0.4), "overlap": nothing}] * 3}, "dark")
    assert save_figure(figure, tmp_path / "steps.svg").stat().st_size > 1000


def test_scatter_by_hand() -> None:
    one = np.zeros((8, 8))
    one[2, 3] = 1
    two = np.full((8, 8), 0.1)
    two[0, 0] = two[0, 6] = 0.6  # three cells either side of their middle, whatever the ground
    assert scatter(np.stack([one, two, np.ones((8, 8))])) == pytest.approx(
        [0, 3 / np.hypot(8, 8), np.sqrt(2 * (64 - 1) / 12) / np.hypot(8, 8)]
    )


@pytest.mark.models
def test_a_batch_is_measured_as_single_pictures_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("T2I_STUDIO_HOME", str(tmp_path))
    prompts = ["a red car and a cat", "a dog", "a lion and two bowls"]
    (tmp_path / "mine.txt").write_text("\n".join(prompts))
    given = ["evaluate", "--suite", str(tmp_path / "mine.txt"), "--seeds", "1", "--steps", "4"]
    given += ["--guides", "none,ai-t2i"]
    out = ["--out", str(tmp_path / "o"), "--maps", str(tmp_path / "deep" / "steps.png")]
    assert main([*given, *out, "--json"]) == 0
    captured = capsys.readouterr()
    assert len(json.loads(captured.out)) == 2
    assert "| ai-t2i | 3 |" in captured.err
    assert (tmp_path / "deep" / "steps.png").stat().st_size > 1000
    assert len((tmp_path / "deep" / "steps.csv").read_text().splitlines()) == 9
    for guide, name in (("", "none"), ("ai-t2i", "ai-t2i")):
        kept = {one.prompt: one.maps for one in read(tmp_path / "o" / name)}
        assert "overlap" not in kept["a dog"]
        for prompt in prompts[:2]:
            maps = Studio(home=tmp_path).generate(prompt, seed=0, steps=4, guide=guide).maps
            assert maps is not None
            expected = np.mean([scatter(maps[noun]) for noun in maps.nouns], axis=0)
            assert kept[prompt]["scatter"] == pytest.approx(expected, abs=1e-3)
            if len(maps.nouns) > 1:
                assert kept[prompt]["overlap"] == pytest.approx(measure(maps).overlap_TNN[:, 0, 1], abs=1e-3)
    assert main([*given, "--out", str(tmp_path / "o")]) == 2, "a folder whose maps were measured is another one"
