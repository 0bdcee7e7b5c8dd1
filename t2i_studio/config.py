"""Settings: one pydantic definition gives validation, YAML files, CLI flags and page controls.

Knows names, ranges and defaults. Knows nothing of models or pages.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from .errors import SettingError

ROOT = Path(__file__).resolve().parent.parent
ASSETS = ROOT / "assets"
"""Models, sprites and pictures that ship."""
CONFIGS = ROOT / "configs"
DEFAULT_MODEL = "emoji-unet"
PRACTICE_MODEL = "emoji-unet-early"
"""Where guidance and fine-tunes begin: it still forgets and mixes subjects, which `DEFAULT_MODEL` hardly does."""
LONGEST_PROMPT = 20_000
"""Characters."""
MAX_SEED = 2**32 - 1
MAX_PIXELS = 4096 * 4096


def home() -> Path:
    """Where runs and training states are kept: `T2I_STUDIO_HOME`, else `~/.t2i-studio`."""
    return Path(os.environ.get("T2I_STUDIO_HOME") or Path.home() / ".t2i-studio").expanduser()


class Settings(BaseModel):
    """Base of all settings: frozen; an unknown key raises with the nearest valid name."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    @classmethod
    def checked(cls, **values: Any) -> Self:
        """Build from values, raising `SettingError` that names the setting, its range and a remedy."""
        unknown = [k for k in values if k not in cls.model_fields]
        if unknown:
            near = difflib.get_close_matches(unknown[0], cls.model_fields, n=1)
            hint = f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(cls.model_fields)}."
            raise SettingError(f"Unknown setting {unknown[0]!r}.", hint, name=unknown[0])
        try:
            return cls(**values)
        except ValidationError as error:
            raise _readable(cls, error) from None

    @classmethod
    def from_yaml(cls, file: Path) -> Self:
        """Read overrides from a YAML file."""
        try:
            raw = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
        except (OSError, yaml.YAMLError) as error:
            raise SettingError(f"{file.name} can't be read: {error}", "Check the file.") from None
        if not isinstance(raw, dict):
            raise SettingError(f"{file.name} holds no settings.", "Write one `name: value` a line.")
        return cls.checked(**raw)


_OUT_OF_RANGE = {"greater_than_equal", "less_than_equal"}


def _range(cls: type[Settings], name: str) -> str:
    """ "must be 1 to 1000", from the field's own limits."""
    limits = {type(m).__name__: m for m in cls.model_fields[name].metadata}
    low, high = getattr(limits.get("Ge"), "ge", None), getattr(limits.get("Le"), "le", None)
    return f"must be {low} to {high}" if low is not None and high is not None else ""


def _readable(cls: type[Settings], error: ValidationError) -> SettingError:
    first = error.errors()[0]
    name = str(first["loc"][0]) if first["loc"] else ""
    label = name.replace("_", " ") or "The settings"
    value = first.get("input")
    shown = "" if not name or isinstance(value, dict) else f" is {str(value)[:60]!r}"
    reason = _range(cls, name) if first["type"] in _OUT_OF_RANGE else ""
    reason = reason or first["msg"].removeprefix("Value error, ").rstrip(".")
    info = cls.model_fields[name].description if name in cls.model_fields else ""
    return SettingError(f"{label.capitalize()}{shown}: {reason}.", info or "", name=name)


class MapSettings(Settings):
    """What generating and inspecting share: the words, the model, what is recorded, the machine."""

    prompt: str = Field("", max_length=LONGEST_PROMPT, description="What to paint.")
    model: str = Field(
        DEFAULT_MODEL,
        min_length=1,
        description="A name from the list, a diffusers folder, a hub id, or a .safetensors file.",
    )
    seed: int = Field(0, ge=0, le=MAX_SEED, description=f"Start of the noise, 0 to {MAX_SEED}.")
    width: int = Field(512, ge=64, le=4096, multiple_of=8, description="Pixels, a multiple of 8.")
    height: int = Field(512, ge=64, le=4096, multiple_of=8, description="Pixels, a multiple of 8.")
    nouns: tuple[str, ...] | None = Field(None, description="Words to map instead of the nouns found by the parser.")
    maps_of: str = Field(
        "nouns", pattern="^(nouns|words|tokens)$",
        description="A map each of the `nouns`, of all `words`, or of all `tokens` with start, end and padding.",
    )  # fmt: skip
    sites: str = Field(
        "grid", pattern="^(grid|all)$", description="Layers to record: `grid` (the family's loss grid) or `all`."
    )
    heads: bool = Field(False, description="Also keep every attention head (larger files).")
    renormalise: bool = Field(
        False, description="Share attention among the prompt's own tokens; padding, and in SD 3 the picture, left out."
    )
    lora: str = Field("", description="A LoRA folder or .safetensors file to add.")
    lora_scale: float = Field(1.0, ge=-4.0, le=4.0, allow_inf_nan=False, description="Strength of the LoRA, -4 to 4.")
    device: str = Field("auto", description="auto, cpu, cuda, cuda:1, mps.")
    dtype: str = Field("auto", pattern="^(auto|float32|float16|bfloat16)$", description="Number format of the weights.")
    offload: str = Field(
        "none", pattern="^(none|model|sequential)$", description="Move parts to the CPU to save GPU memory."
    )
    language: str = Field("en", pattern="^[a-z]{2,3}(-[a-z]+)?$", description="Language of the prompt (Stanza code).")


