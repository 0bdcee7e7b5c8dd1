"""Fine-tunes of tiny models: every preset, what gets gradients, exact resuming, files that load elsewhere."""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import yaml
from accelerate import Accelerator
from safetensors import safe_open
from safetensors.torch import load_file
from tensorboardX.proto.event_pb2 import Event

from t2i_studio import finetune
from t2i_studio.cli import main
from t2i_studio.config import CONFIGS
from t2i_studio.errors import Cancelled, InputError, SettingError, StorageError, StudioError
from t2i_studio.families import FAMILIES, Family
from t2i_studio.finetune import preflight, train
from t2i_studio.training import Picture, checkpoints, lora, whole
from t2i_studio.training.calibration import calibrated
from t2i_studio.training.data import Encoded, encode, examples, order
from t2i_studio.training.learner import Learner
from t2i_studio.training.log import read
from t2i_studio.training.loop import Training, Watcher, rate_at
from t2i_studio.training.passes import watching
from t2i_studio.training.probe import probe
from t2i_studio.training.settings import TrainSettings
from t2i_studio.training.texts import Texts

SMALL = {"max_train_steps": 2, "train_batch_size": 2, "resolution": 128, "device": "cpu", "calibration_batches": 2}
PRESETS = sorted((CONFIGS / "training").glob("*.yaml"))
Folder = Callable[[str], Path]


def settings_for(model: Path, pictures: Path, out: Path, **changes: Any) -> TrainSettings:
    given = {**SMALL, "model": str(model), "data": str(pictures), "output_dir": str(out), **changes}
    return TrainSettings.checked(**given)


def learner_for(family: Family, pipe: Any, pictures: Path, **changes: Any) -> tuple[Learner, list[torch.nn.Parameter]]:
    settings = settings_for(Path("x"), pictures, Path("x"), **changes)
    found = lora.put_on(pipe, family, 2, settings.train_text_encoder, 0)
    data = encode(pipe, family, str(pictures), 128, 128, settings.tokens)
    return Learner(pipe, family, settings, data, torch.device("cpu")), [p for group in found.values() for p in group]


def numbers(folder: Path) -> list[dict[str, str]]:
    """The log without its clock."""
    return [{name: value for name, value in row.items() if name != "seconds"} for row in read(folder)]


@pytest.mark.parametrize("preset", PRESETS, ids=lambda file: file.stem)
def test_every_preset_trains(preset: Path, model_folder: Folder, picture_folder: Path, tmp_path: Path) -> None:
    """Every enabled term is above 0, and denoiser and text encoders move."""
    name = "stable-diffusion-3" if "sd3" in preset.stem else "stable-diffusion"
    own = yaml.safe_load(preset.read_text()) | {"mixed_precision": "no", "max_train_steps": 3}
    kept = {k: v for k, v in own.items() if k not in ("model", "data", "max_train_steps", "train_batch_size")}
    settings = settings_for(model_folder(name), picture_folder, tmp_path, **kept, max_train_steps=3)
    train(settings)
    rows = read(tmp_path)
    assert len(rows) == 3
    for term in settings.terms:
        assert sum(float(row[term]) for row in rows) > 0, term
    card = (tmp_path / "README.md").read_text()
    assert "loads, and changes the prediction" in card
    family = FAMILIES[name]
    learning = {family.denoiser_name, *family.text_encoders(family.tiny())}
    if settings.full_finetune:
        assert moved_parts(model_folder(name), tmp_path / whole.MODEL) == learning
        return
    weights = load_file(tmp_path / lora.WEIGHTS)
    up = {key: value for key, value in weights.items() if "lora_B" in key}
    assert {key.split(".")[0] for key in up} == learning
    for part in learning:
        assert any(value.abs().sum() > 0 for key, value in up.items() if key.startswith(part)), part
    if name == "stable-diffusion":
        assert float(card.split("differ in the prediction by at most ")[1].split()[0]) < 1e-5
    with safe_open(tmp_path / lora.WEIGHTS, "pt") as file:
        assert file.metadata()["modelspec.implementation"] == "diffusers"


def moved_parts(before: Path, after: Path) -> set[str]:
    """Parts of a pipeline folder of which any weight differs."""
    found = set()
    for file in after.glob("*/*.safetensors"):
        one, other = load_file(file), load_file(before / file.relative_to(after))
        if any(not torch.equal(one[key], other[key]) for key in other):
            found.add(file.parent.name)
    return found


