"""Every panel, over the registry, at the edges: it draws, and what it draws follows the maps."""

from __future__ import annotations

import json
import warnings
import zipfile
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from matplotlib.colors import to_hex
from PIL import Image

from t2i_studio.errors import RunError, SettingError, StorageError
from t2i_studio.visuals import PANELS, PanelSettings, animation, overlay_image, save_figure, write_pngs
from t2i_studio.visuals.overlay import blend, enlarged
from t2i_studio.visuals.page import Page
from t2i_studio.visuals.selection import spread

if TYPE_CHECKING:
    from matplotlib.figure import Figure

EDGES = {
    "one noun, one step": {"nouns": ("cat",), "num_steps": 1},
    "twelve nouns": {"nouns": tuple(f"noun{i}" for i in range(12)), "num_steps": 3, "size": (192, 64)},
    "tall": {"size": (64, 160), "num_steps": 4},
    "wide": {"size": (256, 64), "num_steps": 4},
    "many steps": {"num_steps": 300, "size": (64, 64)},
    "odd text": {
        "nouns": ("x$^2", "猫\n", "car#2", "🐱"),
        "prompt": "$\\frac{ 猫 \0 قطة " + "long " * 500,
        "num_steps": 2,
    },
    "no prompt": {"prompt": ""},
}


def _pixels(figure: Figure) -> np.ndarray:
    out = BytesIO()
    figure.savefig(out, format="png", dpi=60, facecolor=figure.get_facecolor())
    return np.asarray(Image.open(out).convert("RGB")).astype(int)


def _texts(figure: Figure) -> list[str]:
    return [t.get_text() for t in figure.findobj(lambda a: hasattr(a, "get_text")) if t.get_text()]


@pytest.mark.parametrize("edge", EDGES)
@pytest.mark.parametrize("name", PANELS)
def test_every_panel_draws_at_the_edges(make_run, name, edge):
    settings = PanelSettings(width=3.3) if edge == "wide" else PanelSettings()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = PANELS[name](make_run(**EDGES[edge]), settings)
        pixels = _pixels(figure)
    assert figure.get_figwidth() <= settings.width
    assert figure.get_figheight() < 12
    page = np.array([255, 255, 255])
    drawn = (pixels != page).any(axis=-1)
    assert 0.01 < drawn.mean() < 0.9
    assert drawn[:, -3:].mean() < 0.2, "something runs over the right edge"


@pytest.mark.parametrize("name", PANELS)
def test_texts_stay_on_the_page(make_run, name):
    run = make_run(prompt="long " * 300, nouns=("cat", "a very long compound noun that never ends"))
    for width in (3.3, 7.0):
        figure = PANELS[name](run, PanelSettings(width=width))
        renderer = figure.canvas.get_renderer()
        for text in figure.texts:
            box = text.get_window_extent(renderer)
            assert box.x0 >= -1, text.get_text()
            assert box.x1 <= figure.bbox.x1 + 1, text.get_text()


@pytest.mark.parametrize("name", PANELS)
def test_panels_follow_the_maps_and_the_theme(make_run, name):
    run = make_run()
    other = make_run()
    other.maps.stacks["16x16"].values_TSNYX[:, :, 0] = other.maps.stacks["16x16"].values_TSNYX[:, :, 0, ::-1] * 0.5
    light = _pixels(PANELS[name](run))
    assert np.array_equal(light, _pixels(PANELS[name](run)))
    assert (light != _pixels(PANELS[name](other))).any()
    dark = PANELS[name](run, PanelSettings(theme="dark"))
    assert to_hex(dark.get_facecolor()).upper() == "#0F1115"
    assert _pixels(dark).mean() < light.mean()


@pytest.mark.parametrize("name", PANELS)
def test_panels_name_their_nouns_in_their_colours(make_run, name):
    figure = PANELS[name](make_run(), PanelSettings(nouns=("dog",)))
    (label,) = [t for t in figure.texts if t.get_text() == "dog"]
    assert label.get_color() == "#BF5916", "the colour goes by the noun's place in the run, not in the panel"
    assert not [t for t in figure.texts if t.get_text() == "cat"]


@pytest.mark.parametrize("name", PANELS)
def test_runs_without_maps_say_so(make_run, name):
    with pytest.raises(RunError, match="no attention maps"):
        PANELS[name](replace(make_run(), maps=None))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"nouns": ("cta",)}, "Did you mean 'cat'"),
        ({"grid": "9x9"}, "16x16"),
        ({"sites": ("up.2",)}, "Did you mean"),
        ({"step": 6}, "steps 0 to 5"),
    ],
)
def test_unknown_choices_name_what_there_is(make_run, values, words):
    with pytest.raises(SettingError, match=words) as caught:
        PANELS["heatmap"](make_run(), PanelSettings(**values))
    assert caught.value.name == next(iter(values))
    with pytest.raises(SettingError, match="Did you mean 'nouns'"):
        PanelSettings.checked(noun=("cat",))


def test_grid_labels_timesteps_from_noise_to_picture(make_run):
    figure = PANELS["grid"](make_run(num_steps=1000, size=(64, 64)), PanelSettings(columns=5))
    shown = [t.get_text() for t in figure.texts]
    assert [s for s in shown if s.isdigit() and s != "0"] == ["981", "736", "491", "246", "1"]
    assert any("5 of 1000 steps" in s for s in shown)
    assert any("noise to picture" in s for s in shown)


def test_curves_run_from_noise_to_picture(make_run):
    figure = PANELS["curves"](make_run())
    diagrams = [a for a in figure.axes if a.lines]
    assert len(diagrams) == 4
    for axes in diagrams:
        left, right = axes.get_xlim()
        assert (left, right) == (981, 1)
    mass = diagrams[0]
    assert [line.get_color() for line in mass.lines] == ["#3415FE", "#BF5916"]
    assert mass.lines[1].get_ydata()[0] > mass.lines[1].get_ydata()[-1]


