"""The tab Evaluate's handlers, called as Gradio calls them."""

from __future__ import annotations

import base64
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from t2i_studio.ui.comparison import board
from t2i_studio.ui.tabs.evaluate_events import FIELDS, EvaluateHandlers
from t2i_studio.ways import read_ways
from tests.ui.fakes import FakeStudio


@pytest.fixture
def handlers(studio: FakeStudio) -> EvaluateHandlers:
    return EvaluateHandlers(studio)  # type: ignore[arg-type]


def values(**changes: Any) -> list[Any]:
    given = {
        "suite": "attend-and-excite", "tasks": [], "models": ["emoji-unet"], "guides": ["none", "ai-t2i"], "loras": "",
        "seeds": 2, "limit": 3, "judge": "emoji-matcher", "layout": "", "steps": 4, "guidance_scale": 5.0,
        "named": "", "search": "", "maps": False,
    }  # fmt: skip
    return [(given | changes)[name] for name in FIELDS]


def ended(handlers: EvaluateHandlers, started: list[Any]) -> dict[str, Any]:
    handlers.studio.task(started[0]).wait(20)  # type: ignore[union-attr]
    return handlers.look(started[0], None)[0]


def test_the_table_fills_to_its_end(handlers: EvaluateHandlers, studio: FakeStudio) -> None:
    studio.hold_at = 4
    started = handlers.start(*values(tasks=["animals"]))
    task = studio.task(started[0])
    while not task.evaluation.found["none"][3:]:
        time.sleep(0.01)
    view, go, cancel, _ = handlers.look(task.id, None)
    assert (view["state"], view["message"], view["done"], view["total"]) == ("running", "Picture 4/24", 4, 24)
    assert view["seconds_left"] == pytest.approx(0.75 * 20)  # painting and judging
    assert [(row["way"], row["pictures"], row["of"]) for row in view["rows"]] == [
        ("none", 2, 6), ("none", 2, 6), ("none", 4, 12),
    ]  # fmt: skip
    assert not go["visible"]
    assert cancel["visible"]
    assert handlers.look(task.id, view) == [gr.skip()] * 4
    studio.hold_at = 0
    view = ended(handlers, started)
    assert view["state"] == "done"
    assert [row["group"] for row in view["rows"]] == ["animals, unseen"] * 2 + ["animals, seen"] * 2 + ["all"] * 2
    assert [row["pictures"] for row in view["rows"]] == [6, 6, 6, 6, 12, 12]
    assert [column["name"] for column in view["columns"]] == ["present", "exact"]
    none, guided = (row["cells"][0] for row in view["rows"][-2:])
    assert "gain" not in none
    assert float(guided["gain"]) == pytest.approx(float(guided["text"]) - float(none["text"]), abs=0.011)
    assert "problem" not in view


def test_a_cell_opens_to_its_pictures(handlers: EvaluateHandlers) -> None:
    started = handlers.start(*values(limit=8))
    view = ended(handlers, started)
    asked = {"id": view["id"], "way": "ai-t2i", "group": "all", "only": "all", "offset": 0}
    page = handlers.pictures(asked)
    row = view["rows"][-1]
    assert (page["total"], len(page["items"])) == (row["pictures"], 12)
    assert page["counts"]["present"] / page["total"] == pytest.approx(float(row["cells"][0]["text"]), abs=0.01)
    assert page["counts"]["won"] > 0
    won = handlers.pictures(asked | {"only": "won"})
    assert won["total"] == page["counts"]["won"]
    assert all(one["before"]["mark"] == "no" and one["after"]["mark"] == "yes" for one in won["items"])
    assert won["items"][0]["after"]["image"].startswith("data:image/jpeg;base64,")
    seen = {(one["prompt"], one["seed"]) for offset in range(0, page["total"], 12)
            for one in handlers.pictures(asked | {"offset": offset})["items"]}  # fmt: skip
    assert len(seen) == page["total"]
    first = handlers.pictures(asked | {"way": "none"})
    assert first["items"][0]["before"] is None
    assert "problem" in handlers.pictures(asked | {"id": "gone"})
    assert "problem" in handlers.pictures(asked | {"way": "../.."})


