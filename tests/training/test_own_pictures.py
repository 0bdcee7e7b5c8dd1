"""The data set that ships: whole, of the training split alone, right by the judge that did not choose."""

from __future__ import annotations

import json

import pytest

from t2i_studio.config import ROOT
from t2i_studio.emoji.reading import read_caption
from t2i_studio.emoji.splits import load_splits
from t2i_studio.finetune import preflight
from t2i_studio.pictures import METADATA, captioned, open_picture
from t2i_studio.training.data import count_examples, examples, folder_of, has_rewards
from t2i_studio.training.settings import OWN_PICTURES, TrainSettings

FOLDER = folder_of(OWN_PICTURES)


def test_it_is_whole() -> None:
    rows = [json.loads(line) for line in (FOLDER / METADATA).read_text(encoding="utf-8").splitlines()]
    files = {file.name for file in FOLDER.glob("*.png")}
    assert {row["file_name"] for row in rows} == files
    assert count_examples(OWN_PICTURES) == len(rows) == len(files) >= 60
    assert all(0 < row["reward"] <= 1 for row in rows)
    assert has_rewards(OWN_PICTURES)
    assert {one.image.size for one in examples(OWN_PICTURES)} == {(128, 128)}
    assert (FOLDER / "README.md").is_file()


def test_no_pair_that_a_test_asks_for() -> None:
    pairs = load_splits().pairs["train"]
    for one in captioned(FOLDER):
        assert tuple(sorted(each.noun for each in read_caption(one.caption).asked)) in pairs


@pytest.mark.parametrize("preset", ["plain-lora", "gors", "ctcal"])
def test_presets_run_as_they_are(preset: str) -> None:
    preflight(TrainSettings.from_yaml(ROOT / "configs" / "training" / f"{preset}.yaml"))


def test_a_folder_of_ones_own_is_found_as_before(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert folder_of("mine").resolve() == tmp_path / "mine"
    assert folder_of(f"./{OWN_PICTURES}").resolve() == tmp_path / OWN_PICTURES


@pytest.mark.models
def test_the_other_judge_sees_what_captions_say() -> None:
    """emoji-detector chose; emoji-matcher did not."""
    from t2i_studio.evaluation import JUDGES, score

    judge = JUDGES["emoji-matcher"]()
    there = [score(read_caption(one.caption), judge(open_picture(one.file))).present for one in captioned(FOLDER)[::6]]
    assert sum(there) >= 0.5 * len(there)
