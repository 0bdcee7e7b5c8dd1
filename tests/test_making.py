"""Data made by a model: what is kept and why, going on after a stop, what `train` reads of it."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from PIL import Image

from t2i_studio import Studio, making
from t2i_studio.cli import main
from t2i_studio.config import PRACTICE_MODEL, MakeDataSettings
from t2i_studio.emoji.captions import Asked, Request
from t2i_studio.errors import Cancelled, InputError, ModelNotFound, SettingError
from t2i_studio.evaluation import Found, certainty, choose_items
from t2i_studio.generation import Listener
from t2i_studio.making import MADE, Making
from t2i_studio.pictures import METADATA
from t2i_studio.selection import SELECTION, read_selection
from t2i_studio.training.data import examples, has_rewards

FIRST = 1_000_000


class Painter:
    """Paints one colour: how good the picture is, by its seed; counts what it paints."""

    def __init__(self, dies_after: int = 10_000) -> None:
        self.painted: list[tuple[str, int]] = []
        self.dies_after = dies_after

    def __call__(self, model: Any, settings: Any, prompts: Sequence[str], seeds: Sequence[int], *_: Any) -> list:
        if len(self.painted) + len(prompts) > self.dies_after:
            raise KeyboardInterrupt
        self.painted += zip(prompts, seeds, strict=True)
        return [Image.new("RGB", (8, 8), ((seed - FIRST) * 20, 0, 0)) for seed in seeds]


class Sure:
    """As sure of the cat as its picture is red; of the dog always."""

    name, nouns = "sure", frozenset({"cat", "dog", "car", "bowl"})

    def __call__(self, image: Image.Image) -> tuple[Found, ...]:
        red = image.getpixel((0, 0))[0] / 100  # type: ignore[index]
        if red == 0:
            return ()
        cat = Found("cat", None, (0.0, 0.0, 4.0, 4.0), red, 0.0)
        return cat, Found("dog", None, (4.0, 0.0, 8.0, 4.0), 1.0, 0.0)


@pytest.fixture
def painter(monkeypatch: pytest.MonkeyPatch) -> Painter:
    found = Painter()
    monkeypatch.setattr(making, "paint", found)
    monkeypatch.setattr(making, "choose_judge", lambda name: None if name == "none" else Sure())
    return found


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    file = tmp_path / "prompts.txt"
    file.write_text("a cat and a dog\na dog and a cat\n")
    return file


def asked(prompts: Path, **changes: Any) -> MakeDataSettings:
    return MakeDataSettings.checked(**{
        "suite": str(prompts), "per_prompt": 5, "keep_top": 2, "scorer": "emoji-matcher",
        "shared": {"model": "emoji-unet", "width": 128, "height": 128}, **changes,
    })  # fmt: skip


def model_of(settings: Any) -> Any:
    return SimpleNamespace(device=torch.device("cpu"), fingerprint=lambda: "abc")


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_the_best_are_kept_and_every_fate_is_told(painter: Painter, prompts: Path, tmp_path: Path) -> None:
    out = Making(asked(prompts), tmp_path / "data").run(model_of)
    kept = lines(out / METADATA)
    assert [(row["text"], row["seed"] - FIRST) for row in kept] == [
        ("a cat and a dog", 4), ("a cat and a dog", 3), ("a dog and a cat", 4), ("a dog and a cat", 3),
    ]  # fmt: skip
    assert kept[0]["reward"] == pytest.approx(0.9)  # (0.8 + 1) / 2
    told = read_selection(out)
    assert len(told) == 10 == len(list((out / MADE).glob("*.png")))
    assert [(one["kept"], one["why"]) for one in told[:5]] == [
        (True, "number 1 of 5"), (True, "number 2 of 5"), (False, "number 3 of 5, 2 are kept"),
        (False, "number 4 of 5, 2 are kept"), (False, "shows nothing of the prompt"),
    ]  # fmt: skip
    assert told[2]["found"] == [["cat", None, 0.4], ["dog", None, 1.0]]
    read = list(examples(str(out)))
    assert [one.caption for one in read] == [row["text"] for row in sorted(kept, key=lambda row: row["file_name"])]
    assert {round(one.reward, 2) for one in read} == {0.9, 0.8}
    assert has_rewards(str(out))


def test_a_threshold_keeps_what_reaches_it(painter: Painter, prompts: Path, tmp_path: Path) -> None:
    out = Making(asked(prompts, keep_top=None, threshold=0.75), tmp_path / "data").run(model_of)
    assert {row["seed"] - FIRST for row in lines(out / METADATA)} == {3, 4}
    assert {one["why"] for one in read_selection(out) if one["kept"]} == {"0.90 reaches 0.75", "0.80 reaches 0.75"}
    assert "0.70 is below 0.75" in {one["why"] for one in read_selection(out)}
    Making(asked(prompts, keep_top=1, threshold=0.5), out).run(model_of)  # selects anew, paints nothing
    assert len(painter.painted) == 10
    assert {row["seed"] - FIRST for row in lines(out / METADATA)} == {4}
    with pytest.raises(InputError, match=r"Not one of 10 pictures is kept: the best reward is 0\.90"):
        Making(asked(prompts, keep_top=None, threshold=0.95), out).run(model_of)
    assert not (out / METADATA).exists()


def test_nobody_scores(painter: Painter, prompts: Path, tmp_path: Path) -> None:
    out = Making(asked(prompts, scorer="none"), tmp_path / "data").run(model_of)
    assert [row["seed"] - FIRST for row in lines(out / METADATA)] == [0, 1, 0, 1]
    assert not has_rewards(str(out))
    out = Making(asked(prompts, scorer="none", keep_top=None), tmp_path / "all").run(model_of)
    assert len(lines(out / METADATA)) == 10


def test_killed_and_gone_on_nothing_is_painted_twice(
    painter: Painter, prompts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Making(asked(prompts), tmp_path / "whole").run(model_of)
    dying = Painter(dies_after=8)
    monkeypatch.setattr(making, "paint", dying)
    with pytest.raises(KeyboardInterrupt):
        Making(asked(prompts), tmp_path / "parts").run(model_of)
    again = Painter()
    monkeypatch.setattr(making, "paint", again)
    steps: list[int] = []
    parts = Making(asked(prompts), tmp_path / "parts", lambda done, total, _: steps.append(done)).run(model_of)
    assert (len(dying.painted), len(again.painted), steps[-1]) == (8, 2, 10)
    for name in (METADATA, SELECTION):
        assert (whole / name).read_text() == (parts / name).read_text()


def test_cancelled_within_a_batch(painter: Painter, prompts: Path, tmp_path: Path) -> None:
    class Stopper(Listener):
        def check_cancelled(self) -> None:
            if painter.painted:
                raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        Making(asked(prompts), tmp_path / "data").run(model_of, Stopper())
    assert len(painter.painted) == 8
    assert len(read_selection(tmp_path / "data")) == 5  # the whole prompt is a data set already
    assert len(lines(tmp_path / "data" / METADATA)) == 2


def test_stopped_while_more_is_made_what_was_kept_stays(painter: Painter, prompts: Path, tmp_path: Path) -> None:
    out = Making(asked(prompts), tmp_path / "data").run(model_of)
    before = lines(out / METADATA)

    class Stopper(Listener):
        def check_cancelled(self) -> None:
            if len(painter.painted) > 10:
                raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        Making(asked(prompts, per_prompt=12), out).run(model_of, Stopper())
    assert len(painter.painted) == 18
    kept = lines(out / METADATA)
    assert {row["text"] for row in kept} == {row["text"] for row in before}
    assert len(kept) == len(before)


@pytest.mark.parametrize(
    ("changes", "error", "told"),
    [
        ({"keep_top": None}, SettingError, "Nothing says which"),
        ({"keep_top": 6}, SettingError, "6 can't be kept of 5"),
        ({"scorer": "none", "keep_top": None, "threshold": 0.5}, SettingError, "Nobody scores"),
        ({"scorer": "emoji-matchr"}, InputError, "Did you mean 'emoji-matcher'"),
        ({"scorer": "clip"}, InputError, "needs weights"),
        ({"suite": "emoji-trian"}, InputError, "Did you mean 'emoji-train'"),
        ({"shared": {"model": "emoji-unett"}}, ModelNotFound, "Did you mean"),
        ({"suite": "/gone.txt"}, InputError, "can't be read"),
    ],
)
def test_what_can_be_told_is_told_before_anything_is_painted(
    prompts: Path, tmp_path: Path, changes: dict[str, Any], error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=told):
        Making(asked(prompts, **changes), tmp_path)


def test_another_models_folder_is_refused(painter: Painter, prompts: Path, tmp_path: Path) -> None:
    Making(asked(prompts), tmp_path / "data").run(model_of)
    with pytest.raises(InputError, match="something else"):
        Making(asked(prompts), tmp_path / "data").run(
            lambda _: SimpleNamespace(device=torch.device("cpu"), fingerprint=lambda: "other")
        )


def found(noun: str, score: float, colour: str | None = None, x: float = 0.0) -> Found:
    return Found(noun, colour, (x, 0.0, x + 10, 10.0), score, 0.0)


def test_certainty_by_hand() -> None:
    pair = Request((Asked("cat"), Asked("car", "red")))
    assert certainty(pair, [found("cat", 0.9), found("car", 0.7, "red")]) == pytest.approx(0.8)
    assert certainty(pair, [found("cat", 0.9), found("car", 0.7, "blue")]) == pytest.approx(0.3)
    assert certainty(pair, [found("cat", 0.9)]) == pytest.approx(0.45)
    assert certainty(pair, [found("cat", 1), found("car", 1, "red"), found("dog", 1)]) == pytest.approx(2 / 3)
    assert certainty(Request((Asked("cat", None, 3),)), [found("cat", 0.6)] * 2) == pytest.approx(0.4)
    left = Request((Asked("cat"), Asked("dog")), "left")
    assert certainty(left, [found("cat", 1), found("dog", 1, x=50)]) == 1
    assert certainty(left, [found("cat", 1, x=50), found("dog", 1)]) == pytest.approx(2 / 3)
    assert certainty(pair, []) == 0


def test_emoji_train_has_no_pair_of_the_tests() -> None:
    from t2i_studio.emoji.splits import load_splits

    items = choose_items("emoji-train")
    pairs = load_splits().pairs
    asked_for = {tuple(sorted(one.noun for one in item.request.asked)) for item in items if item.request}
    assert asked_for == set(pairs["train"])
    assert len({item.prompt for item in items}) == len(items) == 3 * len(pairs["train"])
    assert {item.task for item in items} == {"two", "attribution", "position"}


def test_command_errors(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["make-data", "--keep-top", "2"]) == 2
    assert "--out DIR" in capsys.readouterr().err
    assert main(["make-data", "--prompts", str(tmp_path / "no.txt"), "--out", str(tmp_path)]) == 2
    assert "There is no file" in capsys.readouterr().err
    assert main(["make-data", "--out", str(tmp_path)]) == 2
    assert "Nothing says which pictures are kept" in capsys.readouterr().err


@pytest.mark.models
def test_emoji_unet_makes_what_train_reads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "prompts.txt"
    file.write_text("a red balloon\n")
    out = tmp_path / "data"
    flags = ["--prompts", str(file), "--per-prompt", "2", "--scorer", "none", "--keep-top", "1", "--steps", "3"]
    assert main(["make-data", *flags, "--out", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"folder": str(out), "kept": 1, "made": 2}
    one = next(iter(examples(str(out))))
    assert (one.caption, one.image.size) == ("a red balloon", (128, 128))
    made = Studio(PRACTICE_MODEL, home=tmp_path / "home").make_data(
        str(file), out=tmp_path / "again", per_prompt=2, scorer="none", keep_top=1, steps=3
    )
    same = lines(out / METADATA)[0]["file_name"]
    assert (made / same).read_bytes() == (out / same).read_bytes()


@pytest.mark.models
def test_a_job_makes_the_same(prompts: Path, tmp_path: Path) -> None:
    studio = Studio(home=tmp_path)
    how = {"suite": str(prompts), "per_prompt": 2, "scorer": "none", "keep_top": 1}
    with pytest.raises(SettingError, match="can't be kept"):
        studio.queue_making(**{**how, "keep_top": 3})
    job = studio.queue_making(**how, shared={"steps": 2, "device": "cpu"})
    assert job.kind == "make-data"
    end = time.monotonic() + 120
    while not studio.jobs.get(job.id).has_ended and time.monotonic() < end:
        time.sleep(0.3)
    done = studio.jobs.get(job.id)
    assert (done.state, done.reason, done.progress["step"], done.progress["kept"]) == ("done", "", 4, 2)
    assert len(list(examples(str(studio.jobs.out(job.id))))) == 2