def test_a_picture_is_painted_again_as_it_was(handlers: EvaluateHandlers) -> None:
    view = ended(handlers, handlers.start(*values(limit=1, steps=7)))
    given = handlers.settings_of({"id": view["id"], "way": "ai-t2i", "prompt": "a cat and a dog", "seed": 1})
    assert (given.prompt, given.seed, given.guide, given.steps) == ("a cat and a dog", 1, "ai-t2i", 7)


def test_what_is_common_to_all_is_no_part_of_a_name(handlers: EvaluateHandlers) -> None:
    assert list(handlers.asked(*values())["ways"]) == ["none", "ai-t2i"]
    several = handlers.asked(
        *values(models=["emoji-unet", "big-one"], guides=["none"], loras="none, a/cats.safetensors")
    )
    assert list(several["ways"]) == [
        "emoji-unet · no LoRA · none", "emoji-unet · cats · none", "big-one · no LoRA · none", "big-one · cats · none",
    ]  # fmt: skip
    assert several["shared"] == {}  # each model its own steps


@pytest.mark.parametrize(
    ("changes", "home"),
    [({"suite": "attend-and-exite"}, "eval-suite"), ({"suite": "/nowhere/x.txt"}, "eval-suite"),
     ({"guides": []}, "eval-guides"), ({"models": []}, "eval-models"), ({"models": ["none-such"]}, "eval-models"),
     ({"seeds": 0}, "eval-seeds"), ({"seeds": None}, "eval-seeds"), ({"limit": -1}, "eval-limit"),
     ({"steps": None}, "eval-steps"), ({"judge": "emoji"}, "eval-judge"), ({"judge": "clip"}, "eval-judge")],
)  # fmt: skip
def test_bad_input_is_told_beside_its_control(handlers: EvaluateHandlers, changes: dict, home: str) -> None:
    task_id, *_, problem = handlers.start(*values(**changes))
    assert task_id == gr.skip()
    assert problem["home"] == home
    assert handlers.plan(*values(**changes)) == {}


def test_the_plan_counts_before_it_starts(handlers: EvaluateHandlers) -> None:
    assert handlers.plan(*values(limit=0, seeds=4)) == {
        "prompts": 276, "ways": 2, "pictures": 2208, "seconds": 1104.0,
    }  # fmt: skip
    assert handlers.tasks_of("attend-and-excite")["choices"] == ["animals", "animals-objects", "objects"]
    assert handlers.tasks_of("nothing")["choices"] == []


def test_cancel_keeps_what_is_there_and_a_page_finds_it_again(handlers: EvaluateHandlers, studio: FakeStudio) -> None:
    studio.hold_at = 2
    started = handlers.start(*values())
    while not studio.task(started[0]).evaluation.found["none"][1:]:
        time.sleep(0.01)
    assert handlers.attach()[0] == started[0]
    assert handlers.cancel(started[0])["value"] == "Cancelling…"
    view = ended(handlers, started)
    assert view["state"] == "cancelled"
    assert "picture 2 of" in view["problem"]
    assert view["rows"][0]["pictures"] == 2
    assert handlers.cancel(started[0]) == gr.skip()


def test_nothing_was_started(handlers: EvaluateHandlers) -> None:
    assert handlers.attach() == [gr.skip()] * 5
    assert handlers.look(None, None) == [gr.skip()] * 4


def test_the_page_loads_no_torch() -> None:
    code = "import sys, t2i_studio.ui.page; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_the_sheet_of_a_way_is_a_picture_to_keep(handlers: EvaluateHandlers) -> None:
    started = handlers.start(*values(limit=1))
    ended(handlers, started)
    kept = handlers.sheet({"id": started[0], "way": "ai-t2i"})
    assert kept["name"] == "changes-ai-t2i.png"
    assert kept["file"].startswith("data:image/png;base64,")
    assert "problem" in handlers.sheet({"id": "gone", "way": "ai-t2i"})


