"""Teaching: what a model's maps say about a picture, and fine-tunes that act on it.

words.py     captions → the text columns of their subjects
passes.py    a denoiser's maps of a batch of captions; probe and trainer use the same
pictures.py  pictures with captions and masks: files, folders, rendered scenes
alignment.py numbers on maps: against masks, against each other, against the teacher
probe.py     one picture's maps at many noise levels
verdict.py   whether a teacher would help, and where
settings.py  the dials of a fine-tune
data.py      pictures and captions → latents, words, rewards; the random numbers of a step
texts.py     captions → the denoiser's text inputs; frozen encoders answer once
learner.py   one batch: the diffusion loss and CTCal's terms beside it
terms.py     each term of the loss for every teacher and student of a probe
calibration.py   the terms' weights, from the length of their gradients
premise.py   what a training says of its teacher before the first step
loop.py      steps, checkpoints, stopping and going on
lora.py whole.py   what learns, and the files it leaves
checkpoints.py log.py trial.py   folders to go on from; log.csv; what is left is loaded and tried
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .alignment import ABOUT
    from .pictures import Picture, from_file, from_folder, from_scene
    from .probe import Probed
    from .verdict import Summary, Table, Verdict, judge, summarise, tabulate

__all__ = [
    "ABOUT", "Picture", "Probed", "Summary", "Table", "Verdict", "from_file", "from_folder", "from_scene", "judge",
    "summarise", "tabulate",
]  # fmt: skip

_HOMES = {
    "alignment": ("ABOUT",),
    "pictures": ("Picture", "from_file", "from_folder", "from_scene"),
    "probe": ("Probed",),
    "verdict": ("Summary", "Table", "Verdict", "judge", "summarise", "tabulate"),
}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    home = next((file for file, names in _HOMES.items() if name in names), None)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)
