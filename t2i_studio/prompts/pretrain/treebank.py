"""Files that Stanza's trainers read: CoNLL-U for the tagger, text with character labels for the tokenizer.

A multi-word token ("don't") is dropped in favour of its words, which in English-EWT always spell it out, so
no expander is needed. XPOS and FEATS are blanked: the tagger's time goes into UPOS alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .grammar import PromptGrammar, spaced

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

LONGEST_WORD = 24
"""Characters of a training word. Longer ones are addresses; a step takes as long as its longest word."""


class Token(NamedTuple):
    """One word; `space` says whether white space follows."""

    form: str
    upos: str
    space: bool


class Sentence(NamedTuple):
    """Words, and whether a paragraph starts here."""

    tokens: list[Token]
    paragraph: bool


def read(file: Path) -> Iterator[Sentence]:
    """Sentences of a CoNLL-U file with multi-word tokens split into their words.

    Raises:
        ValueError: a multi-word token whose words don't spell it.
    """
    tokens: list[Token] = []
    paragraph = False
    surface, last, tail = "", 0, True
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.startswith(("# newdoc", "# newpar")):
            paragraph = True
        elif not line and tokens:
            yield Sentence(tokens, paragraph)
            tokens, paragraph = [], False
        if not line or line.startswith("#"):
            continue
        fields = line.split("\t")
        space = "SpaceAfter=No" not in fields[9]
        if "-" in fields[0]:
            surface, last, tail = fields[1], int(fields[0].split("-")[1]), space
        elif "." not in fields[0]:
            inside = int(fields[0]) < last
            if surface and not surface.startswith(fields[1]):
                raise ValueError(f"{file.name}: {fields[1]!r} does not spell {surface!r}")
            surface = surface.removeprefix(fields[1]) if surface else ""
            tokens.append(Token(fields[1], fields[3], not inside and (tail if int(fields[0]) == last else space)))
            last = last if inside else 0
    if tokens:
        yield Sentence(tokens, paragraph)


def prompts(number: int, seed: int) -> Iterator[Sentence]:
    """Generated prompts, each a paragraph."""
    grammar = PromptGrammar(seed)
    for _ in range(number):
        words = grammar.sentence()
        yield Sentence([Token(*word, space) for word, space in zip(words, spaced(words), strict=True)], True)


def write_conllu(sentences: Iterable[Sentence], file: Path, longest: int | None = None) -> None:
    """One tab-separated line a word; heads are a chain, as readers insist on a tree.

    `longest`: cut words to so many characters, keeping both ends.
    """
    with file.open("w", encoding="utf-8") as out:
        for sentence in sentences:
            for index, (form, upos, space) in enumerate(sentence.tokens, 1):
                if longest and len(form) > longest:
                    form = form[: longest - 6] + form[-6:]
                relation = "root" if index == 1 else "dep"
                misc = "_" if space else "SpaceAfter=No"
                out.write(
                    "\t".join([str(index), form, "_", upos, "_", "_", str(index - 1), relation, "_", misc]) + "\n"
                )
            out.write("\n")


def write_text(sentences: Iterable[Sentence], text_file: Path, label_file: Path) -> None:
    """Plain text, and as many labels: 0 inside, 1 end of a word, 2 end of a sentence; blank lines in both."""
    texts: list[str] = []
    labels: list[str] = []
    for sentence in sentences:
        text = label = ""
        for index, (form, _, space) in enumerate(sentence.tokens, 1):
            final = index == len(sentence.tokens)
            text += form + (" " if space and not final else "")
            label += "0" * (len(form) - 1) + ("2" if final else "1") + ("0" if space and not final else "")
        if texts and not sentence.paragraph:
            texts[-1] += " " + text
            labels[-1] += "0" + label
        else:
            texts.append(text)
            labels.append(label)
    text_file.write_text("\n\n".join(texts) + "\n", encoding="utf-8")
    label_file.write_text("\n\n".join(labels) + "\n", encoding="utf-8")
