"""The methods there are, by name."""

from __future__ import annotations

import difflib
from typing import Any

from ..errors import SettingError
from .ai_t2i import AiT2I
from .ai_t2i_robust import AiT2IRobust
from .attend_and_excite import AttendAndExcite
from .boxdiff import BoxDiff
from .method import Method
from .syngen import SynGen

METHODS: dict[str, type[Method]] = {
    "ai-t2i": AiT2I,
    "ai-t2i-robust": AiT2IRobust,
    "attend-and-excite": AttendAndExcite,
    "syngen": SynGen,
    "boxdiff": BoxDiff,
}
"""`attend-and-excite` with `refine=False` is the one without refinement."""


def choose_method(name: str, **settings: Any) -> Method:
    """A method with some of its dials turned.

    Raises:
        SettingError: no such method or dial, or a value out of range.
    """
    if name not in METHODS:
        near = difflib.get_close_matches(name, METHODS, n=1, cutoff=0.4)
        hint = f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(METHODS)}."
        raise SettingError(f"There is no guidance method {name!r}.", hint, "guide")
    return METHODS[name].checked(**settings)
