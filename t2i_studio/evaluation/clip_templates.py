"""clip-templates: CLIP similarity as Attend-and-Excite reports it (arXiv 2301.13826, section 5).

Every text is put into CLIP's 80 ImageNet templates (Radford et al., 2021, appendix), and its direction is that of
their mean. `similarity` is the cosine of the picture with the whole prompt, `min_similarity` the smaller one of its
two halves. Published numbers are of ViT-B/16 (`openai/clip-vit-base-patch16`), 64 seeds a prompt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .clip import ClipScorer

if TYPE_CHECKING:
    import torch
    from PIL import Image

_BOTH = ("a", "the")
_PHOTOS = (
    "bad", "low resolution", "cropped", "bright", "dark", "close-up", "black and white", "pixelated", "jpeg corrupted",
    "blurry", "good",
)  # fmt: skip
_THINGS = ("hard to see", "clean", "dirty", "cool", "large", "nice", "weird", "small")
_KINDS = (
    "art", "graffiti", "itap", "a sculpture", "a rendering", "a tattoo", "a drawing", "a painting", "a doodle",
    "a sketch", "a rendition",
)  # fmt: skip
_MADE = ("embroidered", "plastic", "origami", "toy", "cartoon", "plushie")
TEMPLATES: tuple[str, ...] = (
    *(f"a {look} photo of {article} {{}}." for look in _PHOTOS for article in _BOTH),
    *(f"a photo of {article} {look} {{}}." for look in _THINGS for article in _BOTH),
    *(f"a photo of {article} {{}}." for article in ("many", "my", "one", *_BOTH)),
    *(f"{kind} of {article} {{}}." for kind in _KINDS for article in _BOTH),
    "itap of my {}.",
    *(f"{article} {look} {{}}." for look in _MADE for article in _BOTH),
    *(f"{article} {{}} in a video game." for article in _BOTH),
)
"""All 80. "itap": I took a picture."""


class ClipTemplatesScorer(ClipScorer):
    """One CLIP model, texts averaged over templates."""

    name = "clip-templates"

    def numbers(self, image: Image.Image, prompt: str) -> dict[str, float]:
        """`similarity`, and `min_similarity` where the prompt has parts."""
        return self._similarities(self._look(image), prompt)

    def _embed(self, text: str) -> torch.Tensor:
        mean = self._embed_all(filled(text)).mean(0)
        return mean / mean.norm()


def filled(text: str) -> list[str]:
    """The text in every template; of two articles the text's own stays, by the authors' replacements."""
    return [template.format(text).replace("a a", "a").replace("the a", "a") for template in TEMPLATES]