def test_many_nouns_show_their_largest_overlap(make_run):
    figure = PANELS["curves"](make_run(nouns=("a", "b", "c", "d", "e")))
    assert len(figure.axes[-1].lines) == 5
    assert any("largest with another" in s for s in _texts(figure))


def test_steps_are_spread_evenly_with_both_ends():
    assert spread(1, 8) == [0]
    assert spread(3, 8) == [0, 1, 2]
    assert spread(1000, 5) == [0, 250, 500, 749, 999]
    assert spread(30, 1) == [29]


def test_raw_shows_cells_and_smooth_keeps_their_places():
    cells = np.zeros((4, 4), dtype=np.float32)
    cells[1, 2] = 1.0
    raw, smooth = enlarged(cells, (40, 40), raw=True), enlarged(cells, (40, 40))
    assert set(np.unique(raw)) == {0.0, 1.0}
    assert raw[10:20, 20:30].min() == 1.0
    assert raw.sum() == 100
    y, x = np.unravel_index(smooth.argmax(), smooth.shape)
    assert 13 <= y <= 16
    assert 23 <= x <= 26
    assert smooth.min() >= 0.0
    assert len(np.unique(smooth)) > 50


def test_overlay_is_brightest_where_attention_is(make_run):
    run = make_run(num_steps=4)
    image = overlay_image(run, "cat", 3, size=(160, 160))
    assert image.size == (160, 160)
    y, x = np.unravel_index(run.maps["cat"][3].argmax(), (16, 16))
    grey = np.asarray(image.convert("L")).astype(int)
    assert grey[y * 10 + 5, x * 10 + 5] > grey[5, 155] + 20
    mean, last = np.asarray(overlay_image(run, "cat")), np.asarray(overlay_image(run, "cat", 3))
    assert (mean != last).any()


def test_zero_opacity_is_the_picture_and_zero_maps_draw(make_run):
    run = make_run()
    grey = run.image.convert("L").convert("RGB")
    same = blend(grey, np.ones((4, 4)), 0.0)
    assert np.array_equal(np.asarray(same), np.asarray(grey))
    run.maps.stacks["16x16"].values_TSNYX[:] = 0
    run.maps.stacks["16x16"].values_TSNYX[0, 0, 0] = np.nan
    for panel in PANELS.values():
        assert _pixels(panel(run)).std() > 0


def test_one_scale_a_noun_unless_asked_otherwise(make_run):
    run = make_run(num_steps=3, fading="cat")
    shared = np.asarray(overlay_image(run, "cat", 2)).astype(int)
    own = np.asarray(overlay_image(run, "cat", 2, settings=PanelSettings(per_frame=True))).astype(int)
    assert own.max(axis=-1).max() > shared.max(axis=-1).max()


def test_animation_plays_the_steps(make_run):
    run = make_run(num_steps=100, size=(64, 64))
    film = Image.open(BytesIO(animation(run)))
    assert film.format == "GIF"
    assert film.n_frames == 40
    film.seek(0)
    first = np.asarray(film.convert("RGB")).astype(int)
    film.seek(39)
    last = np.asarray(film.convert("RGB")).astype(int)
    assert film.info["duration"] == 1500
    assert (first != last).any(axis=-1).mean() > 0.05
    assert {(0x34, 0x15, 0xFE), (0xBF, 0x59, 0x16)} <= {tuple(p) for p in last.reshape(-1, 3)}
    assert Image.open(BytesIO(animation(make_run(num_steps=1)))).n_frames == 1


def test_figures_are_saved_for_papers(make_run, tmp_path):
    figure = PANELS["curves"](make_run(), PanelSettings(width=3.3))
    png = save_figure(figure, tmp_path / "deep" / "a.png")
    with Image.open(png) as image:
        assert image.width == pytest.approx(3.3 * 300, abs=2)
        assert image.info["dpi"][0] == pytest.approx(300, abs=1)
    pdf = save_figure(figure, tmp_path / "a.pdf").read_bytes()
    assert b"/FontFile2" in pdf, "TrueType is embedded"
    assert b"/Type3" not in pdf
    assert save_figure(figure, tmp_path / "a.svg").read_text().startswith("<?xml")
    with pytest.raises(SettingError, match=r"\.pdf"):
        save_figure(figure, tmp_path / "a.doc")
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        save_figure(figure, tmp_path / "file" / "a.png")


def test_text_is_shortened_to_its_room():
    page = Page(4, 1, "light")
    short = page.elided("word " * 50, 8, 1.0)
    assert short.endswith("…")
    assert 0.8 < page.text_width(short, 8) <= 1.0
    assert page.elided("cat", 8, 1.0) == "cat"


def test_maps_as_16_bit_pictures(make_run, tmp_path: Path) -> None:
    maps = make_run(nouns=("cat", "côté/..")).maps
    write_pngs(tmp_path / "maps.zip", maps)
    with zipfile.ZipFile(tmp_path / "maps.zip") as archive:
        about = json.loads(archive.read("index.json"))
        assert about["timesteps"] == list(maps.timesteps)
        assert not any(".." in name or name.startswith("/") for name in archive.namelist())
        for noun in maps.nouns:
            told = about["nouns"][noun]
            for step, name in enumerate(told["files"]):
                gray = np.asarray(Image.open(BytesIO(archive.read(name))))
                np.testing.assert_allclose(gray / 65535 * told["white"], maps[noun][step], atol=told["white"] / 65000)