class GenerateSettings(MapSettings):
    """Everything that decides one picture and its maps; kept with the run, enough to remake it."""

    negative_prompt: str = Field("", max_length=LONGEST_PROMPT, description="What to keep out of the picture.")
    steps: int = Field(30, ge=1, le=1000, description="Denoising steps, 1 to 1000.")
    guidance_scale: float = Field(
        7.5, ge=0.0, le=50.0, allow_inf_nan=False,
        description="Weight of the prompt (classifier-free guidance), 0 to 50; 1 is off.",
    )  # fmt: skip
    scheduler: str = Field("", description="A diffusers scheduler, e.g. DDIMScheduler; empty keeps the model's own.")
    guide: str = Field(
        "", description="Guidance: ai-t2i, ai-t2i-robust, attend-and-excite, syngen, boxdiff; empty: none."
    )
    guide_strength: float = Field(
        1.0, ge=0.0, le=20.0, allow_inf_nan=False, description="Factor of the guidance's steps, 0 to 20; 0 is none."
    )
    guide_weights: tuple[str, ...] = Field((), description="Dials of the method, e.g. aggregation=1.25.")
    attributes: tuple[str, ...] = Field(
        (),
        description="What describes a noun, for guidance, instead of what the parser found, e.g. car:red; car: none.",
    )
    boxes: tuple[str, ...] = Field(
        (), description="Where nouns should stand, e.g. cat:0.05,0.3,0.45,0.9 (left, top, right, bottom of 1)."
    )


def _noise_first(values: Any) -> Any:
    """Time runs from noise to picture; a noise level is looked at once."""
    if isinstance(values, list | tuple | set):
        return tuple(sorted({float(value) for value in values}, reverse=True))
    return values


class InspectSettings(MapSettings):
    """Everything that decides the maps of a picture that exists already; `prompt` is its caption."""

    timesteps: tuple[Annotated[float, Field(ge=0, allow_inf_nan=False)], ...] = Field(
        tuple(float(t) for t in range(950, 0, -100)), min_length=1, max_length=1000,
        description="Noise levels to look at: timesteps from 0, the picture, to the model's last, pure noise.",
    )  # fmt: skip

    @property
    def steps(self) -> int:
        """How often the model looks."""
        return len(self.timesteps)

    _noise_first = field_validator("timesteps", mode="before")(_noise_first)


PROBED = (0, 25, 50, 100, 200, 300, 400, 500, 600, 700, 800, 850, 900, 950, 990)


class ProbeSettings(MapSettings):
    """Everything that decides a probe, but for the picture."""

    timesteps: tuple[Annotated[float, Field(ge=0, allow_inf_nan=False)], ...] = Field(
        tuple(float(t) for t in sorted(PROBED, reverse=True)), min_length=2, max_length=200,
        description="Noise levels to look at: timesteps from 0, the picture, to the model's last, pure noise.",
    )  # fmt: skip
    t_tea: float = Field(0.0, ge=0, allow_inf_nan=False, description="The teacher's timestep: little noise.")
    t_stu: float = Field(900.0, ge=0, allow_inf_nan=False, description="The student's timestep: much noise.")
    together: int = Field(8, ge=1, le=256, description="Noise levels in one pass; fewer need less memory.")

    _noise_first = field_validator("timesteps", mode="before")(_noise_first)

    @property
    def steps(self) -> int:
        """How many noise levels."""
        return len(self.levels)

    @property
    def levels(self) -> tuple[float, ...]:
        """All noise levels, noise to picture; teacher's and student's among them."""
        return tuple(sorted({*self.timesteps, self.t_tea, self.t_stu}, reverse=True))


