"""emoji-detector: the learnt judge. It may select training data; the matcher, which learnt nothing, reports."""

from __future__ import annotations

import numpy as np
from PIL import Image

from ..emoji.detector import load_detector
from ..emoji.scenes import SCENE_SIZE
from ..emoji.vocabulary import NOUNS
from .clean import nearest
from .found import Found, scaled

NAME = "emoji-detector"


class EmojiDetector:
    """The detector that ships as a judge.

    Raises:
        ModelNotFound: its folder is not there.
    """

    name = NAME
    nouns = frozenset(NOUNS)

    def __init__(self) -> None:
        self._detector = load_detector()

    def __call__(self, image: Image.Image) -> tuple[Found, ...]:
        """Objects of the picture, the most certain first; pictures of other sizes are scaled, and boxes back."""
        picture = image.convert("RGB").resize((SCENE_SIZE, SCENE_SIZE), Image.Resampling.BICUBIC)
        rgb_YXC = np.asarray(picture, dtype=np.float32) / 255
        found = [
            Found(one.noun, one.colour, one.box, one.score, nearest(rgb_YXC, one.noun, one.colour, one.box))
            for one in self._detector([picture])[0]
        ]
        return tuple(scaled(one, image.size, SCENE_SIZE) for one in found)
