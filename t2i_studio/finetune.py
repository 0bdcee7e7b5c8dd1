"""One fine-tune: settings become a folder with a LoRA or model that loads anywhere, its log, samples and card.

DIR/pytorch_lora_weights.safetensors   for diffusers (kohya_lora_weights.safetensors beside it for U-Nets)
DIR/model/                             instead, where all weights learnt: a pipeline
DIR/settings.yaml  log.csv  README.md  curves.png  premise.json
DIR/samples/step-000050-0.png          fixed prompts and seeds while it learnt
DIR/checkpoint-N/                      what going on exactly needs
"""

from __future__ import annotations

import datetime
import gc
import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import yaml
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import is_tensorboard_available

from .card import PREMISE, write_card
from .config import GenerateSettings, home
from .errors import InputError, SettingError, StorageError
from .families import FAMILIES
from .generation import enough_memory
from .models import pick_device, resolve, source_of
from .paths import typed
from .runs import storing
from .training import checkpoints, lora, whole
from .training.data import count_examples, encode, has_rewards
from .training.loop import Training, Watcher
from .training.settings import IN_LORA
from .visuals import pair_image

if TYPE_CHECKING:
    from .config import ModelSettings
    from .families import Family
    from .training.learner import Learner
    from .training.settings import TrainSettings

