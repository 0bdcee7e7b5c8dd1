"""The tab Teacher–Student without a browser: its handlers as Gradio calls them, and what it sends to the page."""

from __future__ import annotations

import base64
import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from t2i_studio import Studio
from t2i_studio.training import Probed, from_scene, judge
from t2i_studio.training.pictures import Picture
from t2i_studio.training.terms import every_term
from t2i_studio.ui.chips import Choice
from t2i_studio.ui.scratch import Scratch
from t2i_studio.ui.tabs.teacher import Upload
from t2i_studio.ui.tabs.teacher_events import SETTINGS, TeacherHandlers
from t2i_studio.ui.teacher import files
from t2i_studio.ui.teacher.pack import TRAINED, in_order, packed, table_of
from t2i_studio.ui.teacher.painted import key_of
from tests.ui.fakes import FakeStudio

VALUES = {
    "prompt": "a cat and a dog", "model": "emoji-unet", "seed": 0, "t_tea": 0.0, "t_stu": 900.0, "lora": "",
    "lora_scale": 1.0, "language": "en",
}  # fmt: skip


@pytest.fixture
def handlers(studio: FakeStudio) -> TeacherHandlers:
    return TeacherHandlers(studio, Scratch())  # type: ignore[arg-type]


@pytest.fixture
def photo(tmp_path: Path) -> str:
    Image.new("RGB", (160, 120), "teal").save(tmp_path / "photo.png")
    return str(tmp_path / "photo.png")


@pytest.fixture(scope="module")
def probed(tmp_path_factory: pytest.TempPathFactory) -> Probed:
    """A scene with its true masks, by the model that ships."""
    return Studio(home=tmp_path_factory.mktemp("home")).probe(from_scene(0), sites="all", t_tea=10, t_stu=720)


def values(**changes: Any) -> list[Any]:
    return [(VALUES | changes)[name] for name in SETTINGS]


def ended(handlers: TeacherHandlers, begun: list[Any]) -> list[Any]:
    assert begun[0], begun
    return list(handlers.follow(begun[0]))[-1]


# Pictures of all kinds


