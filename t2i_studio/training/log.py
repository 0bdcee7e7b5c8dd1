"""The log of a fine-tune: one row of numbers a step, in `log.csv`; resuming drops what came after the checkpoint."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

LOG = "log.csv"


class Log:
    """Appends rows; every row has the columns of the first."""

    def __init__(self, folder: Path, start: int) -> None:
        self._file = folder / LOG
        kept = [row for row in read(folder) if int(row["step"]) <= start] if start else []
        self._names: list[str] = list(kept[0]) if kept else []
        if not kept:
            self._file.unlink(missing_ok=True)
            return
        draft = self._file.with_name(f".{LOG}.part")  # what is kept is never away, even for a moment
        with draft.open("w", newline="", encoding="utf-8") as file:
            rows = csv.DictWriter(file, self._names, extrasaction="ignore", restval="")
            rows.writeheader()
            rows.writerows(kept)
        draft.replace(self._file)

    def write(self, row: Mapping[str, float | int]) -> None:
        """One step; numbers are kept to their last digit."""
        self._append({name: repr(value) if isinstance(value, float) else str(value) for name, value in row.items()})

    def _append(self, row: Mapping[str, str]) -> None:
        fresh = not self._file.exists()
        self._names = self._names or list(row)
        with self._file.open("a", newline="", encoding="utf-8") as file:
            rows = csv.DictWriter(file, self._names, extrasaction="ignore", restval="")
            if fresh:
                rows.writeheader()
            rows.writerow(row)


def read(folder: Path) -> list[dict[str, str]]:
    """All rows; an unfinished last one left out."""
    file = folder / LOG
    if not file.is_file():
        return []
    with file.open(newline="", encoding="utf-8") as opened:
        return [row for row in csv.DictReader(opened) if row.get("step") and None not in row.values()]
