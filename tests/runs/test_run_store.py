"""Finding, deleting, restoring, exporting; disks that are full; several at once."""

from __future__ import annotations

import errno
import os
import resource
import sqlite3
import subprocess
import sys
import threading
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from t2i_studio.config import GenerateSettings
from t2i_studio.runs import RunNotFound, RunStore, StorageError, folder, index, run_reference, storage
from t2i_studio.runs.index import RunSummary


def _left(place: Path) -> list[str]:
    return sorted(p.name for p in place.iterdir() if not p.name.startswith("index.sqlite"))


# --- saving ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.ENOSPC, "full"), (errno.EROFS, "can't be written"), (errno.EIO, "Check the disk")],
)
@pytest.mark.parametrize("part", ["write_picture", "write_maps", "write_metrics"])
def test_a_failing_disk_leaves_nothing_behind(store, make_run, monkeypatch, tmp_path, part, number, words):
    def fail(*_):
        raise OSError(number, os.strerror(number))

    run = make_run()
    monkeypatch.setattr(folder, part, fail)
    for out in (None, tmp_path / "out" / "deep"):
        with pytest.raises(StorageError, match=words) as caught:
            store.save(run, out)
        assert caught.value.remedy
    assert _left(store.root) == []
    assert not (tmp_path / "out").exists()
    monkeypatch.undo()
    assert store.save(run).folder.is_dir()


def test_a_truly_full_disk(tmp_path):
    """The file size limit of the process makes the system itself refuse, also inside safetensors."""
    code = (
        "import sys, resource, pytest; sys.path.insert(0, sys.argv[1]);"
        "from conftest import _make_run; from pathlib import Path; from t2i_studio.runs import *;"
        "import numpy as np; run = _make_run(); stack = run.maps.stacks['4x6'];"
        "object.__setattr__(stack, 'heads_TSHNYX', np.zeros((3, 2, 5000, 2, 4, 6), np.float32));"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000)); store = RunStore(Path(sys.argv[2]))\n"
        "try: store.save(run)\n"
        "except StorageError as error: print(error)\n"
    )
    project = Path(storage.__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code, str(Path(__file__).parent), str(tmp_path)],
        cwd=project, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert "is full" in done.stdout, done.stderr
    assert _left(tmp_path) == []
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 200_000


def test_a_file_where_the_root_should_be(tmp_path, make_run):
    (tmp_path / "runs").write_text("mine")
    with pytest.raises(StorageError, match="in the way"):
        RunStore(tmp_path / "runs").save(make_run())
    assert (tmp_path / "runs").read_text() == "mine"


def test_an_id_is_never_overwritten(store, make_run):
    run = make_run()
    kept = store.save(run)
    with pytest.raises(StorageError):
        store.save(make_run(seed=2, id=run.id))
    assert store.load(kept.id).settings["seed"] == 1


def test_out_folder_is_used_itself_when_new_or_empty(store, make_run, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("mine")
    runs = [make_run(f"a cat number {i}") for i in range(3)]
    places = [tmp_path / "new" / "deep", tmp_path / "empty", tmp_path / "full"]
    kept = [store.save(run, place) for run, place in zip(runs, places, strict=True)]
    assert [k.folder for k in kept] == [places[0], places[1], places[2] / runs[2].id]
    assert (tmp_path / "full" / "thesis.tex").read_text() == "mine"
    assert {s.id for s in store.list()} == {r.id for r in runs}
    assert store.load(runs[0].id).folder == places[0]
    assert store.load(places[1]).id == runs[1].id


def test_a_run_elsewhere_outlives_the_index_and_hides_while_its_disk_is_away(store, make_run, tmp_path):
    kept = store.save(make_run(), tmp_path / "out")
    store.reindex()
    assert store.count() == 1
    (tmp_path / "out").rename(tmp_path / "away")
    assert store.count() == 0
    with pytest.raises(RunNotFound):
        store.load(kept.id)
    (tmp_path / "away").rename(tmp_path / "out")
    assert store.count() == 1


def test_an_unwritable_list_does_not_lose_a_run_kept_elsewhere(tmp_path, make_run):
    (tmp_path / "runs").write_text("a file")
    kept = RunStore(tmp_path / "runs").save(make_run(), tmp_path / "out")
    assert "Not listed" in kept.notes[-1]
    assert RunStore(tmp_path / "other").load(tmp_path / "out").id == kept.id


def test_threads_save_and_list_at_once(store, make_run):
    runs = [make_run(f"a cat number {i}") for i in range(12)]
    errors: list[Exception] = []

    def work(part):
        try:
            for run in part:
                RunStore(store.root).save(run)
                RunStore(store.root).list()
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(runs[i::3],)) for i in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert {s.id for s in store.list()} == {r.id for r in runs}
    assert _left(store.root) == sorted(r.id for r in runs)


