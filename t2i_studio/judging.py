"""A suite painted in several ways and judged: pictures and verdicts in folders that can be gone on with.

Knows models and judges, not who asked: command line and page follow the same `Evaluation`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from .errors import InputError, SettingError
from .evaluation import (
    BATCH,
    NAMES,
    NO_JUDGE,
    Changes,
    Compared,
    Judged,
    Painted,
    StepRow,
    by_step,
    changes,
    check_fits,
    check_layout,
    choose_items,
    choose_judge,
    compare,
    evaluate,
    lay_out,
    picture_name,
)
from .generation import Listener, check_lora, paint
from .guidance import choose_method, read_attributes, read_boxes, read_weights
from .guidance.schedulers import check_scheduler
from .metrics import measure, scatter
from .paths import typed
from .recording import BatchMaps
from .runs import storing
from .searching import all_trials, choose, read_axes, trials
from .visuals import Pair, Section, contact_sheet
from .ways import safe_name, write_ways

if TYPE_CHECKING:
    from PIL import Image

    from .config import EvaluateSettings, GenerateSettings
    from .evaluation import Item
    from .models import LoadedModel
    from .searching import Chosen, Ways
    from .types import Maps

Progress = Callable[[int, int, str], None]
SHOWN = 24
"""Pairs of a sheet's section."""
PIXELS = 8 * 512 * 512
"""Of the pictures that an accelerator paints at once: eight of Stable Diffusion's, two of SDXL's."""
MOST = 64
"""Pictures at once, however small."""


