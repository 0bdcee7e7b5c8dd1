"""What can be taken away: files of a run by kind, and the command that remakes it."""

from __future__ import annotations

import shlex
import shutil
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..config import GenerateSettings, InspectSettings, settings_kept
from ..errors import InputError, RunNotFound, StudioError
from ..flags import as_flags
from ..runs import storing, write_npz
from ..types import Run
from ..visuals import PANELS, animation, save_figure, write_pngs
from .scratch import Scratch
from .viewer import standalone

if TYPE_CHECKING:
    from ..studio import Studio


@dataclass(frozen=True)
class Kind:
    """A file that can be made of a run."""

    name: str
    label: str
    hint: str
    ending: str
    make: Callable[[Studio, Run, Path], Any]
    needs_maps: bool = True


def _kept(name: str) -> Callable[[Studio, Run, Path], Any]:
    """A file of the run folder as it is."""

    def copy(studio: Studio, run: Run, out: Path) -> None:
        if run.folder is not None and not (run.folder / name).is_file():
            raise RunNotFound(f"{run.folder / name} is gone.", "The run was deleted or moved: restore it first.")
        if run.folder is None:
            raise RunNotFound(
                "This run was not saved.", "Free some space or choose another folder, then generate it again."
            )
        shutil.copyfile(run.folder / name, out)

    return copy


def _picture(studio: Studio, run: Run, out: Path) -> None:
    if run.folder is not None and (run.folder / "image.png").is_file():
        shutil.copyfile(run.folder / "image.png", out)
    else:
        run.image.save(out)


def _figure(panel: str) -> Callable[[Studio, Run, Path], Any]:
    """A panel of `visuals`; the file's ending says how it is written."""

    def draw(studio: Studio, run: Run, out: Path) -> None:
        save_figure(PANELS[panel](run), out)

    return draw


def _page(studio: Studio, run: Run, out: Path) -> None:
    out.write_text(standalone(run), encoding="utf-8")


def _npz(studio: Studio, run: Run, out: Path) -> None:
    assert run.maps is not None
    write_npz(out, run.maps)


def _pngs(studio: Studio, run: Run, out: Path) -> None:
    assert run.maps is not None
    write_pngs(out, run.maps)


def _animation(studio: Studio, run: Run, out: Path) -> None:
    out.write_bytes(animation(run))


def _whole(studio: Studio, run: Run, out: Path) -> None:
    studio.runs.export(run.folder or run.id, out)


KINDS = {
    kind.name: kind
    for kind in (
        Kind("picture", "Picture PNG", "The picture, with its settings inside the file", ".png", _picture, False),
        Kind("maps", "Maps .safetensors", "All recorded maps, float32", "-maps.safetensors", _kept("maps.safetensors")),
        Kind("npz", "Maps .npz", "The same for numpy", "-maps.npz", _npz),
        Kind("pngs", "Maps as PNGs", "16-bit gray, one a noun and step, one pixel a cell", "-maps.zip", _pngs),
        Kind(
            "metrics",
            "Metrics CSV",
            "Mass, peak, entropy, overlap a step and noun",
            "-metrics.csv",
            _kept("metrics.csv"),
        ),
        Kind("html", "Player HTML", "The whole player in one file; opens without a network", ".html", _page, False),
        Kind("grid-png", "Grid PNG", "Nouns × timesteps", "-grid.png", _figure("grid")),
        Kind("grid-pdf", "Grid PDF", "Nouns × timesteps, for a paper", "-grid.pdf", _figure("grid")),
        Kind("curves-png", "Curves PNG", "Peak, mass, entropy, overlap over time", "-curves.png", _figure("curves")),
        Kind("curves-pdf", "Curves PDF", "The same, for a paper", "-curves.pdf", _figure("curves")),
        Kind("animation", "Animation GIF", "The maps over time", "-maps.gif", _animation),
        Kind("zip", "Whole run ZIP", "Everything, to keep or to send", ".zip", _whole, False),
    )
}


def kinds_of(run: Run) -> list[dict[str, str]]:
    """The kinds this run offers, for the page."""
    return [{"name": k.name, "label": k.label, "hint": k.hint} for k in KINDS.values() if run.maps or not k.needs_maps]


def make(studio: Studio, run: Run, kind: str, scratch: Scratch) -> Path:
    """The file, made at the first call.

    Raises:
        InputError: no such kind, or the run has no maps.
        RunError: the run's files can't be read or written.
    """
    if kind not in KINDS:
        raise InputError(f"No kind of file {kind!r}.", f"Choose one of: {', '.join(KINDS)}.")
    chosen = KINDS[kind]
    if chosen.needs_maps and not run.maps:
        raise InputError("This run has no maps.", "Choose a word of the prompt and generate again.")
    file = scratch.folder(run.id) / f"{run.id}{chosen.ending}"
    if not file.exists():
        # Another click may ask meanwhile: a file is there whole or not at all.
        draft = file.with_name(f"{uuid.uuid4().hex}-{file.name}")
        with storing(file.parent):
            chosen.make(studio, run, draft)
            draft.replace(file)
    return file


def made(studio: Studio, run_id: str, kind: str, scratch: Scratch) -> dict[str, str]:
    """Where a file of a run lies for the browser, or what is in its way."""
    try:
        file = make(studio, find_run(studio, run_id), kind, scratch)
    except StudioError as error:
        return {"problem": error.problem, "remedy": error.remedy}
    return {"url": scratch.url(file), "name": file.name}


def find_run(studio: Studio, run_id: str) -> Run:
    """A run by id: the latest from memory, where it is even if saving failed."""
    latest = studio.latest
    if latest is not None and latest.run is not None and latest.run.id == run_id:
        return latest.run
    return studio.runs.load(run_id)


def card(studio: Studio, run: Run) -> dict[str, Any]:
    """What `keepcard.js` shows: the kinds of files, and the command that remakes the run."""
    try:
        defaults = studio.defaults(str(run.settings.get("model")))
    except StudioError:  # a model that is no longer listed: the command then spells everything out
        defaults = studio.defaults()
    try:
        line = command(run, defaults)
    except StudioError as error:  # settings of another version: the picture and its maps are still good
        line = f"# {error}"
    return {"run": run.id, "kinds": kinds_of(run), "command": line}


def command(run: Run, defaults: GenerateSettings) -> str:
    """The shell line that makes the same picture and maps: what differs from the model's defaults."""
    given = settings_kept(run.settings)
    if isinstance(given, InspectSettings):
        return _inspection(run, given)
    words = ["t2i-studio", "generate"]
    options: list[str] = ["--model", given.model, "--seed", str(given.seed)]
    options += as_flags(given, {name: getattr(defaults, name) for name in GenerateSettings.model_fields})
    if given.prompt.startswith("-"):
        return shlex.join([*words, *options, "--", given.prompt])
    return shlex.join([*words, given.prompt, *options])


def _inspection(run: Run, given: InspectSettings) -> str:
    """The shell line that looks at the kept picture again."""
    picture = "image.png" if run.folder is None else str(run.folder / "image.png")
    plain = {name: field.default for name, field in InspectSettings.model_fields.items()}
    own = {"width": None, "height": None}  # the picture's, not the model's: told always
    options = as_flags(given, {**plain, **own})
    caption = [f"--caption={given.prompt}"] if given.prompt.startswith("-") else ["--caption", given.prompt]
    line = ["t2i-studio", "inspect", picture, *caption, "--model", given.model]
    return shlex.join([*line, "--seed", str(given.seed), *options])
