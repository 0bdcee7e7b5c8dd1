"""AI-T2I (arXiv 2605.25763): aggregation within, isolation between subjects."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from .excited import Excited
from .method import weight

if TYPE_CHECKING:
    import torch

    from .view import View


RADIUS, ATTRIBUTE_RADIUS = 5 / 16, 6 / 16
"""5 and 6 cells of 16."""


class AiT2I(Excited):
    """`2·L_iso + 1.25·Σ L_agg + 0.25·L_max + 0.75·Σ L_adj`, over any number of subjects."""

    title: ClassVar = "gather each subject, part them"
    parts: ClassVar = ("aggregation", "isolation", "presence", "attribute", "layout")

    aggregation: float = weight(1.25, "one subject's scattered attention gathers.")
    isolation: float = weight(2.0, "the centres of subjects part.")
    presence: float = weight(0.25, "no subject may vanish.")
    attribute: float = weight(0.75, "adjectives gather where their noun is.")
    layout: float = weight(2.0, "subjects stay inside their boxes; 0 knows no boxes.")
    radius: float = Field(RADIUS, gt=0, le=1, description="Of the discs about peaks, as a share of the map's side.")
    attribute_radius: float = Field(ATTRIBUTE_RADIUS, gt=0, le=1, description="The same for adjectives.")

    def losses(self, view: View) -> dict[str, torch.Tensor]:
        """Plurals are meant to have several places: they are not gathered."""
        import torch

        from ..losses import aggregation, gather, isolation, middle, outside, peaks, presence

        maps_NYX, roles = view.subjects_NYX, view.roles
        found: dict[str, list[torch.Tensor]] = {"aggregation": [], "attribute": [], "layout": []}
        boxes = roles.boxes if self.layout else [None] * len(roles.boxes)
        for map_YX, single, box in zip(maps_NYX, roles.single, boxes, strict=True):
            target = None if box is None else middle(map_YX, box)
            if single:
                found["aggregation"].append(aggregation(map_YX, self.radius, target))
            if box is not None:
                found["layout"].append(outside(map_YX, box))
        for index, map_YX in view.attributes:
            if roles.single[index]:
                place = peaks(maps_NYX[index], self.radius)[0]
                found["attribute"].append(gather(map_YX, place, self.attribute_radius))
        sums = {name: torch.stack(values).sum() for name, values in found.items() if values}
        return {**sums, "isolation": isolation(maps_NYX), "presence": presence(view.excited_NYX)}