@pytest.mark.parametrize("name", ["stable-diffusion-xl"])
def test_two_text_encoders(name: str, model_folder: Folder, picture_folder: Path, tmp_path: Path) -> None:
    train(settings_for(model_folder(name), picture_folder, tmp_path))
    keys = load_file(tmp_path / lora.KOHYA)
    assert {key.split("_")[1] for key in keys} == {"unet", "te1", "te2"}
    assert all(key.startswith(("lora_unet", "lora_te1_text_model", "lora_te2_text_model")) for key in keys)


def test_the_teacher_is_the_probe_and_has_no_graph(family: Family, pipe, picture_folder: Path) -> None:
    """One function: the trainer's teacher and the probe give the same maps."""
    from t2i_studio.config import ProbeSettings
    from t2i_studio.pictures import open_picture

    learner, _ = learner_for(family, pipe, picture_folder, teacher="100")
    picture = Picture("0", open_picture(picture_folder / "0.png"), "a cat and a dog")
    settings = ProbeSettings(width=128, height=128, timesteps=(900, 100), t_tea=100, t_stu=900, seed=5)
    probed = probe(pipe, family, settings, picture)
    noise = torch.randn(learner.data.latents[:1].shape, generator=torch.Generator().manual_seed(5))
    with watching(learner.denoiser, family, learner.sites, [learner.data.words[0]], keep_graph=True) as watch:
        teacher = learner.teacher(
            watch, learner.data.latents[:1], noise, torch.tensor([100.0]), learner.texts(["a cat and a dog"])
        )
    assert not teacher.requires_grad
    assert torch.allclose(teacher[0], torch.from_numpy(probed.main[probed.teacher]), atol=1e-6)


def test_terms_reach_the_lora_and_the_autoencoder_by_their_switch(family: Family, pipe, picture_folder: Path) -> None:
    learner, parameters = learner_for(family, pipe, picture_folder, semantic_trains_encoder=False)
    batch = learner.batch([0, 2], 0)
    moved = {}
    with learner.losses(batch) as losses:
        for name in ("diffusion", *learner.settings.terms):
            gradients = torch.autograd.grad(
                losses[name].mean(), [*parameters, *learner.coder.parameters()], retain_graph=True, allow_unused=True
            )
            mine, coder = gradients[: len(parameters)], gradients[len(parameters) :]
            moved[name] = tuple(any(g is not None and bool(g.abs().sum() > 0) for g in part) for part in (mine, coder))
    assert moved["diffusion"] == (True, False)
    assert moved["pixel"] == (True, False)
    assert moved["semantic"] == (True, False)
    assert moved["reconstruction"] == (False, True)


def test_without_weights_it_is_the_plain_loss(family: Family, pipe, picture_folder: Path) -> None:
    """All λ at 0: the same noise, the same loss to the last digit."""
    taught, _ = learner_for(family, pipe, picture_folder, reward_weights=True)
    plain = Learner(pipe, family, taught.settings.model_copy(update={"ctcal": False}), taught.data, torch.device("cpu"))
    batch = taught.batch([0, 3], 7)
    other = plain.batch([0, 3], 7)
    assert torch.equal(batch.noise, other.noise)
    assert torch.equal(batch.t_stu, other.t_stu)
    with taught.losses(batch) as one, plain.losses(other) as two:
        nothing = dict.fromkeys(taught.settings.terms, 0.0)
        assert taught.total(one, batch, nothing).item() == plain.total(two, other, {}).item()


def test_a_reward_weighs_its_picture(family: Family, pipe, picture_folder: Path) -> None:
    learner, _ = learner_for(family, pipe, picture_folder, ctcal=False, reward_weights=True)
    assert learner.data.rewards.tolist() == pytest.approx([r / 0.6 for r in (0.2, 0.4, 0.6, 0.8, 1.0)])
    batch = learner.batch([0, 4], 0)
    with learner.losses(batch) as losses:
        one, other = losses["diffusion"].tolist()
        wanted = (one * 0.2 / 0.6 + other * 1.0 / 0.6) / 2
        assert learner.total(losses, batch, {}).item() == pytest.approx(wanted)


