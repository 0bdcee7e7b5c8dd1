"""Recording attention: `with capture(denoiser, family, sites, columns, record) as recording:`."""

from __future__ import annotations

from .probabilities import column_probs
from .store import MapStore
from .tape import Recording, capture

__all__ = ["MapStore", "Recording", "capture", "column_probs"]