class Evaluation:
    """One comparison, before, while and after it is painted. Read it from any thread.

    Args:
        asked: suite, judge, seeds, and what each way is.
        settings: makes a way's fields into checked settings of one picture.
        home: where folders are made that nobody named.
        out: folder with one folder a way; with a single way that has no label, that way's folder itself.
        progress: called with pictures done, all pictures, and the prompt.

    Raises:
        InputError: whatever can be told before anything is painted.
    """

    def __init__(
        self, asked: EvaluateSettings, settings: Callable[..., GenerateSettings], home: Path, out: Path | None = None,
        progress: Progress | None = None,
    ) -> None:  # fmt: skip
        if not asked.ways:
            raise InputError("There is nothing to compare.", "Name at least one way of painting.")
        self.asked, self.home, self.out, self.progress = asked, home, out, progress
        self.items: tuple[Item, ...] = choose_items(asked.suite, asked.tasks, asked.limit)
        if asked.layout:
            check_layout(asked.layout, self.items)
        check_fits(self.items, asked.judge)
        self.tried: dict[str, Ways] = trials(asked.ways, read_axes(asked.search)) if asked.search else {}
        """Way → its trials by label, in a search."""
        if self.tried and asked.judge == NO_JUDGE:
            raise SettingError("Pictures that nobody judges have no best.", "Choose a judge or scorer.", "judge")
        if self.tried and all(len(one) == 1 for one in self.tried.values()):
            raise SettingError(
                "There is nothing to search.", "Name guided ways, such as ai-t2i, and several values.", "search"
            )
        given = all_trials(self.tried) or asked.ways
        self.ways = {label: settings("", **{**asked.shared, **way}) for label, way in given.items()}
        for one in self.ways.values():
            self._check(one)
        self._check_names()
        self.found: dict[str, list[Judged]] = {label: [] for label in self.ways}
        self.folders: dict[str, Path] = {}
        self.laid_out: list[Path] = []
        self._table: tuple[int, list[Compared]] = (0, [])

    @property
    def num_pictures(self) -> int:
        """Of all ways together."""
        return len({(item.task, item.prompt) for item in self.items}) * self.asked.seeds * len(self.ways)

    def run(self, model_of: Callable[[GenerateSettings], LoadedModel], listener: Listener | None = None) -> None:
        """Paint and judge what is not there yet, way after way.

        Raises:
            Cancelled: the listener asked for it; what is done stays.
            InputError: a folder holds the evaluation of something else.
            StudioError: a model, LoRA or judge that can't be used.
        """
        listener = listener or Listener()
        judge = choose_judge(self.asked.judge)
        for label, settings in self.ways.items():
            listener.check_cancelled()
            model = model_of(settings)
            about = {"judge": self.asked.judge, **self._measures(), **decides(model, settings)}
            folder = self.folders[label] = self._folder(label, settings, about)

            def painted(items: Sequence[Item], seeds: Sequence[int], settings: Any = settings) -> list[Painted]:
                # Asked for anew: the device may have painted something else since.
                return self._paint(items, seeds, model_of(settings), settings, listener)

            device = model.device
            del model

            def memory(device: torch.device = device) -> int | None:
                return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else None

            for one in evaluate(
                self.items, painted, judge, self.asked.seeds, folder, about, memory, at_once(device, settings)
            ):
                self.found[label].append(one)
                self._tell(one.prompt)
                listener.check_cancelled()
            if self.asked.layout:
                self.laid_out.append(self._lay_out(label, folder))

    def _check_names(self) -> None:
        """No two ways may paint into one folder."""
        names: dict[str, str] = {}
        for label in self.ways:
            other = names.setdefault(safe_name(label), label)
            if other != label:
                raise SettingError(f"The ways {other!r} and {label!r} would share a folder.", "Rename one.", "ways")

    def _check(self, settings: GenerateSettings) -> None:
        """Raise what would be raised once it paints: no such LoRA, and what guidance can't do."""
        if settings.lora:
            check_lora(settings.lora)
        if not settings.guide:
            return
        check_scheduler(settings.scheduler)
        read_boxes(settings.boxes)
        read_attributes(settings.attributes)
        method = choose_method(settings.guide, **read_weights(settings.guide_weights))
        if method.needs_boxes and not settings.boxes and not all(item.boxes for item in self.items):
            raise SettingError(
                f"{settings.guide} needs boxes, which this suite has none of.",
                "Choose the suite emoji-layout, or another method.",
                "guide",
            )

    def _paint(
        self, items: Sequence[Item], seeds: Sequence[int], model: LoadedModel, settings: GenerateSettings,
        listener: Listener,
    ) -> list[Painted]:  # fmt: skip
        """Pictures of some items, with what is measured on their maps."""
        if model.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(model.device)
        prompts = [item.prompt for item in items]
        boxes = [item.boxes for item in items] if all(item.boxes for item in items) else None
        maps = BatchMaps(model, settings, prompts, settings.steps) if self.asked.maps else None
        images = paint(model, settings, prompts, seeds, listener, boxes, maps)
        return [Painted(image, _curves(None if maps is None else maps.of(i))) for i, image in enumerate(images)]

    def seconds_left(self) -> float | None:
        """Estimate of painting and judging from the pictures so far, a way's own where it has some; else None."""
        spent = {
            way: [one.seconds + (one.judging or 0.0) for one in list(found) if one.seconds is not None]
            for way, found in self.found.items()
        }
        every = [value for values in spent.values() for value in values]
        if not every:
            return None
        each = self.num_pictures // len(self.ways)
        left = 0.0
        for way, found in self.found.items():
            known = spent[way] or every
            left += (each - len(found)) * sum(known) / len(known)
        return left

    def table(self) -> list[Compared]:
        """The ways that have pictures already, each over those that it has."""
        begun = {label: list(found) for label, found in self.found.items() if found}
        count = sum(map(len, begun.values()))
        if count != self._table[0]:  # a thousand pictures in five ways take half a second
            self._table = count, compare(begun)
        return self._table[1]

    def chosen(self) -> list[Chosen]:
        """The best trial of each way of a search, over the pictures that it has."""
        chosen = choose(self.tried, {label: list(found) for label, found in self.found.items()})
        return [replace(one, settings={**one.settings, **self._dials(one.trial)}) for one in chosen]

    def _dials(self, trial: str) -> dict[str, Any]:
        """All dials that a trial was painted with, those that its model brought among them."""
        settings = self.ways[trial]
        return {"guide_weights": settings.guide_weights} if settings.guide else {}

    def keep_chosen(self, file: Path) -> list[Chosen]:
        """Write the best trials as `read_ways` reads them; returns them.

        Raises:
            StorageError: the file can't be written.
        """
        chosen, asked = self.chosen(), self.asked
        models = ", ".join(dict.fromkeys(settings.model for settings in self.ways.values()))
        note = (
            f"Chosen by {chosen[0].measure} of {asked.judge} among {', '.join(asked.search)}\n"
            f"on {asked.suite} ({len(self.items)} prompts, seeds a prompt: {asked.seeds}), model {models}."
        )
        with storing(file):
            write_ways(file, {one.way: one.settings for one in chosen}, note)
        return chosen

    def by_step(self) -> list[StepRow]:
        """Scatter and overlap of the maps at every step, where `asked.maps` had them measured.

        Raises:
            InputError: no picture has them.
        """
        rows = by_step({label: list(found) for label, found in self.found.items()})
        if not rows:
            raise InputError("No prompt of the suite names a subject.", "Choose prompts with nouns.")
        return rows

    def changes(self, label: str) -> Changes:
        """What a way made right or spoilt that the first did not."""
        return changes(list(self.found[next(iter(self.ways))]), list(self.found[label]))

    def sheet(self, label: str) -> Image.Image:
        """What a way won and lost against the first, as one picture."""
        first, told = next(iter(self.ways)), self.changes(label)

        def section(title: str, won: bool, pairs: Sequence[tuple[Judged, Judged]]) -> Section:
            shown = [
                Pair(
                    f"{after.prompt} · seed {after.seed}", _opened(self.picture(first, before)),
                    _opened(self.picture(label, after)), f"{_verdict(before, told)} → {_verdict(after, told)}",
                )
                for before, after in pairs[:SHOWN]
            ]  # fmt: skip
            return Section(title, won, len(pairs), shown)

        title = f"{label} against {first}: {told.num_pairs} pairs, by {told.measure.replace('_', ' ')}"
        return contact_sheet(
            title, first, label, [section("Wins", True, told.wins), section("Losses", False, told.losses)]
        )

    def picture(self, label: str, one: Judged) -> Path:
        """The file of a picture."""
        return self.folders[label] / picture_name(one)

    def _measures(self) -> dict[str, Any]:
        """What else decides the verdicts kept in a folder; nothing where nothing else was asked."""
        asked = {"maps": self.asked.maps, "boxes": any(item.boxes for item in self.items)}
        return {name: True for name, wanted in asked.items() if wanted}

    def _tell(self, prompt: str) -> None:
        if self.progress is not None:
            self.progress(sum(map(len, self.found.values())), self.num_pictures, prompt)

    def _folder(self, label: str, settings: GenerateSettings, about: Mapping[str, Any]) -> Path:
        if self.out is not None:
            return self.out if len(self.ways) == 1 and label == "" else self.out / safe_name(label)
        told = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:8]
        judge = self.asked.judge.partition(":")[0]
        return self.home / safe_name(f"{Path(settings.model).name}-{judge}-{settings.guide or 'plain'}-{told}")

    def _lay_out(self, label: str, folder: Path) -> Path:
        kept = {(one.task, one.prompt, one.seed): one for one in self.found[label]}

        def picture(item: Item, seed: int) -> Path:
            return folder / picture_name(kept[item.task, item.prompt, seed])

        return lay_out(self.asked.layout, self.items, self.asked.seeds, picture, folder)


