"""The list of runs in SQLite: a cache, filled from the folders and dropped when it is damaged.

Knows tables and queries. What lies on the disk is the store's business.
"""

from __future__ import annotations

import json
import sqlite3
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

_VERSION = 1
_TABLE = """
CREATE TABLE runs (
    place TEXT PRIMARY KEY,  -- name below the root, or an absolute path
    id TEXT NOT NULL,
    created REAL NOT NULL,   -- seconds since 1970
    present INTEGER NOT NULL DEFAULT 1,
    problem TEXT,
    search TEXT NOT NULL,
    model TEXT NOT NULL,
    method TEXT NOT NULL,
    summary TEXT NOT NULL    -- JSON
)"""
_INDICES = ("CREATE INDEX by_time ON runs (created DESC, id DESC)", "CREATE INDEX by_id ON runs (id)")
T = TypeVar("T")


@dataclass(frozen=True)
class RunSummary:
    """One line of a listing; nothing of it needs the run's folder to be opened."""

    id: str
    created: str
    "ISO 8601, UTC."
    prompt: str
    model: str
    method: str
    "How the picture was steered; `none` for plain sampling."
    seed: int
    num_steps: int
    width: int
    height: int
    nouns: tuple[str, ...]
    "Ids of its subjects; empty where no maps were kept."
    folder: Path


@dataclass(frozen=True)
class Filter:
    """Which runs are wanted; empty values let all pass. Times without a zone are UTC."""

    query: str = ""
    "Words that all must occur in the prompt or id; case and accents don't count."
    model: str = ""
    method: str = ""
    since: datetime | None = None
    "Made at this time or later."
    until: datetime | None = None
    "Made before this time."

    def clause(self) -> tuple[str, list[Any]]:
        """The SQL condition and its values."""
        parts, values = ["present AND problem IS NULL"], []
        for word in folded(self.query).split():
            parts.append("instr(search, ?) > 0")
            values.append(word)
        for column, wanted in (("model", self.model), ("method", self.method)):
            if wanted:
                parts.append(f"{column} = ?")
                values.append(_storable(wanted))
        for sign, moment in ((">=", self.since), ("<", self.until)):
            if moment is not None:
                parts.append(f"created {sign} ?")
                values.append(seconds(moment))
        return " AND ".join(parts), values


def summary_of(record: Mapping[str, Any], folder: Path) -> RunSummary:
    """The line of a run from its `run.json`.

    Raises:
        LookupError, TypeError, ValueError, AttributeError: something is missing or of a wrong kind.
    """
    settings = record["settings"]
    width, height = record["size"]
    return RunSummary(
        id=record["id"],
        created=str(record["created"]),
        prompt=str(record["prompt"]["text"]),
        model=str(settings.get("model") or ""),
        method=_method(settings),
        seed=int(settings.get("seed") or 0),
        num_steps=int(settings.get("steps") or len(settings.get("timesteps") or ())),
        width=int(width),
        height=int(height),
        nouns=tuple(record["metrics"]),
        folder=folder,
    )


def seconds(moment: datetime | str) -> float:
    """Seconds since 1970; 0 for a text that is no time."""
    if isinstance(moment, str):
        try:
            moment = datetime.fromisoformat(moment)
        except ValueError:
            return 0.0
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def folded(text: str) -> str:
    """Text without case, accents and what SQLite can't hold, for searching."""
    letters = unicodedata.normalize("NFKD", _storable(text).casefold())
    return "".join(c for c in letters if not unicodedata.combining(c))


def use(file: Path, work: Callable[[sqlite3.Connection], T]) -> T:
    """Do `work` on the index in `file`, made anew if it is damaged or of another version.

    Where the file can't be used at all (read-only or full disk), an index in memory stands in: slower,
    the same answers. `work` must therefore fill it itself, and may be called more than once.
    """
    for attempt in ("as it is", "made anew", ":memory:"):
        try:
            with _connection(":memory:" if attempt == ":memory:" else str(file)) as connection:
                return work(connection)
        except sqlite3.OperationalError:
            if attempt == ":memory:":
                raise
        except sqlite3.DatabaseError:
            if attempt == ":memory:":
                raise
            _remove(file)
    raise AssertionError("unreachable")


