"""Suites by path, and picture folders for the benchmarks' own evaluators."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from t2i_studio.cli import main
from t2i_studio.emoji.captions import Asked, Request
from t2i_studio.errors import InputError
from t2i_studio.evaluation import Found, check_fits, check_layout, choose_items, lay_out, score
from t2i_studio.evaluation.evaluate import Judged, picture_name

GENEVAL = [
    {"tag": "single_object", "include": [{"class": "cow", "count": 1}], "prompt": "a photo of a cow"},
    {
        "tag": "counting", "include": [{"class": "clock", "count": 3}],
        "exclude": [{"class": "clock", "count": 4}], "prompt": "a photo of three clocks",
    },
    {
        "tag": "position",
        "include": [{"class": "car", "count": 1}, {"class": "dog", "count": 1, "position": ["right of", 0]}],
        "prompt": "a photo of a dog right of a car",
    },
    {"tag": "colors", "include": [{"class": "car", "count": 1, "color": "red"}], "prompt": "a photo of a red car"},
]  # fmt: skip


@pytest.fixture
def geneval(tmp_path: Path) -> Path:
    file = tmp_path / "evaluation_metadata.jsonl"
    file.write_text("\n".join(json.dumps(line) for line in GENEVAL) + "\n")
    return file


@pytest.fixture
def compbench(tmp_path: Path) -> Path:
    folder = tmp_path / "dataset"
    folder.mkdir()
    (folder / "color_val.txt").write_text("a green bench and a blue bowl\na red_ish book\tnote\n")
    (folder / "numeracy_val.txt").write_text("two boys\n")
    (folder / "README.md").write_text("no prompts\n")
    return folder


def test_geneval_metadata_is_a_suite(geneval: Path) -> None:
    items = choose_items(str(geneval))
    assert [(item.task, item.split, item.number) for item in items] == [
        ("single_object", "", 0), ("counting", "", 1), ("position", "", 2), ("colors", "", 3),
    ]  # fmt: skip
    assert [item.request for item in items[1:]] == [
        Request((Asked("clock", None, 3),)), Request((Asked("dog"), Asked("car")), "right"),
        Request((Asked("car", "red"),)),
    ]  # fmt: skip
    dog, car = (Found(noun, None, box, 0.9, 0.1) for noun, box in (("dog", (60, 0, 90, 30)), ("car", (0, 0, 30, 30))))
    assert score(items[2].request, (dog, car)).present
    assert choose_items(str(geneval), ("colors",))[0].metadata == GENEVAL[3]


def test_a_folder_of_prompts_is_a_suite(compbench: Path) -> None:
    items = choose_items(str(compbench))
    assert [(item.task, item.split, item.prompt) for item in items] == [
        ("color_val", "", "a green bench and a blue bowl"), ("color_val", "", "a red_ish book"),
        ("numeracy_val", "", "two boys"),
    ]  # fmt: skip
    assert len(choose_items(str(compbench), limit=1)) == 2


@pytest.mark.parametrize(
    ("name", "text"), [("a.jsonl", "no json\n"), ("b.jsonl", '{"prompt": "x"}\n'), ("c.jsonl", ""), ("d.txt", "\n")]
)
def test_files_that_are_no_suite_are_told(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError):
        choose_items(str(tmp_path / name))


def test_a_judge_refuses_what_it_can_not_see(geneval: Path, compbench: Path) -> None:
    with pytest.raises(InputError, match="'cow'"):
        check_fits(choose_items(str(geneval)), "emoji-matcher")
    check_fits(choose_items(str(geneval), ("colors",)), "emoji-matcher")
    check_fits(choose_items(str(geneval)), "none")
    with pytest.raises(InputError, match="book"):
        check_fits(choose_items(str(compbench)), "emoji-matcher")
    with pytest.raises(InputError, match="Did you mean 'emoji-matcher'"):
        check_fits((), "emoji-match")


def pictures(folder: Path):
    def picture(item, seed: int) -> Path:
        file = folder / f"{item.number}-{item.task}-{seed}.png"
        if not file.exists():
            Image.new("RGB", (4, 4), (item.number * 40, seed * 40, 0)).save(file)
        return file

    return picture


def test_geneval_layout_is_read_as_its_evaluator_reads(geneval: Path, tmp_path: Path) -> None:
    items = choose_items(str(geneval))[1:]
    for _ in range(2):  # a second time replaces the first
        root = lay_out("geneval", items, 2, pictures(tmp_path), tmp_path / "out")
    read = {}
    for subfolder in [one.name for one in root.iterdir()]:  # as evaluate_images.py goes through it
        assert subfolder.isdigit()
        metadata = json.loads((root / subfolder / "metadata.jsonl").read_text())
        names = sorted(one.name for one in (root / subfolder / "samples").iterdir() if re.match(r"\d+\.png", one.name))
        read[subfolder] = metadata["prompt"], names
    assert read["00002"] == ("a photo of a dog right of a car", ["0000.png", "0001.png"])
    assert set(read) == {"00001", "00002", "00003"}
    assert Image.open(root / "00003" / "samples" / "0001.png").getpixel((0, 0)) == (120, 40, 0)


def test_compbench_layout_is_read_as_its_evaluator_reads(compbench: Path, tmp_path: Path) -> None:
    root = lay_out("t2i-compbench", choose_items(str(compbench)), 2, pictures(tmp_path), tmp_path / "out")
    names = [one.name for one in (root / "color_val" / "samples").iterdir()]
    names.sort(key=lambda x: int(x.split("_")[-1].split(".")[0]))  # as BLIP_vqa.py sorts and cuts
    assert [name.split("_")[0] for name in names] == ["a green bench and a blue bowl"] * 2 + ["a red ish book"] * 2
    assert [int(name.split(".png")[0].split("_")[1]) for name in names] == [0, 1, 2, 3]  # as numeracy_eval.py
    assert [one.name for one in (root / "numeracy_val" / "samples").glob("*_000001.png")] == ["two boys_000001.png"]


def test_a_task_is_no_way_out_of_the_folder(compbench: Path, tmp_path: Path) -> None:
    item = replace(choose_items(str(compbench))[0], task="../../escaped")
    Image.new("RGB", (8, 8)).save(tmp_path / "one.png")
    root = lay_out("t2i-compbench", [item], 1, lambda *_: tmp_path / "one.png", tmp_path / "deep" / "out")
    assert [one.relative_to(root).parts[1] for one in root.rglob("*.png")] == ["samples"]
    assert not list(tmp_path.rglob("escaped"))


def test_layouts_that_can_not_be(compbench: Path, geneval: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="metadata"):
        check_layout("geneval", choose_items(str(compbench)))
    with pytest.raises(InputError, match="no layout"):
        check_layout("gen-eval", choose_items(str(geneval)))
    (tmp_path / "long.txt").write_text("cat " * 80)
    with pytest.raises(InputError, match="too long"):
        check_layout("t2i-compbench", choose_items(str(tmp_path / "long.txt")))


def test_prompts_of_any_kind_have_files_of_their_own() -> None:
    prompts = (
        "a b", "a/b", "a?b", "é ü", "x" * 300, "x" * 301, "a-b", "a photo of a b", "кот и пёс " * 15,
        "一只猫和一只狗" * 15,
    )  # fmt: skip
    names = [picture_name(Judged("t", "", prompt, 0)) for prompt in prompts]
    assert len(set(names)) == len(prompts)
    assert all("/" not in name and len(name.encode()) < 200 for name in names)
    assert names[0] == "t-a-b-0.png"


@pytest.mark.models
def test_command_paints_for_another_evaluator(
    geneval: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["evaluate", "--suite", str(geneval), "--steps", "1", "--seeds", "1", "--layout", "geneval"]
    assert main(given) == 2
    assert "--out" in capsys.readouterr().err
    out = tmp_path / "out"
    given += ["--out", str(out), "--judge", "none"]
    assert main(given) == 0
    assert capsys.readouterr().out.splitlines()[0] == "| task | prompts | pictures |"
    assert (out / "geneval" / "00003" / "samples" / "0000.png").is_file()
    assert main([*given, "--guides", "none,ai-t2i", "--limit", "1", "--tasks", "colors", "--csv"]) == 0
    assert capsys.readouterr().out.startswith("way,group,num_prompts")
    assert (out / "ai-t2i" / "geneval" / "00003" / "metadata.jsonl").is_file()
