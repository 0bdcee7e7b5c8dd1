"""The command line: what it prints, what it returns, and that help is light."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from t2i_studio.cli import build_parser, main
from t2i_studio.config import GenerateSettings
from t2i_studio.families import FAMILIES


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from t2i_studio.cli import build_parser; build_parser().format_help();"
        "print([m for m in ('torch', 'gradio', 'stanza', 'diffusers', 'matplotlib') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_every_setting_has_a_flag() -> None:
    options = build_parser().parse_args(["generate", "a cat"])
    assert set(GenerateSettings.model_fields) - {"prompt"} <= set(vars(options))


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["generate", ""], "empty"),
        (["generate", "a cat", "--steps", "0"], "Steps"),
        (["generate", "a cat", "--steps", "many"], "Steps"),
        (["generate", "a cat", "--seed", "99999999999"], "Seed"),
        (["generate", "a cat", "--width", "100"], "Width"),
    ],
)
def test_bad_input_is_one_line(arguments: list[str], word: str, capsys: pytest.CaptureFixture) -> None:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert word.lower() in captured.err.lower()
    assert captured.err.count("\n") == 1


def test_unknown_runs_and_models(capsys: pytest.CaptureFixture) -> None:
    assert main(["runs", "show", "20200101-000000-nothing-0000"]) == 1
    assert main(["generate", "a cat", "--model", "emoji-unte"]) == 1
    assert "emoji-unet" in capsys.readouterr().err


def test_no_runs_yet(capsys: pytest.CaptureFixture) -> None:
    assert main(["runs", "list"]) == 0
    assert "No runs yet" in capsys.readouterr().err


@pytest.mark.models
def test_a_run_is_made_listed_shown_replayed_exported_and_deleted(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    FAMILIES["stable-diffusion"].tiny().save_pretrained(tmp_path / "tiny")
    size = ["--steps", "2", "--width", "64", "--height", "64", "--model", str(tmp_path / "tiny")]
    assert main(["generate", "a cat and a dog", "--seed", "1", *size, "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["nouns"] == ["cat", "dog"]
    assert Path(made["folder"], "maps.safetensors").is_file()

    assert main(["runs", "list", "--json"]) == 0
    assert [r["id"] for r in json.loads(capsys.readouterr().out)] == [made["id"]]
    assert main(["runs", "show", made["id"]]) == 0
    assert json.loads(capsys.readouterr().out)["settings"]["seed"] == 1

    assert main(["replay", made["id"], "--out", str(tmp_path / "again"), "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert again["same_pixels"] is True
    assert again["largest_map_difference"] == 0
    assert np.isfinite(again["timings"]["total"])

    assert main(["runs", "export", made["id"], "--out", str(tmp_path / "run.zip")]) == 0
    assert (tmp_path / "run.zip").stat().st_size > 1000
    assert main(["runs", "delete", made["id"]]) == 0
    capsys.readouterr()
    assert main(["runs", "list", "--json"]) == 0
    assert made["id"] not in {r["id"] for r in json.loads(capsys.readouterr().out)}


@pytest.mark.models
def test_doctor_reports(capsys: pytest.CaptureFixture) -> None:
    assert main(["doctor", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["versions"]["torch"].startswith("2.")
    assert "emoji-unet" in report["models"]
    assert "free" in report["memory"]["memory"]
