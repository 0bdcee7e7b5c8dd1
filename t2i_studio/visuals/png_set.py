"""Maps as numbers in pictures: 16-bit gray PNGs, one a noun and step, one pixel a cell."""

from __future__ import annotations

import io
import json
import re
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from ..types import Maps

WHITE = 65535


def write_pngs(file: Path, maps: Maps) -> None:
    """A zip of `NOUN/STEP_tTIMESTEP.png` (mean over heads and layers of the main grid) and `index.json`.

    White is the noun's largest value over all steps; the index tells it: `value = gray / 65535 * white`.

    Raises:
        OSError: it can't be written.
    """
    index: dict[str, dict] = {}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for number, noun in enumerate(maps.nouns):
            safe = re.sub(r"[^\w-]+", "_", noun)
            folder = f"{number:02d}-{safe}"
            values_TYX = maps[noun]
            white = float(values_TYX.max()) or 1.0
            files = [f"{folder}/{step:03d}_t{time:g}.png" for step, time in enumerate(maps.timesteps)]
            for name, values_YX in zip(files, values_TYX, strict=True):
                archive.writestr(name, _png(values_YX / white))
            index[noun] = {"white": white, "files": files}
        about = {"grid": maps.main, "timesteps": list(maps.timesteps), "nouns": index}
        archive.writestr("index.json", json.dumps(about, ensure_ascii=False, indent=1))


def _png(shares_YX: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    gray = np.clip(shares_YX * WHITE, 0, WHITE).round().astype(np.uint16)
    Image.fromarray(gray).save(buffer, "PNG")
    return buffer.getvalue()
