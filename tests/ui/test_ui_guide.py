"""The tab Guide's handlers, called as Gradio calls them."""

from __future__ import annotations

from typing import Any

import gradio as gr
import pytest

from t2i_studio.config import GenerateSettings
from t2i_studio.guidance import METHODS
from t2i_studio.types import GuidedStep
from t2i_studio.ui.losses import series
from t2i_studio.ui.scratch import Scratch
from t2i_studio.ui.tabs.guide_events import ALL, BROUGHT, DIALS, SETTINGS, GuideHandlers
from tests.ui.fakes import FakeStudio


@pytest.fixture
def handlers(studio: FakeStudio) -> GuideHandlers:
    return GuideHandlers(studio, Scratch())  # type: ignore[arg-type]


def values(handlers: GuideHandlers, **changes: Any) -> list[Any]:
    given = handlers.studio.defaults().model_dump() | {"prompt": "a cat and a dog", "steps": 4, "guide": "ai-t2i"}
    given |= {"boxes": ""} | changes
    dials = {place: METHODS[place.split(".")[0]].model_fields[place.split(".")[1]].default for place in DIALS}
    dials |= {name: value for name, value in changes.items() if name in DIALS}
    return [*(given[name] for name in SETTINGS), *(dials[name] for name in DIALS)]


def test_both_are_painted_from_one_seed(handlers: GuideHandlers) -> None:
    ids, problem, *_ = handlers.start(None, None, *values(handlers, seed=7, **{"ai-t2i.isolation": 3.0}))
    assert problem is None
    last = list(handlers.follow(ids))[-1]
    view = last[0]
    assert view["state"] == "done"
    assert [one["label"] for one in view["pictures"]] == ["without guidance", "ai-t2i"]
    assert view["losses"][0]["parts"]["aggregation"] == sorted(view["losses"][0]["parts"]["aggregation"], reverse=True)
    plain, guided = (handlers.studio.task(one).settings for one in ids)  # type: ignore[union-attr]
    assert (plain.guide, guided.guide, guided.guide_weights) == ("", "ai-t2i", ("isolation=3.0",))
    assert plain.seed == guided.seed == 7


def test_a_model_brings_its_dials(handlers: GuideHandlers) -> None:
    brought = dict(zip((*BROUGHT, *DIALS), handlers.use_model("big-one"), strict=True))
    assert (brought["steps"], brought["ai-t2i.step_size"], brought["ai-t2i.window"]) == (25, 7.0, 0.8)
    assert brought["ai-t2i.isolation"] == METHODS["ai-t2i"].model_fields["isolation"].default
    assert brought["syngen.step_size"] == METHODS["syngen"].model_fields["step_size"].default
    back = dict(zip((*BROUGHT, *DIALS), handlers.use_model("emoji-unet"), strict=True))
    assert back["ai-t2i.step_size"] == METHODS["ai-t2i"].model_fields["step_size"].default
    assert handlers.use_model("none-such") == [gr.skip()] * (len(BROUGHT) + len(DIALS))


def test_dials_are_written_where_model_or_method_would_have_others(handlers: GuideHandlers) -> None:
    """Whoever puts the published step size back on a model with its own must get it, also by the command line."""
    published = values(handlers, model="big-one")
    ids, *_ = handlers.start(None, None, *published)
    weights = handlers.studio.task(ids[1]).settings.guide_weights  # type: ignore[union-attr]
    assert weights == ("step_size=20.0", "window=0.5")
    ids, *_ = handlers.start(None, None, *values(handlers, model="big-one", **{"ai-t2i.step_size": 7.0}))
    weights = handlers.studio.task(ids[1]).settings.guide_weights  # type: ignore[union-attr]
    assert weights == ("step_size=7.0", "window=0.5")
    ids, *_ = handlers.start_all(None, None, *published)
    every = {one.settings.guide: one.settings.guide_weights for one in map(handlers.studio.task, ids)}  # type: ignore[union-attr]
    assert every["ai-t2i"] == ("step_size=7", "window=0.8")


def test_a_run_used_again_leaves_other_methods_with_the_models_dials(handlers: GuideHandlers) -> None:
    kept = GenerateSettings(prompt="a cat", model="big-one", guide="syngen", guide_weights=("step_size=3",))
    filled = dict(zip(DIALS, handlers.filled(kept)[-len(DIALS) :], strict=True))
    assert (filled["syngen.step_size"], filled["ai-t2i.step_size"], filled["ai-t2i.window"]) == (3.0, 7.0, 0.8)


def test_trying_all_methods_asks_for_no_boxes(handlers: GuideHandlers) -> None:
    ids, problem, *_ = handlers.start_all(None, None, *values(handlers, guide="boxdiff"))
    assert problem is None
    assert len(ids) == len(ALL) + 1


