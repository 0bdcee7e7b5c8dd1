"""The server's arguments: what is refused, and how quickly help comes."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import pytest

from t2i_studio.ui.serve import AUTH, add_arguments, serve

ROOT = Path(__file__).resolve().parents[2]


def arguments(*given: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(given)


@pytest.mark.parametrize("given", [["--listen"], ["--listen", "192.168.0.7"], ["--share"]])
def test_open_doors_need_a_login(
    given: list[str], capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(AUTH, raising=False)
    assert serve(arguments(*given)) == 2
    told = capsys.readouterr().err
    assert given[0] in told
    assert "--auth" in told
    assert told.count("\n") == 1


@pytest.mark.parametrize("login", ["ada", "ada:", ":secret"])
def test_half_a_login_is_refused(login: str, capsys: pytest.CaptureFixture) -> None:
    assert serve(arguments("--listen", "--auth", login)) == 2
    assert "user:password" in capsys.readouterr().err


def test_login_from_the_environment_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    from t2i_studio.ui import serve as module

    monkeypatch.setenv(AUTH, "ada:se:cret")
    assert module._login(arguments("--share")) == ("ada", "se:cret")


def test_binds_to_this_machine_by_default() -> None:
    from t2i_studio.ui.serve import LOCAL

    assert arguments().listen is None
    assert LOCAL == "127.0.0.1"
    assert arguments("--listen").listen == "0.0.0.0"


def test_help_loads_neither_gradio_nor_torch() -> None:
    code = (
        "import sys, runpy; sys.argv = ['app.py', '--help']\n"
        "try: runpy.run_path('app.py', run_name='__main__')\n"
        "except SystemExit: pass\n"
        "assert not {'gradio', 'torch', 'matplotlib'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "--listen" in done.stdout
