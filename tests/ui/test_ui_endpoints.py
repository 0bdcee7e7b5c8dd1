"""Every action by name, through `gradio_client` against a served page."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from PIL import Image

from tests.ui.serving import Served

PUBLIC = {
    "/models",
    "/parse",
    "/generate",
    "/inspect",
    "/start",
    "/status",
    "/cancel",
    "/run",
    "/export",
    "/runs",
    "/delete",
    "/restore",
}


@pytest.fixture(scope="module")
def client(api: Served, tmp_path_factory: pytest.TempPathFactory) -> Client:
    return Client(api.url, verbose=False, download_files=str(tmp_path_factory.mktemp("downloads")))


@pytest.fixture(autouse=True)
def rest(api: Served) -> Iterator[None]:
    yield
    api.rest()


def test_only_actions_are_public(client: Client) -> None:
    assert set(client.view_api(return_format="dict", print_info=False)["named_endpoints"]) == PUBLIC


def test_generate_takes_plain_values(client: Client) -> None:
    image, run_id, info = client.predict(prompt="a cat and a dog", seed=3, steps=5, api_name="/generate")
    assert Image.open(image).size == (128, 128)
    assert info["nouns"] == ["cat", "dog"]
    assert info["maps"] == {"16x16": [5, 2, 2, 16, 16]}
    assert info["settings"]["seed"] == 3
    again, same, _ = client.predict(run_id=run_id, api_name="/run")
    assert same == run_id
    assert Image.open(again).tobytes() == Image.open(image).tobytes()


def test_generate_with_words_chosen_by_hand(client: Client) -> None:
    _, _, info = client.predict(prompt="a red cat", nouns=["red"], steps=3, api_name="/generate")
    assert info["nouns"] == ["red"]


def test_parse(client: Client) -> None:
    parsed = client.predict(prompt="two red apples and a cat", api_name="/parse")
    assert [s["id"] for s in parsed["subjects"]] == ["apples", "cat"]
    assert parsed["words"][1] == {"text": "red", "upos": "ADJ", "start": 4, "end": 7}


def test_models(client: Client) -> None:
    assert client.predict(api_name="/models")["emoji-unet"]["defaults"]["width"] == 128


@pytest.mark.parametrize("kind", ["picture", "maps", "metrics", "grid-png", "grid-pdf", "animation", "zip"])
def test_export(client: Client, kind: str) -> None:
    _, run_id, _ = client.predict(prompt="a cat", steps=3, api_name="/generate")
    assert Path(client.predict(run_id=run_id, kind=kind, api_name="/export")).stat().st_size > 100


def test_start_status_cancel(client: Client) -> None:
    task_id = client.predict(prompt="a cat", steps=900, api_name="/start")
    for _ in range(100):
        state = client.predict(task_id=task_id, api_name="/status")
        if state["step"]:
            break
        time.sleep(0.02)
    assert state["num_steps"] == 900
    assert client.predict(task_id=task_id, api_name="/cancel")["status"] == "cancelled"


@pytest.mark.parametrize(
    ("given", "told"),
    [({"prompt": ""}, "empty"), ({"prompt": "a cat", "steps": 0}, "Steps"),
     ({"prompt": "a cat", "width": 130}, "Width"),
     ({"prompt": "a cat", "seed": 2**40}, "Seed"), ({"prompt": "a cat", "model": "nothing-there"}, "nothing-there")],
)  # fmt: skip
def test_errors_are_sentences(client: Client, given: dict, told: str) -> None:
    with pytest.raises(AppError, match=told) as error:
        client.predict(**given, api_name="/generate")
    assert "Traceback" not in str(error.value)


def test_unknown_run(client: Client) -> None:
    with pytest.raises(AppError, match="20990101"):
        client.predict(run_id="20990101-000000-cat-0000", api_name="/run")


def test_runs_are_listed_deleted_and_restored(client: Client) -> None:
    _, run_id, _ = client.predict(prompt="a frog with a crown", steps=2, api_name="/generate")
    found = client.predict(query="frog crown", limit=1, api_name="/runs")
    assert [run["id"] for run in found["runs"]] == [run_id]
    assert Path(client.predict(run_id, api_name="/delete")).is_dir()
    assert client.predict(query="frog crown", api_name="/runs")["total"] == found["total"] - 1
    assert client.predict(run_id, api_name="/restore").endswith(run_id)
    assert client.predict(query="frog crown", api_name="/runs")["total"] == found["total"]
    with pytest.raises(Exception, match="Not a time"):
        client.predict(since="soon", api_name="/runs")
