"""Where objects should stand: the suite with boxes, how well they are filled, and guidance that gets them."""

from __future__ import annotations

from pathlib import Path

import pytest

from t2i_studio.cli import main
from t2i_studio.emoji.splits import load_splits
from t2i_studio.evaluation import Found, choose_items, choose_judge
from t2i_studio.evaluation.evaluate import read
from t2i_studio.evaluation.placing import placed
from t2i_studio.types import Box

LEFT, RIGHT = Box(0, 0, 0.5, 1), Box(0.5, 0, 1, 1)


def found(noun: str, *box: float) -> Found:
    return Found(noun, None, box, 0.9, 0.1)  # type: ignore[arg-type]


def test_overlap_of_what_was_found_with_what_was_asked() -> None:
    boxes = {"cat": LEFT, "dog": RIGHT}
    seen = [found("cat", 0, 0, 50, 100), found("dog", 0, 0, 50, 100), found("dog", 75, 0, 100, 100)]
    assert placed(boxes, seen, (100, 100)) == {"box_overlap": 0.75, "box_overlap_found": 0.75, "in_box": 1.0}
    assert placed(boxes, seen[:1], (100, 100)) == {"box_overlap": 0.5, "box_overlap_found": 1.0, "in_box": 0.5}
    assert placed(boxes, [found("cat", 0, 0, 100, 100)], (200, 100))["box_overlap"] == 0.5, "boxes are shares"
    assert placed(boxes, [], (100, 100)) == {"box_overlap": 0.0, "in_box": 0.0}


def test_the_suite_asks_for_boxes_apart_in_the_picture() -> None:
    items = choose_items("emoji-layout")
    assert items == choose_items("emoji-layout")
    assert [sum(i.task == t and i.split == s for i in items) for t, s in
            (("tuning", "seen"), ("test", "seen"), ("test", "unseen"))] == [36, 48, 48]  # fmt: skip
    for item in items:
        assert item.request is not None
        assert list(item.boxes) == [asked.noun for asked in item.request.asked]
        one, other = item.boxes.values()
        assert all(0 <= b.left < b.right <= 1 and 0 <= b.top < b.bottom <= 1 for b in (one, other))
        assert one.right <= other.left or other.right <= one.left or one.bottom <= other.top or other.bottom <= one.top
    tuning = {tuple(sorted(item.boxes)) for item in items if item.task == "tuning"}
    assert tuning == load_splits().pairs["tuning"]


def test_the_matchers_boxes_are_in_the_pictures_own_pixels() -> None:
    from PIL import Image

    from t2i_studio.emoji.held_out import held_out_scene
    from t2i_studio.emoji.scenes import render

    judge = choose_judge("emoji-matcher")
    scene = held_out_scene(3)
    large = judge(render(scene).resize((256, 512), Image.Resampling.BICUBIC))  # type: ignore[misc,operator]
    boxes = {o.noun: Box(*(edge / 128 for edge in o.box)) for o in scene.objects}
    assert placed(boxes, large, (256, 512))["box_overlap"] > 0.8


@pytest.mark.models
def test_layout_by_command(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("T2I_STUDIO_HOME", str(tmp_path))
    given = ["evaluate", "--seeds", "1", "--steps", "2", "--guides", "none,ai-t2i:layout=0,ai-t2i,boxdiff"]
    assert (
        main([*given, "--suite", "emoji-layout", "--tasks", "tuning", "--limit", "2", "--out", str(tmp_path / "o")])
        == 0
    )
    assert "box overlap" in capsys.readouterr().out
    folders = {folder.name: read(folder) for folder in (tmp_path / "o").iterdir()}
    assert all({"box_overlap", "in_box"} <= set(one.numbers) for judged in folders.values() for one in judged)
    pictures = {name: (next((tmp_path / "o" / name).glob("*.png"))).read_bytes() for name in folders}
    assert len(set(pictures.values())) == 4
    assert main([*given, "--suite", "attend-and-excite", "--limit", "1"]) == 2
    assert "boxdiff needs boxes" in capsys.readouterr().err
