"""The word lists that decide what is a subject and what describes it: `configs/prompts/*.yaml`, by language.

A language without lists still works: every noun is a subject, every adjective before it an attribute.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from functools import lru_cache
from typing import Any

import yaml

from ..config import CONFIGS
from ..errors import SettingError

_Words = frozenset[str]
_NONE: _Words = frozenset()


@dataclass(frozen=True)
class WordLists:
    """One language's lists, lower case. What each is for stands beside it in the files."""

    always: _Words = _NONE
    places: _Words = _NONE
    media: _Words = _NONE
    measures_of: _Words = _NONE
    colours: _Words = _NONE
    materials: _Words = _NONE
    shades: _Words = _NONE
    colours_and_things: _Words = _NONE
    compounds: _Words = _NONE
    paired: _Words = _NONE
    singular_in_s: _Words = _NONE
    irregular_plurals: _Words = _NONE
    unmarked: _Words = _NONE
    quantifiers: _Words = _NONE
    singular: _Words = _NONE
    measures: dict[str, int] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    suffixes: bool = False
    "Whether plurals can be told by English endings."


@lru_cache(maxsize=8)
def word_lists(language: str) -> WordLists:
    """The lists of a language; empty ones where none are written.

    Raises:
        SettingError: a file of lists can't be read, or holds an unknown list.
    """
    hidden = _section("non_depictable", language)
    raw = {**_section("modifiers", language), **hidden}
    if "measures" in hidden:
        raw["measures_of"] = hidden["measures"]
        raw["measures"] = _section("modifiers", language).get("measures", {})
    unknown = raw.keys() - {item.name for item in fields(WordLists)}
    if unknown:
        raise SettingError(f"configs/prompts: unknown list {sorted(unknown)[0]!r}.", "Remove it.")
    values: dict[str, Any] = {k: v if isinstance(v, dict) else frozenset(map(str, v)) for k, v in raw.items()}
    return WordLists(**values, suffixes=language == "en")


def _section(name: str, language: str) -> dict[str, Any]:
    file = CONFIGS / "prompts" / f"{name}.yaml"
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    except (OSError, yaml.YAMLError) as error:
        raise SettingError(f"configs/prompts/{file.name} can't be read: {error}", "Restore the file.") from None
    return content.get(language) or {}


def singulars(word: str) -> tuple[str, ...]:
    """The word and what it may be the plural of, by English endings: for looking up in a list."""
    forms = [word]
    if word.endswith("s") and not word.endswith("ss"):
        forms.append(word[:-1])
        if word.endswith("es"):
            forms.append(word[:-2])
        if word.endswith("ies"):
            forms.append(word[:-3] + "y")
    return tuple(forms)


def is_plural(word: str, lists: WordLists) -> bool | None:
    """Whether an English noun names several by its form; None where the form does not tell."""
    word = word.lower()
    if not lists.suffixes or word in lists.unmarked:
        return None
    if word in lists.irregular_plurals:
        return True
    if word in lists.singular_in_s or not word.endswith("s"):
        return False
    return not word.endswith(("ss", "us", "is", "'s"))
