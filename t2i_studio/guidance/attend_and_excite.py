"""Attend-and-Excite (arXiv 2301.13826): the most neglected subject is excited, with or without refinement."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from .method import weight
from .refined import Refined

if TYPE_CHECKING:
    import torch

    from .view import View


class AttendAndExcite(Refined):
    """`max_s max(0, 1 − max G∗A_s)`; at three steps repeated until the subject has enough attention."""

    title: ClassVar = "excite the most neglected"
    parts: ClassVar = ("presence",)

    presence: float = weight(1.0, "no subject may vanish")

    def losses(self, view: View) -> dict[str, torch.Tensor]:
        """The presence of the most neglected subject."""
        from ..losses import presence

        return {"presence": presence(view.excited_NYX)}