def test_timesteps_of_teachers(family: Family, pipe, picture_folder: Path) -> None:
    learner, _ = learner_for(family, pipe, picture_folder)
    auto = learner.batch([0] * 64, 0)
    last = family.last_timestep(pipe)
    assert (auto.t_tea <= auto.t_stu).all()
    assert auto.t_tea.max() <= (0.3 * last if family.joint_softmax else 0)
    learner.settings = learner.settings.model_copy(update={"teacher": "random"})
    drawn = learner.batch([0] * 64, 0)
    assert torch.equal(drawn.t_stu, auto.t_stu)
    assert (drawn.t_tea <= drawn.t_stu).all()
    assert drawn.t_tea.float().std() > 0.02 * last
    learner.settings = learner.settings.model_copy(update={"teacher": "250"})
    fixed = learner.batch([0] * 64, 0)
    assert (fixed.t_tea == torch.minimum(torch.full_like(fixed.t_stu, 250), fixed.t_stu)).all()


def test_captions_left_empty_teach_what_guidance_compares_with(family: Family, pipe, picture_folder: Path) -> None:
    learner, _ = learner_for(family, pipe, picture_folder, caption_dropout=0.5)
    many = learner.batch([0] * 64, 0)
    assert 16 < sum(many.unnamed) < 48
    learner.settings = learner.settings.model_copy(update={"caption_dropout": 0.0})
    named = learner.batch([0, 2], 0)
    assert named.unnamed == (False, False)
    assert torch.equal(learner.batch([0] * 64, 0).noise, many.noise)
    with learner.losses(named) as losses:
        whole = {name: value.detach() for name, value in losses.items()}
    with learner.losses(replace(named, unnamed=(True, False))) as losses:
        half = {name: value.detach() for name, value in losses.items()}
        latents = learner.data.latents[:1]
        alone = learner._diffusion(latents, named.noise[:1], named.t_stu[:1], learner.texts([""])).detach()
    assert whole["pixel"][0] > 0
    for name in learner.settings.terms:
        assert half[name][0] == 0
        assert torch.allclose(half[name][1], whole[name][1], rtol=1e-4)
    assert torch.allclose(half["diffusion"][:1], alone, rtol=1e-4)
    assert not torch.allclose(half["diffusion"][:1], whole["diffusion"][:1], rtol=1e-6)


