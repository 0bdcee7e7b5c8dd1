"""What every guidance method is: settings with weights, and a function from maps to named losses."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from ..config import Settings

if TYPE_CHECKING:
    import torch

    from .view import View


class Method(Settings):
    """A method's dials. Fields named like a part of the loss are that part's weight.

    A method = one file with a subclass + one line in `METHODS`: page controls, command line and YAML
    follow from its fields.
    """

    title: ClassVar[str] = ""
    "What it does in a few words."
    parts: ClassVar[tuple[str, ...]] = ()
    "Names of the losses, each with a weight of the same name."
    needs_boxes: ClassVar[bool] = False
    refines_apart: ClassVar[bool] = False
    "Whether `refined_total` is other than `total`."

    step_size: float = Field(
        20.0, ge=0, le=1000, allow_inf_nan=False, description="Length of a step along the gradient at the first step."
    )
    window: float = Field(0.5, ge=0, le=1, description="Share of the steps that are guided, from the first on.")

    @abstractmethod
    def losses(self, view: View) -> dict[str, torch.Tensor]:
        """Each part's value, not yet weighted; parts that have nothing to say are left out."""

    def total(self, losses: dict[str, torch.Tensor]) -> torch.Tensor:
        """The weighted sum of the parts."""
        parts = [getattr(self, name) * losses[name] for name in self.parts if name in losses]
        return sum(parts, start=_zero(losses))

    def refined_total(self, losses: dict[str, torch.Tensor]) -> torch.Tensor:
        """What the repeated moves of `wanting` go down."""
        return self.total(losses)

    def strength(self, step: int, num_steps: int) -> float:
        """`step_size · √(linspace(1, ½, num_steps)[step])`, as all these methods do; 0 outside the window."""
        if step >= self.window * num_steps:
            return 0.0
        scale = 1.0 - 0.5 * step / max(1, num_steps - 1)
        return self.step_size * scale**0.5

    def refines(self, calls: range, num_steps: int) -> bool:
        """Whether moves may be repeated before the step is gone on with.

        Args:
            calls: indices of the denoiser's calls since the last guided one; the last is this one.
        """
        return False

    def wanting(self, losses: dict[str, torch.Tensor], calls: range, num_steps: int, done: int) -> torch.Tensor:
        """Which pictures (B,) ask for one more move after `done`; asked where `refines`."""
        raise NotImplementedError


def _zero(losses: dict[str, torch.Tensor]) -> torch.Tensor:
    return next(iter(losses.values())) * 0


def weight(default: float, text: str) -> float:
    """A field that weighs a part of the loss."""
    return Field(default, ge=0, le=100, allow_inf_nan=False, description=f"Weight: {text}")
