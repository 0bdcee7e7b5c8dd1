"""Attend-and-Excite's iterative refinement (arXiv 2301.13826, section 4), which BoxDiff takes over."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from .excited import Excited

if TYPE_CHECKING:
    import torch

THRESHOLDS = {0.0: 0.05, 0.2: 0.5, 0.4: 0.8}
"""Share of the steps → attention that must be reached: steps 0, 10 and 20 of 50."""


class Refined(Excited):
    """At three steps the move is repeated until `lacking` is at most 1 − the step's threshold."""

    lacking: ClassVar[str] = "presence"
    "The loss that says how much attention the most neglected subject still lacks."

    refine: bool = Field(True, description="Repeat at three steps until every subject has enough attention.")
    max_refinements: int = Field(20, ge=1, le=100, description="Repetitions at most, at each of these steps.")

    def refines(self, calls: range, num_steps: int) -> bool:
        """At steps 0, 10 and 20 of 50; where that call carries no shift, at the next that does."""
        return self._threshold(calls, num_steps) is not None

    def wanting(self, losses: dict[str, torch.Tensor], calls: range, num_steps: int, done: int) -> torch.Tensor:
        """Pictures whose subjects have not yet this step's attention; none after `max_refinements`."""
        threshold = self._threshold(calls, num_steps)
        enough = float("inf") if threshold is None or done >= self.max_refinements else 1 - threshold
        return losses[self.lacking] > enough

    def _threshold(self, calls: range, num_steps: int) -> float | None:
        if not self.refine:
            return None
        return next((a for share, a in reversed(THRESHOLDS.items()) if round(share * num_steps) in calls), None)