class EvaluateSettings(Settings):
    """What an evaluation is of; `ways` and `shared` are fields of `GenerateSettings`."""

    suite: str = Field(
        "emoji-geneval", min_length=1,
        description="emoji-geneval, attend-and-excite, attend-and-excite-tuning, attend-and-excite-test, emoji-layout, "
        "emoji-train, a .txt file with a prompt a line, a folder of them "
        "(T2I-CompBench), or GenEval's evaluation_metadata.jsonl.",
    )  # fmt: skip
    judge: str = Field(
        "emoji-matcher", min_length=1,
        description="emoji-matcher, emoji-detector, clip:WEIGHTS, clip-templates:WEIGHTS, blip-vqa:WEIGHTS, or none: "
        "pictures alone.",
    )  # fmt: skip
    seeds: int = Field(4, ge=1, le=1000, description="Pictures a prompt, 1 to 1000: seeds 0, 1, 2 …, the same for all.")
    tasks: tuple[str, ...] = Field((), description="Only these of the suite; empty: all.")
    limit: int | None = Field(None, ge=1, description="Prompts a task, the first ones; empty: all.")
    ways: dict[str, dict[str, Any]] = Field(default_factory=lambda: {"": {}}, description="Label → what makes it so.")
    search: tuple[str, ...] = Field(
        (), description="Dials to try in every guided way, in all combinations: step_size=5,10,20 window=0.25,0.5."
    )
    shared: dict[str, Any] = Field(default_factory=dict, description="What holds for all ways.")
    maps: bool = Field(False, description="Also measure the subjects' maps at every step: scatter and overlap.")
    layout: str = Field("", description="Also lay the pictures out for geneval's or t2i-compbench's own evaluator.")

    @property
    def prompt(self) -> str:
        """What the status bar calls it."""
        return f"evaluation of {Path(self.suite).name}"

    @property
    def steps(self) -> int:
        """Before it is known how many pictures there are."""
        return 1


class MakeDataSettings(Settings):
    """What data a model makes for itself; `shared` are fields of `GenerateSettings`."""

    suite: str = Field(
        "emoji-train", min_length=1,
        description="Where prompts come from: emoji-train (those meant for it), another suite, or a .txt file with a "
        "prompt a line.",
    )  # fmt: skip
    tasks: tuple[str, ...] = Field((), description="Only these of the suite; empty: all.")
    limit: int | None = Field(None, ge=1, description="Prompts a task, the first ones; empty: all.")
    per_prompt: int = Field(20, ge=1, le=10_000, description="Pictures a prompt, 1 to 10000.")
    first_seed: int = Field(
        1_000_000, ge=0, le=MAX_SEED - 10_000,
        description="Seed of a prompt's first picture; the next ones count up. Evaluations begin at 0.",
    )  # fmt: skip
    scorer: str = Field(
        "emoji-detector", min_length=1,
        description="Who says how well a picture shows its prompt: a judge or scorer of evaluations; or none.",
    )  # fmt: skip
    keep_top: int | None = Field(None, ge=1, description="Keep so many of each prompt's pictures, the best.")
    threshold: float | None = Field(
        None, allow_inf_nan=False, description="Keep what is rewarded so much or more; a judge's rewards are 0 to 1."
    )
    shared: dict[str, Any] = Field(default_factory=dict, description="How the pictures are painted.")
    output_dir: str = Field("", description="Folder of the data set.")

    @property
    def prompt(self) -> str:
        """What the status bar calls it."""
        return f"data from {Path(self.suite).name}"

    @property
    def steps(self) -> int:
        """Before it is known how many pictures there are."""
        return 1

    @property
    def model(self) -> str:
        """Whose pictures they are."""
        return str(self.shared.get("model", DEFAULT_MODEL))

    @property
    def device(self) -> str:
        """Where they are painted."""
        return str(self.shared.get("device", "auto"))


def settings_kept(values: Mapping[str, Any]) -> GenerateSettings | InspectSettings:
    """The settings that a run was made with, checked as if given now.

    Raises:
        SettingError: unknown or out of range.
    """
    return (InspectSettings if "timesteps" in values else GenerateSettings).checked(**values)


class ModelSettings(Settings):
    """A model in the list: one file in `configs/models/`."""

    family: str = Field(description="Key of `families.FAMILIES`.")
    source: str = Field(description="Folder (relative ones below the project), hub id or file.")
    title: str = Field("", description="One line about it.")
    defaults: dict[str, Any] = Field(default_factory=dict, description="Overrides of generation settings.")
    dials: dict[str, dict[str, float | bool]] = Field(
        default_factory=dict, description="Guidance method → its dials here, as a search found them."
    )


def known_models() -> dict[str, ModelSettings]:
    """Models by name, from `configs/models/*.yaml` and the same folder below `home()`."""
    files = sorted((CONFIGS / "models").glob("*.yaml")) + sorted((home() / "models").glob("*.yaml"))
    return {file.stem: ModelSettings.from_yaml(file) for file in files}
