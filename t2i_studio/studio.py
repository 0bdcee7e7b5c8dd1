"""The façade that library, command line and pages share.

from t2i_studio import Studio
run = Studio("emoji-unet").generate("a cat and a dog", seed=1)
run.image; run.maps["cat"]          # float32 (steps, Y, X)
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
import weakref
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .config import (
    DEFAULT_MODEL,
    PRACTICE_MODEL,
    ROOT,
    GenerateSettings,
    InspectSettings,
    MapSettings,
    ModelSettings,
    ProbeSettings,
    known_models,
    settings_kept,
)
from .config import home as default_home
from .data_sets import DataSets
from .errors import Cancelled, PromptError, StorageError, StudioError
from .evaluating import Evaluating
from .paths import typed
from .pictures import captioned, cut, open_picture, same_shape
from .prompts import all_spans, parse
from .records import versions
from .running import Running
from .runs import RunStore
from .tasks import Queue, Task
from .types import ParsedPrompt, Run, TokenSpans

if TYPE_CHECKING:
    from PIL import Image

    from .capture.self_test import Check
    from .jobs import Job, JobQueue
    from .models import ModelShelf
    from .training import Picture, Probed
    from .training.settings import TrainSettings

__all__ = ["Studio", "result_of", "versions"]

os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")  # read at its import, which Stanza may do first


ROOM_BEAT = 2.0
"""Seconds between two looks whether a fine-tune waits for the memory of an idle model."""


class Studio(Evaluating, DataSets):
    """Everything the studio can do, on one set of runs and one loaded model at a time.

    Args:
        model: default model: a listed name, a diffusers folder, a hub id or a `.safetensors` file.
        device, dtype: see `GenerateSettings`.
        home: where runs are kept; default `T2I_STUDIO_HOME`, else `~/.t2i-studio`.
    """

    def __init__(
        self, model: str = DEFAULT_MODEL, *, device: str = "auto", dtype: str = "auto", home: Path | None = None
    ) -> None:
        self.model = model
        self._placement = {"device": device, "dtype": dtype}
        self.home = home or default_home()
        self.runs = RunStore(self.home / "runs")
        self._shelf: ModelShelf | None = None
        self._lock = threading.Lock()
        self._queue = Queue(Running(self._models, self.runs, lambda: self.jobs))

    @property
    def practice_model(self) -> str:
        """The model that is steered and taught where none is named: of the two that ship, the one with room to mend."""
        return PRACTICE_MODEL if self.model == DEFAULT_MODEL else self.model

    @property
    def device(self) -> str:
        """The device that generations run on, e.g. `cpu` or `cuda`."""
        from .models import pick_device

        return str(pick_device(self._placement["device"]))

    def free_memory(self) -> tuple[int, int]:
        """Free and whole memory of the device that generations run on, in bytes."""
        from .models import free_memory

        return free_memory(self.device)

    def models(self) -> dict[str, ModelSettings]:
        """Listed models by name."""
        return known_models()

    def defaults(self, model: str | None = None) -> GenerateSettings:
        """Settings with a model's own defaults (steps, guidance scale, size …)."""
        name = model or self.model
        listed = known_models().get(name)
        own = listed.defaults if listed else self._own_size(name)
        values = {**self._placement, **own, "model": name}
        return GenerateSettings.checked(**values)

    def stamp(self, settings: GenerateSettings) -> tuple[Any, ...]:
        """Which state of its model's and LoRA's files settings would be painted with; changes as they are written."""
        from .models import resolve, source_of, stamp

        return stamp(source_of(resolve(settings.model))), stamp(settings.lora)

    def _own_size(self, name: str) -> dict[str, int]:
        if not typed(name).is_dir():
            return {}
        from .models import own_size

        return own_size(name)

    def settings(self, prompt: str, **values: Any) -> GenerateSettings:
        """A model's defaults with `values` over them, checked.

        Raises:
            SettingError: unknown or out of range.
        """
        base = self.defaults(values.get("model")).model_dump()
        asked = GenerateSettings.checked(**{**base, **values, "prompt": prompt})
        if not asked.guide:
            return asked
        return asked.model_copy(update={"guide_weights": self.dials(asked.guide, asked.model, asked.guide_weights)})

    def dials(self, method: str, model: str | None = None, given: Sequence[str] = ()) -> tuple[str, ...]:
        """The `given` dials of a guidance method, and those of the others that the model's list has values for.

        Raises:
            SettingError: a dial is not written as `step_size=10`.
        """
        from .guidance import with_dials

        listed = known_models().get(model or self.model)
        return with_dials(given, listed.dials.get(method, {}) if listed else {})

    def parse(self, prompt: str, nouns: Sequence[str] | None = None, language: str = "en") -> ParsedPrompt:
        """Words and subjects of a prompt; `nouns` picks words instead of the parser's subjects."""
        return parse(prompt, language=language, nouns=nouns)

    def spans(self, parsed: ParsedPrompt, model: str | None = None) -> tuple[TokenSpans, ...]:
        """Token columns of the words, one record a tokenizer of the model (loads it)."""
        loaded = self._models().get(self.defaults(model))
        return all_spans(parsed, loaded.family.column_sets(loaded.pipe))

    def submit(self, settings: GenerateSettings, out: Path | None = None) -> Task:
        """Queue a generation and return at once; one runs at a time.

        Args:
            out: folder for the run, instead of the studio's own.

        Raises:
            PromptError: the prompt is empty.
        """
        if not settings.prompt.strip():
            raise PromptError("The prompt is empty.", 'Say what to paint, e.g. "a cat and a dog".')
        return self._queue.submit(settings, out)

    def generate(self, prompt: str, *, out: Path | None = None, **settings: Any) -> Run:
        """Paint a prompt, record where the model looked for each noun, keep the run.

        Args:
            prompt: what to paint.
            out: folder for the run, instead of the studio's own.
            settings: fields of `GenerateSettings` over the model's defaults.

        Raises:
            StudioError: see `errors`; `run` of a `StorageError` holds what could not be kept.
        """
        task = self.submit(self.settings(prompt, **{"model": self.model, **settings}), out)
        task.wait()
        return result_of(task)

    def replay(self, run: str | Path | Run, out: Path | None = None) -> Run:
        """Make a kept run again from its settings: same pixels and maps on the same machine."""
        kept = run if isinstance(run, Run) else self.runs.load(run)
        given = settings_kept(kept.settings)
        image = kept.image if isinstance(given, InspectSettings) else None
        task = self._queue.submit(given, out, image)
        task.wait()
        return result_of(task)

    def submit_inspection(
        self, image: Path | str | Image.Image, caption: str, out: Path | None = None, **values: Any
    ) -> Task:
        """Queue an inspection and return at once; see `inspect`."""
        if not caption.strip():
            raise PromptError("The caption is empty.", 'Say what is to be seen, e.g. "a cat and a dog".')
        picture = open_picture(image)
        given = InspectSettings.checked(**{**self._for_picture(InspectSettings, picture, values), "prompt": caption})
        return self._queue.submit(given, out, cut(picture, given.width, given.height))

    def _for_picture(self, kind: type[MapSettings], picture: Image.Image, values: Mapping[str, Any]) -> dict[str, Any]:
        """Settings for a picture that exists: the model's own, in the picture's proportions, `values` over them."""
        base = self.defaults(values.get("model") or self.model)
        shared = {name: getattr(base, name) for name in kind.model_fields if hasattr(base, name)}
        if "width" not in values and "height" not in values:
            step = max(8, min(base.width, base.height) // 16)
            shared["width"], shared["height"] = same_shape(picture, base.width, base.height, step)
        return {**shared, **values}

    def inspect(
        self, image: Path | str | Image.Image, caption: str, *, out: Path | None = None, **settings: Any
    ) -> Run:
        """Where the model looks for each noun of a caption in a picture that exists already.

        The picture is encoded, noised to each of `timesteps` with one noise, and looked at once.

        Args:
            image: a picture or its file. Brought to about the model's own number of pixels in its own
                proportions; to `width` × `height`, cut where it must, when these are given.
            caption: what is to be seen.
            out: folder for the run, instead of the studio's own.
            settings: fields of `InspectSettings` over the model's defaults.

        Raises:
            StudioError: see `errors`.
        """
        task = self.submit_inspection(image, caption, out, **settings)
        task.wait()
        return result_of(task)

    def inspect_folder(
        self, folder: Path | str, caption: str = "", *, out: Path | None = None, **settings: Any
    ) -> Iterator[Run]:
        """The same for every picture of a folder, one run each, as they come.

        Args:
            caption: of pictures that have none of their own in `metadata.jsonl` or a `.txt` file beside them.
            out: a folder for the runs, each in one named like its picture, instead of the studio's own.
            settings: as for `inspect`.

        Raises:
            InputError: see `pictures.captioned`.
            StudioError: a picture that can't be looked at, when its turn comes.
        """
        for one in captioned(folder, caption):
            own = None if out is None else Path(out) / one.file.stem
            yield self.inspect(one.file, one.caption, out=own, **settings)

    def submit_probe(self, picture: Picture, **values: Any) -> Task:
        """Queue a probe and return at once; see `probe`."""
        if not picture.caption.strip():
            raise PromptError("The caption is empty.", 'Say what is to be seen, e.g. "a cat and a dog".')
        shared = self._for_picture(ProbeSettings, picture.image, values)
        given = ProbeSettings.checked(**{**shared, "prompt": picture.caption})
        return self._queue.submit(given, picture=picture.fitted(given.width, given.height))

    def probe(self, picture: Picture, **settings: Any) -> Probed:
        """One picture's maps at many noise levels: would a teacher at little noise know better?

        Args:
            picture: see `training.from_file`, `from_folder`, `from_scene`.
            settings: fields of `ProbeSettings` over the model's defaults.

        Raises:
            StudioError: see `errors`.
        """
        task = self.submit_probe(picture, **settings)
        task.wait()
        if task.error is not None:
            raise task.error
        if task.probed is None:
            raise Cancelled("Cancelled.")
        return task.probed

    @property
    def jobs(self) -> JobQueue:
        """Fine-tunes in the background; they outlive this object and this process."""
        from .jobs import JobQueue

        return JobQueue(self.home / "jobs")

    def fine_tune(self, settings: TrainSettings, title: str = "") -> Job:
        """Queue a fine-tune and return at once.

        Raises:
            StudioError: it could not begin: see `finetune.preflight`.
        """
        from .finetune import preflight

        preflight(settings)
        return self.jobs.submit(settings, title)

    def make_room(self) -> None:
        """Let the loaded model go where a fine-tune waits for its memory and nothing is painted.

        On an accelerator asked again and again by itself, whether or not a page is open.
        """
        if self._shelf is None or self.active():
            return
        if any(job.progress.get("wants_room") and self._shelf.is_on(job.device) for job in self.jobs.at_work()):
            self._shelf.clear()

    def self_test(self) -> list[Check]:
        """Whether recorded maps and their gradients are right for the default model on this device.

        What it finds is kept in the user's home: a backend that failed is recorded by the oracle from now on.

        Raises:
            StorageError: it can't be written down.
        """
        from .capture.self_test import keep_found, self_test

        given = self.defaults()
        model = self._models().get(given)
        checks = self_test(model.pipe, model.family, given.height, given.width)
        keep_found(checks, self.model)
        return checks

    def warm_up(self) -> None:
        """Load the parser and the default model in the background, so that the first picture comes soon.

        Only what lies on this disk; what goes wrong is told when it is asked for.
        """

        def load() -> None:
            with contextlib.suppress(StudioError):
                self.parse("a cat")
                self._models().get(self.defaults())

        listed = known_models().get(self.model)
        if listed is not None and (ROOT / listed.source).exists():
            threading.Thread(target=load, name="warm-up", daemon=True).start()

    def task(self, task_id: str) -> Task | None:
        """A submitted task, or None when it is unknown or long over."""
        return self._queue.find(task_id)

    @property
    def latest(self) -> Task | None:
        """The task submitted last."""
        return self._queue.latest

    def active(self) -> list[Task]:
        """What runs and what waits, in order."""
        return self._queue.active()

    def _models(self) -> ModelShelf:
        from .models import ModelShelf  # imports torch: not before it is needed

        with self._lock:
            if self._shelf is None:
                self._shelf = ModelShelf()
                if self.device != "cpu":
                    threading.Thread(target=_keep_room, args=(weakref.ref(self),), name="room", daemon=True).start()
            return self._shelf


def _keep_room(studio: weakref.ref[Studio]) -> None:
    """Make room for as long as the studio lives."""
    while (one := studio()) is not None:
        with contextlib.suppress(StudioError, OSError):  # a store that can't be read now may be later
            one.make_room()
        del one
        time.sleep(ROOM_BEAT)


def result_of(task: Task) -> Run:
    """The run of an ended task, or its error raised; an unsaved run hangs on the error as `run`."""
    if task.error is not None:
        if isinstance(task.error, StorageError):
            task.error.run = task.run  # type: ignore[attr-defined]
        raise task.error
    if task.run is None:
        raise Cancelled("Cancelled.")
    return task.run
