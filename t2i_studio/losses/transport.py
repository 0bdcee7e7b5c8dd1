"""Component transport: attention away from a subject's main blob, by the way back to it. Ours."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from .geometry import EPSILON, coordinates, diagonal
from .picking import at


def transport(map_YX: torch.Tensor) -> torch.Tensor:
    """`Σ_x P(x)·[x ∉ C₀]·dist(x, C₀) / D`: 0 when all foreground lies in C₀.

    The foreground begins at the median, C₀ at Otsu's level: a blob's own rim costs a little (about 0.01 to 0.02 of
    one Gaussian on 16×16; two blobs 0.23, noise 0.18).

    `P` is the foreground, `C₀` its heaviest connected component above Otsu's level; level, component and
    median are without gradient, so mass can only move towards it or fade.
    """
    shares_YX = foreground(map_YX)
    main_YX = heaviest(shares_YX.detach())
    way_YX = _way_to(main_YX) / diagonal(map_YX)
    return (shares_YX * way_YX).sum()


def foreground(map_YX: torch.Tensor) -> torch.Tensor:
    """`relu(A − q) / Σ` with `q` the median, detached: the share of each cell that stands above the ground."""
    above = (map_YX - map_YX.detach().median()).clamp_min(0)
    return above / above.sum().clamp_min(EPSILON)


def heaviest(shares_YX: torch.Tensor) -> torch.Tensor:
    """Boolean (Y, X): the connected component (8 neighbours) above Otsu's level that holds the most mass.

    All cells where the map has no mass at all.
    """
    above = shares_YX > otsu(shares_YX)
    labels = _labelled(above)
    weights = torch.zeros(labels.numel() + 1, dtype=shares_YX.dtype, device=shares_YX.device)
    weights.index_add_(0, labels.flatten(), shares_YX.flatten() * above.flatten())
    weights[0] = 0
    best = labels == weights.argmax()
    return torch.where(above.any(), best & above, torch.ones_like(above))


def otsu(values_YX: torch.Tensor) -> torch.Tensor:
    """The level that parts the values into two classes of least variance (Otsu 1979); of unique values, no bins."""
    values = values_YX.flatten().sort().values
    count = torch.arange(1, len(values), device=values.device, dtype=values.dtype)
    below = values.cumsum(0)[:-1]
    above = values.sum() - below
    low, high = below / count, above / (len(values) - count)
    between = count * (len(values) - count) * (high - low) ** 2
    # Between equal neighbours there is no level.
    return at(values, torch.where(values[1:] > values[:-1], between, torch.zeros_like(between)).argmax())


def _labelled(mask_YX: torch.Tensor) -> torch.Tensor:
    """A number a connected component, 0 for none: the largest label spreads until every way is walked."""
    height, width = mask_YX.shape
    start = torch.arange(1, mask_YX.numel() + 1, device=mask_YX.device, dtype=torch.float32).view(height, width)
    labels = start * mask_YX
    # Whether it still changes only the host could tell: as many rounds as the longest winding way has cells.
    for _ in range(height * width // 2):
        labels = F.max_pool2d(labels[None, None], 3, stride=1, padding=1)[0, 0] * mask_YX
    return labels.long()


def _way_to(mask_YX: torch.Tensor) -> torch.Tensor:
    """Distance in cells from every cell to the nearest one of the mask."""
    places = coordinates(mask_YX.float()).view(-1, 2)
    ways = torch.cdist(places, places)
    ways = ways.masked_fill(~mask_YX.flatten()[None], float("inf"))
    return ways.amin(1).view(mask_YX.shape)
