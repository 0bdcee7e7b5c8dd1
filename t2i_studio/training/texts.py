"""Captions as a denoiser takes them, each worked out once where no text encoder learns from it.

A caption comes again every few steps, and T5 is larger than most denoisers: frozen encoders (and the VAE,
for pictures are encoded already) wait on the CPU between samples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from ..families import Family

KEPT_BYTES = 4 * 2**30
"""What is kept on the CPU at most; captions beyond it are worked out again every time."""


class Texts:
    """The text inputs of captions on a device.

    Args:
        height: of the pictures, in pixels.
        width: likewise.
        learning: whether the family's text encoders learn; one that never does (SD 3's T5) answers once then too.
    """

    def __init__(
        self, pipe: Any, family: Family, height: int, width: int, device: torch.device, learning: bool
    ) -> None:
        self.pipe, self.family, self.device, self.learning = pipe, family, device, learning
        self._size = (height, width)
        self.autocast: Callable[[], AbstractContextManager[Any]] = nullcontext
        self._kept: dict[str, dict[str, Any]] = {}
        self._bytes = 0
        self._resting: list[torch.nn.Module] = []
        frozen = family.all_text_encoders(pipe).keys() - (family.text_encoders(pipe).keys() if learning else set())
        if learning:
            for name in frozen:
                setattr(pipe, name, AnswersOnce(getattr(pipe, name)))
        self._frozen = sorted(frozen)

    def __call__(self, captions: Sequence[str]) -> dict[str, Any]:
        """The denoiser's text inputs, row by row."""
        if self.learning:
            with self.autocast():
                return self._worked_out(captions)
        return joined([self._of(caption) for caption in captions], self.device)

    def settle(self, captions: Sequence[str]) -> None:
        """Work every caption out; where all can be kept, what is not needed for a step leaves the device."""
        distinct, whole = list(dict.fromkeys(captions)), True
        if self.learning:
            with torch.no_grad(), self.awake():
                for caption in distinct if self._frozen else ():
                    self._worked_out([caption])
                    whole = all(getattr(self.pipe, name).whole for name in self._frozen)
                    if not whole:
                        break
        else:
            with self.awake():
                for caption in distinct:
                    self._of(caption)
                    whole = caption in self._kept
                    if not whole:
                        break
        self._resting = [self.pipe.vae, *((getattr(self.pipe, name) for name in self._frozen) if whole else ())]
        self._rest()

    @contextmanager
    def awake(self) -> Iterator[None]:
        """The whole pipeline on the device, for a picture."""
        for part in self._resting:
            part.to(self.device)
        try:
            yield
        finally:
            self._rest()

    def release(self) -> None:
        """Everything is on the device again, and no encoder is stood in for."""
        for part in self._resting:
            part.to(self.device)
        self._resting = []
        for name in self._frozen if self.learning else ():
            stand_in = getattr(self.pipe, name)
            if isinstance(stand_in, AnswersOnce):
                setattr(self.pipe, name, stand_in.encoder)

    def _rest(self) -> None:
        if self.device.type != "cpu":
            for part in self._resting:
                part.to("cpu")

    def _of(self, caption: str) -> dict[str, Any]:
        if caption in self._kept:
            return self._kept[caption]
        with torch.no_grad():
            found = joined([self._worked_out([caption])], torch.device("cpu"))  # a data set's would fill a card
        size = _bytes(found)
        if self._bytes + size <= KEPT_BYTES:
            self._bytes += size
            self._kept[caption] = found
        return found

    def _worked_out(self, captions: Sequence[str]) -> dict[str, Any]:
        return self.family.text_inputs(self.pipe, list(captions), *self._size)


class AnswersOnce(torch.nn.Module):
    """Stands in for a frozen encoder: rows of tokens that came before are answered from memory."""

    def __init__(self, encoder: Any) -> None:
        super().__init__()
        self.encoder, self.config = encoder, encoder.config
        self.dtype = encoder.dtype
        self._kept: dict[bytes, torch.Tensor] = {}
        self._bytes = 0
        self.whole = True
        "Whether all that was asked so far is kept."

    @property
    def device(self) -> torch.device:
        """Where the encoder is."""
        return self.encoder.device

    @torch.no_grad()
    def forward(self, input_ids: torch.Tensor, *_: Any, **__: Any) -> tuple[torch.Tensor]:
        """Features (B, K, D) of tokens (B, K), first of a tuple as the pipelines read them."""
        keys = [row.numpy().tobytes() for row in input_ids.cpu()]
        found = {key: self._kept[key] for key in keys if key in self._kept}
        for key, row in zip(keys, input_ids, strict=True):
            if key not in found:
                found[key] = self.encoder(row[None].to(self.encoder.device))[0][0].cpu()
                self._keep(key, found[key])
        return (torch.stack([found[key] for key in keys]).to(input_ids.device),)

    def _keep(self, key: bytes, features: torch.Tensor) -> None:
        size = features.numel() * features.element_size()
        fits = self._bytes + size <= KEPT_BYTES
        self.whole = self.whole and fits
        if fits:
            self._bytes += size
            self._kept[key] = features


def joined(parts: Sequence[dict[str, Any]], device: torch.device) -> dict[str, Any]:
    """One dict of tensors from several, row under row, on a device; dicts inside likewise."""
    return {
        key: joined([part[key] for part in parts], device)
        if isinstance(value, dict)
        else torch.cat([part[key] for part in parts]).to(device)
        for key, value in parts[0].items()
    }


def _bytes(found: dict[str, Any]) -> int:
    return sum(
        _bytes(value) if isinstance(value, dict) else value.numel() * value.element_size() for value in found.values()
    )
