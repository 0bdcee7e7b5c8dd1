"""Pictures from outside: opened safely, upright, RGB, cut to a size; folders of them with captions.

Knows nothing of models.
"""

from __future__ import annotations

import glob
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from .errors import InputError
from .paths import typed

ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff"})
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")
"""What Pillow may take a file for: whatever its name, nobody's PostScript is run."""
METADATA = "metadata.jsonl"
MASK = ".mask-"
"""`scene.png` may have `scene.mask-cat.png` beside it: white where the cat is."""


@dataclass(frozen=True)
class Captioned:
    """A picture's file and what is to be seen on it."""

    file: Path
    caption: str


def open_picture(source: Path | str | Image.Image) -> Image.Image:
    """A picture as RGB, turned upright as its camera says, transparency on white.

    Raises:
        InputError: no such file, no picture, damaged, or too large to be one.
    """
    name = "The picture" if isinstance(source, Image.Image) else str(typed(source))
    try:
        if isinstance(source, Image.Image):
            return _plain(source)
        with Image.open(typed(source), formats=FORMATS) as opened:
            return _plain(opened)
    except FileNotFoundError:
        raise InputError(f"There is no picture at {name}.", "Give the path of a PNG, JPEG or WebP file.") from None
    except (UnidentifiedImageError, IsADirectoryError):
        raise InputError(f"{name} is no picture.", "Give the path of a PNG, JPEG or WebP file.") from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise InputError(f"{name} can't be read: {reason}.", "Open and save it anew in another program.") from None


def _plain(image: Image.Image) -> Image.Image:
    upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith("I"):  # 16 bits, which Pillow would clip instead of scaling
        deep = np.asarray(upright, dtype=np.float64)
        return Image.fromarray((deep / max(65535.0, deep.max()) * 255).round().astype(np.uint8)).convert("RGB")
    if upright.mode in ("RGBA", "LA", "PA") or "transparency" in upright.info:
        with_alpha = upright.convert("RGBA")
        ground = Image.new("RGBA", with_alpha.size, "white")
        return Image.alpha_composite(ground, with_alpha).convert("RGB")
    return upright.convert("RGB")


def same_shape(image: Image.Image, width: int, height: int, step: int) -> tuple[int, int]:
    """Width and height of about `width` × `height` pixels in all, in the picture's own proportions.

    Args:
        step: both are multiples of it, in pixels.
    """
    area, shape = width * height, image.width / image.height
    sides = ((area * shape) ** 0.5, (area / shape) ** 0.5)
    wide, high = (max(step, round(side / step) * step) for side in sides)
    return wide, high


def cut(image: Image.Image, width: int, height: int) -> Image.Image:
    """The picture scaled to cover `width` × `height` pixels, what sticks out cut off evenly."""
    return ImageOps.fit(image, (width, height), Image.Resampling.LANCZOS)


def captioned(folder: Path | str, caption: str = "") -> list[Captioned]:
    """The pictures of a folder with their captions, by name.

    Captions come from `metadata.jsonl` (`file_name`, `text`), else from a `.txt` file beside each
    picture, else are `caption` for all.

    Raises:
        InputError: no folder, no picture, a picture without caption, or a damaged metadata file.
    """
    folder = typed(folder)
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder}.", "Give a folder of pictures.")
    known = dict(_metadata(folder / METADATA)) if (folder / METADATA).is_file() else {}
    files = sorted(f for f in folder.iterdir() if f.suffix.lower() in ENDINGS and MASK not in f.name)
    there = {file.resolve() for file in files}
    files += sorted(file for file in known if file not in there)
    if not files:
        raise InputError(f"There is no picture in {folder}.", f"It takes {', '.join(sorted(ENDINGS))} files.")
    found = [Captioned(file, known.get(file.resolve()) or _beside(file) or caption) for file in files]
    bare = next((one.file.name for one in found if not one.caption.strip()), None)
    if bare is not None:
        raise InputError(
            f"{bare} has no caption.", f"Give --caption, or write {METADATA} or {Path(bare).stem}.txt beside it."
        )
    return found


def unreadable(folder: Path) -> list[str]:
    """Names of the pictures below a folder, masks too, that can't be read."""
    found = []
    for file in sorted(f for f in folder.rglob("*") if f.is_file() and f.suffix.lower() in ENDINGS):
        try:
            open_picture(file)
        except InputError:
            found.append(file.relative_to(folder).as_posix())
    return found


def masks_beside(file: Path) -> dict[str, Image.Image]:
    """Masks of a picture's subjects by their ids, from `NAME.mask-SUBJECT.png` files: L, white inside.

    Raises:
        InputError: a mask that can't be read.
    """
    found = sorted(file.parent.glob(f"{glob.escape(file.stem)}{MASK}*.png"))
    return {one.stem.split(MASK, 1)[1]: open_picture(one).convert("L") for one in found}


def _beside(file: Path) -> str:
    text = file.with_suffix(".txt")
    return text.read_text(encoding="utf-8-sig", errors="replace").strip() if text.is_file() else ""


def _metadata(file: Path) -> Iterator[tuple[Path, str]]:
    """Resolved paths and captions."""
    for number, line in enumerate(file.read_text(encoding="utf-8-sig", errors="replace").split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            name, text = str(row["file_name"]), str(row["text"]).strip()
        except (ValueError, KeyError, TypeError):
            raise InputError(
                f"Line {number} of {file} is damaged.", 'It should be {"file_name": "cat.png", "text": "a cat"}.'
            ) from None
        path = (file.parent / name).resolve()
        if not path.is_relative_to(file.parent.resolve()):
            raise InputError(f"Line {number} of {file} points outside the folder.", "Keep pictures inside it.")
        yield path, text
