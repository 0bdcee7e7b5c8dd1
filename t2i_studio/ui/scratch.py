"""Files the browser may fetch: pictures and figures shown, downloads asked for.

One folder, gone when the app ends; the page reaches nothing else of the disk.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from urllib.parse import quote

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
            folder.mkdir(parents=True)
            self._prune()
        return folder

    def url(self, file: Path) -> str:
        """Where the browser finds a file; relative, so it holds behind a proxy too."""
        return f"gradio_api/file={quote(str(file))}"

    def _prune(self) -> None:
        folders = sorted(self.root.iterdir(), key=lambda f: f.stat().st_mtime)
        for folder in folders[:-KEPT]:
            shutil.rmtree(folder, ignore_errors=True)
