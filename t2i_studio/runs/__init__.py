"""Kept runs: one folder each, and an index to find them.

    store = RunStore()
    run = store.save(run)
    store.list(query="cat", limit=20)

Knows nothing of models or pages.
"""

from __future__ import annotations

from ..errors import RunBroken, RunNotFound, StorageError
from .ids import new_run_id, run_reference
from .index import RunSummary
from .maps_file import read_npz, write_npz
from .record import SCHEMA
from .storage import storing
from .store import RunStore

__all__ = [
    "SCHEMA",
    "RunBroken",
    "RunNotFound",
    "RunStore",
    "RunSummary",
    "StorageError",
    "new_run_id",
    "read_npz",
    "run_reference",
    "storing",
    "write_npz",
]
