"""Prompts × seeds → verdicts: kept, resumed, refused where they belong to something else."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from PIL import Image

from t2i_studio.cli import main
from t2i_studio.config import GenerateSettings
from t2i_studio.errors import InputError, OutOfMemory
from t2i_studio.evaluation import Found, Item, Painted, choose_items, evaluate
from t2i_studio.evaluation.evaluate import RECORDS, picture_name, read
from t2i_studio.judging import at_once

ITEMS = choose_items("emoji-geneval", ("single",), 3)


class Painter:
    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []

    def __call__(self, items: Sequence[Item], seeds: Sequence[int]) -> list[Painted]:
        self.asked += zip([item.prompt for item in items], seeds, strict=True)
        return [Painted(Image.new("RGB", (8, 8), (seed, 0, 0))) for seed in seeds]


class CatJudge:
    name = "cats everywhere"

    def __call__(self, image: Image.Image) -> tuple[Found, ...]:
        return (Found("cat", None, (0, 0, 4, 4), 0.9, 0.1),)


def run(folder: Path, painter: Painter, seeds: int = 2, weights: str = "one") -> list:
    return list(evaluate(ITEMS, painter, CatJudge(), seeds, folder, {"weights": weights}))


def test_every_prompt_and_seed_is_painted_judged_and_kept(tmp_path: Path) -> None:
    painter = Painter()
    judged = run(tmp_path, painter)
    assert painter.asked == [(item.prompt, seed) for item in ITEMS for seed in (0, 1)]
    assert [j.exact for j in judged] == [item.request.asked[0].noun == "cat" for item in ITEMS for _ in (0, 1)]
    assert read(tmp_path) == judged
    assert all((tmp_path / picture_name(j)).is_file() for j in judged)


def test_what_is_done_is_not_done_again(tmp_path: Path) -> None:
    first = run(tmp_path, Painter(), seeds=1)
    file = tmp_path / RECORDS
    file.write_text(file.read_text()[:-30], encoding="utf-8")  # the last line was cut off by a crash
    painter = Painter()
    again = run(tmp_path, painter, seeds=2)
    assert (ITEMS[0].prompt, 0) not in painter.asked
    assert (ITEMS[-1].prompt, 0) in painter.asked
    assert len(again) == 6
    assert all(one in again for one in first)


def test_a_folder_of_other_weights_is_refused(tmp_path: Path) -> None:
    run(tmp_path, Painter())
    with pytest.raises(InputError, match="something else: weights differ"):
        run(tmp_path, Painter(), weights="two")


class SmallMemory(Painter):
    """Room for so many pictures at once."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room = room
        self.sizes: list[int] = []

    def __call__(self, items: Sequence[Item], seeds: Sequence[int]) -> list[Painted]:
        self.sizes.append(len(items))
        if len(items) > self.room:
            raise OutOfMemory("The device ran out of memory.")
        return super().__call__(items, seeds)


def test_fewer_at_once_where_memory_is_small(tmp_path: Path) -> None:
    painter = SmallMemory(2)
    judged = run(tmp_path / "small", painter)
    assert painter.sizes == [6, 3, 1, 1, 1, 1, 1, 1]
    assert judged == run(tmp_path / "large", Painter())
    with pytest.raises(OutOfMemory):
        run(tmp_path / "none", SmallMemory(0))


@pytest.mark.models
def test_command_prints_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("T2I_STUDIO_HOME", str(tmp_path))
    short = ["evaluate", "--tasks", "single", "--limit", "2", "--seeds", "1", "--steps", "4"]
    assert main([*short, "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["task"], row["num_prompts"], row["num_pictures"]) == ("single", 2, 2)
    assert 0 <= row["present"][1] <= row["present"][0] <= row["present"][2] <= 1
    assert main(short) == 0
    assert capsys.readouterr().out.startswith("| task | prompts |")
    assert main(["evaluate", "--suite", "nothing"]) == 2


@pytest.mark.parametrize(
    ("kind", "side", "number"),
    [("cpu", 128, 8), ("cuda", 128, 64), ("cuda", 512, 8), ("cuda", 1024, 2), ("mps", 4096, 1)],
)
def test_how_many_are_painted_at_once(kind: str, side: int, number: int) -> None:
    settings = GenerateSettings.checked(prompt="a cat", width=side, height=side)
    assert at_once(torch.device(kind), settings) == number
