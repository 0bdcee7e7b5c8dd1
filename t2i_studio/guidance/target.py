"""From a prompt to what its guidance needs: which text columns are recorded, and their roles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import PromptError, SettingError
from ..prompts import all_spans, check_known, content_columns, subject_columns, word_columns
from ..types import Box
from .excited import Excited
from .view import Roles

if TYPE_CHECKING:
    from ..families import Family
    from ..types import ParsedPrompt
    from .method import Method


@dataclass(frozen=True)
class Target:
    """One prompt of the batch."""

    columns: tuple[int, ...]
    "Text columns that are recorded, one map each."
    roles: Roles
    within: tuple[int, ...] | None
    "Columns that the maps are renormalised over."


def make_target(
    pipe: Any, family: Family, method: Method, parsed: ParsedPrompt, boxes: Mapping[str, Box]
) -> Target | None:  # fmt: skip
    """Columns and roles of a prompt's words; None where it names nothing to guide.

    Raises:
        PromptError: a box for something the prompt does not name.
        SettingError: the method wants boxes and there are none.
    """
    sets = family.column_sets(pipe)
    spans = all_spans(parsed, sets)
    starts = [one.start for one in sets]
    found = subject_columns(parsed, spans, starts)
    subjects = [subject for subject in parsed.subjects if found[subject.id]]
    if not subjects:
        return None
    if method.needs_boxes and not boxes:
        raise SettingError("This method needs boxes.", 'Give each subject one, e.g. "cat:0.05,0.3,0.45,0.9".', "boxes")
    for name in boxes:
        check_known(name, parsed.ids)
        if not found[name]:
            raise PromptError(f"{name!r} is past the model's limit of tokens.", "Shorten the prompt before it.")
    described = [
        (i, word_columns(word, spans, starts)) for i, subject in enumerate(subjects) for word in subject.attributes
    ]
    named = {word for subject in subjects for word in (*subject.words, *subject.attributes)}
    others = [
        word_columns(i, spans, starts) for i, word in enumerate(parsed.words) if i not in named and word.upos != "PUNCT"
    ]
    content = content_columns(spans, starts)
    competing = _competing(family, sets, spans, method.padding) if isinstance(method, Excited) else ()
    wanted = {c for group in found.values() for c in group} | {c for _, group in described for c in group}
    columns = tuple(sorted(wanted | {c for group in others for c in group} | set(competing)))
    place = {column: i for i, column in enumerate(columns)}

    def at(group: Sequence[int]) -> tuple[int, ...]:
        return tuple(place[c] for c in group)

    roles = Roles(
        subjects=tuple(at(found[subject.id]) for subject in subjects),
        attributes=tuple((i, at(group)) for i, group in described if group),
        others=tuple(at(group) for group in others if group),
        competing=at(competing),
        single=tuple(subject.count == 1 for subject in subjects),
        boxes=tuple(boxes.get(subject.id) for subject in subjects),
    )
    return Target(columns, roles, content if family.joint_softmax else None)


def _competing(family: Family, sets: Sequence[Any], spans: Sequence[Any], padding: bool) -> tuple[int, ...]:
    """Attend-and-Excite's columns 1 to −1 of all; without padding, and in joint attention, the prompt's own tokens."""
    if family.joint_softmax or not padding:
        return tuple(
            one.start + column
            for one, span in zip(sets, spans, strict=True)
            for column, token in enumerate(span.tokens)
            if token not in one.tokenizer.all_special_tokens
        )
    return tuple(range(sets[0].start + 1, sets[0].start + sets[0].num_columns - 1))
