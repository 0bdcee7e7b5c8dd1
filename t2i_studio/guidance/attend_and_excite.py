"""Attend-and-Excite (arXiv 2301.13826): the most neglected subject is excited, with or without refinement."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from .method import Method, weight

if TYPE_CHECKING:
    import torch

    from .view import View

THRESHOLDS = {0.0: 0.05, 0.2: 0.5, 0.4: 0.8}
"""Share of the steps → attention that must be reached: steps 0, 10 and 20 of 50."""


class AttendAndExcite(Method):
    """`max_s max(0, 1 − max G∗A_s)`; at three steps repeated until the subject has enough attention."""

    title: ClassVar = "excite the most neglected"
    parts: ClassVar = ("presence",)
    excites: ClassVar = True

    presence: float = weight(1.0, "no subject may vanish")
    refine: bool = Field(True, description="Repeat at three steps until every subject has enough attention.")
    max_refinements: int = Field(20, ge=1, le=100, description="Repetitions at most, at each of these steps.")

    def losses(self, view: View) -> dict[str, torch.Tensor]:
        """The presence of the most neglected subject."""
        from ..losses import presence

        return {"presence": presence(view.excited_NYX)}

    def wanting(
        self, losses: dict[str, torch.Tensor], step: int, num_steps: int, refinements: int
    ) -> torch.Tensor | None:
        """Pictures whose most neglected subject has not yet this step's attention."""
        threshold = self.threshold(step, num_steps)
        if threshold is None or refinements >= self.max_refinements:
            return None
        return losses["presence"] > 1 - threshold

    def threshold(self, step: int, num_steps: int) -> float | None:
        """Attention asked for at steps 0, 10 and 20 of 50, scaled to the number of steps."""
        if not self.refine:
            return None
        return next((a for share, a in THRESHOLDS.items() if round(share * num_steps) == step), None)