def _saved(folder: Path, kind: str) -> Path:
    """A picture as people have them; each shows red on its left half."""
    red = Image.new("RGB", (4000, 3000) if kind == "huge.png" else (120, 90), "white")
    red.paste((255, 0, 0), (0, 0, red.width // 2, red.height))
    file = folder / kind
    if kind == "cmyk.jpg":
        red.convert("CMYK").save(file)
    elif kind == "moving.gif":
        red.save(file, save_all=True, append_images=[Image.new("RGB", red.size, "blue")], duration=100)
    elif kind == "alpha.png":
        seen = red.convert("RGBA")
        seen.paste((0, 0, 255, 0), (red.width // 2, 0, red.width, red.height))
        seen.save(file)
    else:
        red.save(file)
    return file


@pytest.mark.parametrize("kind", ["huge.png", "cmyk.jpg", "moving.gif", "alpha.png", "plain.webp"])
def test_pictures_of_all_kinds_are_looked_at(handlers: TeacherHandlers, tmp_path: Path, kind: str) -> None:
    begun = handlers.start(None, None, str(_saved(tmp_path, kind)), None, *values())
    view = ended(handlers, begun)[0]
    assert view["state"] == "done"
    seen = np.asarray(handlers.studio.task(begun[0][0]).picture.image).astype(int)  # type: ignore[union-attr]
    left, right = seen[40, 10], seen[40, -10]
    assert seen.shape == (128, 128, 3)
    assert left[0] > 200
    assert max(left[1:]) < 90
    assert min(right) > 240, "the first frame, on white"


@pytest.mark.parametrize(("name", "content"), [("broken.png", b"\x89PNG\r\n\x1a\n nothing"), ("notes.txt", b"hello")])
def test_what_is_no_picture_is_refused_beside_it(
    handlers: TeacherHandlers, tmp_path: Path, name: str, content: bytes
) -> None:
    (tmp_path / name).write_bytes(content)
    ids, problem, *rest = handlers.start(None, None, str(tmp_path / name), None, *values())
    assert ids is None
    assert problem["home"] == "teacher-picture"
    assert problem["problem"].startswith(name), "by its own name, not by where the server keeps it"
    assert rest == [gr.skip()] * 3


def test_a_cut_off_picture_is_refused(handlers: TeacherHandlers, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (200, 200, 3), np.uint8)).save(tmp_path / "cut.png")
    whole = (tmp_path / "cut.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    _, problem, *_ = handlers.start(None, None, str(tmp_path / "cut.png"), None, *values())
    assert problem["home"] == "teacher-picture"
    assert "can't be read" in problem["problem"]


def test_uploads_reach_the_studio_as_they_came(tmp_path: Path) -> None:
    """Gradio's own reading would fail with its own words, and flatten what `open_picture` treats with care."""
    (tmp_path / "broken.png").write_bytes(b"nothing")
    given = type("Payload", (), {"path": str(tmp_path / "broken.png"), "url": None, "orig_name": "broken.png"})()
    with gr.Blocks():
        picture = Upload()
    again = picture.__class__(**picture.constructor_args)  # as a session does, once an event has changed it
    assert again.preprocess(given) == str(tmp_path / "broken.png")
    assert again.preprocess(None) is None
    assert picture.get_block_name() == "image"


# Bad input


@pytest.mark.parametrize(
    ("changes", "home"),
    [({"prompt": " "}, "teacher-prompt"), ({"seed": None}, "teacher-seed"), ({"seed": -1}, "teacher-seed"),
     ({"t_tea": 900.0}, "teacher-t_tea"), ({"t_stu": -5.0}, "teacher-t_stu"), ({"model": "none-such"}, "teacher-model"),
     ({"lora": "x", "lora_scale": 9.0}, "teacher-lora_scale")],
)  # fmt: skip
def test_bad_input_is_told_beside_its_control(
    handlers: TeacherHandlers, photo: str, changes: dict[str, Any], home: str
) -> None:
    ids, problem, *rest = handlers.start(None, None, photo, None, *values(**changes))
    assert ids is None
    assert problem["home"] == home
    assert rest == [gr.skip()] * 3
    assert not any(task.active for task in handlers.studio.active() if hasattr(task, "active"))


def test_no_picture_says_how_to_get_one(handlers: TeacherHandlers) -> None:
    _, problem, *_ = handlers.start(None, None, None, None, *values())
    assert (problem["home"], problem["problem"]) == ("teacher-picture", "There is no picture yet.")


def test_a_caption_without_nouns_is_told_beside_it(handlers: TeacherHandlers, photo: str) -> None:
    last = ended(handlers, handlers.start(None, None, photo, None, *values(prompt="very quickly")))
    assert last[0]["state"] == "failed"
    assert last[3]["home"] == "teacher-prompt"


# Comparing


def test_a_scene_brings_its_caption_and_true_masks(handlers: TeacherHandlers) -> None:
    number, source, file, caption, _ = handlers.scene(3)
    assert (number, source) == (4, {"scene": 3})
    assert Image.open(file).size == (128, 128)
    view = ended(handlers, handlers.start(None, source, file, None, *values(prompt=caption)))[0]
    assert [noun["known"] for noun in view["nouns"]] == [True, True]
    assert view["measure"] == "mass_in_mask"
    assert "probe --scene 3 --caption" in view["command"]
    assert handlers.attach()[1] == 4, "a reload goes on with the next scene"


def test_a_painted_mask_is_the_true_one_wherever_the_picture_came_from(handlers: TeacherHandlers, photo: str) -> None:
    choice = Choice(removed=("dog",))
    shown = handlers.brush("a cat and a dog", "en", choice, None, photo, {})
    assert (shown["nouns"], shown["masks"], shown["name"]) == (["cat"], {}, "photo")
    assert shown["shape"] == 160 / 120
    event = gr.EventData(None, {"key": shown["key"], "noun": "cat", "mask": left_half()})
    painted = handlers.paint({}, event)
    assert handlers.brush("a cat and a dog", "en", choice, None, photo, painted)["masks"] == {"cat": left_half()}
    begun = handlers.start(choice, None, photo, painted, *values())
    view = ended(handlers, begun)[0]
    assert [(noun["id"], noun["known"]) for noun in view["nouns"]] == [("cat", True)]
    mask = np.asarray(handlers.studio.task(begun[0][0]).picture.masks["cat"])  # type: ignore[union-attr]
    assert mask.shape == (128, 128)
    assert mask[64, 20] == 255
    assert mask[64, 110] == 0
    assert handlers.attach()[4:6] == [choice, painted], "a reload goes on with what was picked and painted"
    assert handlers.paint(painted, gr.EventData(None, {"key": shown["key"], "noun": "cat", "mask": ""})) == {
        shown["key"]: {}
    }

    _, source, file, caption, _ = handlers.scene(3)
    shown = handlers.brush(caption, "en", None, source, file, painted)
    assert shown["name"] == "scene-3"
    assert not shown["masks"], "that was another picture's"
    own = handlers.paint(painted, gr.EventData(None, {"key": shown["key"], "noun": "cat", "mask": left_half()}))
    view = ended(handlers, handlers.start(None, source, file, own, *values(prompt=caption)))[0]
    assert "scene-3.png" in view["command"], "masks lie beside a file"


@pytest.mark.parametrize("mask", ["data:image/png;base64,AAAA", "https://elsewhere/mask.png", "x" * 500_000])
def test_a_painted_mask_that_is_none_is_refused(handlers: TeacherHandlers, photo: str, mask: str) -> None:
    painted = {key_of(photo): {"cat": mask}}
    ids, problem, *_ = handlers.start(None, None, photo, painted, *values())
    assert ids is None
    assert problem["home"] == "teacher-picture"


def left_half() -> str:
    """A mask as the page sends it."""
    mask = Image.new("RGBA", (96, 72), "black")
    mask.paste("white", (0, 0, 48, 72))
    out = io.BytesIO()
    mask.save(out, "PNG")
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()


def test_a_run_fills_the_tab_and_is_compared_as_it_was_painted(handlers: TeacherHandlers, studio: FakeStudio) -> None:
    task = studio.submit(studio.settings("a red car and a cat", steps=3, seed=5))
    assert task.wait(20)
    assert task.run is not None
    source, file, _, caption, model = handlers.use(task.run.id)
    assert (source, caption, model) == ({"run": task.run.id}, "a red car and a cat", "emoji-unet")
    ids = handlers.start(None, source, file, None, *values(prompt=caption))[0]
    assert np.array_equal(np.asarray(studio.task(ids[0]).picture.image), np.asarray(task.run.image))  # type: ignore[union-attr]
    assert f"--run {task.run.id}" in list(handlers.follow(ids))[-1][0]["command"]
    assert studio.latest is task, "what Inspect goes on with stays the picture"


def test_a_lora_is_a_second_variant_of_the_same_noise(handlers: TeacherHandlers, photo: str) -> None:
    begun = handlers.start(None, None, photo, None, *values(lora="mine", seed=4))
    view = ended(handlers, begun)[0]
    assert view["variants"] == ["base", "LoRA"]
    first, second = (handlers.studio.task(one).settings for one in begun[0])  # type: ignore[union-attr]
    assert second == first.model_copy(update={"lora": "mine"})
    source = view["maps"]["sources"][0]
    cells = np.frombuffer(base64.b64decode(view["maps"]["maps"]), np.uint8)
    levels = len(view["timesteps"])
    frames = cells[: 2 * levels * source["rows"] * source["columns"]].reshape(2, levels, -1)
    assert not np.array_equal(*frames), "another model, other maps"
    assert len(view["verdicts"]) == len(view["terms"]) == 2


def test_a_lora_that_does_not_fit_leaves_the_base_on_the_page(handlers: TeacherHandlers, photo: str) -> None:
    last = ended(handlers, handlers.start(None, None, photo, None, *values(lora="broken")))
    assert last[0]["state"] == "done"
    assert last[0]["variants"] == ["base"]
    assert last[3]["home"] == "teacher-lora"


def test_cancel_reload_and_heal(handlers: TeacherHandlers, studio: FakeStudio, photo: str) -> None:
    studio.hold_at = 2
    ids, *_ = handlers.start(None, None, photo, None, *values(lora="mine", seed=7))
    assert handlers.heal(ids, None) == [gr.skip()] * 5
    found, _, source, file, _, _, *kept = handlers.attach()
    assert (found, source, file) == (ids, None, photo)
    assert kept == values(lora="mine", seed=7)
    handlers.cancel(ids)
    studio.hold_at = 0
    assert list(handlers.follow(ids))[-1][0]["state"] == "cancelled"
    assert handlers.cancel(ids) == gr.skip()
    again = ended(handlers, handlers.start(None, None, photo, None, *values()))
    assert handlers.heal(again[-1].split(","), "")[0] == again[0]
    assert handlers.heal(again[-1].split(","), again[-1]) == [gr.skip()] * 5


def test_progress_is_told_in_noise_levels(handlers: TeacherHandlers, studio: FakeStudio, photo: str) -> None:
    studio.hold_at = 2
    ids, *_ = handlers.start(None, None, photo, None, *values())
    seen = next(view for view, *_ in handlers.follow(ids) if view.get("step") == 2)
    assert seen["message"] == "Noise level 2 of 15"
    assert seen["preview"].startswith("data:image/jpeg")
    studio.go.set()
    assert list(handlers.follow(ids))[-1][0]["state"] == "done"


# What the page gets


def test_the_page_gets_plain_data_that_fits(probed: Probed) -> None:
    text = json.dumps(packed([probed, probed], "picture.png"), allow_nan=False)
    assert len(text) < 1_000_000


def test_noise_levels_run_from_the_picture_to_noise(probed: Probed) -> None:
    data = packed([probed], "")
    assert data["timesteps"] == sorted(probed.maps.timesteps)
    assert data["timesteps"][data["teacher"]] == 10
    assert data["timesteps"][data["student"]] == 720


def test_packed_maps_are_those_of_the_probe_on_one_scale(probed: Probed) -> None:
    data = packed([probed], "")
    cells = np.frombuffer(base64.b64decode(data["maps"]["maps"]), np.uint8)
    levels = len(data["timesteps"])
    assert [source["id"] for source in data["maps"]["sources"]] == [
        TRAINED,
        *(site for _, site in in_order(probed.maps)),
    ]
    for source in data["maps"]["sources"]:
        size = source["rows"] * source["columns"]
        for n in range(2):
            packed_ = cells[source["start"] + n * levels * size :][: levels * size].reshape(levels, source["rows"], -1)
            if source["id"] == TRAINED:
                true = probed.main[::-1, n]
            else:
                grid = f"{source['rows']}x{source['columns']}"
                true = probed.maps.select(probed.maps.nouns[n], grid, (source["id"],))[::-1]
            assert np.abs(packed_ / 255 * source["tops"][n] - true).max() <= source["tops"][n] / 500
            assert packed_.max() == 255, "one scale a noun: its largest value over all noise levels"


def test_numbers_and_terms_are_those_of_the_probe(probed: Probed) -> None:
    data = packed([probed], "")
    tea, stu = data["teacher"], data["student"]
    masses = probed.numbers()["mass_in_mask"]
    terms = every_term(probed)
    for n in range(2):
        shown = data["numbers"][TRAINED]
        assert shown["mass_in_mask"][0][n][tea] == pytest.approx(masses[probed.teacher, n], rel=1e-3)
        assert shown["mass_in_mask"][0][n][stu] == pytest.approx(masses[probed.student, n], rel=1e-3)
        assert shown["peak"][0][n][stu] == pytest.approx(probed.main[probed.student, n].max(), rel=1e-3)
        for name in ("pixel", "semantic"):
            true = terms[name][n, probed.student, probed.teacher]
            assert data["terms"][0][name][n][stu][tea] == pytest.approx(true, rel=1e-3)
        assert data["terms"][0]["reconstruction"][n][tea] == pytest.approx(
            terms["reconstruction"][n, probed.teacher], rel=1e-3
        )
        assert data["terms"][0]["response"][n][stu] == pytest.approx(terms["response"][n, probed.student], rel=1e-3)


def test_every_pair_has_its_own_verdict(probed: Probed) -> None:
    data = packed([probed], "")
    found = data["verdicts"][0]
    tea, stu = data["teacher"], data["student"]
    told = judge(table_of(probed, 10, 720))
    assert found[stu][tea] == {
        "good": told.good, "text": told.text, "t_tea": told.t_tea, "sites": list(told.sites),
    }  # fmt: skip
    assert "at t = 10" in found[stu][tea]["text"]
    assert all(found[s][t] is None for s in range(len(found)) for t in range(s, len(found)))
    assert len({found[stu][t]["text"] for t in range(stu)}) == stu
    assert "nan" not in json.dumps(found)


def test_a_mask_keeps_its_shape(probed: Probed) -> None:
    tall = np.zeros((60, 30), np.uint8)
    tall[:20, :15] = 255
    picture = Picture(
        "tall", Image.new("RGB", (30, 60)), probed.picture.caption, {probed.maps.nouns[0]: Image.fromarray(tall)}
    )
    first, second = packed([replace(probed, picture=picture)], "")["masks"]
    assert second is None
    assert (first["rows"], first["columns"]) == (96, 48)
    bits = np.unpackbits(np.frombuffer(base64.b64decode(first["bits"]), np.uint8))[: 96 * 48].reshape(96, 48)
    assert bits[:32, :24].all()
    assert bits.sum() == 32 * 24


def test_without_masks_concentration_judges(probed: Probed) -> None:
    bare = replace(probed, picture=replace(probed.picture, masks={}))
    data = packed([bare], "")
    assert data["measure"] == "concentration"
    assert data["masks"] == [None, None]
    assert data["numbers"][TRAINED]["mass_in_mask"] == [[[None] * len(data["timesteps"])] * 2]


def test_what_does_not_fit_is_told(probed: Probed) -> None:
    data = packed([probed], "", budget=len(probed.maps.timesteps) * 2 * 256)
    assert [source["id"] for source in data["maps"]["sources"]] == [TRAINED]
    assert data["left_out"] == len(in_order(probed.maps))


def test_layers_come_in_the_order_of_execution(probed: Probed) -> None:
    groups = [site.split("_")[0] for _, site in in_order(probed.maps)]
    assert groups == sorted(groups, key=["down", "mid", "up"].index)


# Files


@pytest.mark.parametrize("kind", list(files.KINDS))
def test_files_are_made_for_the_pair_in_sight(probed: Probed, kind: str) -> None:
    scratch = Scratch()
    file = files.make([probed], "x", (10.0, 720.0), kind, scratch)
    assert file.stat().st_size > 1000
    assert files.make([probed], "x", (10.0, 500.0), kind, scratch) != file
    start = {".png": b"\x89PNG", ".pdf": b"%PDF", ".svg": b"<?xml", ".csv": b"variant,"}[file.suffix]
    assert file.read_bytes().startswith(start)
    if file.suffix == ".csv":
        rows = list(csv.DictReader(file.open(encoding="utf-8")))
        layers = 1 + len(in_order(probed.maps))
        assert len(rows) == layers * 2 * len(probed.maps.timesteps)


def test_a_pair_that_was_not_looked_at_is_refused(handlers: TeacherHandlers, photo: str) -> None:
    ids = ended(handlers, handlers.start(None, None, photo, None, *values()))[-1].split(",")
    assert "url" in handlers.make_file([[ids, 0.0, 900.0], "numbers"])
    assert "not looked at" in handlers.make_file([[ids, 0.0, 901.0], "numbers"])["problem"]
    assert "not looked at" in handlers.make_file([[ids, 900.0, 0.0], "numbers"])["problem"]
    assert "No kind" in handlers.make_file([[ids, 0.0, 900.0], "exe"])["problem"]
    assert "long over" in handlers.make_file([[["gone"], 0.0, 900.0], "numbers"])["problem"]
