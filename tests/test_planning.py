"""What an evaluation will cost, from what was painted before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from t2i_studio import Studio
from t2i_studio.planning import GUIDED, expected_seconds


def kept(folder: Path, settings: Any, seconds: float, judging: float, judge: str = "emoji-matcher") -> None:
    folder.mkdir(parents=True)
    about = {**settings.model_dump(mode="json", exclude={"prompt", "seed"}), "judge": judge}
    (folder / "about.json").write_text(json.dumps(about))
    (folder / "judged.jsonl").write_text(json.dumps({"seconds": seconds, "judging": judging}) + "\n")


def test_an_earlier_evaluation_tells(tmp_path: Path) -> None:
    studio = Studio(home=tmp_path)
    plain = studio.settings("", steps=10)
    assert expected_seconds(tmp_path / "e", studio.runs, plain, "emoji-matcher") is None
    kept(tmp_path / "e" / "one", plain, 2.0, 3.0)
    twice = studio.settings("", steps=20)
    assert expected_seconds(tmp_path / "e", studio.runs, twice, "emoji-matcher") == pytest.approx(2.0 * 2 + 3.0)
    assert expected_seconds(tmp_path / "e", studio.runs, twice, "none") == pytest.approx(4.0)
    guided = studio.settings("", steps=10, guide="ai-t2i")
    assert expected_seconds(tmp_path / "e", studio.runs, guided, "none") == pytest.approx(GUIDED * 2.0)
    kept(tmp_path / "e" / "two", guided, 9.0, 0.0)
    assert expected_seconds(tmp_path / "e", studio.runs, guided, "none") == pytest.approx(9.0)


@pytest.mark.models
def test_a_plan_of_the_whole(tmp_path: Path) -> None:
    studio = Studio(home=tmp_path)
    plan = studio.plan_evaluation(suite="attend-and-excite", seeds=2, limit=1, ways={"none": {}, "other": {}})
    assert (plan.num_prompts, plan.num_ways, plan.num_pictures, plan.seconds) == (6, 2, 24, None)
    studio.generate("a cat", steps=2, width=64, height=64)
    plan = studio.plan_evaluation(suite="attend-and-excite", seeds=2, limit=1, ways={"none": {}, "other": {}})
    assert plan.seconds > 0
    assert studio.suite_tasks("attend-and-excite") == ("animals", "animals-objects", "objects")