def _curves(maps: Maps | None) -> dict[str, list[float]]:
    """Scatter, mean over subjects, and overlap, mean over their pairs, at every step."""
    if maps is None:
        return {}
    numbers = measure(maps)
    scattered_TN = np.stack([scatter(maps[noun]) for noun in maps.nouns], axis=1)
    found = {"timestep": list(maps.timesteps), "scatter": _rounded(scattered_TN.mean(1))}
    if numbers.pairs:
        found["overlap"] = _rounded(np.stack([numbers.overlap_TNN[:, i, j] for i, j in numbers.pairs]).mean(0))
    return found


def _rounded(values_T: np.ndarray) -> list[float]:
    return [round(float(value), 5) for value in values_T]


def _opened(file: Path) -> Image.Image:
    from PIL import Image

    with Image.open(file) as image:
        return image.convert("RGB")


def _verdict(one: Judged, told: Changes) -> str:
    """What a judge said, in a few words."""
    if told.measure in one.numbers:
        return f"{one.numbers[told.measure]:.3f}"
    return ("exact" if one.exact else "present") if one.present else "missing"


def at_once(device: torch.device, settings: GenerateSettings) -> int:
    """How many pictures are painted together: small ones are many on an accelerator, which they would not fill."""
    if device.type == "cpu":
        return BATCH
    return max(1, min(MOST, PIXELS // (settings.width * settings.height)))


def decides(model: LoadedModel, settings: GenerateSettings) -> dict[str, Any]:
    """All that decides a picture but for prompt and seed."""
    about = {
        "names": NAMES,
        "weights": model.fingerprint(),
        **settings.model_dump(mode="json", exclude={"prompt", "seed"}),
    }
    lora = typed(settings.lora)
    if settings.lora and lora.exists():  # one trained anew at the same place paints other pictures
        files = [lora] if lora.is_file() else sorted(lora.glob("*.safetensors"))
        about["lora_weights"] = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]
    return about
