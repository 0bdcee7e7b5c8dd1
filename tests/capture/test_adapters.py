"""Capture with LoRA active, and the self-test that users run on their own device."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from peft import LoraConfig

from t2i_studio.capture import MapStore, capture
from t2i_studio.capture import self_test as module
from t2i_studio.capture.self_test import self_test
from t2i_studio.cli import main
from t2i_studio.families import Family, trust
from t2i_studio.recording import ways_of
from tests.capture.test_capture import COLUMNS, NOUNS, STEPS, inputs, paint

pytestmark = pytest.mark.models


def with_lora(denoiser) -> None:
    torch.manual_seed(5)
    targets = ["to_q", "to_k", "to_v", "to_out.0"]
    denoiser.add_adapter(LoraConfig(r=4, lora_alpha=8, target_modules=targets, init_lora_weights=False))


def recorded(family: Family, pipe) -> torch.Tensor:
    denoiser = family.denoiser(pipe)
    sites = family.default_sites(denoiser, 16, 16)
    store = MapStore(NOUNS, sites, STEPS)
    with capture(denoiser, family, sites, COLUMNS, store.add, num_rows=1):
        paint(pipe, store)
    return torch.from_numpy(store.maps(sites[0].grid)["cat"])


def test_maps_are_those_of_the_model_with_its_lora(family: Family, pipe) -> None:
    plain = recorded(family, pipe)
    denoiser = family.denoiser(pipe)
    with_lora(denoiser)
    active = recorded(family, pipe)
    assert (active - plain).abs().max() > 1e-3
    denoiser.fuse_lora()
    torch.testing.assert_close(recorded(family, pipe), active, atol=1e-5, rtol=1e-4)


def test_gradients_reach_the_lora(family: Family, pipe) -> None:
    denoiser = family.denoiser(pipe)
    with_lora(denoiser)
    sites = family.default_sites(denoiser, 16, 16)
    got: list[torch.Tensor] = []
    latents = torch.randn(1, denoiser.config.in_channels, 16, 16)
    with capture(denoiser, family, sites, COLUMNS, lambda _s, p: got.append(p), keep_graph=True) as recording:
        assert recording.forward(**inputs(denoiser, latents)) is None
    torch.stack([p.square().sum() for p in got]).sum().backward()
    site = denoiser.get_submodule(sites[-1].name)
    for name in ("to_q", "to_k"):
        (weight,) = getattr(site, name).lora_B.parameters()
        assert weight.grad is not None
        if name == "to_q" or getattr(site, "add_k_proj", None) is None:
            assert weight.grad.abs().max() > 0


def test_self_test_passes_here_and_finds_an_error(family: Family, pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    checks = self_test(pipe, family, 128, 128)
    assert len(checks) == len(family.default_sites(family.denoiser(pipe), 16, 16))
    assert all(check.passed for check in checks), checks
    monkeypatch.setattr(module, "column_probs", lambda *a, **k: module.one_hot_probs(*a[:3], 0.3))
    assert not any(check.passed for check in self_test(pipe, family, 128, 128))


def test_a_backend_that_failed_is_read_by_the_oracle_until_it_passes(
    family: Family, pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = recorded(family, pipe)
    with monkeypatch.context() as broken:
        broken.setattr(module, "column_probs", lambda *a, **k: module.one_hot_probs(*a[:3], 0.3))
        (found,) = module.keep_found(self_test(pipe, family, 128, 128), "tiny")
    assert not found.passed
    trust._read.clear()  # as in a process started later
    trust._told.clear()
    denoiser = family.denoiser(pipe)
    sites = family.default_sites(denoiser, 16, 16)
    store = MapStore(NOUNS, sites, STEPS)
    with (
        pytest.warns(UserWarning, match="slower oracle: maps by"),
        capture(denoiser, family, sites, COLUMNS, store.add, num_rows=1) as recording,
    ):
        paint(pipe, store)
    assert ways_of(recording) == ("one-hot oracle",)
    torch.testing.assert_close(torch.from_numpy(store.maps(sites[0].grid)["cat"]), plain, atol=1e-6, rtol=1e-4)
    (found,) = module.keep_found(self_test(pipe, family, 128, 128), "tiny")
    assert found.passed
    with capture(denoiser, family, sites, COLUMNS, store.add, num_rows=1) as recording:
        paint(pipe)
    assert "one-hot oracle" not in ways_of(recording)


def test_a_damaged_record_says_nothing_and_is_replaced(studio_home: Path) -> None:
    studio_home.mkdir()
    (studio_home / "capture.json").write_text('[{"backend": 3}]')
    assert trust.records() == {}
    backend = trust.Backend("cpu", "float32", "flash", "2")
    trust.keep(backend, passed=False, model="tiny", finding="wrong")
    assert not trust.records()[backend].passed


def test_doctor_runs_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--self-test", "--model", "emoji-unet", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["passed"] is True
    assert {tuple(sorted(check)) for check in report["checks"]} == {
        tuple(sorted(f.name for f in dataclasses.fields(self_test.__globals__["Check"])))
    }
    assert main(["doctor", "--self-test", "--dtype", "bfloat16"]) == 0
    assert "passed" in capsys.readouterr().out
    assert main(["doctor", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["maps"]
    assert len(told) == 2
    assert all(text.startswith("right: maps by all logits") for text in told.values())
