"""clip: how near picture and prompt lie in CLIP's space. Weights are the user's.

- `similarity`: cosine of picture and whole prompt (T2I-CompBench's CLIP similarity).
- `min_similarity`: the smallest cosine over the prompt's parts, as Attend-and-Excite reports neglect
  (arXiv 2301.13826, section 5). They average each text over 80 templates (`clip-templates`); here it stands
  as it is.
- `clip_score`: 2.5 · max(cosine, 0) with "A photo depicts " before the prompt (Hessel et al., 2021).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import torch

from .weights import device, loaded

if TYPE_CHECKING:
    from PIL import Image

PREFIX = "A photo depicts "
FACTOR = 2.5
EXAMPLE = "openai/clip-vit-base-patch16"
_BETWEEN = re.compile(r"\s*,\s*(?:and\s+)?|\s+and\s+")


class ClipScorer:
    """One CLIP model; one instance keeps its weights."""

    name = "clip"

    def __init__(self, weights: str = "") -> None:
        self.model, self.processor = loaded(self.name, weights, EXAMPLE, _load)
        # A cache a scorer, not a class: texts of other weights are other vectors.
        self._text = lru_cache(maxsize=4096)(self._embed)

    def numbers(self, image: Image.Image, prompt: str) -> dict[str, float]:
        """All three, most telling first; `min_similarity` only where the prompt has parts."""
        looked = self._look(image)
        score = FACTOR * max(self._cosine(looked, PREFIX + prompt), 0.0)
        return {**self._similarities(looked, prompt), "clip_score": score}

    def _similarities(self, looked: torch.Tensor, prompt: str) -> dict[str, float]:
        parts = subjects(prompt)
        found = {"similarity": self._cosine(looked, prompt)}
        if len(parts) > 1:
            found["min_similarity"] = min(self._cosine(looked, part) for part in parts)
        return found

    def _cosine(self, looked: torch.Tensor, text: str) -> float:
        return float(looked @ self._text(text))

    @torch.inference_mode()
    def _look(self, image: Image.Image) -> torch.Tensor:
        pixels = self.processor(images=image.convert("RGB"), return_tensors="pt")["pixel_values"]
        return _directions(self.model.get_image_features(pixel_values=pixels.to(self.model.device)))[0]

    @torch.inference_mode()
    def _embed(self, text: str) -> torch.Tensor:
        return self._embed_all([text])[0]

    @torch.inference_mode()
    def _embed_all(self, texts: list[str]) -> torch.Tensor:
        """(T, D), each of length 1."""
        tokens = self.processor(text=texts, return_tensors="pt", truncation=True, padding=True)
        return _directions(self.model.get_text_features(**tokens.to(self.model.device)))


def subjects(prompt: str) -> list[str]:
    """`a cat and a dog` → its parts: at `and` and commas, else at `with`, as Attend-and-Excite splits."""
    parts = [part for part in _BETWEEN.split(prompt.strip().rstrip(".")) if part]
    return parts if len(parts) > 1 else prompt.split(" with ")


def _directions(features: Any) -> torch.Tensor:
    """(T, D), each of length 1; some versions hand the vectors out inside a record."""
    vectors = getattr(features, "pooler_output", features).float()
    return vectors / vectors.norm(dim=-1, keepdim=True)


def _load(source: str) -> tuple[Any, Any]:
    from transformers import CLIPModel, CLIPProcessor

    model: Any = CLIPModel.from_pretrained(source)
    return model.to(device()).eval(), CLIPProcessor.from_pretrained(source)
