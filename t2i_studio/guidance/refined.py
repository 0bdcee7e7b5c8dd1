"""Attend-and-Excite's iterative refinement (arXiv 2301.13826, section 4), which BoxDiff takes over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from .excited import Excited

if TYPE_CHECKING:
    import torch

THRESHOLDS = {0.0: 0.05, 0.2: 0.5, 0.4: 0.8}
"""Share of the steps → attention that must be reached: steps 0, 10 and 20 of 50."""


class Refined(Excited):
    """At three steps the move is repeated until the first part's loss is at most 1 − the step's threshold."""

    refine: bool = Field(True, description="Repeat at three steps until every subject has enough attention.")
    max_refinements: int = Field(20, ge=1, le=100, description="Repetitions at most, at each of these steps.")

    def wanting(
        self, losses: dict[str, torch.Tensor], step: int, num_steps: int, refinements: int
    ) -> torch.Tensor | None:
        """Pictures whose subjects have not yet this step's attention."""
        threshold = self.threshold(step, num_steps)
        if threshold is None or refinements >= self.max_refinements:
            return None
        return losses[self.parts[0]] > 1 - threshold

    def threshold(self, step: int, num_steps: int) -> float | None:
        """Attention asked for at steps 0, 10 and 20 of 50, scaled to the number of steps."""
        if not self.refine:
            return None
        return next((a for share, a in THRESHOLDS.items() if round(share * num_steps) == step), None)
