"""A sprite of one's own: scenes hold it, the judge finds it, a token is learnt for it and nothing else moves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import personalised
from t2i_studio.emoji import sprites
from t2i_studio.emoji.captions import Asked, Request
from t2i_studio.emoji.make_sprites import fitted
from t2i_studio.emoji.scenes import compose, render
from t2i_studio.emoji.vocabulary import NOUNS
from t2i_studio.evaluation import score
from t2i_studio.evaluation.emoji_matcher import EmojiMatcher
from t2i_studio.guidance import guide


@pytest.fixture
def house() -> Iterator[None]:
    sprites.add_sprite(personalised.NOUN, fitted(personalised.draw_house()))
    yield
    del sprites._ADDED[personalised.NOUN]
    sprites.sprite.cache_clear()


def test_a_sprite_of_the_callers_is_drawn_and_found(house: None) -> None:
    request = Request((Asked("house"), Asked("dog")))
    picture = render(compose(request, np.random.default_rng(4)))
    assert score(request, EmojiMatcher(nouns=(*NOUNS, "house"))(picture)).exact
    with pytest.raises(ValueError, match="a sprite already"):
        sprites.add_sprite("cat", fitted(personalised.draw_house()))


@pytest.mark.models
def test_only_the_new_token_is_learnt_and_it_can_be_guided(
    house: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(personalised, "POOL", 8)
    monkeypatch.setattr(personalised, "BATCH", 4)
    pipe = personalised.loaded("emoji-unet-early")
    before = pipe.text_encoder.get_input_embeddings().weight.detach().clone()
    personalised.learn(pipe, tmp_path, steps=2, rank=2)
    after = pipe.text_encoder.get_input_embeddings().weight.detach()
    assert torch.equal(after[: len(before)], before)
    again = personalised.taught(tmp_path, "emoji-unet-early")
    number = again.tokenizer.convert_tokens_to_ids(personalised.TOKEN)
    assert torch.equal(again.text_encoder.get_input_embeddings().weight[number], after[len(before)])
    prompt = "a photo of a <house> and a cat"
    with torch.no_grad(), guide(again, prompt, "ai-t2i") as guidance:
        again(prompt, num_inference_steps=2, height=128, width=128, output_type="latent")
    assert guidance.steps[0].losses["isolation"] > 0, "two subjects"
