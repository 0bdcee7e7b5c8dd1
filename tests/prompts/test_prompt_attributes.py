"""What describes a noun: by a dependency parse where there is one, and as the user says."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from t2i_studio.errors import PromptError
from t2i_studio.prompts import attributed, grouping, parse, tagging
from t2i_studio.prompts.dependencies import Arc
from t2i_studio.prompts.wordlists import word_lists
from t2i_studio.types import ParsedPrompt, Word


def parsed(source: str) -> grouping.Prompt:
    """`red/ADJ/2/amod car/NOUN/0/root`: heads count from 1, 0 is none."""
    words, arcs, text = [], [], ""
    for item in source.split():
        form, upos, head, relation = item.split("/")
        text += " " if text else ""
        words.append(Word(form, len(text), len(text) + len(form), upos))
        arcs.append(Arc(int(head) - 1, relation))
        text += form
    return grouping.Prompt(text, tuple(words), word_lists("en"), (), tuple(arcs))


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("a/DET/3/det red/ADJ/3/amod car/NOUN/0/root", {"car": "red"}),
        ("a/DET/5/det black/ADJ/5/amod and/CCONJ/4/cc white/ADJ/2/conj cat/NOUN/0/root", {"cat": "black white"}),
        ("a/DET/2/det car/NOUN/5/nsubj is/AUX/5/cop very/ADV/5/advmod red/ADJ/0/root", {"car": "red"}),
        ("a/DET/2/det car/NOUN/0/root that/PRON/5/nsubj is/AUX/5/cop red/ADJ/2/acl:relcl", {"car": "red"}),
        ("many/ADJ/3/amod red/ADJ/3/amod cars/NOUN/0/root", {"cars": "red"}),
        ("a/DET/3/det gold/NOUN/3/compound crown/NOUN/0/root", {"crown": "gold"}),
        ("a/DET/2/det car/NOUN/0/root and/CCONJ/5/cc red/ADJ/5/amod bowls/NOUN/2/conj", {"car": "", "bowls": "red"}),
        # What stands behind its noun, and no "is" between: adjacency can't tell.
        ("a/DET/2/det dog/NOUN/0/root brown/ADJ/2/amod with/ADP/5/case mud/NOUN/3/obl", {"dog": "brown", "mud": ""}),
    ],
)
def test_arcs_tell_what_describes(source: str, told: dict[str, str]) -> None:
    prompt = parsed(source)
    found = grouping.find_subjects(prompt)
    assert {s.id: " ".join(prompt.words[i].text for i in s.attributes) for s in found} == told


class _Parser:
    """Stanza's shape, with heads."""

    def __call__(self, text: str) -> Any:
        rows = [("a", "DET", 3, "det"), ("car", "NOUN", 3, "compound"), ("park", "NOUN", 0, "root")]
        tokens, at = [], 0
        for number, (form, upos, head, relation) in enumerate(rows, 1):
            start = text.index(form, at)
            at = start + len(form)
            word = SimpleNamespace(id=number, text=form, upos=upos, feats=None, head=head, deprel=relation)
            tokens.append(SimpleNamespace(words=[word], start_char=start, end_char=at))
        return SimpleNamespace(sentences=[SimpleNamespace(tokens=tokens)])


def test_stanzas_heads_become_places_in_the_prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tagging, "_pipeline", lambda language: _Parser())
    assert tagging.tag("a car park")[2] == (Arc(2, "det"), Arc(2, "compound"), Arc(-1, "root"))


def test_a_dependency_parser_is_used_where_the_package_has_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[str] = []

    def load(language: str, folder: Path, **options: Any) -> str:
        asked.append(options["processors"])
        if "depparse" in options["processors"] and (tmp_path / "broken").exists():
            raise ValueError("cut off")
        return "pipeline"

    monkeypatch.setattr(tagging, "_load", load)
    monkeypatch.setenv("STANZA_RESOURCES_DIR", str(tmp_path))
    (tmp_path / "resources.json").write_text("{}", encoding="utf-8")
    for part in ("tokenize", "pos", "lemma", "depparse"):
        (tmp_path / "en" / part).mkdir(parents=True)
        (tmp_path / "en" / part / "some.pt").touch()
        assert tagging.has_parser("en", tmp_path) == (part == "depparse")
    tagging._official("en", tmp_path)
    (tmp_path / "broken").touch()
    assert tagging._official("en", tmp_path) == "pipeline"
    assert asked == ["tokenize,pos,lemma,depparse", "tokenize,pos,lemma,depparse", "tokenize,pos"]


def test_a_learnt_token_is_one_noun() -> None:
    found = parse("a red <my-cat>, a dog and a <house>")
    assert found.ids == ("<my-cat>", "dog", "<house>")
    assert [s.count for s in found.subjects] == [1, 1, 1]
    assert describing(found)["<my-cat>"] == ["red"]
    assert parse("a <house> and a cat", nouns=["<house>"]).ids == ("<house>",)


def describing(one: ParsedPrompt) -> dict[str, list[str]]:
    return {s.id: [one.words[i].text for i in s.attributes] for s in one.subjects}


def test_the_user_says_what_describes() -> None:
    found = parse("a red car and a blue bowl, shiny")
    assert describing(attributed(found, {})) == {"car": ["red"], "bowl": ["blue"]}
    said = attributed(found, {"car": ["blue", "Shiny"], "bowl": []})
    assert describing(said) == {"car": ["blue", "shiny"], "bowl": []}
    assert describing(found) == {"car": ["red"], "bowl": ["blue"]}


@pytest.mark.parametrize(("given", "match"), [({"cow": ["red"]}, "no 'cow'"), ({"car": ["green"]}, "no 'green'")])
def test_words_that_are_not_there_are_told(given: dict[str, list[str]], match: str) -> None:
    with pytest.raises(PromptError, match=match):
        attributed(parse("a red car"), given)
