"""AI-T2I made robust. Ours: the same aims by losses that no flat ground bends, near 0 for one clean blob."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from .excited import Excited
from .method import weight

if TYPE_CHECKING:
    import torch

    from .view import View


class AiT2IRobust(Excited):
    """Component transport within, overlap between subjects, presence for what both are blind to."""

    title: ClassVar = "the same, unbent by a flat ground"
    parts: ClassVar = ("aggregation", "isolation", "presence", "attribute", "layout")

    aggregation: float = weight(1.25, "attention away from the main blob returns to it or fades.")
    isolation: float = weight(2.0, "subjects share no cell and stand apart.")
    presence: float = weight(0.25, "no subject may vanish.")
    attribute: float = weight(0.75, "adjectives lie where their noun is.")
    layout: float = weight(2.0, "subjects stay inside their boxes; 0 knows no boxes.")

    def losses(self, view: View) -> dict[str, torch.Tensor]:
        """An adjective's loss is the share of its foreground that its noun's does not cover."""
        import torch

        from ..losses import foreground, outside, overlap, presence, transport

        maps_NYX, roles = view.subjects_NYX, view.roles
        found: dict[str, list[torch.Tensor]] = {"aggregation": [], "attribute": [], "layout": []}
        for map_YX, single, box in zip(maps_NYX, roles.single, roles.boxes, strict=True):
            if single:
                found["aggregation"].append(transport(map_YX))
            if box is not None:
                found["layout"].append(outside(map_YX, box))
        for index, map_YX in view.attributes:
            noun = foreground(maps_NYX[index]).detach()
            found["attribute"].append(1 - torch.minimum(foreground(map_YX), noun).sum())
        sums = {name: torch.stack(values).sum() for name, values in found.items() if values}
        return {**sums, "isolation": overlap(maps_NYX), "presence": presence(view.excited_NYX)}
