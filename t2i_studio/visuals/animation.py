"""The nouns' maps over the picture, step by step, as a GIF."""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO
from math import ceil
from pathlib import Path

import matplotlib
from PIL import Image, ImageColor, ImageDraw, ImageFont

from ..types import Run
from .colours import THEMES
from .overlay import blend
from .page import drawable, timestep_label
from .selection import NounMaps, PanelSettings, recorded, select, spread

_PAD, _LABEL, _HEAD, _TRACK = 8, 24, 26, 4
_PER_ROW, _LARGEST, _MOST_PIXELS = 4, 256, 300_000
_MOST_FRAMES, _SECONDS, _HOLD_MS = 40, 5.0, 1500


def animation(run: Run, settings: PanelSettings | None = None) -> bytes:
    """A GIF that loops: one cell a noun, timestep and step above; at most 40 frames, the last one held.

    Raises:
        RunError: the run has no maps.
        SettingError: unknown noun, grid or layer.
    """
    settings = settings or PanelSettings()
    chosen = select(run, settings)
    timesteps = recorded(run).timesteps
    steps = spread(len(timesteps), _MOST_FRAMES)
    small = _cell_picture(run, len(chosen))
    frames = [_frame(small, chosen, settings, step, timesteps) for step in steps]
    # One palette for all frames: colours don't flicker, and equal parts are stored once.
    exact = [noun.colour for noun in chosen] + [THEMES[settings.theme].muted, THEMES[settings.theme].page]
    palette = _palette([frames[0], frames[len(frames) // 2], frames[-1]], exact)
    indexed = [f.quantize(palette=palette, dither=Image.Dither.NONE) for f in frames]
    each = max(60, min(400, round(1000 * _SECONDS / len(steps) / 10) * 10))
    out = BytesIO()
    indexed[0].save(
        out, format="GIF", save_all=True, append_images=indexed[1:], loop=0, disposal=1,
        duration=[*[each] * (len(steps) - 1), _HOLD_MS],
    )  # fmt: skip
    return out.getvalue()


def _cell_picture(run: Run, num_nouns: int) -> Image.Image:
    side = min(_LARGEST, int((_MOST_PIXELS / num_nouns) ** 0.5))
    scale = side / max(run.image.size)
    size = (max(1, round(run.image.width * scale)), max(1, round(run.image.height * scale)))
    return run.image.convert("RGB").resize(size, Image.Resampling.LANCZOS)


def _frame(
    picture: Image.Image, chosen: tuple[NounMaps, ...], settings: PanelSettings, step: int,
    timesteps: tuple[float, ...],
) -> Image.Image:  # fmt: skip
    theme = THEMES[settings.theme]
    per_row = min(len(chosen), _PER_ROW)
    cell_width = max(picture.width, 120 if len(chosen) == 1 else 72)
    width = _PAD + per_row * (cell_width + _PAD)
    pitch = _LABEL + picture.height + _PAD
    height = _PAD + _HEAD + ceil(len(chosen) / per_row) * pitch + _TRACK
    frame = Image.new("RGB", (width, height), theme.page)
    draw = ImageDraw.Draw(frame)
    text = f"t {timestep_label(timesteps[step])} · step {step + 1}/{len(timesteps)}"
    draw.text((_PAD, _PAD), text, fill=theme.muted, font=_font(14))
    for place, noun in enumerate(chosen):
        row, column = divmod(place, per_row)
        x, y = _PAD + column * (cell_width + _PAD), _PAD + _HEAD + row * pitch
        draw.text((x, y), _shortened(noun.noun, cell_width), fill=noun.colour, font=_font(14, bold=True))
        values_YX = noun.scaled(step, settings.per_frame)
        frame.paste(blend(picture, values_YX, settings.opacity, settings.raw), (x, y + _LABEL))
    done = width * (step + 1) / len(timesteps)
    draw.rectangle((0, height - _TRACK, width, height), fill=theme.rule)
    draw.rectangle((0, height - _TRACK, round(done), height), fill=theme.muted)
    return frame


def _palette(samples: list[Image.Image], exact: list[str]) -> Image.Image:
    """256 colours that suit the samples; `exact` hex colours are among them, however few their pixels."""
    kept = sorted(set(exact))[:64]
    sheet = Image.new("RGB", (samples[0].width, sum(s.height for s in samples)))
    for i, sample in enumerate(samples):
        sheet.paste(sample, (0, i * sample.height))
    found = sheet.quantize(256 - len(kept), method=Image.Quantize.MEDIANCUT).getpalette() or []
    palette = Image.new("P", (1, 1))
    palette.putpalette([c for colour in kept for c in ImageColor.getrgb(colour)] + found)
    return palette


def _shortened(text: str, room: int) -> str:
    shown, font = drawable(text), _font(14, bold=True)
    if font.getlength(shown) <= room:
        return shown
    while shown and font.getlength(shown + "…") > room:
        shown = shown[:-1]
    return shown.rstrip() + "…"


@lru_cache(maxsize=4)
def _font(size: int, bold: bool = False) -> ImageFont.FreeTypeFont:
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name), size)
