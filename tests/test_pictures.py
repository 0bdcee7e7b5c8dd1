"""Pictures from outside: every way they can be wrong is told, and none gets past its folder."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from t2i_studio.errors import InputError
from t2i_studio.pictures import captioned, cut, open_picture, same_shape


def test_a_picture_is_turned_upright(tmp_path: Path) -> None:
    image = Image.new("RGB", (40, 20), "red")
    image.putpixel((0, 0), (0, 0, 255))
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    image.save(tmp_path / "a.png", exif=exif)
    upright = open_picture(tmp_path / "a.png")
    assert upright.size == (20, 40)
    assert upright.getpixel((19, 0)) == (0, 0, 255)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L", "1", "CMYK", "I;16"])
def test_any_mode_becomes_rgb(tmp_path: Path, mode: str) -> None:
    file = tmp_path / ("a.tiff" if mode in ("CMYK", "I;16") else "a.png")
    Image.new(mode, (8, 8)).save(file)
    assert open_picture(file).mode == "RGB"


def test_what_is_transparent_becomes_white() -> None:
    assert open_picture(Image.new("RGBA", (4, 4), (255, 0, 0, 0))).getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize("what", ["missing", "text", "cut", "folder"])
def test_what_is_no_picture_is_told(tmp_path: Path, what: str) -> None:
    file = tmp_path / "a.png"
    if what == "text":
        file.write_text("no picture")
    elif what == "cut":
        Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)).save(file)
        file.write_bytes(file.read_bytes()[:2000])
    elif what == "folder":
        file.mkdir()
    with pytest.raises(InputError, match=r"a\.png"):
        open_picture(file)


@pytest.mark.parametrize("size", [(128, 128), (640, 480), (100, 900), (3, 3)])
def test_same_shape_keeps_area_and_proportions(size: tuple[int, int]) -> None:
    width, height = same_shape(Image.new("RGB", size), 512, 512, 32)
    assert width % 32 == height % 32 == 0
    assert abs(np.log(width * height / 512**2)) < 0.2
    assert abs(np.log(width / height * size[1] / size[0])) < 0.2
    assert cut(Image.new("RGB", size), width, height).size == (width, height)


def pictures(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        Image.new("RGB", (8, 8)).save(folder / name)


def test_captions_come_from_metadata_then_files_then_all(tmp_path: Path) -> None:
    pictures(tmp_path, "a.png", "b.jpg", "c.webp", "sub/d.png")
    rows = [{"file_name": "a.png", "text": "a cat"}, {"file_name": "sub/d.png", "text": "a bear"}]
    (tmp_path / "metadata.jsonl").write_text("\n".join(json.dumps(row) for row in rows) + "\n\n")
    (tmp_path / "b.txt").write_text(" a dog \n")
    found = captioned(tmp_path, "a frog")
    assert [(one.file.name, one.caption) for one in found] == [
        ("a.png", "a cat"), ("b.jpg", "a dog"), ("c.webp", "a frog"), ("d.png", "a bear"),
    ]  # fmt: skip


def test_a_picture_without_caption_is_named(tmp_path: Path) -> None:
    pictures(tmp_path, "a.png")
    with pytest.raises(InputError, match=r"a\.png has no caption"):
        captioned(tmp_path)


@pytest.mark.parametrize("line", ["no json", "[]", '{"file_name": "a.png"}', '{"file_name": "../b.png", "text": "b"}'])
def test_damaged_metadata_is_told_by_line(tmp_path: Path, line: str) -> None:
    pictures(tmp_path, "a.png")
    (tmp_path / "metadata.jsonl").write_text('{"file_name": "a.png", "text": "a cat"}\n' + line)
    with pytest.raises(InputError, match="Line 2"):
        captioned(tmp_path)


def test_folders_without_pictures_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no picture in"):
        captioned(tmp_path)
    with pytest.raises(InputError, match="no folder"):
        captioned(tmp_path / "none")


def test_deep_gray_is_scaled(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, 64, dtype=np.uint16).reshape(8, 8)
    Image.fromarray(ramp).save(tmp_path / "a.png")
    values = np.asarray(open_picture(tmp_path / "a.png"))[..., 0]
    assert len(np.unique(values)) == 64


def test_a_picture_in_memory_that_is_damaged_is_told(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)).save(file)
    file.write_bytes(file.read_bytes()[:2000])
    with pytest.raises(InputError, match="can't be read"):
        open_picture(Image.open(file))


def test_unusual_metadata(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures(tmp_path / "set", "a.png", "b.png")
    rows = [
        {"file_name": str(tmp_path / "set" / "a.png"), "text": "a cat\u2028and a dog"},
        {"file_name": "./b.png", "text": "b"},
    ]  # fmt: skip
    text = "\ufeff" + "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    (tmp_path / "set" / "metadata.jsonl").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert [one.caption for one in captioned("set")] == ["a cat\u2028and a dog", "b"]


def test_no_file_is_run_as_postscript(tmp_path: Path) -> None:
    file = tmp_path / "c.png"
    file.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\nshowpage\n")
    with pytest.raises(InputError, match="is no picture"):
        open_picture(file)
