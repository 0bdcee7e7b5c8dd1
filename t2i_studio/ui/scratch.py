"""Files the browser may fetch: pictures shown, downloads asked for.

One folder, gone when the app ends; the page reaches nothing else of the disk.
"""

from __future__ import annotations

import shutil
import tempfile
import uuid
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from ..runs import storing

if TYPE_CHECKING:
    from collections.abc import Callable

    from PIL import Image

KEPT = 100
"""Runs whose files stay; the oldest go first."""


class Scratch:
    """A temporary folder with one folder a run."""

    def __init__(self) -> None:
        # The object's life is the folder's: it is removed when the app ends.
        self._temporary = tempfile.TemporaryDirectory(prefix="t2i-studio-", ignore_cleanup_errors=True)
        self.root = Path(self._temporary.name).resolve()

    def folder(self, run_id: str) -> Path:
        """The folder of one run."""
        folder = self.root / run_id
        if not folder.exists():
            folder.mkdir(parents=True, exist_ok=True)  # two requests may show the same run
            self._prune()
        return folder

    def url(self, file: Path) -> str:
        """Where the browser finds a file; relative, so it holds behind a proxy too."""
        return f"gradio_api/file={quote(str(file))}"

    def picture(self, name: str, image: Image.Image) -> Path:
        """A picture as a file, whole or not there, in the folder of a run or of what else has a name.

        Raises:
            StorageError: the disk.
        """
        return self.keep(name, "shown.png", image.save)

    def keep(self, run_id: str, name: str, write: Callable[[Path], object]) -> Path:
        """A file in a run's folder, as `write` makes it where it is not there yet.

        Raises:
            StorageError: the disk.
        """
        with storing(self.root):
            file = self.folder(run_id) / name
            if not file.exists():
                draft = file.with_name(f"{uuid.uuid4().hex}{file.suffix}")
                write(draft)
                draft.replace(file)
        return file

    def _prune(self) -> None:
        for folder in sorted(self.root.iterdir(), key=_age)[:-KEPT]:
            shutil.rmtree(folder, ignore_errors=True)


def _age(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except FileNotFoundError:  # pruned by another request
        return 0.0
