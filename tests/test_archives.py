"""Zips of strangers: what is taken, what is refused, and that nothing is left where one was."""

from __future__ import annotations

import io
import stat
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from t2i_studio import Studio, archives, hub_data
from t2i_studio.archives import unpack
from t2i_studio.errors import InputError, StudioError
from t2i_studio.hub_data import hub_name
from t2i_studio.training.data import examples


def png(colour: str = "red", side: int = 8) -> bytes:
    kept = io.BytesIO()
    Image.new("RGB", (side, side), colour).save(kept, "PNG")
    return kept.getvalue()


def packed(file: Path, **entries: bytes | str) -> Path:
    """Names with `__` for `/` and `_` before the ending."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return file


@pytest.fixture
def into(tmp_path: Path) -> Path:
    return tmp_path / "data" / "set"


def refused(archive: Path, into: Path, told: str) -> None:
    with pytest.raises(InputError, match=told):
        unpack(archive, into)
    assert not into.exists()
    assert not list(into.parent.glob(".*")) if into.parent.exists() else True


def test_a_data_set_is_unpacked(tmp_path: Path, into: Path) -> None:
    rows = '{"file_name": "in/a.png", "text": "a cat", "reward": 0.5}\n{"file_name": "b.png", "text": "a dog"}\n'
    archive = packed(tmp_path / "x.zip", **{
        "top/metadata.jsonl": rows, "top/in/a.png": png(), "top/b.png": png("blue"), "top/run.sh": "rm", "top/": "",
        "__MACOSX/top/._b.png": "junk", "top/.DS_Store": "junk",
    })  # fmt: skip
    unpack(archive, into)
    assert sorted(f.relative_to(into).as_posix() for f in into.rglob("*") if f.is_file()) == [
        "b.png", "in/a.png", "metadata.jsonl",
    ]  # fmt: skip
    assert {(one.caption, one.reward) for one in examples(str(into))} == {("a cat", 0.5), ("a dog", 1.0)}


def test_captions_beside_pictures(tmp_path: Path, into: Path) -> None:
    unpack(packed(tmp_path / "x.zip", **{"a.png": png(), "a.txt": "a cat"}), into)
    assert [one.caption for one in examples(str(into))] == ["a cat"]


def test_notes_beside_the_folder_and_times_in_names(tmp_path: Path, into: Path) -> None:
    entries = {"cats/12:30.png": png(), "cats/12:30.txt": "a cat", "README.txt": "mine"}
    unpack(packed(tmp_path / "x.zip", **entries), into)
    assert [one.caption for one in examples(str(into))] == ["a cat"]
    assert not (into / "README.txt").exists()


@pytest.mark.parametrize("name", ["../a.png", "/etc/a.png", "in/../../a.png", "C:/a.png", "..\\a.png"])
def test_names_that_lead_outside(tmp_path: Path, into: Path, name: str) -> None:
    refused(packed(tmp_path / "x.zip", **{name: png(), "a.txt": "a"}), into, "outside itself")
    assert list(tmp_path.rglob("a.png")) == []


def test_links(tmp_path: Path, into: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        link = zipfile.ZipInfo("a.png")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    refused(tmp_path / "x.zip", into, "is a link")


def test_bombs(tmp_path: Path, into: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = packed(tmp_path / "x.zip", **{"a.png": png(), "a.txt": b"0" * 50_000_000})
    refused(bomb, into, "would unpack to 47 MB")
    monkeypatch.setattr(archives, "MOST_OF_ONE", 1000)
    refused(packed(tmp_path / "y.zip", **{"a.png": png(), "a.txt": b"0" * 2000}), into, r"a\.txt is larger")
    monkeypatch.setattr(archives, "MOST_FILES", 1)
    refused(packed(tmp_path / "z.zip", **{"a.png": png(), "a.txt": "a"}), into, "holds 2 files")


def test_a_zip_that_lies_about_its_size(tmp_path: Path, into: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = packed(tmp_path / "x.zip", **{"a.png": png(), "a.txt": "a cat" * 50})
    raw = honest.read_bytes()
    told, lie = (250).to_bytes(4, "little"), (10).to_bytes(4, "little")
    assert raw.count(told) == 2  # its own header, and the directory's
    honest.write_bytes(raw.replace(told, lie))
    refused(honest, into, "can't be unpacked")


def test_a_picture_that_is_too_large_to_open(tmp_path: Path, into: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 16)
    refused(packed(tmp_path / "x.zip", **{"a.png": png(side=10), "a.txt": "a"}), into, r"can't be read: a\.png")


def test_broken_pictures_are_named(tmp_path: Path, into: Path) -> None:
    bad = {f"bad{i}.png": png()[:40] for i in range(10)} | {"good.png": png(), "good.txt": "a cat"}
    refused(packed(tmp_path / "x.zip", **bad), into, r"bad0\.png, .*bad7\.png and 2 more")


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        ({"readme.txt": "hello"}, "There is no picture in the zip"),
        ({"a.png": png()}, r"a\.png has no caption"),
        ({"a.png": png(), "metadata.jsonl": '{"file_name": "a.png", "text": "x"}\n{"file_name": "b.png", "text": "x"}'},
         r"not there: b\.png"),
        ({"a.png": png(), "metadata.jsonl": "{"}, "Line 1 of .* is damaged"),
        ({"a.png": png(), "A.PNG": png(), "a.txt": "a"}, "comes twice"),
    ],
)  # fmt: skip
def test_what_is_no_data_set(tmp_path: Path, into: Path, entries: dict[str, Any], told: str) -> None:
    refused(packed(tmp_path / "x.zip", **entries), into, told)


def test_what_is_no_zip(tmp_path: Path, into: Path) -> None:
    (tmp_path / "x.zip").write_bytes(b"PK\3\4 no zip")
    refused(tmp_path / "x.zip", into, "can't be unpacked")


def test_added_twice_lies_twice(tmp_path: Path) -> None:
    studio = Studio(home=tmp_path / "home")
    archive = packed(tmp_path / "my cats!.zip", **{"a.png": png(), "a.txt": "a cat"})
    assert [studio.add_data(archive).name for _ in range(2)] == ["my-cats", "my-cats-2"]
    with pytest.raises(InputError, match="is a folder"):
        studio.add_data(tmp_path)
    with pytest.raises(InputError, match="There is no file"):
        studio.add_data(tmp_path / "gone.zip")
    (tmp_path / "x.zip").write_bytes(b"no zip")
    with pytest.raises(InputError, match="can't be unpacked"):
        studio.add_data(tmp_path / "x.zip")
    assert {file.name for file in (tmp_path / "home" / "data").iterdir()} == {"my-cats", "my-cats-2"}


def test_two_of_one_name_at_once_stay_apart(tmp_path: Path) -> None:
    studio = Studio(home=tmp_path / "home")
    archives_of = []
    for kind in ("cat", "dog"):
        (tmp_path / kind).mkdir()
        pictures = {f"{kind}-{i}.png": png() for i in range(40)}
        captions = {f"{kind}-{i}.txt": f"a {kind}" for i in range(40)}
        archives_of.append(packed(tmp_path / kind / "set.zip", **pictures, **captions))
    with ThreadPoolExecutor(2) as pool:
        folders = list(pool.map(studio.add_data, archives_of))
    for kind, folder in zip(("cat", "dog"), folders, strict=True):
        assert {one.caption for one in examples(str(folder))} == {f"a {kind}"}
        assert len(list(folder.glob("*.png"))) == 40


# The hub


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("owner/cats", "owner/cats"),
        (" https://huggingface.co/datasets/owner/cats/ ", "owner/cats"),
        ("cats", None),
        ("owner/../cats", None),
        ("/data/cats.zip", None),
    ],
)
def test_hub_names(typed: str, name: str | None) -> None:
    assert hub_name(typed) == name


class File:
    def __init__(self, name: str, size: int = 100) -> None:
        self.rfilename, self.size = name, size


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch):
    """A hub that has these files; returns what was asked of it."""
    import huggingface_hub

    asked: list[dict[str, Any]] = []

    def has(files: dict[str, bytes], error: Exception | None = None) -> list[dict[str, Any]]:
        class Api:
            def dataset_info(self, name: str, files_metadata: bool) -> Any:
                if error is not None:
                    raise error
                return type("Info", (), {"siblings": [File(one, len(data)) for one, data in files.items()]})

        def download(name: str, repo_type: str, local_dir: Path, allow_patterns: list[str]) -> None:
            asked.append({"name": name, "patterns": allow_patterns})
            for one, data in files.items():
                (Path(local_dir) / one).parent.mkdir(parents=True, exist_ok=True)
                (Path(local_dir) / one).write_bytes(data)

        monkeypatch.setattr(huggingface_hub, "HfApi", Api)
        monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
        return asked

    return has


def test_a_data_set_of_the_hub(hub: Any, tmp_path: Path) -> None:
    row = b'{"file_name": "a.png", "text": "a cat"}'
    asked = hub({"README.md": b"", "test/a.png": png(), "test/metadata.jsonl": row,
                 "train/a.png": png(), "train/metadata.jsonl": row})  # fmt: skip
    folder = Studio(home=tmp_path).add_data("owner/cats")
    assert folder == tmp_path / "data" / "owner-cats" / "train"
    assert "train/*.png" in asked[0]["patterns"]
    assert [one.caption for one in examples(str(folder))] == ["a cat"]


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"data/train.parquet": b""}, "parquet"),
        ({"README.md": b""}, "holds no pictures"),
        ({"a.png": png()}, "has no caption"),
        ({"a.png": b"junk", "a.txt": b"a cat"}, r"can't be read: a\.png"),
    ],
)
def test_what_is_no_data_set_there(hub: Any, tmp_path: Path, files: dict[str, bytes], told: str) -> None:
    hub(files)
    with pytest.raises(InputError, match=told):
        Studio(home=tmp_path).add_data("owner/cats")
    assert not list((tmp_path / "data").glob("*"))


def test_without_a_network(hub: Any, tmp_path: Path) -> None:
    from huggingface_hub.errors import OfflineModeIsEnabled

    hub({}, OfflineModeIsEnabled("offline"))
    with pytest.raises(StudioError, match=r"can't be reached.*folder or a zip"):
        Studio(home=tmp_path).add_data("owner/cats")
    hub({}, ConnectionError("no route"))
    with pytest.raises(StudioError, match="can't be reached"):
        hub_data.fetch("owner/cats", tmp_path / "x")
