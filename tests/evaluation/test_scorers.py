"""Scorers through transformers, on tiny random weights: the numbers are those worked out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import (
    BertTokenizer,
    BlipConfig,
    BlipForQuestionAnswering,
    BlipImageProcessor,
    BlipProcessor,
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    CLIPProcessor,
)

from t2i_studio.errors import InputError, ModelNotFound
from t2i_studio.evaluation import check_fits, choose_judge
from t2i_studio.evaluation.blip_vqa import BlipVqaScorer, noun_phrases
from t2i_studio.evaluation.clip import ClipScorer, subjects
from t2i_studio.evaluation.clip_templates import TEMPLATES, filled
from t2i_studio.families.tiny_tokenizer import tiny_clip_tokenizer

pytestmark = pytest.mark.models
SMALL = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
EYES = {"size": {"height": 32, "width": 32}, "crop_size": {"height": 32, "width": 32}}


@pytest.fixture(scope="module")
def image() -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 40, 3), dtype=np.uint8))


@pytest.fixture(scope="module")
def clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clip")
    tokenizer = tiny_clip_tokenizer(77)
    torch.manual_seed(0)
    text = {**SMALL, "vocab_size": len(tokenizer), "eos_token_id": tokenizer.eos_token_id}
    config = CLIPConfig(text_config=text, vision_config={**SMALL, "image_size": 32, "patch_size": 8}, projection_dim=12)
    CLIPModel(config).save_pretrained(folder)
    CLIPProcessor(CLIPImageProcessor(**EYES), tokenizer).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def blip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("blip")
    letters = [*"abcdefghijklmnopqrstuvwxyz?", *(f"##{c}" for c in "abcdefghijklmnopqrstuvwxyz")]
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, "yes", "no", "[DEC]", "[ENC]"]
    (folder / "vocab.txt").write_text("\n".join(words))
    torch.manual_seed(0)
    text = {
        **SMALL, "vocab_size": len(words), "bos_token_id": len(words) - 2, "sep_token_id": 3, "pad_token_id": 0,
        "encoder_hidden_size": 16, "max_position_embeddings": 64, "projection_dim": 16,
        "initializer_range": 0.6,
    }  # fmt: skip
    config = BlipConfig(text_config=text, vision_config={**SMALL, "image_size": 32, "patch_size": 8})
    BlipForQuestionAnswering(config).save_pretrained(folder)
    tokenizer = BertTokenizer(str(folder / "vocab.txt"))
    BlipProcessor(BlipImageProcessor(size=EYES["size"]), tokenizer).save_pretrained(folder)
    return folder


def test_clip_is_the_cosine_by_hand(clip_folder: Path, image: Image.Image) -> None:
    model, processor = CLIPModel.from_pretrained(clip_folder).eval(), CLIPProcessor.from_pretrained(clip_folder)

    def cosine(text: str) -> float:
        given = processor(text=[text], images=image, return_tensors="pt", padding=True)
        with torch.no_grad():
            out = model(**given)
        return float(torch.nn.functional.cosine_similarity(out.image_embeds, out.text_embeds))

    found = choose_judge(f"clip:{clip_folder}").numbers(image, "a cat and a dog")
    assert found["similarity"] == pytest.approx(cosine("a cat and a dog"), abs=1e-5)
    assert cosine("a cat") != pytest.approx(cosine("a dog"), abs=1e-4)
    assert found["min_similarity"] == pytest.approx(min(cosine("a cat"), cosine("a dog")), abs=1e-5)
    assert found["clip_score"] == pytest.approx(2.5 * max(cosine("A photo depicts a cat and a dog"), 0), abs=1e-5)
    assert "min_similarity" not in ClipScorer(str(clip_folder)).numbers(image, "a cat")


def test_templates_are_averaged_as_attend_and_excite_does(clip_folder: Path, image: Image.Image) -> None:
    assert len(TEMPLATES) == len(set(TEMPLATES)) == 80
    assert "a photo of a cat." in filled("a cat")
    assert "itap of an apple." in filled("an apple")
    assert not [text for text in filled("a cat") if " a a " in text or "the a cat" in text]
    model, processor = CLIPModel.from_pretrained(clip_folder).eval(), CLIPProcessor.from_pretrained(clip_folder)

    def direction(text: str) -> torch.Tensor:
        given = processor(text=filled(text), images=image, return_tensors="pt", padding=True)
        with torch.no_grad():
            out = model(**given)
        mean = torch.nn.functional.normalize(out.text_embeds, dim=-1).mean(0)
        return mean / mean.norm() @ torch.nn.functional.normalize(out.image_embeds[0], dim=-1)

    found = choose_judge(f"clip-templates:{clip_folder}").numbers(image, "a cat and a dog")
    assert found["similarity"] == pytest.approx(float(direction("a cat and a dog")), abs=1e-5)
    halves = min(float(direction("a cat")), float(direction("a dog")))
    assert found["min_similarity"] == pytest.approx(halves, abs=1e-5)
    assert list(found) == ["similarity", "min_similarity"]


@pytest.mark.parametrize(
    ("prompt", "parts"),
    [
        ("a horse with a glasses", ["a horse", "a glasses"]), ("a cat", ["a cat"]),
        ("a cat with a hat and a dog", ["a cat with a hat", "a dog"]),
        ("a lion, a balloon, and a bench.", ["a lion", "a balloon", "a bench"]),
    ],
)  # fmt: skip
def test_prompts_are_split_as_attend_and_excite_does(prompt: str, parts: list[str]) -> None:
    assert subjects(prompt) == parts


def test_blip_multiplies_the_odds_of_yes(blip_folder: Path, image: Image.Image) -> None:
    scorer = BlipVqaScorer(str(blip_folder), phrases=lambda prompt: prompt.split(" and "))
    model, processor = BlipForQuestionAnswering.from_pretrained(blip_folder).eval(), scorer.processor
    yes, no, start = (processor.tokenizer.convert_tokens_to_ids(word) for word in ("yes", "no", "[DEC]"))

    def chance(question: str) -> float:
        given = processor(images=image, text=question, return_tensors="pt")
        given["input_ids"][:, 0] = start + 1
        with torch.no_grad():
            out = model.generate(
                **given, max_new_tokens=1, do_sample=False, output_logits=True, return_dict_in_generate=True
            )
        logits = out.logits[0][0].softmax(0)
        return float(logits[yes] / (logits[yes] + logits[no]))

    found = scorer.numbers(image, "a cat and a dog")
    assert found == {"blip_vqa": pytest.approx(chance("a cat?") * chance("a dog?"), abs=1e-5)}
    assert chance("a cat?") != pytest.approx(chance("a dog?"), abs=1e-5)


def test_noun_phrases_are_what_blip_is_asked() -> None:
    assert noun_phrases("a green bench and a red car") == ("a green bench", "a red car")


@pytest.mark.parametrize("kind", ["clip", "blip-vqa"])
def test_missing_weights_are_told(kind: str, tmp_path: Path, clip_folder: Path) -> None:
    with pytest.raises(InputError, match="needs weights"):
        choose_judge(kind)
    with pytest.raises(InputError, match="needs weights"):
        check_fits((), kind)
    for weights in ("nobody/has-this", str(tmp_path)):
        with pytest.raises(ModelNotFound, match="can't use"):
            choose_judge(f"{kind}:{weights}")
