"""The libraries' own progress bars and advice stay off the user's terminal; errors still come through.

Imported before any family, for the libraries read their verbosity when they are imported.
"""

from __future__ import annotations

import os

os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
os.environ.setdefault("DIFFUSERS_VERBOSITY", "error")

import diffusers.utils.logging
import transformers.utils.logging

diffusers.utils.logging.disable_progress_bar()
transformers.utils.logging.disable_progress_bar()
