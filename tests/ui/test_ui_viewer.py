"""The player's data and its file of its own: what goes to a page is what was recorded."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from t2i_studio.metrics import measure
from t2i_studio.types import Maps, MapStack, ParsedPrompt, Run, Subject, Word, grid_name
from t2i_studio.ui.viewer import Player, player_data, standalone
from t2i_studio.ui.viewer.pack import BUDGET
from tests.visuals.conftest import synthetic_run

SD_SITES = {
    (64, 64): ["down_blocks.0.attentions.0", "down_blocks.0.attentions.1", "up_blocks.3.attentions.0"],
    (32, 32): ["down_blocks.1.attentions.0", "up_blocks.2.attentions.0"],
    (16, 16): ["down_blocks.2.attentions.0", "down_blocks.2.attentions.1", "up_blocks.1.attentions.0"],
    (8, 8): ["mid_block.attentions.0"],
}


def recorded(
    sites: dict[tuple[int, int], list[str]] = SD_SITES, nouns: int = 2, steps: int = 30, heads: int = 0
) -> Maps:
    rng = np.random.default_rng(3)
    stacks = {}
    for (rows, columns), names in sites.items():
        values = rng.random((steps, len(names), nouns, rows, columns), dtype=np.float32) ** 3 * 0.4
        each = rng.random((steps, len(names), heads, nouns, rows, columns), dtype=np.float32) if heads else None
        paths = tuple(f"{name}.transformer_blocks.0.attn2" for name in names)
        stacks[grid_name((rows, columns))] = MapStack((rows, columns), paths, values, each)
    main = "16x16" if "16x16" in stacks else next(iter(stacks))
    times = tuple(np.linspace(981, 1, steps).tolist())
    return Maps(tuple(f"noun{i}" for i in range(nouns)), times, stacks, main)


def of(maps: Maps | None, **changes: Any) -> dict[str, Any]:
    return player_data(replace(synthetic_run(), maps=maps, **changes), "shown.png")


def values(data: dict[str, Any], source: dict[str, Any]) -> np.ndarray:
    """What the page reads: (nouns, steps, rows, columns) as probabilities."""
    shape = (len(data["nouns"]), len(data["steps"]), source["rows"], source["columns"])
    start = source["start"]
    packed = np.frombuffer(base64.b64decode(data["maps"]), np.uint8)[start : start + int(np.prod(shape))].reshape(shape)
    return packed / 255 * np.array(source["tops"])[:, None, None, None]


def within_a_step(seen: np.ndarray, true_NTYX: np.ndarray) -> bool:
    top_N = true_NTYX.max(axis=(1, 2, 3), keepdims=True)
    return bool((np.abs(seen - true_NTYX) <= top_N / 255 / 2 + 1e-6).all())


def source_of(data: dict[str, Any], wanted: str) -> dict[str, Any]:
    return next(source for source in data["sources"] if source["id"] == wanted)


def test_first_source_is_what_the_run_shows_everywhere() -> None:
    maps = recorded()
    data = of(maps)
    assert data["sources"][0]["label"] == "all layers at 16×16"
    assert within_a_step(values(data, data["sources"][0]), np.stack([maps[noun] for noun in maps.nouns]))


def test_groups_layers_and_heads_hold_their_own_maps() -> None:
    maps = recorded({(16, 16): SD_SITES[16, 16]}, heads=4)
    data = of(maps)
    stack = maps.stacks["16x16"]
    down = stack.values_TSNYX[:, :2].mean(axis=1).swapaxes(0, 1)
    assert within_a_step(values(data, source_of(data, "down 16x16")), down)
    site = stack.sites[2]
    assert within_a_step(values(data, source_of(data, site)), stack.values_TSNYX[:, 2].swapaxes(0, 1))
    head = source_of(data, f"{site}/3")
    assert (head["label"], head["parent"], head["kind"]) == ("head 4", site, "head")
    assert stack.heads_TSHNYX is not None
    assert within_a_step(values(data, head), stack.heads_TSHNYX[:, 2, 3].swapaxes(0, 1))


def test_numbers_are_those_of_the_recorded_maps() -> None:
    maps = recorded()
    first, exact = of(maps)["sources"][0], measure(maps)
    for name, wanted_TN in (("peak", exact.peak_TN), ("mass", exact.mass_TN), ("entropy", exact.entropy_TN)):
        np.testing.assert_allclose(np.array(first[name]).T, wanted_TN, atol=6e-6)


def test_a_usual_run_is_far_below_a_megabyte_and_complete() -> None:
    maps = recorded({(16, 16): SD_SITES[16, 16]}, nouns=4)
    data = of(maps)
    assert len(json.dumps(data)) <= 1_000_000
    assert data["left_out"] == 0
    assert len(data["sources"]) == 6  # all, down, up, three layers


def test_large_maps_are_halved_and_say_so_or_left_out_and_counted() -> None:
    data = of(recorded(nouns=4, heads=8))
    assert len(json.dumps(data)) <= 1_000_000
    assert len(base64.b64decode(data["maps"])) <= BUDGET
    assert data["left_out"] > 0
    halved = [source for source in data["sources"] if source["rows"] < source["grid"][0]]
    assert halved
    assert all(source["rows"] >= 16 for source in halved)


def test_halving_keeps_the_mean() -> None:
    maps = recorded({(64, 64): SD_SITES[64, 64], (16, 16): SD_SITES[16, 16]}, nouns=4)
    data = of(maps)
    source = source_of(data, "all 64x64")
    assert source["rows"] in (16, 32)
    exact = maps.stacks["64x64"].values_TSNYX.mean(axis=(0, 1, 3, 4))
    np.testing.assert_allclose(values(data, source).mean(axis=(1, 2, 3)), exact, rtol=0.01)


def test_a_thousand_steps_are_thinned_from_first_to_last() -> None:
    data = of(recorded({(16, 16): SD_SITES[16, 16]}, steps=1000, nouns=5))
    assert len(json.dumps(data)) <= 1_000_000
    assert data["steps"][0] == 0
    assert data["steps"][-1] == 999
    assert len(data["timesteps"]) == len(data["steps"]) < 1000


def test_layers_of_a_transformer_come_in_thirds() -> None:
    data = of(recorded({(16, 16): [f"transformer_blocks.{i}" for i in range(24)]}, nouns=1, steps=4))
    groups = [source["label"] for source in data["sources"] if source["kind"] == "group"]
    assert groups == ["layers 1–8 at 16×16", "layers 9–16 at 16×16", "layers 17–24 at 16×16"]


def test_words_point_to_their_maps_and_lost_ones_to_none() -> None:
    words = (
        Word("a", 0, 1, "DET"),
        Word("traffic", 2, 9, "NOUN"),
        Word("light", 10, 15, "NOUN"),
        Word("cat", 16, 19, "NOUN"),
    )
    subjects = (Subject("traffic light", "traffic light", (1, 2)), Subject("cat", "cat", (3,)))
    maps = recorded({(16, 16): SD_SITES[16, 16]}, nouns=1)
    prompt = ParsedPrompt("a traffic light cat", words, subjects)
    only_cat = Maps(("cat",), maps.timesteps, maps.stacks, maps.main)
    assert [(w["text"], w["noun"]) for w in of(only_cat, prompt=prompt)["words"]] == [
        ("a", -1), ("traffic light", -1), ("cat", 0),
    ]  # fmt: skip


def test_no_maps_is_a_picture_with_its_words() -> None:
    data = of(None)
    assert data["nouns"] == []
    assert data["sources"] == []


def test_not_finite_values_do_not_reach_the_page() -> None:
    maps = recorded({(16, 16): SD_SITES[16, 16]}, steps=3)
    maps.stacks["16x16"].values_TSNYX[1, 0, 0, 2, 3] = np.nan
    json.dumps(of(maps), allow_nan=False)


HOSTILE = "</script><script>window.stolen=1</script><img src=x onerror='stolen=1'> <!-- cat"


def test_the_page_of_its_own_holds_everything_and_asks_for_nothing() -> None:
    page = standalone(synthetic_run())
    assert "default-src 'none'" in page
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", page)
    data = re.search(r'<script type="application/json" id="run">(.*?)</script>', page, re.DOTALL)
    assert data is not None
    assert json.loads(data.group(1))["image"].startswith("data:image/png;base64,")


def test_a_prompt_cannot_break_out_of_the_page() -> None:
    run: Run = synthetic_run(prompt=HOSTILE)
    page = standalone(run)
    assert page.count("<script") == standalone(synthetic_run()).count("<script")
    assert "<img" not in page.split("<script>")[0]


def test_show_is_a_player_for_notebooks(tmp_path: Any) -> None:
    shown = synthetic_run().show()
    assert isinstance(shown, Player)
    assert shown._repr_html_().startswith("<iframe srcdoc=")
    assert shown.save(tmp_path / "run.html").read_text(encoding="utf-8") == shown.page
    assert "save" in repr(shown)


@pytest.mark.parametrize("nouns", [(), ("cat",)])
def test_page_of_a_run_with_few_or_no_maps(nouns: tuple[str, ...]) -> None:
    run = synthetic_run(nouns=nouns) if nouns else replace(synthetic_run(), maps=None)
    assert "<title>a cat and a dog</title>" in standalone(run)
