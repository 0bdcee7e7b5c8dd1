"""T2I Studio: see, steer and teach text–image alignment in diffusion models.

from t2i_studio import Studio
run = Studio("emoji-unet").generate("a cat and a dog", seed=1)
run.image, run.maps["cat"]
"""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"
__all__ = ["Studio", "__version__"]


def __getattr__(name: str) -> Any:
    # Late, so that `t2i-studio --help` imports no stanza and no torch.
    if name == "Studio":
        from .studio import Studio

        return Studio
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
