"""Where a pre-training runs: two CPU cores, or a GPU with larger batches in bfloat16."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import torch


@dataclass(frozen=True)
class Device:
    """What a training uses of a machine. Weights stay float32 everywhere."""

    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    batch_size: int | None = None
    "None: the plan's."
    shelf: int = 0
    "Encoded scenes that lie in a GPU's memory."

    def autocast(self) -> AbstractContextManager[Any]:
        """bfloat16 on a GPU; nothing on a CPU, whose cores emulate it."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type != "cpu")


CPU = Device()
