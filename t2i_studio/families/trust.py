"""Which attention backends are believed on this machine: what self-tests found, kept over restarts.

One record a device, number format, backend and version of PyTorch, in `capture.json` below the studio's
home. Where the last self-test found recorded maps wrong, capture reads them by the portable oracle.
"""

from __future__ import annotations

import datetime
import json
import platform
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from ..config import home
from ..errors import StorageError

BACKENDS = {0: "math", 1: "flash", 2: "efficient", 3: "cudnn", 4: "overrideable"}
"""PyTorch's own numbers for them (`torch.nn.attention.SDPBackend`)."""
UNKNOWN = "unknown"
_testing: ContextVar[bool] = ContextVar("testing", default=False)
_read: dict[Path, tuple[int, dict[Backend, Trust]]] = {}
"""File → when it was changed, and what it says."""
_told: set[Backend] = set()


@dataclass(frozen=True)
class Backend:
    """One way in which attention is computed here."""

    device: str
    "What the device calls itself."
    dtype: str
    backend: str
    "A value of `BACKENDS`, or `unknown`."
    torch: str
    "Version of PyTorch."

    def __str__(self) -> str:
        return f"{self.backend} attention, {self.dtype}, on {self.device}, PyTorch {self.torch}"


@dataclass(frozen=True)
class Trust:
    """What the last self-test of a backend found."""

    backend: Backend
    passed: bool
    model: str
    tested: str
    "ISO 8601, UTC."
    finding: str
    "One line with its numbers."


def backend_of(query_BHQD: torch.Tensor, key_BHKD: torch.Tensor) -> Backend:
    """Which backend PyTorch takes for these, and where."""
    name = BACKENDS.get(choice_of(query_BHQD, key_BHKD, key_BHKD), UNKNOWN)
    dtype = str(query_BHQD.dtype).removeprefix("torch.")
    return Backend(_device_name(query_BHQD.device), dtype, name, torch.__version__)


def choice_of(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float | None = None
) -> int:  # fmt: skip
    """PyTorch's number of the backend it takes; -1 on devices without such a choice."""
    try:
        return int(torch._fused_sdp_choice(query, key, value, scale=scale))  # type: ignore[attr-defined]
    except (NotImplementedError, RuntimeError):
        return -1


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type} ({platform.machine()})"


def doubted(query_BHQD: torch.Tensor, key_BHKD: torch.Tensor) -> bool:
    """Whether the last self-test of their backend failed; says so once."""
    if _testing.get() or not any(not trust.passed for trust in records().values()):
        return False
    found = records().get(backend_of(query_BHQD, key_BHKD))
    if found is None or found.passed:
        return False
    if found.backend not in _told:
        _told.add(found.backend)
        warnings.warn(f"Maps are recorded by the slower oracle: {found.finding}", stacklevel=2)
    return True


@contextmanager
def under_test() -> Iterator[None]:
    """While a self-test runs nothing is doubted: it must see what capture would do by itself."""
    token = _testing.set(True)
    try:
        yield
    finally:
        _testing.reset(token)


def records() -> dict[Backend, Trust]:
    """What self-tests found here, by backend; a damaged file says nothing."""
    file = _file()
    try:
        changed = file.stat().st_mtime_ns
        if file not in _read or _read[file][0] != changed:
            _read[file] = changed, {t.backend: t for t in map(_record, json.loads(file.read_text("utf-8")))}
    except (OSError, ValueError, TypeError, KeyError):
        return {}
    return _read[file][1]


def keep(backend: Backend, *, passed: bool, model: str, finding: str) -> Trust:
    """Write down what a self-test found; it takes the place of an earlier one.

    Raises:
        StorageError: it can't be written.
    """
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    made = Trust(backend, passed, model, now, finding)
    rows = [asdict(trust) for trust in {**records(), backend: made}.values()]
    file = _file()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=file.parent, delete=False, encoding="utf-8") as draft:
            json.dump(rows, draft, indent=1, ensure_ascii=False)
        Path(draft.name).replace(file)
    except OSError as error:
        raise StorageError(
            f"{file} can't be written: {error.strerror or error}.", "Check the disk, or set T2I_STUDIO_HOME."
        ) from error
    _read.pop(file, None)
    return made


def _file() -> Path:
    return home() / "capture.json"


def _record(row: dict[str, Any]) -> Trust:
    return Trust(**{**row, "backend": Backend(**row["backend"]), "passed": bool(row["passed"])})
