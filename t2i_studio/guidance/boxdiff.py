"""BoxDiff (arXiv 2307.10816): each subject inside its box."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from .method import weight
from .refined import Refined

if TYPE_CHECKING:
    import torch

    from .view import View


class BoxDiff(Refined):
    """`Σ(1 − top-k inside) + Σ top-k outside + corners`, on the maps of Attend-and-Excite and with its refinement.

    As in the authors' code, refinement asks that the subject least inside its box reaches the step's threshold,
    and moves by that term alone.
    """

    title: ClassVar = "each subject in its box"
    parts: ClassVar = ("layout",)
    needs_boxes: ClassVar = True
    refines_apart: ClassVar = True

    layout: float = weight(1.0, "subjects inside their boxes.")

    def losses(self, view: View) -> dict[str, torch.Tensor]:
        """Over the subjects that have a box; `presence` only tells, and refines."""
        import torch

        from ..losses import boxdiff, inside

        placed = [(m, box) for m, box in zip(view.excited_NYX, view.roles.boxes, strict=True) if box is not None]
        return {
            "layout": torch.stack([boxdiff(map_YX, box) for map_YX, box in placed]).sum(),
            "presence": 1 - torch.stack([inside(map_YX, box) for map_YX, box in placed]).amin(),
        }

    def refined_total(self, losses: dict[str, torch.Tensor]) -> torch.Tensor:
        """`max_s (1 − top-k inside)`."""
        return self.layout * losses["presence"]
