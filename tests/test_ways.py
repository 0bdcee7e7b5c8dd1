"""Axes of a comparison: every combination once, called by what differs."""

from __future__ import annotations

from t2i_studio.ways import ways


def test_one_axis_keeps_its_own_names() -> None:
    assert ways(guides=["none", "attend-and-excite:refine=false"]) == {
        "none": {"guide": "", "guide_weights": ()},
        "attend-and-excite:refine=false": {"guide": "attend-and-excite", "guide_weights": ("refine=false",)},
    }
    assert ways() == {}


def test_models_change_slowest() -> None:
    found = ways(["emoji-unet", "emoji-mmdit"], ["none", "a/cats.safetensors"], ["none", "ai-t2i"])
    assert list(found) == [
        f"{model} · {lora} · {guide}"
        for model in ("emoji-unet", "emoji-mmdit")
        for lora in ("no LoRA", "cats")
        for guide in ("none", "ai-t2i")
    ]
    assert found["emoji-mmdit · cats · ai-t2i"] == {
        "model": "emoji-mmdit", "lora": "a/cats.safetensors", "guide": "ai-t2i", "guide_weights": (),
    }  # fmt: skip
    assert found["emoji-unet · no LoRA · none"]["lora"] == ""


def test_alike_names_are_told_apart() -> None:
    assert list(ways(loras=["one/pytorch_lora_weights.safetensors", "two/pytorch_lora_weights.safetensors"])) == [
        "one", "two",
    ]  # fmt: skip
    assert list(ways(loras=["one/x.safetensors", "two/x.safetensors"])) == ["one/x.safetensors", "two/x.safetensors"]