@contextmanager
def _connection(name: str) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(name, timeout=10.0, isolation_level=None)
    try:
        if connection.execute("PRAGMA user_version").fetchone()[0] != _VERSION:
            connection.execute("PRAGMA journal_mode=WAL")
            with transaction(connection):
                if connection.execute("PRAGMA user_version").fetchone()[0] != _VERSION:
                    connection.execute("DROP TABLE IF EXISTS runs")
                    for statement in (_TABLE, *_INDICES):
                        connection.execute(statement)
                    connection.execute(f"PRAGMA user_version={_VERSION}")
        # A cache: after a power cut it may lag, but it is never damaged.
        connection.execute("PRAGMA synchronous=NORMAL")
        yield connection
    finally:
        connection.close()


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All or nothing, and no other process writes meanwhile."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _remove(file: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        try:
            Path(f"{file}{suffix}").unlink(missing_ok=True)
        except OSError:
            return


def put(connection: sqlite3.Connection, place: str, summary: RunSummary) -> None:
    """Add or replace the line of the run at `place`."""
    line = {k: v for k, v in vars(summary).items() if k != "folder"}
    _insert(
        connection, place, summary.id, seconds(summary.created), None,
        folded(f"{summary.prompt}\n{summary.id}"), summary.model, summary.method, json.dumps(line),
    )  # fmt: skip


def put_problem(connection: sqlite3.Connection, place: str, run_id: str, problem: str) -> None:
    """Remember that what lies at `place` can't be read, so that it is not tried at every listing."""
    _insert(connection, place, run_id, 0.0, problem, "", "", "", "{}")


def _insert(connection: sqlite3.Connection, *values: object) -> None:
    storable = [_storable(v) if isinstance(v, str) else v for v in values]
    connection.execute(
        "INSERT OR REPLACE INTO runs (place, id, created, problem, search, model, method, summary)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        storable,
    )


def drop(connection: sqlite3.Connection, places: Iterable[str]) -> None:
    """Forget the lines at these places."""
    connection.executemany("DELETE FROM runs WHERE place = ?", [(p,) for p in places])


def mark_present(connection: sqlite3.Connection, places: Iterable[tuple[str, bool]]) -> None:
    """Say of each place whether it can be reached at the moment."""
    connection.executemany("UPDATE runs SET present = ? WHERE place = ?", [(on, p) for p, on in places])


def places(connection: sqlite3.Connection) -> dict[str, bool]:
    """Every known place, and whether it could be reached."""
    return {place: bool(on) for place, on in connection.execute("SELECT place, present FROM runs")}


def find(
    connection: sqlite3.Connection, wanted: Filter, root: Path, offset: int, limit: int | None
) -> tuple[RunSummary, ...]:
    """Lines of one page, newest first; folders are `root` joined with the place."""
    where, values = wanted.clause()
    rows = connection.execute(
        f"SELECT place, summary FROM runs WHERE {where} ORDER BY created DESC, id DESC LIMIT ? OFFSET ?",
        [*values, -1 if limit is None else max(0, limit), max(0, offset)],
    )
    return tuple(_summary(place, text, root) for place, text in rows)


def count(connection: sqlite3.Connection, wanted: Filter) -> int:
    """How many lines pass."""
    where, values = wanted.clause()
    return connection.execute(f"SELECT count(*) FROM runs WHERE {where}", values).fetchone()[0]


def with_prefix(connection: sqlite3.Connection, prefix: str, limit: int) -> list[tuple[str, str]]:
    """Ids that begin so, with their places; the very same id first. Problems are among them."""
    rows = connection.execute(
        "SELECT id, place FROM runs WHERE substr(id, 1, ?) = ? ORDER BY id = ? DESC, id LIMIT ?",
        [len(prefix), prefix, prefix, limit],
    )
    return rows.fetchall()


def distinct(connection: sqlite3.Connection, column: str) -> tuple[str, ...]:
    """The different models or methods."""
    assert column in {"model", "method", "id"}
    rows = connection.execute(f"SELECT DISTINCT {column} FROM runs WHERE present AND problem IS NULL ORDER BY {column}")
    return tuple(row[0] for row in rows)


def problems(connection: sqlite3.Connection) -> tuple[str, ...]:
    """What is wrong with folders that can't be listed."""
    rows = connection.execute("SELECT problem FROM runs WHERE present AND problem IS NOT NULL ORDER BY place")
    return tuple(row[0] for row in rows)


def _summary(place: str, text: str, root: Path) -> RunSummary:
    values = json.loads(text)
    return RunSummary(**{**values, "nouns": tuple(values["nouns"])}, folder=root / place)


def _storable(text: str) -> str:
    return text.replace("\0", " ").encode("utf-8", "replace").decode("utf-8")


def _method(settings: Mapping[str, Any]) -> str:
    """How the picture came about: a guidance method, an inspection, or nothing special."""
    other = "inspection" if "timesteps" in settings else "none"
    return str(settings.get("guide") or settings.get("method") or other)
