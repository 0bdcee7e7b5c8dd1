"""A studio without a model: the façade's shape, synthetic runs, a sleep a step.

Pictures are sprites on a plain ground; maps are bumps that sharpen where their sprite stands, so
that progress, cancelling, overlays and figures can be tried in seconds.
"""

from __future__ import annotations

import itertools
import re
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from t2i_studio.config import ASSETS, GenerateSettings, MakeDataSettings, ModelSettings, ProbeSettings
from t2i_studio.errors import (
    Cancelled,
    InputError,
    ModelBroken,
    ModelNotFound,
    PromptError,
    SettingError,
    StudioError,
)
from t2i_studio.guidance import with_dials
from t2i_studio.jobs import Job, JobQueue
from t2i_studio.runs import RunStore, new_run_id
from t2i_studio.training.settings import TrainSettings
from t2i_studio.types import GuidedStep, Maps, MapStack, ParsedPrompt, Run, Subject, TokenSpans, Word

NOUNS = {file.stem for file in (ASSETS / "sprites").glob("*.png")} | {"lighthouse", "sea", "light"}
COLOURS = {"red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "gray", "black", "white"}
DIALS = {"ai-t2i": {"step_size": 7.0, "window": 0.8}}
"""Of the larger model."""
COUNTS = {"two": 2, "three": 3, "four": 4}
STOPS = {"a", "an", "the", "and", "with", "of", "on", "in", "near"} | set(COUNTS)
LIMIT = 75
CELLS = 16


def parse_prompt(text: str, nouns: Sequence[str] | None = None) -> ParsedPrompt:
    """Words by a regular expression, nouns by a list: enough for the page."""
    if not text.strip():
        raise PromptError("The prompt is empty.", "Write what to paint, e.g. a cat and a dog.")
    words = []
    for match in re.finditer(r"\w+|[^\w\s]", text):
        low = match.group().lower()
        kind = "NOUN" if _singular(low) in NOUNS else "ADJ" if low in COLOURS else "X"
        kind = "PUNCT" if not low.isalnum() else "DET" if low in STOPS else kind
        words.append(Word(match.group(), match.start(), match.end(), kind))
    seen: dict[str, int] = {}
    subjects: list[Subject] = []
    for index, word in enumerate(words):
        low = word.text.lower()
        seen[low] = seen.get(low, 0) + 1
        key = low if seen[low] == 1 else f"{low}#{seen[low]}"
        if (key in nouns) if nouns is not None else word.upos == "NOUN":
            before = index and words[index - 1].text.lower()
            attributes = (index - 1,) if before in COLOURS else ()
            subjects.append(Subject(key, word.text, (index,), attributes, COUNTS.get(str(before), 1)))
    return ParsedPrompt(text, tuple(words), tuple(subjects))


def _singular(word: str) -> str:
    return word[:-1] if word.endswith("s") and word not in NOUNS else word


def paint(parsed: ParsedPrompt, settings: GenerateSettings) -> tuple[Image.Image, Maps | None]:
    """The picture (RGB) and its maps, decided by the seed."""
    rng = np.random.default_rng(settings.seed)
    ground = tuple(int(v) for v in rng.integers(205, 245, 3))
    image = Image.new("RGB", (settings.width, settings.height), ground)
    side = min(settings.width, settings.height) * 2 // 5
    num = max(1, len(parsed.subjects))
    stack = np.zeros((settings.steps, 2, len(parsed.subjects), CELLS, CELLS), np.float32)
    for n, subject in enumerate(parsed.subjects):
        x, y = (n + 0.5) / num, 0.5 + 0.18 * float(rng.uniform(-1, 1))
        file = ASSETS / "sprites" / f"{_singular(subject.text.lower())}.png"
        if file.exists():
            sprite = Image.open(file).convert("RGBA").resize((side, side))
            place = (int(x * settings.width - side / 2), int(y * settings.height - side / 2))
            image.paste(sprite, place, sprite)
        stack[:, :, n] = _bumps(settings.steps, x, y, rng)
    if not parsed.subjects:
        return image, None
    times = tuple(float(t) for t in np.linspace(981, 1, settings.steps))
    stack[:, 1] **= 1.5  # the second layer looks closer, as do the later heads
    heads = np.stack([stack**power for power in (0.6, 1.0, 1.4, 1.8)], axis=2) if settings.heads else None
    sites = ("down_blocks.0.attn2", "up_blocks.1.attn2")
    name = f"{CELLS}x{CELLS}"
    return image, Maps(parsed.ids, times, {name: MapStack((CELLS, CELLS), sites, stack, heads)}, main=name)


def _bumps(steps: int, x: float, y: float, rng: np.random.Generator) -> np.ndarray:
    """(steps, 1, Y, X): from flat noise to a bump at (x, y), all in fractions of the picture."""
    axis = (np.arange(CELLS) + 0.5) / CELLS
    far2 = (axis[None, :] - x) ** 2 + (axis[:, None] - y) ** 2
    out = np.empty((steps, 1, CELLS, CELLS), np.float32)
    for step in range(steps):
        done = (step + 1) / steps
        bump = np.exp(-far2 / (2 * (0.45 - 0.33 * done) ** 2))
        out[step, 0] = 0.03 + 0.35 * done * bump + 0.05 * (1 - done) * rng.random((CELLS, CELLS))
    return out


def guided(step: int, num_steps: int) -> GuidedStep:
    """Losses that fall."""
    fall = 1 - step / num_steps
    losses = {"aggregation": 1.2 * fall, "isolation": 0.9 * fall}
    return GuidedStep(step, 999.0 - 30 * step, losses, 2 * fall, 0.1, 1.0, 0.02, 0, 0.01, 0, 0, 0)


class FakeTask:
    """One generation in a thread."""

    def __init__(self, studio: FakeStudio, settings: GenerateSettings, parsed: ParsedPrompt) -> None:
        self.id = f"task-{next(studio.numbers)}"
        self.settings, self.parsed, self._studio = settings, parsed, studio
        self.status, self.message = "waiting", "waiting"
        self.step, self.num_steps = 0, settings.steps
        self.seconds_left: float | None = None
        self.preview: Image.Image | None = None
        self.run: Run | None = None
        self.error: StudioError | None = None
        self.guidance: list[GuidedStep] = []
        self._stop, self._end = threading.Event(), threading.Event()
        threading.Thread(target=self._work, daemon=True).start()

    @property
    def position(self) -> int:
        before = self._studio.active()
        return before.index(self) if self in before else 0

    def cancel(self) -> None:
        self._stop.set()

    def wait(self, timeout: float | None = None) -> bool:
        return self._end.wait(timeout)

    def _work(self) -> None:
        while not self._studio.turn.acquire(timeout=0.02):
            if self._stop.is_set():
                return self._finish("cancelled")
        try:
            self._paint()
        except Cancelled:
            self._finish("cancelled")
        except StudioError as error:
            self.error = error
            self._finish("failed")
        finally:
            self._studio.turn.release()
        return None

    def _paint(self) -> None:
        self.status, self.message = "running", f"loading {self.settings.model}"
        if self._studio.trouble:
            raise self._studio.trouble
        image, maps = paint(self.parsed, self.settings)
        noise = np.random.default_rng(1).integers(0, 255, (*image.size[::-1], 3))
        for step in range(self.num_steps):
            if self._stop.wait(self._studio.seconds_a_step):
                raise Cancelled("Stopped.")
            done = (step + 1) / self.num_steps
            mixed = np.asarray(image) * done + noise * (1 - done)
            self.preview = Image.fromarray(mixed.astype(np.uint8))
            self.seconds_left = (self.num_steps - step - 1) * self._studio.seconds_a_step
            if self.settings.guide and step < self.num_steps // 2:
                self.guidance.append(guided(step, self.num_steps))
            self.step, self.message = step + 1, f"step {step + 1}/{self.num_steps}"
            while self.step == self._studio.hold_at and not self._studio.go.wait(0.02):
                if self._stop.is_set():
                    raise Cancelled("Stopped.")
        self.run = self._studio.keep(self, image, maps)
        self._finish("done")

    def _finish(self, status: str) -> None:
        self.status = status
        self._end.set()


class FakeProbe(FakeTask):
    """One probe: bumps that gather as noise falls."""

    def __init__(self, studio: FakeStudio, settings: ProbeSettings, picture: Any, parsed: ParsedPrompt) -> None:
        self.picture, self.probed = picture, None
        super().__init__(studio, settings, parsed)  # type: ignore[arg-type]

    def _paint(self) -> None:
        from t2i_studio.training import Probed

        self.status, self.message = "running", f"loading {self.settings.model}"
        if self._studio.trouble:
            raise self._studio.trouble
        if self.settings.lora == "broken":
            raise ModelBroken("The LoRA broken does not fit.", "Use one made for this model.")
        if not self.parsed.subjects:
            raise PromptError("The caption names nothing to look for.", "Name what is to be seen: a cat and a dog.")
        for step in range(self.num_steps):
            if self._stop.wait(self._studio.seconds_a_step):
                raise Cancelled("Stopped.")
            self.step, self.message = step + 1, f"step {step + 1}/{self.num_steps}"
            while self.step == self._studio.hold_at and not self._studio.go.wait(0.02):
                if self._stop.is_set():
                    raise Cancelled("Stopped.")
        rng = np.random.default_rng(self.settings.seed)
        num = len(self.parsed.subjects)
        bumps = [_bumps(self.num_steps, (n + 0.5) / num, 0.5, rng) for n in range(num)]
        values = np.stack([np.concatenate([one, one**0.5], axis=1) for one in bumps], axis=2)
        if self.settings.lora:
            values = values**1.5
        sites = ("down_blocks.0.attn2", "up_blocks.1.attn2")
        name = f"{CELLS}x{CELLS}"
        maps = Maps(self.parsed.ids, self.settings.levels, {name: MapStack((CELLS, CELLS), sites, values)}, name)
        self.probed = Probed(self.picture, self.settings, self.parsed, maps, sites)
        self._finish("done")


@dataclass
class FakeStudio:
    """The façade's shape.

    `trouble` is raised by every generation while it is set; each stops after step `hold_at` until `go` is set.
    """

    model: str = "emoji-unet"
    seconds_a_step: float = 0.03
    trouble: StudioError | None = None

    hold_at: int = 0
    home: Path | None = None
    device: str = "cpu"

    def __post_init__(self) -> None:
        self.numbers = itertools.count(1)
        self.turn = threading.Lock()
        self.go = threading.Event()
        self.tasks: dict[str, FakeTask] = {}
        self.jobs_home = Path(tempfile.mkdtemp(prefix="fake-jobs-"))
        self.evaluations: Any = None
        self.runs = RunStore(self.home or Path(tempfile.mkdtemp(prefix="fake-studio-")))

    @property
    def practice_model(self) -> str:
        return self.model

    @property
    def jobs(self) -> JobQueue:
        """Real processes that only count."""
        return JobQueue(self.jobs_home, "tests.jobs.counting_worker")

    def fine_tune(self, settings: TrainSettings, title: str = "") -> Job:
        if settings.data == "/gone":
            raise SettingError("There is no folder /gone.", "Give a folder of pictures.", "data")
        return self.jobs.submit(settings, title)

    def queue_making(self, title: str = "", **values: Any) -> Job:
        asked = MakeDataSettings.checked(**values)
        if asked.keep_top is None and asked.threshold is None:
            raise SettingError("Nothing says which pictures are kept.", "Give one.", "keep_top")
        return self.jobs.submit(asked, title or f"data from {asked.suite}")

    def plan_making(self, **values: Any) -> Any:
        from t2i_studio.planning import Plan

        asked = MakeDataSettings.checked(**values)
        return Plan(7, 1, 7 * asked.per_prompt, 2.0 * 7 * asked.per_prompt)

    def add_data(self, source: Path | str) -> Path:
        if not Path(source).is_file():
            raise InputError(f"There is no file {source}.", "Give a zip.")
        return Path("/brought") / Path(source).stem

    def free_memory(self) -> tuple[int, int]:
        return 3 * 2**30, 8 * 2**30

    def models(self) -> dict[str, ModelSettings]:
        small = {"steps": 30, "guidance_scale": 5.0, "width": 128, "height": 128}
        large = {"steps": 25, "guidance_scale": 7.5, "width": 512, "height": 512}
        return {
            "emoji-unet": ModelSettings(
                family="fake", source=".", title="Emoji, ships with the studio", defaults=small
            ),
            "big-one": ModelSettings(family="fake", source=".", title="A larger one", defaults=large, dials=DIALS),
        }

    def stamp(self, settings: GenerateSettings) -> tuple[object, ...]:
        return ()

    def defaults(self, model: str | None = None) -> GenerateSettings:
        model = model or self.model
        known = self.models().get(model)
        if known is None and "/" not in model:
            raise ModelNotFound(f"No model {model!r}.", "Choose one from the list, or give a folder.")
        return GenerateSettings.checked(model=model, **(known.defaults if known else {}))

    def dials(self, method: str, model: str | None = None, given: Sequence[str] = ()) -> tuple[str, ...]:
        listed = self.models().get(model or self.model)
        return with_dials(given, listed.dials.get(method, {}) if listed else {})

    def settings(self, prompt: str, **values: Any) -> GenerateSettings:
        base = self.defaults(values.get("model")).model_dump()
        asked = GenerateSettings.checked(**{**base, **values, "prompt": prompt})
        return asked.model_copy(update={"guide_weights": self.dials(asked.guide, asked.model, asked.guide_weights)})

    def parse(self, prompt: str, nouns: Sequence[str] | None = None, language: str = "en") -> ParsedPrompt:
        return parse_prompt(prompt, nouns)

    def spans(self, parsed: ParsedPrompt, model: str | None = None) -> tuple[TokenSpans, ...]:
        self.defaults(model)
        words = tuple((i + 1,) if i < LIMIT else () for i in range(len(parsed.words)))
        subjects: Mapping[str, tuple[int, ...]] = {s.id: words[s.words[-1]] for s in parsed.subjects}
        dropped = tuple(w.text for w in parsed.words[LIMIT:])
        return (TokenSpans("clip", tuple(w.text for w in parsed.words), 77, words, subjects, dropped),)

    def submit(self, settings: GenerateSettings) -> FakeTask:
        parsed = self.parse(settings.prompt, settings.nouns, settings.language)
        self.defaults(settings.model)
        task = FakeTask(self, settings, parsed)
        self.tasks[task.id] = task
        return task

    def submit_probe(self, picture: Any, **values: Any) -> FakeProbe:
        if not picture.caption.strip():
            raise PromptError("The caption is empty.", 'Say what is to be seen, e.g. "a cat and a dog".')
        base = self.defaults(values.get("model"))
        given = {"width": base.width, "height": base.height, **values, "prompt": picture.caption}
        settings = ProbeSettings.checked(**given)
        if settings.t_tea >= settings.t_stu:
            raise SettingError("The teacher's timestep is not below the student's.", "Give less noise.", "t_tea")
        parsed = self.parse(picture.caption, settings.nouns, settings.language)
        task = FakeProbe(self, settings, picture.fitted(settings.width, settings.height), parsed)
        self.tasks[task.id] = task
        return task

    def task(self, task_id: str) -> FakeTask | None:
        return self.tasks.get(task_id) or (self.evaluations and self.evaluations.queue.find(task_id))

    @property
    def latest(self) -> FakeTask | None:
        return next((task for task in reversed(self.tasks.values()) if not isinstance(task, FakeProbe)), None)

    def active(self) -> list[FakeTask]:
        also = self.evaluations.queue.active() if self.evaluations else []
        return [t for t in self.tasks.values() if t.status in ("waiting", "running")] + also

    def submit_evaluation(self, **values: Any) -> Any:
        return self._evaluations().submit(values)

    def plan_evaluation(self, **values: Any) -> Any:
        return self._evaluations().plan(values)

    def suite_tasks(self, suite: str) -> tuple[str, ...]:
        from t2i_studio.evaluation import choose_items

        return tuple(dict.fromkeys(item.task for item in choose_items(suite)))

    def draw(self, prompt: str, settings: GenerateSettings) -> Image.Image:
        return paint(parse_prompt(prompt), settings)[0]

    def _evaluations(self) -> Any:
        from tests.ui.fake_evaluation import FakeEvaluations

        self.evaluations = self.evaluations or FakeEvaluations(self)
        return self.evaluations

    def keep(self, task: FakeTask, image: Image.Image, maps: Maps | None) -> Run:
        notes = () if maps else ("No noun was found, so no map was recorded.",)
        run = Run(
            id=new_run_id(task.parsed.text), created=datetime.now(UTC).isoformat(), settings=task.settings.model_dump(),
            prompt=task.parsed, spans=self.spans(task.parsed, task.settings.model), image=image, maps=maps,
            timings={"total": self.seconds_a_step * task.num_steps}, notes=notes, guidance=tuple(task.guidance),
        )  # fmt: skip
        try:
            return self.runs.save(run)
        except StudioError as error:
            task.error = error
            return run