def test_all_methods(handlers: GuideHandlers) -> None:
    ids, *_ = handlers.start_all(None, None, *values(handlers))
    view = list(handlers.follow(ids))[-1][0]
    assert [one["label"] for one in view["pictures"]] == ["without guidance", *ALL]
    assert len({one["id"] for one in view["pictures"]}) == len(ALL) + 1


@pytest.mark.parametrize(
    ("changes", "home"),
    [({"prompt": " "}, "guide-prompt"), ({"steps": 0}, "guide-steps"), ({"boxes": "cat"}, "guide-boxes"),
     ({"guide_strength": 99}, "guide-guide_strength"), ({"model": "none-such"}, "guide-model"),
     ({"boxes": "cow: 0, 0, 1, 1"}, "guide-boxes"), ({"guide": "boxdiff"}, "guide-boxes"),
     ({"ai-t2i.step_size": -5}, "guide-ai-t2i-step_size"), ({"ai-t2i.isolation": None}, "guide-ai-t2i-isolation"),
     ({"scheduler": "UniPCMultistepScheduler"}, "guide-scheduler")],
)  # fmt: skip
def test_bad_input_is_told_beside_its_control(handlers: GuideHandlers, changes: dict, home: str) -> None:
    ids, problem, *rest = handlers.start(None, None, *values(handlers, **changes))
    assert ids is None
    assert problem["home"] == home
    assert rest == [gr.skip()] * 4


def test_cancel_stops_every_picture(handlers: GuideHandlers, studio: FakeStudio) -> None:
    studio.hold_at = 1
    ids, *_ = handlers.start_all(None, None, *values(handlers))
    handlers.cancel(ids)
    studio.hold_at = 0
    view = list(handlers.follow(ids))[-1][0]
    assert view["state"] == "cancelled"
    assert handlers.cancel(ids) == gr.skip()


def test_canvas_and_text_agree(handlers: GuideHandlers) -> None:
    drawn = handlers.canvas("a cat and a dog", "emoji-unet", "en", None, "dog: 0.5, 0, 1, 1")
    assert drawn == {
        "nouns": ["cat", "dog"], "boxes": [{"noun": "dog", "left": 0.5, "top": 0, "right": 1, "bottom": 1}],
    }  # fmt: skip

    class Event:
        boxes = drawn["boxes"]

    assert handlers.drawn(Event()) == "dog: 0.50, 0.00, 1.00, 1.00"  # type: ignore[arg-type]
    assert handlers.canvas("a cat", "emoji-unet", "en", None, "nonsense") == {"nouns": [], "boxes": []}


def test_a_guided_run_fills_the_controls(handlers: GuideHandlers) -> None:
    given = {"seed": 3, "guide": "ai-t2i-robust", "boxes": "cat: 0, 0, 0.5, 1", "ai-t2i-robust.presence": 2.0}
    ids, *_ = handlers.start(None, None, *values(handlers, **given))
    list(handlers.follow(ids))
    _, _, rest, *filled = handlers.use(handlers.studio.task(ids[1]).run.id)  # type: ignore[union-attr]
    assert filled == values(handlers, **given)
    assert rest["device"] == "auto"
    assert not set(rest) & {*SETTINGS, "nouns", "guide_weights"}


def test_what_has_no_control_comes_from_the_model_or_the_run(handlers: GuideHandlers) -> None:
    ids, *_ = handlers.start(None, {"negative_prompt": "a frog", "heads": True}, *values(handlers))
    for one in ids:
        settings = handlers.studio.task(one).settings  # type: ignore[union-attr]
        assert (settings.negative_prompt, settings.heads) == ("a frog", True)


def test_another_page_does_not_lose_its_picture_by_our_cancel(handlers: GuideHandlers, studio: FakeStudio) -> None:
    studio.hold_at = 1
    ours, *_ = handlers.start(None, None, *values(handlers))
    theirs, *_ = handlers.start(None, None, *values(handlers))
    assert not set(ours) & set(theirs)
    handlers.cancel(ours)
    studio.hold_at = 0
    assert list(handlers.follow(theirs))[-1][0]["state"] == "done"


def test_a_lost_stream_is_healed(handlers: GuideHandlers) -> None:
    ids, *_ = handlers.start(None, None, *values(handlers))
    list(handlers.follow(ids))
    healed = handlers.heal(ids, None)
    assert healed[0]["state"] == "done"
    assert handlers.heal(ids, healed[-1]) == [gr.skip()] * 6


def test_what_is_not_finite_stays_off_the_page() -> None:
    step = GuidedStep(0, 1.0, {"presence": float("nan")}, 0.0, 0.0, 1.0, 0.0, 0, 0.1, 0, 1, 0)
    assert series("x", [step, step], 4)["parts"]["presence"] == [0.0, 0.0]


def test_dials_of_the_chosen_method_are_in_sight(handlers: GuideHandlers) -> None:
    shown = [update["visible"] for update in handlers.show_dials("syngen")]
    assert shown == [name == "syngen" for name in METHODS]
