"""The tab's handlers, called as Gradio calls them."""

from __future__ import annotations

import base64
import shlex
from typing import Any

import gradio as gr
import numpy as np
import pytest

from t2i_studio.config import GenerateSettings
from t2i_studio.errors import CaptureError, ModelBroken, SettingError, StorageError
from t2i_studio.ui import exports, stage
from t2i_studio.ui.chips import Choice
from t2i_studio.ui.scratch import Scratch
from t2i_studio.ui.tabs.inspect_events import Handlers
from tests.ui.fakes import FakeStudio

NAMES = [name for name in GenerateSettings.model_fields if name != "nouns"]
SKIP = gr.skip()


@pytest.fixture
def handlers(studio: FakeStudio) -> Handlers:
    return Handlers(studio, Scratch())  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def quick_figures(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures take most of the time and are drawn for real only where a test asks for them."""
    if "real_figures" not in request.fixturenames:
        monkeypatch.setattr("t2i_studio.ui.figures.figures", lambda run, scratch: {"figures": []} if run.maps else None)


@pytest.fixture
def real_figures() -> None:
    """Ask for figures that are drawn."""


def start(handlers: Handlers, choice: Choice | None = None, **values: Any) -> list[Any]:
    given = handlers.studio.defaults().model_dump() | {"prompt": "a cat and a dog", "steps": 6} | values
    return handlers.start(NAMES, choice, *(given[name] for name in NAMES))


@pytest.mark.usefixtures("real_figures")
def test_a_generation_is_followed_to_its_figures(handlers: Handlers) -> None:
    task_id, problem, *_ = start(handlers)
    assert problem is None
    shown = list(handlers.follow(task_id))
    states = [row[0]["state"] for row in shown if "state" in row[0]]
    assert states[0] in ("waiting", "running")
    assert states[-1] == "done"
    assert [f["name"] for f in shown[-1][4]["figures"]] == ["grid", "curves"]
    assert shown[-2][6] == task_id


def test_choice_reaches_the_run(handlers: Handlers) -> None:
    task_id, *_ = start(handlers, Choice(removed=("dog",)))
    list(handlers.follow(task_id))
    assert handlers.studio.task(task_id).run.maps.nouns == ("cat",)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("values", "place"),
    [({"prompt": "  "}, "prompt"), ({"width": 130}, "width"), ({"steps": 0}, "steps"), ({"seed": -3}, "seed"),
     ({"model": "nothing-there"}, "model"), ({"guidance_scale": None}, "guidance_scale")],
)  # fmt: skip
def test_bad_input_is_told_beside_its_control(handlers: Handlers, values: dict[str, Any], place: str) -> None:
    task_id, problem, *rest = start(handlers, **values)
    assert task_id is None
    assert problem["name"] == place
    assert problem["remedy"]
    assert rest == [SKIP] * 3


def test_same_mistake_twice_is_told_twice(handlers: Handlers) -> None:
    assert start(handlers, prompt="")[1] != start(handlers, prompt="")[1]


def test_failure_of_the_model_goes_beside_the_model(handlers: Handlers, studio: FakeStudio) -> None:
    studio.trouble = ModelBroken("unet is missing.", "Download it again.")
    last = list(handlers.follow(start(handlers)[0]))[-1]
    assert last[3]["name"] == "model"
    assert last[0] == stage.IDLE


def test_other_failures_stand_in_the_pictures_place(handlers: Handlers, studio: FakeStudio) -> None:
    studio.trouble = CaptureError("No maps came.", "Turn off offloading.")
    last = list(handlers.follow(start(handlers)[0]))[-1]
    assert last[0] == {"state": "failed", "problem": "No maps came.", "remedy": "Turn off offloading."}


def test_picture_stays_when_saving_failed(
    handlers: Handlers, studio: FakeStudio, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise StorageError("The disk is full.", "Free some space.")

    monkeypatch.setattr(studio.runs, "save", full)
    shown = list(handlers.follow(start(handlers)[0]))
    end = next(row[0] for row in shown if row[0].get("state") == "done")
    assert end["problem"] == "The disk is full."
    assert end["run"]["nouns"]
    run_id = end["run"]["id"]
    assert "url" in handlers.make_file([run_id, "picture"])
    assert "not saved" in handlers.make_file([run_id, "maps"])["problem"]


def test_no_nouns_still_makes_the_picture(handlers: Handlers) -> None:
    shown = list(handlers.follow(start(handlers, prompt="green and blue")[0]))
    end = shown[-2][0]
    assert end["run"]["nouns"] == []
    assert end["run"]["notes"]
    assert shown[-1][4] is None


def test_cancel_ends_within_a_step(handlers: Handlers, studio: FakeStudio) -> None:
    studio.seconds_a_step = 0.05
    task_id, *_ = start(handlers, steps=500)
    following = handlers.follow(task_id)
    next(following)
    assert handlers.cancel(task_id)["value"] == "Cancelling…"
    assert studio.task(task_id).wait(1)  # type: ignore[union-attr]
    assert list(following)[-1][0]["state"] == "cancelled"
    assert handlers.cancel(task_id) == SKIP


def test_leaving_the_page_ends_nothing(handlers: Handlers, studio: FakeStudio) -> None:
    task_id, *_ = start(handlers, steps=50)
    following = handlers.follow(task_id)
    next(following)
    following.close()  # type: ignore[attr-defined]
    assert studio.task(task_id).wait(10)  # type: ignore[union-attr]
    assert studio.task(task_id).status == "done"  # type: ignore[union-attr]


def test_opened_page_finds_the_task_with_its_settings(handlers: Handlers) -> None:
    assert handlers.attach(NAMES)[0] is None
    task_id, *_ = start(handlers, Choice(added=("and",)), seed=11)
    found, choice, chips, *values = handlers.attach(NAMES)
    assert found == task_id
    assert choice == Choice(added=("and",))
    assert chips["edited"]
    assert dict(zip(NAMES, values, strict=True))["seed"] == 11


def test_second_generation_waits_and_shows_its_place(handlers: Handlers, studio: FakeStudio) -> None:
    studio.seconds_a_step = 0.03
    first, *_ = start(handlers, steps=20)
    while studio.task(first).status != "running":  # type: ignore[union-attr]
        studio.task(first).wait(0.01)  # type: ignore[union-attr]
    second, *_ = start(handlers)
    rows = [row[0] for row in handlers.follow(second)]
    assert any(row.get("message") == "waiting, 1 before it" for row in rows)
    assert any(row.get("state") == "done" for row in rows)


def test_lost_stream_is_healed_once(handlers: Handlers, studio: FakeStudio) -> None:
    task_id, *_ = start(handlers)
    studio.task(task_id).wait(5)  # type: ignore[union-attr]
    healed = handlers.heal(task_id, None)
    assert healed[0]["state"] == "done"
    assert healed[6] == task_id
    assert handlers.heal(task_id, task_id) == [SKIP] * 7


def test_model_brings_its_settings_and_unknown_ones_are_told(handlers: Handlers) -> None:
    assert handlers.use_model("big-one")[:4] == [25, 7.5, 512, 512]
    assert handlers.use_model("nothing-there")[-1]["name"] == "model"


def test_long_prompt_names_the_words_that_fall_past_the_limit(handlers: Handlers) -> None:
    value = handlers.parsed("a cat " + "very " * 500 + "dog", "emoji-unet", "en", None)
    assert len(value["groups"]) == 503
    assert any("Past the model's limit" in note["text"] for note in value["notes"])


def test_packed_maps_keep_values_within_the_8_bit_step(studio: FakeStudio) -> None:
    run = studio.submit(studio.settings("a cat and a dog", steps=7))
    run.wait(5)
    maps = run.run.maps  # type: ignore[union-attr]
    packed = stage.packed(maps)
    shape = (len(packed["nouns"]), len(packed["steps"]), packed["rows"], packed["columns"])
    values = np.frombuffer(base64.b64decode(packed["maps"]), np.uint8).reshape(shape)
    for index, noun in enumerate(packed["nouns"]):
        off = np.abs(values[index] / 255 * noun["top"] - maps[noun["id"]])
        assert off.max() <= noun["top"] / 255 / 2 + 1e-7


def test_packed_maps_stay_small(studio: FakeStudio) -> None:
    task = studio.submit(studio.settings("a cat, a dog, a bird, a bear and a lion", steps=1000))
    studio.seconds_a_step = 0
    task.wait(20)
    packed = stage.packed(task.run.maps)  # type: ignore[union-attr, arg-type]
    assert len(packed["maps"]) < 1_000_000
    assert packed["steps"][0] == 0
    assert packed["steps"][-1] == 999


def test_every_file_can_be_taken_away(handlers: Handlers, studio: FakeStudio) -> None:
    task_id, *_ = start(handlers)
    list(handlers.follow(task_id))
    run = studio.task(task_id).run  # type: ignore[union-attr]
    for kind in exports.KINDS:
        answer = handlers.make_file([run.id, kind])  # type: ignore[union-attr]
        assert answer["name"].startswith(run.id), answer  # type: ignore[union-attr]
    assert "No kind" in handlers.make_file([run.id, "virus"])["problem"]  # type: ignore[union-attr]
    assert handlers.make_file(["../../etc", "zip"])["remedy"]


def test_command_is_quoted_and_holds_what_differs(handlers: Handlers, studio: FakeStudio) -> None:
    prompt = 'a cat\'s "hat"; rm -rf $HOME'
    task = studio.submit(studio.settings(prompt, seed=5, steps=7, heads=True, nouns=["cat"]))
    task.wait(5)
    words = shlex.split(handlers.keep(task.run)["command"])  # type: ignore[arg-type]
    assert words[:3] == ["t2i-studio", "generate", prompt]
    assert words[words.index("--steps") + 1] == "7"
    assert words[words.index("--nouns") + 1] == "cat"
    assert "--heads" in words
    assert "--width" not in words


def test_prompt_that_looks_like_a_flag_comes_last(studio: FakeStudio) -> None:
    task = studio.submit(studio.settings("--seed cat"))
    task.wait(5)
    assert shlex.split(exports.command(task.run, studio.defaults()))[-2:] == ["--", "--seed cat"]  # type: ignore[arg-type]


def test_setting_errors_without_a_control_stand_in_the_pictures_place(
    handlers: Handlers, studio: FakeStudio, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Any) -> None:
        raise SettingError("Unknown.", "Do this.", name="no_such_control")

    monkeypatch.setattr(studio, "submit", refuse)
    assert start(handlers)[2]["state"] == "failed"
