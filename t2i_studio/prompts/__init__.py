"""From a prompt to its words, its subjects and their token columns.

    parsed = parse("a red car and two traffic lights")
    parsed.ids                                   # ("car", "traffic lights")
    token_spans(parsed, tokenizer).subjects      # {"car": (3,), "traffic lights": (6, 7)}

Words and parts of speech come from Stanza; importing this package loads neither it nor torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..config import LONGEST_PROMPT
from ..errors import PromptError
from ..types import ParsedPrompt
from .attributes import attributed, check_known
from .columns import content_columns, subject_columns, word_columns
from .grouping import Prompt, find_subjects
from .picking import pick
from .spans import all_spans, token_spans
from .tagging import tag
from .wordlists import word_lists

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "all_spans",
    "attributed",
    "check_known",
    "content_columns",
    "parse",
    "subject_columns",
    "token_spans",
    "word_columns",
]


def parse(text: str, language: str = "en", nouns: Sequence[str] | None = None) -> ParsedPrompt:
    """The words of a prompt and its subjects.

    `nouns` replaces the parser's choice: words, phrases or ids of the prompt in any case; none at all for
    no subject. A blank prompt has no words. What describes a subject is told by a dependency parse where the
    user's own Stanza package has one, else by the adjectives about it; `attributed` changes it.

    Raises:
        PromptError: a picked noun is not in the prompt, it is too long, or the language has no parser installed.
    """
    if len(text) > LONGEST_PROMPT:
        raise PromptError(f"The prompt has {len(text)} characters.", f"At most {LONGEST_PROMPT} are read.")
    words, plurals, arcs = tag(text, language)
    prompt = Prompt(text, words, word_lists(language), plurals, arcs)
    subjects = find_subjects(prompt)
    if nouns is not None:
        subjects = pick(prompt, subjects, nouns)
    return ParsedPrompt(text, words, subjects)
