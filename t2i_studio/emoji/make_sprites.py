"""Render the sprites once: `python -m t2i_studio.emoji.make_sprites [FONT]`.

Glyphs come from Noto Color Emoji (Debian package `fonts-noto-color-emoji`, SIL OFL 1.1);
the bench is drawn here. Needed only to remake `assets/sprites/`.
"""

from __future__ import annotations

import sys

from PIL import Image, ImageDraw, ImageFont

from .sprites import SPRITE_SIZE, sprite_path
from .vocabulary import ANIMALS, OBJECTS

DEFAULT_FONT = "/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf"
_FONT_SIZE = 109  # the one strike of the bitmap font


def draw_glyph(glyph: str, font: ImageFont.FreeTypeFont) -> Image.Image:
    """One emoji as RGBA on a transparent canvas."""
    canvas = Image.new("RGBA", (160, 160), (0, 0, 0, 0))
    ImageDraw.Draw(canvas).text((10, 10), glyph, font=font, embedded_color=True)
    return canvas


def draw_bench() -> Image.Image:
    """A park bench in the style of the set: flat wood slats, dark iron legs, a light top edge."""
    scale = 4
    canvas = Image.new("RGBA", (136 * scale, 136 * scale), (0, 0, 0, 0))
    pen = ImageDraw.Draw(canvas)

    def bar(x0: float, y0: float, x1: float, y1: float, fill: str, radius: float = 2) -> None:
        box = [v * scale for v in (x0, y0, x1, y1)]
        pen.rounded_rectangle(box, radius=radius * scale, fill=fill)

    for x in (22, 106):  # iron frame, behind the slats
        bar(x, 26, x + 8, 116, "#454C52")
        bar(x - 9, 108, x + 17, 116, "#383F45", 3)
    for x in (22, 106):  # arm rests
        bar(x - 8, 58, x + 16, 65, "#5A636B", 3)
    for y in (28, 43):  # back
        bar(8, y, 128, y + 12, "#A5673F", 3)
        bar(8, y, 128, y + 4, "#C98B5C", 2)
    for y, fill, edge in ((70, "#B5734A", "#D99C6B"), (84, "#8D5533", "#A5673F")):  # seat
        bar(4, y, 132, y + 13, fill, 3)
        bar(4, y, 132, y + 4, edge, 2)
    return canvas.resize((136, 136), Image.Resampling.LANCZOS)


def fitted(picture: Image.Image) -> Image.Image:
    """Crop to the opaque part and scale its longest side to `SPRITE_SIZE`."""
    box = picture.getchannel("A").point([0] * 9 + [255] * 247).getbbox()
    picture = picture.crop(box)
    factor = SPRITE_SIZE / max(picture.size)
    size = (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
    return picture.resize(size, Image.Resampling.LANCZOS)


def main(font_path: str = DEFAULT_FONT) -> None:
    """Write every sprite below `assets/sprites/`."""
    font = ImageFont.truetype(font_path, _FONT_SIZE)
    for noun, glyph in {**ANIMALS, **OBJECTS}.items():
        picture = draw_bench() if glyph is None else draw_glyph(glyph, font)
        sprite_path(noun).parent.mkdir(parents=True, exist_ok=True)
        fitted(picture).save(sprite_path(noun), optimize=True)


if __name__ == "__main__":
    main(*sys.argv[1:2])
