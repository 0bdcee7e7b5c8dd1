"""Boxes and dials as they are typed."""

from __future__ import annotations

import pytest

from t2i_studio.errors import SettingError
from t2i_studio.guidance import METHODS, choose_method, read_attributes, read_boxes, read_weights, with_dials
from t2i_studio.types import Box


def test_boxes_and_dials() -> None:
    assert read_boxes(["Cat:0.05,0.3,0.45,0.9", "car#2: 0, 0, 1, .5"]) == {
        "cat": Box(0.05, 0.3, 0.45, 0.9), "car#2": Box(0, 0, 1, 0.5),
    }  # fmt: skip
    assert read_weights(["aggregation=1.5", "step-size=3", "refine=False"]) == {
        "aggregation": 1.5, "step_size": 3.0, "refine": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    "text", ["cat", "cat:1,2,3", "cat:a,b,c,d", "cat:0.5,0,0.4,1", "cat:0,0,1.2,1", ":0,0,1,1", "cat:nan,0,1,1"]
)
def test_what_is_no_box(text: str) -> None:
    with pytest.raises(SettingError, match="box") as caught:
        read_boxes([text])
    assert caught.value.name == "boxes"


def test_attributes() -> None:
    given = read_attributes(["car:red, Shiny", "Bowl:", "car:big", "car#2:blue"])
    assert given == {"car": ("red", "shiny", "big"), "bowl": (), "car#2": ("blue",)}
    for text in ("red", ":red"):
        with pytest.raises(SettingError, match="no attribute"):
            read_attributes([text])


def test_two_boxes_for_one() -> None:
    with pytest.raises(SettingError, match="two boxes"):
        read_boxes(["cat:0,0,1,1", "cat:0,0,.5,1"])


def test_dials_over_others() -> None:
    others = {"step_size": 10.0, "window": 0.8, "refine": False}
    assert with_dials((), others) == ("step_size=10", "window=0.8", "refine=false")
    assert with_dials(("step-size=2.5",), others) == ("step-size=2.5", "window=0.8", "refine=false")
    assert read_weights(with_dials((), others)) == others


@pytest.mark.parametrize("text", ["aggregation", "aggregation=much", "=", ""])
def test_what_is_no_dial(text: str) -> None:
    with pytest.raises(SettingError):
        read_weights([text])


@pytest.mark.parametrize("name", METHODS)
def test_every_part_has_a_weight(name: str) -> None:
    method = choose_method(name)
    assert all(isinstance(getattr(method, part), float) for part in method.parts)
    assert method.strength(0, 50) == method.step_size
    assert method.strength(25, 50) == 0
    assert method.strength(24, 50) > 0


def test_the_schedule_is_the_published_one() -> None:
    method = choose_method("ai-t2i")
    assert method.strength(10, 50) == pytest.approx(20 * (1 - 0.5 * 10 / 49) ** 0.5)