def test_targets_are_those_of_the_schedulers() -> None:
    family = FAMILIES["stable-diffusion"]
    pipe: Any = family.tiny()
    x, e = torch.randn(2, 3, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    t = torch.tensor([10, 500, 900])
    assert torch.equal(family.target(pipe, x, e, t), e)
    pipe.scheduler.register_to_config(prediction_type="v_prediction")
    assert torch.allclose(family.target(pipe, x, e, t), pipe.scheduler.get_velocity(x, e, t), atol=1e-6)
    pipe.scheduler.register_to_config(prediction_type="sample")
    with pytest.raises(StudioError, match="predicts sample"):
        family.target(pipe, x, e, t)
    flow = FAMILIES["stable-diffusion-3"]
    assert torch.equal(flow.target(flow.tiny(), x, e, t), e - x)


def test_shares_are_calibrated(family: Family, pipe, picture_folder: Path) -> None:
    learner, parameters = learner_for(family, pipe, picture_folder)
    batches = [learner.batch([0, 2], i) for i in range(2)]
    weights = calibrated(learner, parameters, batches)
    lengths = dict.fromkeys(("diffusion", "pixel", "semantic", "response"), 0.0)
    for batch in batches:
        with learner.losses(batch) as losses:
            for name in lengths:
                found = torch.autograd.grad(losses[name].mean(), parameters, retain_graph=True, allow_unused=True)
                lengths[name] += math.sqrt(sum(float((g**2).sum()) for g in found if g is not None))
    for name, share in (("pixel", 0.2), ("semantic", 0.2), ("response", 0.05)):
        if lengths[name] > 0:
            assert weights[name] * lengths[name] == pytest.approx(share * lengths["diffusion"], rel=1e-4)
    fixed = learner.settings.model_copy(update={"pixel_weight": 3.0})
    learner.settings = fixed
    assert calibrated(learner, parameters, batches)["pixel"] == 3.0


def test_gradient_checkpointing_changes_no_gradient(family: Family, pipe, picture_folder: Path) -> None:
    learner, parameters = learner_for(family, pipe, picture_folder)
    weights = dict.fromkeys(learner.settings.terms, 1.0)
    batch = learner.batch([0, 2], 0)

    def gradients() -> list[torch.Tensor | None]:
        for p in parameters:
            p.grad = None
        with learner.losses(batch) as losses:
            learner.total(losses, batch, weights).backward()
        return [None if p.grad is None else p.grad.clone() for p in parameters]

    plain = gradients()
    learner.denoiser.enable_gradient_checkpointing()
    learner.denoiser.train()
    again = gradients()
    for one, other in zip(plain, again, strict=True):
        assert (one is None) == (other is None)
        if one is not None and other is not None:
            assert torch.allclose(one, other, atol=1e-6)


def test_layers_are_chosen_by_name(family: Family, pipe, picture_folder: Path) -> None:
    default, _ = learner_for(family, family.tiny(), picture_folder)
    name = default.sites[-1].name
    learner, _ = learner_for(family, pipe, picture_folder, sites=f" {name} ,")
    assert [site.name for site in learner.sites] == [name]
    with pytest.raises(SettingError, match="no layer 'nowhere'"):
        learner_for(family, family.tiny(), picture_folder, sites="nowhere")
    every = family.sites(default.denoiser, 16, 16)
    if len({site.grid for site in every}) > 1:
        with pytest.raises(SettingError, match="differ in size"):
            learner_for(family, family.tiny(), picture_folder, sites=",".join(site.name for site in every))


def test_a_caption_that_names_nothing_is_still_learnt(family: Family, pipe, picture_folder: Path) -> None:
    learner, _ = learner_for(family, pipe, picture_folder)
    batch = learner.batch([4, 4], 0)
    with learner.losses(batch) as losses:
        assert losses["diffusion"].requires_grad
        assert all(losses[name].abs().sum() == 0 for name in learner.settings.terms)


class Stopping(Watcher):
    """Asks to stop after a step."""

    def __init__(self, after: int) -> None:
        self.after, self.done = after, 0

    def step(self, step: int, num_steps: int, row: dict[str, float]) -> None:
        self.done = step

    def wants_stop(self) -> bool:
        return self.done + 1 >= self.after


@pytest.mark.parametrize("stopped", [1, 3])
def test_a_stopped_training_goes_on_exactly(
    stopped: int, model_folder: Folder, picture_folder: Path, tmp_path: Path
) -> None:
    model = model_folder("stable-diffusion")
    changes: dict[str, Any] = {
        "max_train_steps": 5, "use_ema": True, "lr_scheduler": "cosine", "lr_warmup_steps": 2,
        "gradient_accumulation_steps": 2,
    }  # fmt: skip
    train(settings_for(model, picture_folder, tmp_path / "whole", **changes))
    half = settings_for(model, picture_folder, tmp_path / "half", **changes)
    with pytest.raises(Cancelled):
        train(half, Stopping(stopped))
    assert len(read(tmp_path / "half")) == stopped
    train(half.model_copy(update={"resume_from_checkpoint": "latest"}))
    assert numbers(tmp_path / "half") == numbers(tmp_path / "whole")
    one, other = (load_file(tmp_path / name / lora.WEIGHTS) for name in ("half", "whole"))
    assert all(torch.equal(one[key], other[key]) for key in other)


@pytest.mark.slow
def test_a_killed_training_goes_on_exactly(model_folder: Folder, picture_folder: Path, tmp_path: Path) -> None:
    model = model_folder("stable-diffusion")
    common = ["--model", str(model), "--data", str(picture_folder), "--resolution", "128", "--device", "cpu"]
    common += ["--max-train-steps", "12", "--train-batch-size", "2", "--checkpointing-steps", "2"]
    assert main(["train", *common, "--output-dir", str(tmp_path / "whole")]) == 0
    for kill_at in (3, 8):
        out = tmp_path / f"killed-{kill_at}"
        command = [sys.executable, "-m", "t2i_studio.cli", "train", *common, "--output-dir", str(out)]
        worker = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while len(read(out)) < kill_at and worker.poll() is None:
            time.sleep(0.02)
        os.kill(worker.pid, signal.SIGKILL)
        assert worker.wait() == -signal.SIGKILL
        assert main(["train", *common, "--output-dir", str(out), "--resume-from-checkpoint", "latest"]) == 0
        assert numbers(out) == numbers(tmp_path / "whole")


def test_all_weights_learn_and_a_whole_model_comes_out(
    model_folder: Folder, picture_folder: Path, tmp_path: Path
) -> None:
    """It goes on exactly after a stop, as a LoRA does, and loads as a model."""
    model = model_folder("stable-diffusion")
    changes: dict[str, Any] = {"full_finetune": True, "max_train_steps": 3, "use_ema": True}
    train(settings_for(model, picture_folder, tmp_path / "once", **changes))
    half = settings_for(model, picture_folder, tmp_path / "half", **changes)
    with pytest.raises(Cancelled):
        train(half, Stopping(2))
    train(half.model_copy(update={"resume_from_checkpoint": "latest"}))
    assert numbers(tmp_path / "half") == numbers(tmp_path / "once")
    assert moved_parts(model, tmp_path / "once" / whole.MODEL) == {"unet", "text_encoder"}
    assert not moved_parts(tmp_path / "half" / whole.MODEL, tmp_path / "once" / whole.MODEL)
    assert "from_pretrained" in (tmp_path / "once" / "README.md").read_text()
    assert not (tmp_path / "once" / lora.WEIGHTS).exists()


def test_a_frozen_encoder_answers_each_text_once(picture_folder: Path, model_folder: Folder, tmp_path: Path) -> None:
    """Also T5 beside encoders that learn; the same features, and the pipeline as it was afterwards."""
    family = FAMILIES["stable-diffusion-3"]
    pipe: Any = family.tiny()
    t5, device, captions = pipe.text_encoder_3, torch.device("cpu"), ["a cat and a dog", "a red car"]
    plain = family.text_inputs(pipe, captions, 128, 128)
    asked: list[int] = []
    t5.register_forward_hook(lambda _, given, __: asked.append(len(given[0])))
    for learning in (True, False):
        asked.clear()
        texts = Texts(pipe, family, 128, 128, device, learning)
        texts.settle([*captions, captions[0]])
        for _ in range(2):
            found = texts(captions)
            for key, value in plain.items():
                torch.testing.assert_close(found[key], value)
        assert found["encoder_hidden_states"].requires_grad == learning
        assert sum(asked) == len(captions)
        texts.release()
        assert pipe.text_encoder_3 is t5


def tracked(folder: Path) -> dict[tuple[str, int], float]:
    """(name, step) → what TensorBoard would show; its files are records of length, check, event, check."""
    found = {}
    (file,) = folder.rglob("events.out.tfevents.*")
    data = memoryview(file.read_bytes())
    while data:
        (length,) = struct.unpack("<Q", data[:8])
        event = Event.FromString(data[12 : 12 + length])
        found |= {(value.tag, event.step): value.simple_value for value in event.summary.value}
        data = data[16 + length :]
    return found


def test_half_precision_learns_in_bfloat16(model_folder: Folder, picture_folder: Path, tmp_path: Path) -> None:
    """Maps, terms and LoRA stay float32: the teacher is the probe there too."""
    more = {"mixed_precision": "bf16", "report_to": "tensorboard"}
    train(settings_for(model_folder("stable-diffusion"), picture_folder, tmp_path, **more))
    rows = read(tmp_path)
    told = tracked(tmp_path)
    for row in rows:
        assert told["loss", int(row["step"])] == pytest.approx(float(row["loss"]), rel=1e-5)
    assert all(math.isfinite(float(value)) for row in rows for value in row.values())
    assert {value.dtype for value in load_file(tmp_path / lora.WEIGHTS).values()} == {torch.float32}


def test_maps_are_float32_under_autocast(family: Family, pipe, picture_folder: Path) -> None:
    learner, _ = learner_for(family, pipe, picture_folder)
    learner.autocast = lambda: torch.autocast("cpu", torch.bfloat16)
    with watching(learner.denoiser, family, learner.sites, [learner.data.words[0]]) as watch:
        noise = torch.randn(learner.data.latents[:1].shape)
        with torch.no_grad(), learner.autocast():
            watch(noise, torch.tensor([500.0]), family.text_inputs(pipe, ["a cat and a dog"], 128, 128))
        maps = watch.take()
    assert {value.dtype for value in maps.values()} == {torch.float32}


def test_a_gradient_that_is_not_finite_ends_it_before_it_harms(
    model_folder: Folder, picture_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_for(model_folder("stable-diffusion"), picture_folder, tmp_path, max_train_steps=3)
    whole = Accelerator.clip_grad_norm_
    calls = iter(range(10))

    def broken(self: Accelerator, parameters: Any, *rest: Any) -> Any:
        norm = whole(self, parameters, *rest)
        return norm * math.inf if next(calls) == 1 else norm

    monkeypatch.setattr(Accelerator, "clip_grad_norm_", broken)
    with pytest.raises(StudioError, match="gradient is not finite at step 2"):
        train(settings.model_copy(update={"checkpointing_steps": 1}))
    assert [one.name for one in checkpoints.listed(tmp_path)] == ["checkpoint-1"]


def test_going_on_from_an_earlier_checkpoint_is_a_new_branch(
    model_folder: Folder, picture_folder: Path, tmp_path: Path
) -> None:
    settings = settings_for(
        model_folder("stable-diffusion"), picture_folder, tmp_path, max_train_steps=3, checkpointing_steps=1,
        checkpoints_total_limit=3, ctcal=False,
    )  # fmt: skip
    train(settings)
    first = tmp_path / "checkpoint-1"
    train(settings.model_copy(update={"resume_from_checkpoint": str(first), "checkpointing_steps": 1}))
    assert [checkpoints.step_of(one) for one in checkpoints.listed(tmp_path)] == [1, 2, 3]
    train(settings.model_copy(update={"resume_from_checkpoint": str(first), "max_train_steps": 2}))
    assert [checkpoints.step_of(one) for one in checkpoints.listed(tmp_path)] == [1, 2]
    with pytest.raises(InputError, match="another use ema"):
        train(settings.model_copy(update={"resume_from_checkpoint": "latest", "use_ema": True}))
    elsewhere = settings.model_copy(update={"resume_from_checkpoint": str(first), "output_dir": str(tmp_path / "b")})
    with pytest.raises(InputError, match="another training"):
        train(elsewhere)


def test_going_on_with_other_data_is_refused(model_folder: Folder, picture_folder: Path, tmp_path: Path) -> None:
    """The order of training follows the captions: with others it would not go on as it began."""
    data = tmp_path / "data"
    shutil.copytree(picture_folder, data)
    settings = settings_for(model_folder("stable-diffusion"), data, tmp_path / "out", max_train_steps=2, ctcal=False)
    train(settings)
    metadata = data / "metadata.jsonl"
    kept = metadata.read_text()
    metadata.write_text(kept.replace('"text": "', '"text": "a photo of ', 1))
    again = settings.model_copy(update={"resume_from_checkpoint": "latest", "max_train_steps": 3})
    with pytest.raises(InputError, match="other captions or rewards"):
        train(again)
    metadata.write_text(kept)
    train(again)
    assert [checkpoints.step_of(one) for one in checkpoints.listed(tmp_path / "out")][-1] == 3


@pytest.mark.parametrize("name", ["stable-diffusion", "stable-diffusion-3"])
def test_what_is_looked_at_is_what_training_draws(name: str, picture_folder: Path) -> None:
    """The premise is asked of teachers as training draws them, below the student."""
    family = FAMILIES[name]
    pipe = family.tiny()
    asked: list[float] = []

    class Listening(Learner):
        def teacher(self, watch, latents, noise, t_tea, text):  # type: ignore[no-untyped-def]
            asked.append(float(t_tea[0]))
            return super().teacher(watch, latents, noise, t_tea, text)

    for teacher in ("auto", "random", "100"):
        settings = settings_for(Path("x"), picture_folder, Path("x"), teacher=teacher)
        data = encode(pipe, family, str(picture_folder), 128, 128)
        learner = Listening(pipe, family, settings, data, torch.device("cpu"))
        learner.pair()
        low, high = asked[-2:]
        drawn_ones = torch.cat([learner.batch([0], step).t_tea for step in range(200)])
        assert drawn_ones.min() <= low <= drawn_ones.max()
        assert low < high
        assert (low == 0) == (teacher == "auto" and name == "stable-diffusion")
    with pytest.raises(SettingError, match="no more than its student"):
        Learner(pipe, family, settings.model_copy(update={"teacher": "900"}), data, torch.device("cpu"))


def test_rewards_stand_by_path_and_must_differ(model_folder: Folder, picture_folder: Path, tmp_path: Path) -> None:
    inside = tmp_path / "data" / "sub"
    inside.mkdir(parents=True)
    rows = []
    for number, reward in enumerate((0.1, 0.9)):
        (inside / f"{number}.png").write_bytes((picture_folder / f"{number}.png").read_bytes())
        rows.append(json.dumps({"file_name": f"sub/{number}.png", "text": "a cat", "reward": reward}))
    metadata = inside.parent / "metadata.jsonl"
    metadata.write_text("\n".join(rows))
    assert [one.reward for one in examples(str(inside.parent))] == [0.1, 0.9]
    asked = {"ctcal": False, "reward_weights": True}
    with pytest.raises(SettingError, match="no rewards that differ"):
        preflight(settings_for(model_folder("stable-diffusion"), Path("scenes:4"), tmp_path / "out", **asked))
    metadata.write_text(rows[0].replace("0.1", '"good"'))
    for bad in ('"good"', "-0.7", "NaN", "Infinity"):
        metadata.write_text(rows[0].replace("0.1", bad))
        with pytest.raises(InputError, match="Write a number from 0 on"):
            list(examples(str(inside.parent)))


def test_two_processes_learn_together(model_folder: Folder, picture_folder: Path, tmp_path: Path) -> None:
    """Two gloo processes of one picture each do what one of two does."""
    common = ["train", "--model", str(model_folder("stable-diffusion")), "--data", str(picture_folder)]
    common += ["--resolution", "128", "--device", "cpu", "--max-train-steps", "2", "--learning-rate", "0.01"]
    run = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "-m", "t2i_studio.cli", *common]
    done = subprocess.run(
        [*run, "--train-batch-size", "1", "--output-dir", str(tmp_path / "two")],
        capture_output=True, text=True, timeout=200, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert (tmp_path / "two" / lora.WEIGHTS).exists()
    found = checkpoints.read(tmp_path / "two", "latest")
    assert found is not None
    assert found[1]["world"] == 2
    # The first step's numbers are means over both processes' pictures: here they are worked out alone.
    family = FAMILIES["stable-diffusion"]
    settings = settings_for(Path("x"), picture_folder, Path("x"), train_batch_size=1)
    pipe = family.load(model_folder("stable-diffusion"), torch.float32)
    lora.put_on(pipe, family, settings.rank, True, 0)
    learner = Learner(pipe, family, settings, encode(pipe, family, str(picture_folder), 128, 128), torch.device("cpu"))
    wanted = 0.0
    for rank, index in enumerate(order(0, len(learner.data.captions), 0, 2)):
        with learner.losses(learner.batch([index], 0, 0, rank)) as losses:
            wanted += float(losses["diffusion"].detach().mean()) / 2
    assert float(read(tmp_path / "two")[0]["diffusion"]) == pytest.approx(wanted, rel=1e-4)


def test_a_renamed_checkpoint_is_refused_and_nothing_is_lost(
    model_folder: Folder, picture_folder: Path, tmp_path: Path
) -> None:
    given = settings_for(model_folder("stable-diffusion"), picture_folder, tmp_path / "out", ctcal=False)
    train(given)
    before = numbers(tmp_path / "out")
    shutil.copytree(tmp_path / "out" / "checkpoint-2", tmp_path / "out" / "best")
    with pytest.raises(InputError, match="no checkpoint"):
        train(given.model_copy(update={"resume_from_checkpoint": str(tmp_path / "out" / "best")}))
    assert checkpoints.listed(tmp_path / "out") == [tmp_path / "out" / "checkpoint-2"]
    assert numbers(tmp_path / "out") == before


def test_order_is_a_shuffle_each_round_and_needs_no_state() -> None:
    whole = order(3, 5, 0, 20)
    assert [sorted(whole[i : i + 5]) for i in range(0, 20, 5)] == [[0, 1, 2, 3, 4]] * 4
    assert whole[:5] != whole[5:10]
    assert order(3, 5, 7, 6) == whole[7:13]
    assert order(4, 5, 0, 20) != whole


def test_learning_rates() -> None:
    settings = TrainSettings.checked(max_train_steps=10, lr_warmup_steps=2, lr_scheduler="cosine")
    assert [rate_at(s, settings) for s in (0, 1, 2, 6)] == pytest.approx([0.5, 1, 1, 0.5])
    assert rate_at(9, TrainSettings.checked(max_train_steps=10)) == 1


def test_a_folder_is_not_overwritten(model_folder: Folder, picture_folder: Path, tmp_path: Path) -> None:
    settings = settings_for(model_folder("stable-diffusion"), picture_folder, tmp_path)
    train(settings)
    with pytest.raises(InputError, match="holds a training already"):
        train(settings)
    with pytest.raises(InputError, match="another rank"):
        train(settings.model_copy(update={"rank": 8, "resume_from_checkpoint": "latest"}))


def test_a_loss_that_is_not_finite_ends_it(model_folder: Folder, picture_folder: Path, tmp_path: Path) -> None:
    class Breaking(Watcher):
        def sample(self, step: int, pipe: Any) -> None:
            if step == 2:
                next(p for p in pipe.unet.parameters() if p.requires_grad).data.fill_(math.nan)

    settings = settings_for(
        model_folder("stable-diffusion"), picture_folder, tmp_path, max_train_steps=4, validation_steps=2,
        checkpointing_steps=2,
    )  # fmt: skip
    with pytest.raises(StudioError, match="not finite at step 3"):
        train(settings, Breaking())
    assert [one.name for one in checkpoints.listed(tmp_path)] == ["checkpoint-2"]


def test_checkpoints_that_lie_there_need_no_new_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A training that goes on replaces its own."""
    settings = settings_for(Path("x"), Path("x"), tmp_path, checkpoints_total_limit=2)
    learning = 1000
    each = 3 * 4 * learning
    free = SimpleNamespace(free=each + 4 * learning)
    monkeypatch.setattr(finetune.shutil, "disk_usage", lambda _: free)
    with pytest.raises(StorageError, match="will take"):
        finetune._room_for_checkpoints(tmp_path, settings, learning)
    for step in (5, 10):
        checkpoints.write(tmp_path, step, {"a": torch.ones(each // 4)}, keep=2)
    finetune._room_for_checkpoints(tmp_path, settings, learning)


def test_half_precision_needs_a_gpu(picture_folder: Path, model_folder: Folder, tmp_path: Path) -> None:
    settings = settings_for(model_folder("stable-diffusion"), picture_folder, tmp_path, mixed_precision="fp16")
    with pytest.raises(SettingError, match="fp16") as caught:
        preflight(settings)
    assert caught.value.name == "mixed_precision"


def test_a_full_disk_leaves_the_last_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoints.write(tmp_path, 5, {"a": torch.ones(2)}, keep=2)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(StorageError, match="No space left"):
        checkpoints.write(tmp_path, 10, {"a": torch.ones(2)}, keep=2)
    found = checkpoints.read(tmp_path, "latest")
    assert found is not None
    assert found[0] == 5
    assert list(tmp_path.glob(".*")) == []


def test_old_checkpoints_go(tmp_path: Path) -> None:
    for step in (1, 2, 10):
        checkpoints.write(tmp_path, step, {"step": step}, keep=2)
    assert [one.name for one in checkpoints.listed(tmp_path)] == ["checkpoint-2", "checkpoint-10"]
    (tmp_path / "checkpoint-10" / checkpoints.STATE).write_bytes(b"broken")
    with pytest.raises(InputError, match="checkpoint-10 is damaged"):
        checkpoints.read(tmp_path, "latest")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--config", "no-such"], "no preset 'no-such'"),
        (["--rank", "0"], "Rank is '0'"),
        (["--data", "scenes:none"], "names no scenes"),
        (["--data", "/no/such/folder"], "no folder"),
        (["--teacher", "soon"], "Teacher is 'soon'"),
    ],
)
def test_bad_requests_say_what_to_do(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str], model_folder: Folder, tmp_path: Path
) -> None:
    base = ["--model", str(model_folder("stable-diffusion")), "--resolution", "128", "--device", "cpu"]
    assert main(["train", *base, "--output-dir", str(tmp_path), *arguments]) != 0
    assert said in capsys.readouterr().err


def test_accumulating_is_one_larger_batch(model_folder: Folder, picture_folder: Path) -> None:
    """Two parts of two pictures are one batch of four, but for their noise."""
    family = FAMILIES["stable-diffusion"]
    data: list[Encoded] = []

    def training(**changes: Any) -> Training:
        pipe = family.tiny()
        settings = settings_for(model_folder("stable-diffusion"), picture_folder, Path("x"), ctcal=False, **changes)
        data.append(encode(pipe, family, str(picture_folder), 128, 128))
        return Training(pipe, family, settings, data[-1], Path("x"), Accelerator(cpu=True))

    parts = training(gradient_accumulation_steps=2)
    seen = [parts._batch(3, part).indices for part in range(2)]
    whole = training(train_batch_size=4)
    assert (*seen[0], *seen[1]) == whole._batch(3, 0).indices
