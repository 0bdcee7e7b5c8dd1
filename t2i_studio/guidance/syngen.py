"""SynGen (arXiv 2306.08877): nouns and their modifiers share a place, and nobody else's."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from .method import Method, weight

if TYPE_CHECKING:
    import torch

    from .view import View


class SynGen(Method):
    """Symmetric KL of noun and modifier, less its mean to unrelated words; the same step size throughout."""

    title: ClassVar = "bind modifiers to their nouns"
    parts: ClassVar = ("binding",)

    binding: float = weight(1.0, "nouns close to their modifiers, both far from other words.")

    def losses(self, view: View) -> dict[str, torch.Tensor]:
        """One number."""
        from ..losses import syngen

        return {"binding": syngen(view.subjects_NYX, view.attributes, view.others_KYX)}

    def strength(self, step: int, num_steps: int) -> float:
        """The step size inside the window."""
        return self.step_size if step < self.window * num_steps else 0.0
