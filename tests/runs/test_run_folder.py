"""What is written is what is read, and other programs can read it too."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors import safe_open
from safetensors.numpy import save_file

from t2i_studio.config import GenerateSettings
from t2i_studio.metrics import measure
from t2i_studio.runs import RunBroken, RunNotFound, RunStore, new_run_id, read_npz, write_npz


def test_round_trip_keeps_everything(store, make_run):
    run = make_run()
    kept = store.save(run)
    assert run.folder is None
    assert kept.folder == store.root / run.id
    back = store.load(run.id)
    for name in ("id", "created", "settings", "prompt", "spans", "timings", "versions", "notes", "folder"):
        assert getattr(back, name) == getattr(kept, name), name
    assert GenerateSettings.checked(**back.settings).model_dump() == run.settings
    assert np.array_equal(np.asarray(back.image), np.asarray(run.image))
    assert (back.maps.nouns, back.maps.timesteps, back.maps.main) == (
        run.maps.nouns,
        run.maps.timesteps,
        run.maps.main,
    )
    for name, stack in run.maps.stacks.items():
        assert back.maps.stacks[name].sites == stack.sites
        assert back.maps.stacks[name].values_TSNYX.tobytes() == stack.values_TSNYX.tobytes()
    assert back.maps.stacks["4x6"].heads_TSHNYX.tobytes() == run.maps.stacks["4x6"].heads_TSHNYX.tobytes()
    assert back.maps.stacks["2x3"].heads_TSHNYX is None


def test_strided_maps_come_back_equal(store, make_run):
    run = make_run()
    stack = run.maps.stacks["4x6"]
    flipped = stack.values_TSNYX[:, :, :, ::-1]
    object.__setattr__(stack, "values_TSNYX", flipped)
    store.save(run)
    assert np.array_equal(store.load(run.id).maps.stacks["4x6"].values_TSNYX, flipped)


def test_maps_come_back_from_npz(tmp_path, make_run):
    maps = make_run().maps
    write_npz(tmp_path / "maps.npz", maps)
    again = read_npz(tmp_path / "maps.npz")
    assert (again.nouns, again.timesteps, again.main) == (maps.nouns, maps.timesteps, maps.main)
    for name, stack in maps.stacks.items():
        assert again.stacks[name].sites == stack.sites
        assert np.array_equal(again.stacks[name].values_TSNYX, stack.values_TSNYX)
        assert (stack.heads_TSHNYX is None) == (again.stacks[name].heads_TSHNYX is None)
    with np.load(tmp_path / "maps.npz") as plain:
        assert json.loads(str(plain["header"]))["schema"] == "1"


def test_average_over_time(make_run):
    maps = make_run().maps
    np.testing.assert_allclose(maps.average("cat"), maps["cat"].mean(0), atol=1e-6)
    weights = [1.0] + [0.0] * (maps.num_steps - 1)
    np.testing.assert_allclose(maps.average("cat", weights), maps["cat"][0], atol=1e-6)
    for wrong in ([1.0], [0.0] * maps.num_steps, [-1.0] * maps.num_steps):
        with pytest.raises(ValueError, match="weights"):
            maps.average("cat", wrong)


def test_run_without_maps(store, make_run):
    kept = store.save(make_run(maps=False))
    assert {f.name for f in kept.folder.iterdir()} == {"run.json", "image.png", "thumbnail.webp"}
    assert store.load(kept.id).maps is None


def test_header_says_what_axes_mean(store, make_run):
    kept = store.save(make_run())
    with safe_open(kept.folder / "maps.safetensors", framework="numpy") as handle:
        header = handle.metadata()
        assert set(handle.keys()) == {"maps.4x6", "maps.4x6.heads", "maps.2x3"}
    assert header["schema"] == "1"
    assert json.loads(header["axes"])["maps.4x6"] == ["step", "site", "noun", "y", "x"]
    assert json.loads(header["axes"])["maps.4x6.heads"] == ["step", "site", "head", "noun", "y", "x"]
    assert json.loads(header["nouns"]) == ["cat", "dog"]
    assert json.loads(header["timesteps"]) == [999.0, 500.5, 1.0]
    assert json.loads(header["sites"])["2x3"] == ["mid.attn2"]
    assert header["main"] == "4x6"


def test_picture_carries_its_settings(store, make_run):
    settings = GenerateSettings.checked(
        prompt="a cat, 猫", negative_prompt="blur", model="/models/mine, v2.safetensors", seed=7
    )
    run = make_run(settings=settings.model_dump())
    with Image.open(store.save(run).folder / "image.png") as picture:
        text = picture.text
    lines = text["parameters"].split("\n")
    assert lines[:2] == ["a cat, 猫", "Negative prompt: blur"]
    assert lines[2] == ('Steps: 30, Sampler: model default, CFG scale: 7.5, Seed: 7, Size: 96x64, Model: "mine, v2"')
    chunk = json.loads(text["t2i_studio"])
    assert chunk["id"] == run.id
    assert chunk["settings"]["seed"] == 7


def test_csv_has_a_row_a_step_and_noun(store, make_run):
    run = make_run()
    with (store.save(run).folder / "metrics.csv").open(newline="", encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    numbers = measure(run.maps)
    assert len(rows) == 3 * 2
    row = rows[3]
    assert (row["step"], row["timestep"], row["noun"]) == ("1", "500.5", "dog")
    assert float(row["mass"]) == pytest.approx(numbers.mass_TN[1, 1], rel=1e-6)
    assert (int(row["peak_y"]), int(row["peak_x"])) == (numbers.peak_y_TN[1, 1], numbers.peak_x_TN[1, 1])
    assert row["overlap_dog"] == ""
    assert float(row["overlap_cat"]) == pytest.approx(numbers.overlap_TNN[1, 0, 1], rel=1e-6)


def test_thumbnail_is_small_and_made_again(store, make_run):
    kept = store.save(make_run(image=Image.new("RGB", (1024, 512), "red")))
    file = store.thumbnail(kept.id)
    with Image.open(file) as small:
        assert small.size == (256, 128)
    file.unlink()
    assert store.thumbnail(kept.id).is_file()


@pytest.mark.parametrize("prompt", ["", "   ", "猫と犬", "🐱🐶 قطة", "a\0b\n\t$x$ 'q' \"z\" <b>", "half \ud83d"])
def test_any_prompt_can_be_kept_and_found(store, make_run, prompt):
    kept = store.save(make_run(prompt, settings={"prompt": prompt, "seed": 1}))
    assert store.load(kept.id).prompt.text == prompt
    assert store.load(kept.id).settings["prompt"] == prompt
    assert [s.id for s in store.list(query=prompt)] == [kept.id]


def test_numbers_that_are_not_finite_do_not_lose_a_run(store, make_run):
    run = make_run()
    run.maps.stacks["4x6"].values_TSNYX[0, 0, 0] = np.nan
    kept = store.save(run)
    json.loads((kept.folder / "run.json").read_text(), parse_constant=pytest.fail)
    assert np.isnan(store.load(kept.id).maps["cat"][0]).all()


@pytest.mark.parametrize("name", ["run.json", "image.png", "maps.safetensors"])
@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "noise"])
def test_a_damaged_file_is_named(store, make_run, name, damage):
    file = store.save(make_run()).folder / name
    content = file.read_bytes()
    match damage:
        case "missing":
            file.unlink()
        case "empty":
            file.write_bytes(b"")
        case "cut":
            file.write_bytes(content[: len(content) // 2])
        case _:
            file.write_bytes(bytes(np.random.default_rng(0).integers(0, 256, 500, dtype=np.uint8)))
    with pytest.raises(RunBroken, match=name):
        store.load(file.parent)


@pytest.mark.parametrize(
    "change",
    [
        lambda r: r.update(schema=2),
        lambda r: r.update(schema="x"),
        lambda r: r.pop("prompt"),
        lambda r: r["prompt"].update(words=[{"text": "a"}]),
        lambda r: r.update(settings=None),
        lambda r: r.update(id="../../etc"),
    ],
)
def test_a_strange_record_is_broken(store, make_run, change):
    file = store.save(make_run()).folder / "run.json"
    record = json.loads(file.read_text())
    change(record)
    file.write_text(json.dumps(record))
    with pytest.raises(RunBroken, match=r"run\.json"):
        store.load(file.parent)


def test_maps_that_contradict_their_header_are_broken(store, make_run):
    kept = store.save(make_run())
    wrong = {n: np.zeros((1, 1, 1, 4, 6), np.float32) for n in ("maps.4x6", "maps.2x3")}
    file = kept.folder / "maps.safetensors"
    with safe_open(file, framework="numpy") as handle:
        header = handle.metadata()
    save_file(wrong, file, metadata=header)
    with pytest.raises(RunBroken, match=r"maps\.4x6"):
        store.load(kept.id)


def test_a_folder_that_is_no_run(tmp_path: Path):
    with pytest.raises(RunNotFound, match="no run folder"):
        RunStore(tmp_path).load(tmp_path)


def test_default_root_follows_the_home(tmp_path, monkeypatch):
    monkeypatch.setenv("T2I_STUDIO_HOME", str(tmp_path / "home"))
    assert RunStore().root == tmp_path / "home" / "runs"


@pytest.mark.parametrize(
    ("prompt", "slug"),
    [("A cat & a Dog!", "a-cat-a-dog"), ("Café au lait", "cafe-au-lait"), ("猫", "run"), ("../..", "run")],
)
def test_ids_are_readable_and_safe(prompt, slug):
    name = new_run_id(prompt)
    assert name[15:-4] == f"-{slug}-"
    assert name != new_run_id(prompt)
    assert len(new_run_id("word " * 4000)) < 70
    assert len(new_run_id("x" * 4000)) < 70
    assert os.sep not in name
