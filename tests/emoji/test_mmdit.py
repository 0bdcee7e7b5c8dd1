"""The transformer's pre-training: a step, the folder it writes, and that folder in diffusers and in the studio."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import StableDiffusion3Pipeline
from transformers import CLIPTokenizer

from t2i_studio import Studio
from t2i_studio.config import ASSETS
from t2i_studio.emoji.captions import caption, sample_request
from t2i_studio.emoji.pretrain.mmdit import CLIP_COLUMNS, T5_COLUMNS, MmditTask, export
from t2i_studio.emoji.pretrain.unet import LATER
from t2i_studio.emoji.pretrain.vae import shipped_vae
from t2i_studio.emoji.splits import load_splits

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> MmditTask:
    tokenizer = CLIPTokenizer.from_pretrained(ASSETS / "emoji-unet" / "tokenizer")
    return MmditTask(shipped_vae(), tokenizer, tmp_path_factory.mktemp("pretrain") / "mmdit")


def test_a_step_reaches_every_part(task: MmditTask) -> None:
    loss, logged = task.loss(np.random.default_rng(0), torch.Generator().manual_seed(0), 0)
    loss.backward()
    assert 1 < float(loss.detach()) < 4
    assert set(logged) == {"loss", "told", "low", "mid", "high"}
    for name, module in task.modules.items():
        norms = [p.grad.norm() for p in module.parameters() if p.grad is not None]
        assert norms, name
        # The last gate starts at zero: before the first update only the output layer learns.
        assert name != "transformer" or max(norms) > 0


def test_text_is_encoded_as_the_pipeline_does(task: MmditTask) -> None:
    captions = ["a cat and a dog", "", "three purple apples, a Café"]
    mine = task.text_inputs(task.tokens(captions))
    theirs = task.family.text_inputs(task.pipeline(), captions, 128, 128)
    assert set(mine) == set(theirs)
    for name, told in theirs.items():
        assert torch.allclose(mine[name], told, atol=1e-6), name


def test_captions_fit_both_tokenizers(task: MmditTask) -> None:
    rng = np.random.default_rng(1)
    for _ in range(300):
        text = caption(sample_request(rng, load_splits(), LATER), rng, LATER.wordings)
        assert len(task.tokenizer(text).input_ids) <= CLIP_COLUMNS
        pieces = task.tokenizer_3(text).input_ids
        assert len(pieces) <= T5_COLUMNS
        assert task.tokenizer_3.unk_token_id not in pieces


def test_what_is_exported_runs_in_diffusers_and_here(task: MmditTask, tmp_path: Path) -> None:
    export(task, tmp_path / "emoji-mmdit")
    plain = StableDiffusion3Pipeline.from_pretrained(tmp_path / "emoji-mmdit")
    plain.set_progress_bar_config(disable=True)
    image = plain("a cat", num_inference_steps=1, height=128, width=128, max_sequence_length=T5_COLUMNS).images[0]
    assert image.size == (128, 128)
    run = Studio(str(tmp_path / "emoji-mmdit"), device="cpu").generate("a cat and a dog", steps=2, guide="ai-t2i")
    assert run.image.size == (128, 128)
    assert [span.num_columns for span in run.spans] == [CLIP_COLUMNS, T5_COLUMNS]
    assert run.maps["cat"].shape == (2, 16, 16)
    assert len(run.guidance) == 1
