"""Everything that can go wrong, as the user hears it.

    StudioError
    ├── InputError            what was typed or chosen can't be used
    │   ├── PromptError       the prompt, or a word picked in it
    │   └── SettingError      a setting out of range, or an unknown one
    ├── ModelError            a model can't be used
    │   ├── ModelNotFound     nothing at that name, folder or id
    │   ├── ModelBroken       found, but incomplete or not readable
    │   └── UnsafeCheckpoint  a pickle: may run code when opened
    ├── CaptureError          attention maps can't be recorded here
    ├── RunError              a kept run
    │   ├── RunNotFound       no such run
    │   ├── RunBroken         its files are missing, damaged or of a newer version
    │   └── StorageError      disk full, or the folder can't be written
    ├── OutOfMemory           a device has too little of it
    └── Cancelled             the user asked to stop

Each says what was wrong and what to do. The command line shows one line, the browser a message;
neither ever shows a stack trace of these.
"""

from __future__ import annotations

__all__ = [
    "Cancelled",
    "CaptureError",
    "InputError",
    "ModelBroken",
    "ModelError",
    "ModelNotFound",
    "OutOfMemory",
    "PromptError",
    "RunBroken",
    "RunError",
    "RunNotFound",
    "SettingError",
    "StorageError",
    "StudioError",
    "UnsafeCheckpoint",
]


class StudioError(Exception):
    """Base of all errors meant for users: `problem` says what was wrong, `remedy` what to do."""

    def __init__(self, problem: str, remedy: str = "") -> None:
        self.problem = problem
        self.remedy = remedy
        super().__init__(f"{problem} {remedy}".strip())


class InputError(StudioError):
    """What was typed or chosen can't be used."""


class PromptError(InputError):
    """The prompt, or a word picked in it, can't be used."""


class SettingError(InputError):
    """A setting is out of its range, or unknown. `name` is the setting where there is one."""

    def __init__(self, problem: str, remedy: str = "", name: str = "") -> None:
        self.name = name
        super().__init__(problem, remedy)


class OutOfMemory(StudioError):
    """A device has too little memory for what was asked."""


class ModelError(StudioError):
    """A model can't be used."""


class ModelNotFound(ModelError):
    """Nothing lies at that name, folder or hub id."""


class ModelBroken(ModelError):
    """A model was found, but is incomplete or not readable."""


class UnsafeCheckpoint(ModelError):
    """A pickle file: opening it could run any code."""


class CaptureError(StudioError):
    """Attention maps can't be recorded on this model or at these sites."""


class RunError(StudioError):
    """A kept run can't be used."""


class RunNotFound(RunError):
    """No run has that id or lies in that folder."""


class RunBroken(RunError):
    """Files of a run are missing, damaged or of a newer version."""


class StorageError(RunError):
    """The disk is full, or the folder can't be written."""


class Cancelled(StudioError):
    """The user asked to stop."""