def test_what_a_layout_or_boxes_need_is_told_beside_the_control(handlers: EvaluateHandlers) -> None:
    assert handlers.start(*values(layout="geneval"))[4]["home"] == "eval-layout"
    problem = handlers.start(*values(guides=["none", "boxdiff"]))[4]
    assert (problem["home"], "emoji-layout" in problem["remedy"]) == ("eval-guides", True)
    assert handlers.asked(*values(suite="emoji-layout", layout="t2i-compbench"))["layout"] == "t2i-compbench"


def test_a_page_that_shows_an_older_state_is_told_the_newest(handlers: EvaluateHandlers, studio: FakeStudio) -> None:
    """Its answer to Start came after the first looks."""
    studio.hold_at = 2
    started = handlers.start(*values(limit=1))
    task = studio.task(started[0])
    while "2/" not in task.message:
        time.sleep(0.01)
    late = started[1]
    running = handlers.look(task.id, late)[0]
    assert running["message"].startswith("Picture 2/")
    assert handlers.look(task.id, running) == [gr.skip()] * 4
    assert handlers.look(task.id, late)[0] == running
    studio.hold_at = 0
    done = ended(handlers, started)
    for older in (None, late, running):
        assert handlers.look(task.id, older)[0]["state"] == "done"
    assert handlers.look(task.id, done) == [gr.skip()] * 4


def test_a_search_ends_with_the_best_of_each_way(handlers: EvaluateHandlers, studio: FakeStudio) -> None:
    started = handlers.start(*values(search="step_size=5,10 window=0.5"))
    view = ended(handlers, started)
    assert view["total"] == 3 * 12 * 3  # none, and two trials; 12 prompts a task
    assert [one["way"] for one in view["best"]] == ["none", "ai-t2i"]
    assert [one["tried"] for one in view["best"]] == [1, 2]
    assert view["best"][1]["dials"] == "step_size=5, window=0.5", "of two that are alike, the first"
    models, guides, loras, kept, search = handlers.best(started[0])
    assert (models, guides, loras, search) == (gr.skip(), [], gr.skip(), ""), "axes that the file has not stay"
    assert list(read_ways(Path(kept))) == ["none", "ai-t2i"]
    again = handlers.start(*values(guides=[], named=kept))
    assert [row["way"] for row in ended(handlers, again)["rows"][-2:]] == ["none", "ai-t2i"]
    assert dict(studio.task(again[0]).evaluation.ways)["ai-t2i"].guide_weights == ("step_size=5", "window=0.5")


def test_maps_by_step_are_kept_as_files(handlers: EvaluateHandlers) -> None:
    started = handlers.start(*values(maps=True))
    assert ended(handlers, started)["maps"] is True
    table = handlers.maps({"id": started[0], "kind": "csv"})
    assert base64.b64decode(table["file"].partition(",")[2]).startswith(b"way,step,timestep,pictures,scatter")
    for kind, magic in (("png", b"\x89PNG"), ("pdf", b"%PDF")):
        made = handlers.maps({"id": started[0], "kind": kind, "dark": True})
        assert base64.b64decode(made["file"].partition(",")[2]).startswith(magic)
        assert made["name"] == f"maps-by-step.{kind}"
    assert "not open" in handlers.maps({"id": "gone"})["problem"]


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"search": "step_size"}, "search"), ({"search": "step_size=5"}, "search"),
        ({"search": "nothing=1,2"}, "search"), ({"search": "step_size=1,2", "judge": "none"}, "judge"),
        ({"named": "nowhere.yaml"}, "named"), ({"search": "step_size=1,2", "guides": ["none"]}, "search"),
    ],
)  # fmt: skip
def test_a_search_that_can_not_be_is_told_beside_its_control(
    handlers: EvaluateHandlers, changes: dict[str, Any], place: str
) -> None:
    assert handlers.start(*values(**changes))[4]["home"] == f"eval-{place}"


