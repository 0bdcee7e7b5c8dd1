"""Resuming repeats the same losses, and the average follows the weights."""

from __future__ import annotations

import csv
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
import torch

from t2i_studio.emoji.pretrain import loop
from t2i_studio.emoji.pretrain.__main__ import main
from t2i_studio.emoji.pretrain.thirds import by_third

if TYPE_CHECKING:
    import numpy as np


class Line:
    """Fits y = 3x with noise drawn from the step's own generators."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.layer = torch.nn.Linear(1, 1)
        self.modules = {"layer": self.layer}

    def loss(self, rng: np.random.Generator, generator: torch.Generator, step: int):
        x = torch.randn(8, 1, generator=generator)
        y = 3 * x + 0.1 * float(rng.normal())
        return (self.layer(x) - y).square().mean(), {"x": float(x.mean())}

    def preview(self, ema, folder: Path, step: int) -> None:
        (folder / "preview.txt").write_text(str(step))


PLAN = loop.Plan(total_steps=60, batch_size=8, learning_rate=0.05, warmup_steps=5, ema_decay=0.9)


def losses(folder: Path) -> list[tuple[str, str]]:
    with (folder / "loss.csv").open() as handle:
        return [(row["step"], row["loss"]) for row in csv.DictReader(handle)]


def test_resumed_equals_uninterrupted(tmp_path: Path) -> None:
    loop.train(Line(), PLAN, tmp_path / "whole", resume=False)
    half = loop.Plan(**{**PLAN.__dict__, "total_steps": 40})
    loop.train(Line(), half, tmp_path / "parts", resume=False)
    loop.train(Line(), PLAN, tmp_path / "parts", resume=True)
    assert losses(tmp_path / "whole") == losses(tmp_path / "parts")
    one, other = (torch.load(tmp_path / n / "state.pt", weights_only=True) for n in ("whole", "parts"))
    assert torch.equal(one["modules"]["layer"]["weight"], other["modules"]["layer"]["weight"])
    assert torch.equal(one["ema"]["layer.weight"], other["ema"]["layer.weight"])
    assert one["step"] == other["step"] == 60
    assert float(one["modules"]["layer"]["weight"]) == pytest.approx(3, abs=0.3)


def test_a_state_is_not_overwritten_without_resume(tmp_path: Path) -> None:
    loop.train(Line(), PLAN, tmp_path, resume=False)
    with pytest.raises(FileExistsError, match="--resume"):
        loop.train(Line(), PLAN, tmp_path, resume=False)


def test_average_can_be_loaded(tmp_path: Path) -> None:
    task = Line()
    loop.train(task, PLAN, tmp_path, resume=False)
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    other = Line()
    assert loop.load_average(tmp_path, other.modules) == 60
    assert torch.equal(other.layer.weight, state["ema"]["layer.weight"])
    assert not torch.equal(other.layer.weight, task.layer.weight)


def test_what_ships_is_of_the_last_descents_end(tmp_path: Path) -> None:
    cycling = loop.Plan(**{**PLAN.__dict__, "cycle_steps": 25, "cooldown_steps": 10})
    loop.train(Line(), cycling, tmp_path, resume=False)
    other = Line()
    assert loop.load_average(tmp_path, other.modules) == 50
    half = loop.Plan(**{**cycling.__dict__, "total_steps": 50})
    loop.train(Line(), half, tmp_path / "half", resume=False)
    same = Line()
    loop.load_average(tmp_path / "half", same.modules)
    assert torch.equal(other.layer.weight, same.layer.weight)


def test_going_on_from_shipped_weights(tmp_path: Path) -> None:
    """Steps count on, the rate warms up again, and a resumed run repeats that."""
    start = loop.Start(step=20, seconds=100.0)
    loop.train(Line(), PLAN, tmp_path / "whole", resume=False, start=start)
    half = loop.Plan(**{**PLAN.__dict__, "total_steps": 40})
    loop.train(Line(), half, tmp_path / "parts", resume=False, start=start)
    loop.train(Line(), PLAN, tmp_path / "parts", resume=True)
    assert losses(tmp_path / "whole") == losses(tmp_path / "parts")
    state = torch.load(tmp_path / "parts" / "state.pt", weights_only=True)
    assert (state["step"], state["first"]) == (60, 20)
    assert state["seconds"] > 100
    assert PLAN.rate(20, 20) == PLAN.rate(0) < PLAN.rate(20)


def test_curve_goes_on_from_the_shipped_one(tmp_path: Path) -> None:
    curve = tmp_path / "curve.csv"
    earlier = [{"step": "1", "loss": "0.9000"}, {"step": "2", "loss": "0.8000"}]
    later = [{"step": str(s), "loss": str(s / 100), "seconds": "1", "samples": "1", "grad_norm": "1"} for s in (3, 4)]
    loop.write_curve(later, curve, before=earlier)
    assert curve.read_text().splitlines() == ["step,loss", "1,0.9000", "2,0.8000", "3,0.0300", "4,0.0400"]


def test_rates() -> None:
    plan = loop.Plan(total_steps=100, batch_size=1, learning_rate=1.0, warmup_steps=10, schedule="cosine")
    assert plan.rate(0) == pytest.approx(0.1)
    assert plan.rate(99) < 0.03
    cooling = loop.Plan(total_steps=100, batch_size=1, learning_rate=1.0, warmup_steps=1, cooldown_steps=20)
    assert cooling.rate(79) == 1.0
    assert cooling.rate(90) == pytest.approx(0.5)
    cycling = loop.Plan(
        total_steps=100, batch_size=1, learning_rate=1.0, warmup_steps=1, cycle_steps=40, cooldown_steps=10
    )
    assert [cycling.rate(s) for s in (29, 35, 40)] == [1.0, pytest.approx(0.5), 1.0]
    assert cycling.rate(95) == pytest.approx(0.5), "the end is a descent too"


@pytest.mark.models
@pytest.mark.parametrize("what", ["vae", "vae-decoder", "detector", "unet", "mmdit"])
def test_every_training_starts_by_its_command(what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[loop.Plan] = []
    # The command's own process: kept here, they would round other tests' sums in another order.
    monkeypatch.setattr(torch, "set_num_threads", lambda _: None)
    monkeypatch.setattr(torch, "set_float32_matmul_precision", lambda _: None)
    monkeypatch.setenv("T2I_STUDIO_HOME", str(tmp_path))
    monkeypatch.setattr(loop, "train", lambda task, plan, folder, **_: started.append(plan))
    monkeypatch.setattr("sys.argv", ["pretrain", what, "--resume"])
    main()
    assert started
    if what in ("vae", "detector"):
        monkeypatch.setattr("sys.argv", ["pretrain", what, "--batch-size", "64"])
        with pytest.raises(SystemExit, match="--batch-size"):
            main()


def test_rates_by_the_clock() -> None:
    plan = loop.Plan(total_steps=9, batch_size=1, learning_rate=1.0, warmup_steps=10, cooldown_share=0.4)
    assert plan.rate_by_clock(104, 100, 0.0) == pytest.approx(0.5), "warms up by steps"
    spent = [plan.rate_by_clock(500, 100, share) for share in (0.5, 0.6, 0.8, 1.2)]
    assert spent == pytest.approx([1.0, 1.0, 0.5, plan.final_ratio])


def test_a_descent_by_the_clock_ends_in_weights_to_ship(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    endless = loop.Plan(**{**PLAN.__dict__, "total_steps": 10**9})
    # A clock of its own, 5 ms a look: how fast this machine is decides nothing.
    monkeypatch.setattr(loop, "time", SimpleNamespace(monotonic=count(0.0, 0.005).__next__))
    loop.train(Line(), endless, tmp_path, resume=False, stop_after=1.0, descend=True, start=loop.Start(20, 5.0, 900))
    state = torch.load(tmp_path / "descended.pt", weights_only=True)
    assert state["samples"] == 900 + (state["step"] - 20) * PLAN.batch_size
    assert state["seconds"] >= 6
    with (tmp_path / "loss.csv").open() as handle:
        rates = [float(row["rate"]) for row in csv.DictReader(handle)]
    assert rates[1:] == sorted(rates[1:], reverse=True), "the first still warms up"
    assert rates[-1] < 0.3 * max(rates)


def test_a_loss_that_is_no_number_ends_the_training(tmp_path: Path) -> None:
    task = Line()
    with torch.no_grad():
        task.layer.weight.fill_(float("nan"))
    with pytest.raises(FloatingPointError, match="step 20"):
        loop.train(task, PLAN, tmp_path, resume=False)


def test_losses_by_third_of_the_noise() -> None:
    losses, noise = torch.tensor([1.0, 3.0, 5.0]), torch.tensor([0.1, 0.2, 1.0])
    assert by_third(losses, noise) == {"low": 2.0, "mid": 3.0, "high": 5.0}
    assert by_third(losses[:1], noise[:1]) == {"low": 1.0, "mid": 1.0, "high": 1.0}, "none there: of all"
