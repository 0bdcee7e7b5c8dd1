"""Methods that look at Attend-and-Excite's softmax over tokens."""

from __future__ import annotations

from pydantic import Field

from .method import Method


class Excited(Method):
    """The columns that `View.excited_NYX` needs are recorded for it."""

    padding: bool = Field(
        True,
        description="The softmax over tokens runs over end and padding too, as in the authors' code. Without them "
        "Stable Diffusion 2.1 is said to converge better. Joint attention (SD 3) never has them.",
    )