def test_two_at_once_into_one_out_folder(store, make_run, tmp_path):
    runs = [make_run(f"a cat number {i}") for i in range(6)]
    threads = [threading.Thread(target=store.save, args=(run, tmp_path / "out")) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {store.load(run.id).id for run in runs} == {run.id for run in runs}


# --- finding --------------------------------------------------------------------------------------


def _many(store: RunStore, number: int) -> list[str]:
    """Rows as 2,000 runs would give them, and the bare folders that make them count as there."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    ids = [f"2026-{i:05d}-run" for i in range(number)]
    for run_id in ids:
        (store.root / run_id).mkdir(parents=True)

    def fill(connection: sqlite3.Connection) -> None:
        with index.transaction(connection):
            for i, run_id in enumerate(ids):
                line = RunSummary(
                    id=run_id, created=(start + timedelta(minutes=i)).isoformat(),
                    prompt=f"a {('cat', 'Hund', 'Löwe')[i % 3]} on a hill {i}", model=f"model-{i % 2}",
                    method="none" if i % 5 else "ctcal", seed=i, num_steps=30, width=64, height=64,
                    nouns=("cat",), folder=store.root / run_id,
                )  # fmt: skip
                index.put(connection, run_id, line)

    index.use(store.root / "index.sqlite", fill)
    return ids


def test_pages_of_two_thousand_runs(store):
    ids = _many(store, 2000)
    assert store.count() == 2000
    pages = [store.list(offset=offset, limit=64) for offset in range(0, 2000, 64)]
    assert [s.id for page in pages for s in page] == ids[::-1]
    assert len(pages[-1]) == 2000 % 64
    assert store.list(offset=5000) == ()
    assert len(store.list()) == 50
    assert len(store.list(limit=None)) == 2000


def test_search_and_filters(store):
    _many(store, 60)
    assert {s.prompt.split()[1] for s in store.list(query="HILL löw")} == {"Löwe"}
    assert store.count(query="lowe") == 20
    assert store.count(query="lowe cat") == 0
    assert store.count(query="100%_") == 0
    assert store.count(query="2026-00007") == 1
    assert store.count(model="model-1") == 30
    assert store.count(model="model-1", method="ctcal") == 6
    assert store.models() == ("model-0", "model-1")
    assert store.methods() == ("ctcal", "none")
    since = datetime(2026, 1, 1, 0, 10, tzinfo=UTC)
    assert [s.seed for s in store.list(since=since, until=since + timedelta(minutes=3))] == [12, 11, 10]
    assert store.count(since=since.replace(tzinfo=None)) == 50


def test_listing_opens_no_known_folder(store, make_run, monkeypatch):
    for i in range(3):
        store.save(make_run(f"a cat number {i}"))

    def fail(*_):
        raise AssertionError("a run folder was opened")

    monkeypatch.setattr("t2i_studio.runs.sync.read_record", fail)
    assert len(store.list(query="cat")) == 3
    monkeypatch.undo()


def test_summary_says_what_the_gallery_shows(store, make_run):
    settings = GenerateSettings.checked(prompt="x", seed=9, steps=3, model="m").model_dump()
    kept = store.save(make_run("two cats", settings={**settings, "method": "ctcal"}))
    (line,) = store.list()
    assert line == RunSummary(
        id=kept.id, created=kept.created, prompt="two cats", model="m", method="ctcal", seed=9, num_steps=3,
        width=96, height=64, nouns=("cat", "dog"), folder=kept.folder,
    )  # fmt: skip


def test_index_is_rebuilt_when_missing_damaged_or_out_of_step(store, make_run):
    kept = [store.save(make_run(f"a cat number {i}")) for i in range(3)]
    file = store.root / "index.sqlite"
    wanted = {k.id for k in kept}

    def listed():
        return {s.id for s in store.list()}

    file.unlink()
    assert listed() == wanted
    file.write_bytes(b"no database" * 1000)
    assert listed() == wanted
    raw = bytearray(file.read_bytes())
    raw[4096:8192] = b"\xff" * 4096
    file.write_bytes(raw)
    assert listed() == wanted
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA user_version=99")
    connection.close()
    assert listed() == wanted
    (store.root / kept[0].id).rename(store.root.parent / "moved")
    assert listed() == wanted - {kept[0].id}
    (store.root.parent / "moved").rename(store.root / kept[0].id)
    assert listed() == wanted
    assert store.reindex() == 3
    file.unlink()
    file.mkdir()
    assert listed() == wanted, "an index that can't be written must not hide runs"


def test_a_broken_folder_is_reported_not_listed(store, make_run):
    good, bad = store.save(make_run()), store.save(make_run())
    (bad.folder / "run.json").write_text("{")
    assert store.reindex() == 1
    assert [s.id for s in store.list()] == [good.id]
    (problem,) = store.problems()
    assert bad.id in problem
    store.delete(bad.id)
    assert store.problems() == ()


def test_a_copied_folder_does_not_count_twice(store, make_run):
    import shutil

    kept = store.save(make_run())
    shutil.copytree(kept.folder, store.root / "copy")
    assert store.count() == 1
    assert "copy" in store.problems()[0]


def test_ids_may_be_shortened_and_unknown_ones_name_the_nearest(store, make_run):
    a = store.save(make_run(id="20261122-104512-a-cat-3f2a"))
    store.save(make_run(id="20261122-104513-a-dog-77aa"))
    assert store.load("20261122-104512").id == a.id
    with pytest.raises(RunNotFound, match="begins several"):
        store.load("2026")
    with pytest.raises(RunNotFound, match="Did you mean '20261122-104512-a-cat-3f2a'"):
        store.load("20261122-104512-a-car-3f2a")
    with pytest.raises(RunNotFound, match="runs list"):
        store.load("zzz")


def test_a_whole_id_wins_over_longer_ones(store, make_run):
    store.save(make_run(id="abc"))
    store.save(make_run(id="abcd"))
    assert store.load("abc").id == "abc"


@pytest.mark.parametrize("bad", ["../x", "..", ".trash", "/etc", "a/b", "a\\b", "", "a\0b", "a\n", "x" * 300])
def test_ids_never_lead_out_of_the_root(store, make_run, tmp_path, bad):
    store.save(make_run())
    for action in (store.load, store.delete, store.restore, store.folder, store.thumbnail):
        with pytest.raises(RunNotFound):
            action(bad)
    with pytest.raises(RunNotFound):
        store.export(bad, tmp_path / "x.zip")
    with pytest.raises(RunNotFound):
        store.save(make_run(id=bad))


def test_what_a_command_line_means(tmp_path, store, make_run, monkeypatch):
    store.save(make_run(), tmp_path / "out")
    monkeypatch.chdir(tmp_path)
    assert run_reference("20261122-104512-a-cat-3f2a") == "20261122-104512-a-cat-3f2a"
    assert run_reference("./x") == Path("x")
    assert run_reference("out") == Path("out")
    assert run_reference(".") == Path()


# --- deleting, exporting --------------------------------------------------------------------------


def test_delete_can_be_undone_until_purged(store, make_run):
    kept = store.save(make_run())
    trash = store.delete(kept.id)
    assert trash.is_dir()
    assert store.list() == ()
    assert store.deleted() == (kept.id,)
    with pytest.raises(RunNotFound, match="was deleted"):
        store.load(kept.id)
    assert store.restore(kept.id) == kept.folder
    assert store.load(kept.id).settings == kept.settings
    assert store.count() == 1
    store.delete(kept.id)
    assert store.purge(before=datetime.now(UTC) - timedelta(hours=1)) == 0
    assert store.purge() == 1
    assert not trash.exists()
    with pytest.raises(RunNotFound, match="not in the trash"):
        store.restore(kept.id)


def test_delete_of_a_run_elsewhere_leaves_its_files(store, make_run, tmp_path):
    kept = store.save(make_run(), tmp_path / "out")
    assert store.delete(kept.id) == tmp_path / "out"
    assert (tmp_path / "out" / "run.json").is_file()
    assert store.count() == 0
    assert store.restore(kept.id) == tmp_path / "out"
    assert store.count() == 1


def test_deleting_twice_says_so(store, make_run):
    kept = store.save(make_run())
    store.delete(kept.id)
    with pytest.raises(RunNotFound):
        store.delete(kept.id)


def test_a_second_delete_beside_the_first_destroys_nothing(store, make_run, monkeypatch):
    kept = store.save(make_run())
    resolve = store._resolve

    def overtaken(run):
        found = resolve(run)
        monkeypatch.undo()
        store.delete(run)
        return found

    monkeypatch.setattr(store, "_resolve", overtaken)
    with pytest.raises(RunNotFound):
        store.delete(kept.id)
    assert store.deleted() == (kept.id,)
    assert store.load(store.restore(kept.id).name).id == kept.id


def test_restore_never_overwrites(store, make_run):
    kept = store.save(make_run())
    store.delete(kept.id)
    store.save(make_run(seed=2, id=kept.id))
    with pytest.raises(StorageError):
        store.restore(kept.id)
    assert store.load(kept.id).settings["seed"] == 2
    assert store.deleted() == (kept.id,)


def test_export_unpacks_to_the_same_run(store, make_run, tmp_path):
    kept = store.save(make_run(), tmp_path / "out")
    (tmp_path / "out" / "private.txt").write_text("not part of the run")
    file = store.export(kept.id, tmp_path / "archive" / "a.zip")
    with zipfile.ZipFile(file) as archive:
        assert {n.split("/")[0] for n in archive.namelist()} == {kept.id}
        assert not any("private" in n for n in archive.namelist())
        archive.extractall(tmp_path / "unpacked")
    back = store.load(tmp_path / "unpacked" / kept.id)
    assert back.maps["cat"].tobytes() == kept.maps["cat"].tobytes()
    assert store.export(kept.id, tmp_path / "archive") == tmp_path / "archive" / f"{kept.id}.zip"
    assert _left(tmp_path / "archive") == sorted(["a.zip", f"{kept.id}.zip"])


def test_a_failing_export_keeps_the_earlier_file(store, make_run, tmp_path, monkeypatch):
    kept = store.save(make_run())
    file = tmp_path / "x" / "a.zip"
    store.export(kept.id, file)
    before = file.read_bytes()

    def fail(*_):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(zipfile.ZipFile, "write", fail)
    with pytest.raises(StorageError, match="full"):
        store.export(kept.id, file)
    assert file.read_bytes() == before
    assert _left(file.parent) == ["a.zip"]


def test_leftovers_of_a_killed_process_are_removed_later(store, make_run):
    store.save(make_run())
    old, young = store.root / ".tmp-old", store.root / ".tmp-young"
    old.mkdir()
    young.mkdir()
    os.utime(old, (1, 1))
    assert store.count() == 1
    store.reindex()
    assert not old.exists()
    assert young.exists()