def test_the_best_of_two_models_bring_their_models(handlers: EvaluateHandlers) -> None:
    started = handlers.start(*values(models=["emoji-unet", "big-one"], search="step_size=5,10"))
    ended(handlers, started)
    models, _, _, kept, _ = handlers.best(started[0])
    assert models == ["emoji-unet"]
    again = handlers.start(*values(guides=[], models=models, named=kept))
    ways = handlers.studio.task(again[0]).evaluation.ways  # type: ignore[union-attr]
    assert [way.model for way in ways.values()] == ["emoji-unet", "emoji-unet", "big-one", "big-one"]
    assert handlers.start(*values(guides=[], models=["emoji-unet", "big-one"], named=kept))[4]["home"] == "eval-named"


def test_the_best_says_all_dials_it_was_painted_with(handlers: EvaluateHandlers) -> None:
    """Those that the model brought too: elsewhere it would be another setting."""
    started = handlers.start(*values(models=["big-one"], guides=["ai-t2i"], search="step_size=5,10"))
    assert ended(handlers, started)["best"][0]["dials"] == "step_size=5, window=0.8"
    assert read_ways(Path(handlers.best(started[0])[3]))["ai-t2i"]["guide_weights"] == ("step_size=5", "window=0.8")


def test_steps_of_one_model_are_not_another_ones(handlers: EvaluateHandlers, tmp_path: Path) -> None:
    file = tmp_path / "two.yaml"
    file.write_text("small: {model: emoji-unet}\nlarge: {model: big-one}\n")
    asked = handlers.asked(*values(models=["emoji-unet"], guides=[], named=str(file)))
    assert asked["shared"] == {"model": "emoji-unet"}


def test_two_ways_of_one_folder_are_refused(handlers: EvaluateHandlers, tmp_path: Path) -> None:
    file = tmp_path / "alike.yaml"
    file.write_text("ai t2i: {guide: ai-t2i}\nai-t2i: {guide: ai-t2i, guide_weights: step_size=5}\n")
    told = handlers.start(*values(guides=["none"], named=str(file)))[4]
    assert "would share a folder" in str(told)


def test_a_named_way_does_not_take_another_ones_place(handlers: EvaluateHandlers, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("ai-t2i: {guide: ai-t2i, guide_weights: step_size=5}\n")
    assert handlers.start(*values(named=str(file)))[4]["home"] == "eval-named"
    file.write_text("ai-t2i: {guide: ai-t2i, guide_weights: 5}\n")
    told = handlers.start(*values(guides=["none"], named=str(file)))[4]
    assert "guide_weights is 5" in str(told)


def test_numbers_stand_below_their_own_names(handlers: EvaluateHandlers) -> None:
    """Rows know their numbers in orders of their own."""
    started = handlers.start(*values(limit=1, seeds=1))
    ended(handlers, started)
    evaluation = handlers.studio.task(started[0]).evaluation  # type: ignore[union-attr]
    for number, ones in enumerate(evaluation.found.values()):
        both = [("b", 0.25), ("a", 0.75)] if number else [("a", 0.75), ("b", 0.25)]
        ones[:] = [
            replace(one, present=None, exact=None, numbers=dict(both[: 1 + i % 2])) for i, one in enumerate(ones)
        ]
    evaluation._table = (0, [])
    view = board(handlers.studio.task(started[0]))  # type: ignore[arg-type]
    places = {column["key"]: i for i, column in enumerate(view["columns"])}
    for row in view["rows"]:
        for name, wanted in (("a", "0.750"), ("b", "0.250")):
            cell = row["cells"][places[name]]
            assert cell is None or cell["text"] == wanted