SETTINGS = "settings.yaml"
SAMPLE_SEED = 1234
LEAST_DISK = 300 * 2**20
"""Bytes that must be free before a fine-tune begins."""
LESS = "Use a smaller train_batch_size or resolution, gradient_checkpointing, or mixed_precision bf16"
"""What helps where a fine-tune needs too much memory."""
_DTYPES = {"no": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
_CONTINUES = frozenset({"resume_from_checkpoint", "max_train_steps", "output_dir", "checkpoints_total_limit"})
"""Settings that may differ when a training goes on."""


def train(settings: TrainSettings, watcher: Watcher | None = None) -> Path:
    """Fine-tune, write everything, load it back.

    Returns:
        The folder.

    Raises:
        Cancelled: the watcher asked for it; a checkpoint was written.
        StudioError: see `training.loop`; a model, data source or folder that can't be used.
    """
    preflight(settings)
    device = pick_device(settings.device)
    if device.type == "cuda" and "LOCAL_RANK" not in os.environ:
        torch.cuda.set_device(device.index or 0)
    accelerator = Accelerator(
        mixed_precision=settings.mixed_precision, cpu=device.type == "cpu",
        log_with=None if settings.report_to == "none" else settings.report_to, project_dir=_folder(settings),
    )  # fmt: skip
    folder = _folder(settings)
    try:
        if accelerator.is_main_process:
            _claim(folder, settings)
        accelerator.wait_for_everyone()
        with enough_memory(LESS):
            weights = _learn(settings, folder, accelerator, watcher or Watcher())
        accelerator.free_memory()  # it holds the optimizer, and with it all that learnt
        if accelerator.is_main_process:
            with enough_memory("What was learnt is written; it could only not be loaded back"):
                _check_files(folder, settings, weights, accelerator.device)
        accelerator.wait_for_everyone()
        accelerator.end_training()
    finally:
        # Another training in this process may want another precision or device.
        AcceleratorState._reset_state(reset_partial_state=accelerator.num_processes == 1)
    return folder


def _learn(settings: TrainSettings, folder: Path, accelerator: Accelerator, watcher: Watcher) -> dict[str, float]:
    """Train, write what was learnt and a first card. The model is let go when this returns.

    Returns:
        λ of each term, as used.

    Raises:
        SettingError: a model of another kind than its name says, or a size it can't be taught at.
    """
    model = resolve(settings.model)
    family = FAMILIES[model.family]
    pipe: Any = family.load(source_of(model), _DTYPES[settings.mixed_precision])
    if not family.is_denoised_by(pipe):
        raise SettingError(f"{settings.model} is not of the family {family.name}.", "Name its family in YAML.", "model")
    pipe.set_progress_bar_config(disable=True)
    pipe.to(accelerator.device)
    width, height = _size(settings, model, family, pipe)
    data = encode(pipe, family, settings.data, width, height, settings.tokens, settings.language)
    defaults = GenerateSettings.checked(**model.defaults)
    sampler = _Sampler(watcher, accelerator, settings, family, folder, (width, height), defaults)
    training = Training(pipe, family, settings, data, folder, accelerator)
    _room_for_checkpoints(folder, settings, sum(p.numel() for p in training.parameters))
    sampler.learner = training.learner
    training.run(sampler)
    if accelerator.is_main_process:
        with storing(folder):
            learnt = training.student.state(pipe, family)
            training.student.save(folder, pipe, family, learnt, header(settings, family, pipe, training.weights))
            write_card(folder, settings, training.weights, {})
    return training.weights


def _size(settings: TrainSettings, model: ModelSettings, family: Family, pipe: Any) -> tuple[int, int]:
    """Width and height of the pictures: as asked, else as the model is listed, else as it was made for."""
    own = family.denoiser(pipe).config.sample_size  # type: ignore[union-attr]
    side = int(own if isinstance(own, int) else own[0]) * int(pipe.vae_scale_factor)  # type: ignore[index]
    width, height = (int(settings.resolution or model.defaults.get(name, side)) for name in ("width", "height"))
    step = family.size_step(pipe)
    if width % step or height % step:
        raise SettingError(f"Resolution is {width}.", f"This model takes multiples of {step}.", "resolution")
    return width, height


def _check_files(folder: Path, settings: TrainSettings, weights: dict[str, float], device: torch.device) -> None:
    """Load what was written into a plain pipeline; what that says goes into the card."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    model = resolve(settings.model)
    family = FAMILIES[model.family]
    plain: Any = family.load(source_of(model), _DTYPES[settings.mixed_precision])
    plain.to(device)
    student = whole if settings.full_finetune else lora
    write_card(folder, settings, weights, student.check(folder, plain, family))


def preflight(settings: TrainSettings) -> None:
    """See, before anything is queued, that a fine-tune can begin: model, data, disk.

    Raises:
        ModelError, InputError, StorageError: what would stop it. `name` of an InputError is the setting.
    """
    resolve(settings.model)
    try:
        count_examples(settings.data)
    except InputError as error:
        raise SettingError(error.problem, error.remedy, "data") from None
    if settings.reward_weights and not has_rewards(settings.data):
        raise SettingError(
            "These pictures have no rewards that differ.", "Write `reward` into metadata.jsonl, or teach without.",
            "data",
        )  # fmt: skip
    if pick_device(settings.device).type == "cpu" and settings.mixed_precision == "fp16":
        raise SettingError("fp16 needs a GPU.", "Use bf16, or no.", "mixed_precision")
    _check_tracker(settings)
    free = shutil.disk_usage(_existing(_folder(settings))).free
    if free < LEAST_DISK:
        raise StorageError(
            f"Only {free / 2**20:.0f} MB are free for checkpoints.", f"Free at least {LEAST_DISK >> 20} MB."
        )


def _room_for_checkpoints(folder: Path, settings: TrainSettings, learning: int) -> None:
    """See that weights and optimizer fit the disk as often as they will lie there.

    Args:
        learning: number of weights that learn.
    """
    each = learning * 4 * (4 if settings.use_ema else 3)
    wanted = each * (settings.checkpoints_total_limit + 1) + learning * 4  # one more while the oldest still lies there
    # Going on, some of them lie there already and are replaced.
    there = sum(file.stat().st_size for one in checkpoints.listed(folder) for file in one.rglob("*") if file.is_file())
    wanted -= min(there, each * settings.checkpoints_total_limit)
    free = shutil.disk_usage(folder).free
    if free < wanted:
        raise StorageError(
            f"Checkpoints will take {wanted / 2**30:.1f} GB; {free / 2**30:.1f} GB are free.",
            "Free space, or keep fewer checkpoints.",
        )


def _check_tracker(settings: TrainSettings) -> None:
    """Accelerate leaves a tracker out silently where its package is missing."""
    if settings.report_to != "none" and not is_tensorboard_available():
        raise SettingError("tensorboardX is not installed.", "pip install tensorboardX, or choose none.", "report_to")


def _existing(folder: Path) -> Path:
    return next((f for f in (folder, *folder.parents) if f.exists()), Path("/"))


def _folder(settings: TrainSettings) -> Path:
    return Path(settings.output_dir).expanduser() if settings.output_dir else home() / "loras" / "latest"


def _claim(folder: Path, settings: TrainSettings) -> None:
    """Make the folder, or see that what is in it is this training's.

    Raises:
        InputError: it holds another training, or one that was not asked to go on.
        StorageError: it can't be written.
    """
    kept = folder / SETTINGS
    if kept.is_file():
        old = type(settings).from_yaml(kept)
        if not settings.resume_from_checkpoint:
            raise InputError(
                f"{folder} holds a training already.", "Add --resume-from-checkpoint latest, or name another folder."
            )
        other = [n for n in type(settings).model_fields if getattr(old, n) != getattr(settings, n)]
        changed = [n for n in other if n not in _CONTINUES]
        if changed:
            raise InputError(
                f"{folder} holds a training with another {changed[0].replace('_', ' ')}.",
                "Resume with its own settings, or name another folder.",
            )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        kept.write_text(yaml.safe_dump(settings.model_dump(mode="json"), sort_keys=False), encoding="utf-8")
    except OSError as error:
        raise StorageError(f"{folder} can't be written: {error.strerror}.", "Name another folder.") from error


class _Sampler(Watcher):
    """Hands everything on, and paints the fixed prompts when it is time."""

    def __init__(
        self, inner: Watcher, accelerator: Accelerator, settings: TrainSettings, family: Family, folder: Path,
        size: tuple[int, int], defaults: GenerateSettings,
    ) -> None:  # fmt: skip
        self._inner, self._accelerator, self._settings = inner, accelerator, settings
        self._family, self._folder, self._size, self._defaults = family, folder, size, defaults
        self.wants_stop = inner.wants_stop
        self.learner: Learner | None = None
        if settings.report_to != "none" and accelerator.is_main_process:
            accelerator.init_trackers("t2i-studio")

    def step(self, step: int, num_steps: int, row: dict[str, float]) -> None:
        """To the tracker too."""
        if self._settings.report_to != "none":
            self._accelerator.log({k: v for k, v in row.items() if k != "step"}, step=step)
        self._inner.step(step, num_steps, row)

    def premise(self, ratio: float) -> None:
        """Into the folder, for the card."""
        with storing(self._folder):
            (self._folder / PREMISE).write_text(json.dumps({"ratio": round(ratio, 3)}), encoding="utf-8")
        self._inner.premise(ratio)

    def sample(self, step: int, pipe: Any) -> None:
        """The same prompts and seeds every time."""
        folder = self._folder / "samples"
        for number, prompt in enumerate(self._settings.validation_prompts):
            folder.mkdir(exist_ok=True)
            generator = torch.Generator("cpu").manual_seed(SAMPLE_SEED + number)
            image = pipe(
                prompt, num_inference_steps=self._defaults.steps, guidance_scale=self._defaults.guidance_scale,
                width=self._size[0], height=self._size[1], generator=generator, **self._family.call_options(pipe),
            ).images[0]  # fmt: skip
            _save_whole(image, folder / f"step-{step:06d}-{number}.png")
        pair = self.learner.pair() if self.learner is not None else None
        if pair is not None:
            (self._folder / "maps").mkdir(exist_ok=True)
            _save_whole(pair_image(*pair), self._folder / "maps" / f"step-{step:06d}.png")
        self._inner.sample(step, pipe)


def _save_whole(image: Any, file: Path) -> None:
    """Whoever looks meanwhile sees all of it or nothing."""
    draft = file.with_name(f".{file.name}")
    image.save(draft, format="PNG")
    draft.replace(file)


def header(settings: TrainSettings, family: Family, pipe: Any, weights: dict[str, float]) -> dict[str, str]:
    """Keys of the LoRA's header: ModelSpec 1.0.1, and ours."""
    now = datetime.datetime.now(datetime.UTC)
    architectures = {
        "stable-diffusion": "stable-diffusion-v1", "stable-diffusion-xl": "stable-diffusion-xl-v1-base",
        "stable-diffusion-3": "stable-diffusion-3",
    }  # fmt: skip
    architecture = architectures.get(family.name, family.name)
    if family.name == "stable-diffusion" and pipe.unet.config.cross_attention_dim == 1024:
        architecture = f"stable-diffusion-v2-{'768-v' if 'v_' in pipe.scheduler.config.prediction_type else '512'}"
    return {
        "modelspec.sai_model_spec": "1.0.1",
        "modelspec.architecture": f"{architecture}/lora",
        "modelspec.implementation": "diffusers",
        "modelspec.title": f"{settings.model} {'CTCal' if settings.ctcal else 'LoRA'}",
        "modelspec.date": now.isoformat(timespec="seconds"),
        IN_LORA: settings.model_dump_json(),
        "t2i_studio.weights": repr(weights),
    }


def preset(name: str) -> Path:
    """The file of a preset by name.

    Raises:
        InputError: there is none.
    """
    from .config import CONFIGS

    file = typed(name)
    if file.is_file():
        return file
    inside = CONFIGS / "training" / f"{Path(name).stem}.yaml"
    if inside.is_file():
        return inside
    known = ", ".join(sorted(f.stem for f in (CONFIGS / "training").glob("*.yaml")))
    raise InputError(f"There is no preset {name!r}.", f"Known: {known}; or give a YAML file.")
