"""Data sets that come as a zip: looked at before, while and after they are unpacked. A stranger's file is not trusted.

Knows zips, limits and names; what a data set is, `pictures` knows.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator
from lzma import LZMAError
from pathlib import Path, PurePosixPath
from typing import IO

from .errors import InputError
from .pictures import ENDINGS, METADATA, captioned, unreadable

MOST_FILES = 50_000
MOST_BYTES = 8 * 2**30
"""Of everything, unpacked."""
MOST_OF_ONE = 256 * 2**20
MOST_RATIO = 200
"""Unpacked over packed size from which on a zip is a bomb: pictures are packed already."""
TOLD = 8
"""Names that a message lists."""
_TEXTS = frozenset({".txt", ".jsonl"})
_DRIVE = re.compile(r".*:" if os.name == "nt" else r"[A-Za-z]:[/\\]")
_CHUNK = 1 << 20
_DAMAGED = (zipfile.BadZipFile, zlib.error, LZMAError, EOFError, NotImplementedError, RuntimeError, UnicodeError)
"""How zipfile says that it can't."""


def unpack(archive: Path, into: Path) -> Path:
    """Unpack a data set: pictures, captions and `metadata.jsonl`, nothing else; a folder round it all is taken off.

    Args:
        into: the folder to make, where no other data set's may be; where anything is wrong, there is none.

    Raises:
        InputError: no zip, too much in it, names that lead outside, broken pictures (named), missing captions.
        OSError: the disk.
    """
    draft = into.with_name(f".{into.name}.{secrets.token_hex(4)}.part")  # two pages may bring the same at once
    try:
        with zipfile.ZipFile(archive) as opened:
            entries = _wanted(opened)
            _check_sizes(opened, entries)
            _extract(opened, entries, draft)
        check_pictures(draft)
        into.parent.mkdir(parents=True, exist_ok=True)
        if os.name == "nt" and into.is_dir():
            into.rmdir()  # elsewhere an empty folder, which holds the name, is replaced
        draft.replace(into)
    except _DAMAGED as error:
        reason = " ".join(str(error).split())[:160]
        raise InputError(f"{archive.name} can't be unpacked: {reason}.", "Pack it again as a plain zip.") from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return into


def check_pictures(folder: Path) -> int:
    """See that every picture of a folder can be read and has its caption; how many there are.

    Raises:
        InputError: no; the message names them.
    """
    broken = unreadable(folder)
    if broken:
        raise InputError(f"These pictures can't be read: {listed(broken)}.", "Leave them out, or save them anew.")
    try:
        found = captioned(folder)
    except InputError as error:
        raise InputError(error.problem.replace(f"{folder}", "the data set"), error.remedy) from None
    missing = [one.file.name for one in found if not one.file.is_file()]
    if missing:
        raise InputError(f"{METADATA} names pictures that are not there: {listed(missing)}.", "Add them, or its lines.")
    return len(found)


def listed(names: list[str]) -> str:
    """The first few names, and how many more."""
    more = len(names) - TOLD
    return ", ".join(names[:TOLD]) + (f" and {more} more" if more > 0 else "")


def _wanted(opened: zipfile.ZipFile) -> list[tuple[zipfile.ZipInfo, PurePosixPath]]:
    """The entries that belong to a data set, each with its place."""
    found = []
    for info in opened.infolist():
        place = PurePosixPath(info.filename.replace("\\", "/"))
        if place.is_absolute() or ".." in place.parts or _DRIVE.match(info.filename) or "\0" in info.filename:
            raise InputError(f"The zip names {info.filename[:80]!r}, outside itself.", "Pack it again, from inside.")
        if stat.S_ISLNK(info.external_attr >> 16):
            raise InputError(f"{info.filename[:80]!r} in the zip is a link.", "Pack the pictures themselves.")
        if info.is_dir() or "__MACOSX" in place.parts or any(part.startswith(".") for part in place.parts):
            continue
        if place.suffix.lower() in ENDINGS | _TEXTS:
            found.append((info, place))
    if not any(place.suffix.lower() in ENDINGS for _, place in found):
        raise InputError("There is no picture in the zip.", f"It takes {', '.join(sorted(ENDINGS))} files.")
    data = [place for _, place in found if place.suffix.lower() in ENDINGS or place.name == METADATA]
    tops = {place.parts[0] for place in data}
    if len(tops) == 1 and all(len(place.parts) > 1 for place in data):  # what lies beside that folder is a note
        found = [
            (info, PurePosixPath(*place.parts[1:]))
            for info, place in found
            if place.parts[0] in tops and place.parent.parts
        ]
    return found


def _check_sizes(opened: zipfile.ZipFile, entries: list[tuple[zipfile.ZipInfo, PurePosixPath]]) -> None:
    """By what the zip says of itself; unpacking counts again."""
    if len(opened.infolist()) > MOST_FILES:
        raise InputError(f"The zip holds {len(opened.infolist())} files.", f"{MOST_FILES} are possible.")
    if any(info.flag_bits & 1 for info, _ in entries):
        raise InputError("The zip is locked with a password.", "Pack it without one.")
    whole, packed = (sum(getattr(info, name) for info, _ in entries) for name in ("file_size", "compress_size"))
    large = next((info.filename for info, _ in entries if info.file_size > MOST_OF_ONE), None)
    if large is not None:
        raise InputError(f"{large} is larger than {MOST_OF_ONE >> 20} MB.", "No picture is so large: leave it out.")
    if whole > MOST_BYTES or whole > MOST_RATIO * max(packed, 1):
        raise InputError(
            f"The zip would unpack to {whole >> 20} MB from {packed >> 10} KB.",
            f"{MOST_BYTES >> 30} GB, and {MOST_RATIO} times its size, are possible.",
        )


def _extract(opened: zipfile.ZipFile, entries: list[tuple[zipfile.ZipInfo, PurePosixPath]], folder: Path) -> None:
    taken: set[str] = set()
    left = MOST_BYTES
    for info, place in entries:
        if place.as_posix().lower() in taken:
            raise InputError(f"{place} comes twice in the zip.", "Give every picture a name of its own.")
        taken.add(place.as_posix().lower())
        target = folder / place
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as out:
            for chunk in _chunks(opened, info):
                left -= len(chunk)
                if left < 0:
                    raise InputError("The zip unpacks to more than it says.", "It is damaged, or a bomb.")
                out.write(chunk)


def _chunks(opened: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    with opened.open(info) as stream:
        while chunk := _read(stream):
            yield chunk


def _read(stream: IO[bytes]) -> bytes:
    try:
        return stream.read(_CHUNK)
    except OSError as error:  # bzip2's way to say that an entry is damaged
        raise zipfile.BadZipFile(str(error)) from None
