"""The tab's handlers, called as Gradio calls them."""

from __future__ import annotations

import shlex
from typing import Any

import gradio as gr
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


def made(handlers: Handlers, wanted: list[str]) -> dict[str, str]:
    return exports.made(handlers.studio, *wanted, handlers.scratch)


def start(handlers: Handlers, choice: Choice | None = None, **values: Any) -> list[Any]:
    given = handlers.studio.defaults().model_dump() | {"prompt": "a cat and a dog", "steps": 6} | values
    return handlers.start(NAMES, choice, *(given[name] for name in NAMES))


def test_a_generation_is_followed_to_its_end(handlers: Handlers) -> None:
    task_id, problem, *_ = start(handlers)
    assert problem is None
    shown = list(handlers.follow(task_id))
    states = [row[0]["state"] for row in shown if "state" in row[0]]
    assert states[0] in ("waiting", "running")
    assert states[-1] == "done"
    assert shown[-1][4]["run"] == shown[-1][0]["run"]["id"]
    assert shown[-1][5] == task_id


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


@pytest.mark.parametrize(("picture", "timesteps", "place"), [(None, "500", "picture"), ("a.png", "soon", "timesteps")])
def test_an_own_picture_that_can_not_be_is_told_beside_it(
    handlers: Handlers, picture: str | None, timesteps: str, place: str
) -> None:
    given = handlers.studio.defaults().model_dump() | {"prompt": "a cat"}
    task_id, problem, *rest = handlers.look(NAMES, None, picture, timesteps, *(given[name] for name in NAMES))
    assert task_id is None
    assert problem["name"] == place
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
    assert "url" in made(handlers, [run_id, "picture"])
    assert "not saved" in made(handlers, [run_id, "maps"])["problem"]


def test_no_nouns_still_makes_the_picture(handlers: Handlers) -> None:
    shown = list(handlers.follow(start(handlers, prompt="green and blue")[0]))
    end = shown[-1][0]
    assert end["run"]["nouns"] == []
    assert end["run"]["notes"]
    assert "maps" not in [kind["name"] for kind in shown[-1][4]["kinds"]]


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
    assert healed[5] == task_id
    assert handlers.heal(task_id, task_id) == [SKIP] * 6


def test_lost_stream_of_a_running_task_is_healed_too(handlers: Handlers, studio: FakeStudio) -> None:
    studio.hold_at = 2
    studio.go.clear()
    task_id, *_ = start(handlers)
    while studio.task(task_id).step < 2:  # type: ignore[union-attr]
        studio.task(task_id).wait(0.01)  # type: ignore[union-attr]
    seen = handlers.heal(task_id, None)
    assert (seen[0]["state"], seen[0]["step"]) == ("running", 2)
    assert seen[5] == ""
    studio.go.set()
    studio.task(task_id).wait(5)  # type: ignore[union-attr]
    assert handlers.heal(task_id, seen[5])[0]["state"] == "done"


def test_page_opened_later_shows_the_newest_kept_run(handlers: Handlers, studio: FakeStudio) -> None:
    assert handlers.show_last() == [SKIP] * 2
    list(handlers.follow(start(handlers, seed=77)[0]))
    studio.tasks.clear()  # as after a new start of the app
    found, _, _, *values = handlers.attach(NAMES)
    assert found is None
    assert dict(zip(NAMES, values, strict=True))["seed"] == 77
    view, keep = handlers.show_last()
    assert view["state"] == "done"
    assert view["run"]["id"] == keep["run"]


def test_settings_of_a_kept_run_are_used_again(handlers: Handlers, studio: FakeStudio) -> None:
    task_id, *_ = start(handlers, Choice(removed=("dog",)), seed=78, steps=7)
    list(handlers.follow(task_id))
    choice, shown, *values = handlers.use(NAMES, studio.task(task_id).run.id)  # type: ignore[union-attr]
    given = dict(zip(NAMES, values, strict=True))
    assert (given["seed"], given["steps"], given["prompt"]) == (78, 7, "a cat and a dog")
    assert choice == Choice(removed=("dog",))
    assert shown["edited"]
    with pytest.raises(gr.Error, match="no run"):
        handlers.use(NAMES, "20261122-104512-nothing-0000")


def test_model_brings_its_settings_and_unknown_ones_are_told(handlers: Handlers) -> None:
    assert handlers.use_model("big-one")[:4] == [25, 7.5, 512, 512]
    assert handlers.use_model("nothing-there")[-1]["name"] == "model"


def test_long_prompt_names_the_words_that_fall_past_the_limit(handlers: Handlers) -> None:
    value = handlers.parsed("a cat " + "very " * 500 + "dog", "emoji-unet", "en", None)
    assert len(value["groups"]) == 503
    assert any("Past the model's limit" in note["text"] for note in value["notes"])


def test_every_file_can_be_taken_away(handlers: Handlers, studio: FakeStudio) -> None:
    task_id, *_ = start(handlers)
    list(handlers.follow(task_id))
    run = studio.task(task_id).run  # type: ignore[union-attr]
    for kind in exports.KINDS:
        answer = made(handlers, [run.id, kind])  # type: ignore[union-attr]
        assert answer["name"].startswith(run.id), answer  # type: ignore[union-attr]
    assert "No kind" in made(handlers, [run.id, "virus"])["problem"]  # type: ignore[union-attr]
    assert made(handlers, ["../../etc", "zip"])["remedy"]


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
