"""blip-vqa: asks BLIP about every noun phrase, as T2I-CompBench does (arXiv 2307.06350). Weights are the user's.

For `a green bench and a red car` it asks "a green bench?" and "a red car?" and multiplies the
probabilities of yes against no, read at the answer's first token. Noun phrases are those of the
studio's parser, not spaCy's, and pictures are prepared as the weights say: official numbers come
from T2I-CompBench's own evaluator (`--layout t2i-compbench`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from math import prod
from typing import TYPE_CHECKING, Any

import torch

from ..prompts import parse
from .weights import device, loaded

if TYPE_CHECKING:
    from PIL import Image

EXAMPLE = "Salesforce/blip-vqa-base"
_BEFORE = ("DET", "ADJ", "NUM", "NOUN", "ADV")
"""What may stand before a noun within its phrase."""


class BlipVqaScorer:
    """One BLIP model; one instance keeps its weights."""

    name = "blip-vqa"

    def __init__(self, weights: str = "", phrases: Callable[[str], Sequence[str]] | None = None) -> None:
        self.model, self.processor = loaded(self.name, weights, EXAMPLE, _load)
        self._phrases = lru_cache(maxsize=4096)(phrases or noun_phrases)
        self._yes, self._no = (self.processor.tokenizer.convert_tokens_to_ids(word) for word in ("yes", "no"))

    def numbers(self, image: Image.Image, prompt: str) -> dict[str, float]:
        """`blip_vqa`: the product over noun phrases; a prompt without any is asked as a whole."""
        asked = [f"{phrase}?" for phrase in self._phrases(prompt) or (prompt,)]
        return {"blip_vqa": prod(self._yes_probability(image, question) for question in asked)}

    @torch.inference_mode()
    def _yes_probability(self, image: Image.Image, question: str) -> float:
        model, text = self.model, self.model.config.text_config
        given = self.processor(images=image.convert("RGB"), text=question, return_tensors="pt").to(model.device)
        # BLIP was taught with a token of its own at the question's start: the one after the answer's.
        if text.bos_token_id + 1 < text.vocab_size:
            given["input_ids"][:, 0] = text.bos_token_id + 1
        seen = model.vision_model(pixel_values=given["pixel_values"]).last_hidden_state
        question_states = model.text_encoder(
            input_ids=given["input_ids"], attention_mask=given["attention_mask"], encoder_hidden_states=seen,
            encoder_attention_mask=torch.ones(seen.shape[:2], dtype=torch.long, device=model.device),
        ).last_hidden_state  # fmt: skip
        start = torch.full((1, 1), text.bos_token_id, device=model.device)
        logits = model.text_decoder(
            input_ids=start, encoder_hidden_states=question_states, encoder_attention_mask=given["attention_mask"]
        ).logits[0, 0]
        return float(logits[[self._yes, self._no]].float().softmax(0)[0])


def noun_phrases(prompt: str) -> tuple[str, ...]:
    """`a green bench and a red car` → `a green bench`, `a red car`."""
    parsed = parse(prompt)
    found = []
    for subject in parsed.subjects:
        first, last = min((*subject.words, *subject.attributes)), max((*subject.words, *subject.attributes))
        while first > 0 and parsed.words[first - 1].upos in _BEFORE:
            first -= 1
        found.append(prompt[parsed.words[first].start : parsed.words[last].end])
    return tuple(dict.fromkeys(found))


def _load(source: str) -> tuple[Any, Any]:
    from transformers import BlipForQuestionAnswering, BlipProcessor

    model: Any = BlipForQuestionAnswering.from_pretrained(source)
    return model.to(device()).eval(), BlipProcessor.from_pretrained(source)
