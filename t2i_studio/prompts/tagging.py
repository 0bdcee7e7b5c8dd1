"""Words with parts of speech, by Stanza: the user's official package of a language, else `assets/stanza-en`.

An official package with a dependency parser (`depparse`, and `lemma`, which it reads) also tells what each word
hangs on. Never touches the network. Knows nothing of subjects.
"""

from __future__ import annotations

import json
import logging
import os
import re
import threading
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..config import ASSETS
from ..errors import PromptError
from ..types import Word
from .dependencies import Arc

if TYPE_CHECKING:
    from stanza import Pipeline

SHIPPED = ASSETS / "stanza-en"
_LOCK = threading.Lock()
_PARSER = ("lemma", "depparse")
_LEARNT = re.compile(r"<[\w-]+>")
"""How tokens learnt by textual inversion are written."""
_NUMBER = {"Number=Sing": False, "Number=Plur": True}
_logger = logging.getLogger(__name__)


def tag(
    text: str, language: str = "en"
) -> tuple[tuple[Word, ...], tuple[bool | None, ...], tuple[Arc, ...]]:  # fmt: skip
    """The words of a text, and for each whether the tagger calls it plural (None where it does not say).

    Third what each hangs on; empty where no dependency parser is installed.

    Safe to call from several threads. The first call of a language loads Stanza and its models (seconds).

    Raises:
        PromptError: no models of that language are installed.
    """
    if not text.strip():
        return (), (), ()
    with _LOCK:
        return _tagged(_pipeline(language), text)


@lru_cache(maxsize=1024)
def _tagged(
    pipeline: Any, text: str
) -> tuple[tuple[Word, ...], tuple[bool | None, ...], tuple[Arc, ...]]:  # fmt: skip
    """Kept: a page asks for the same words several times a keystroke, a batch once a picture."""
    document = pipeline(text)
    words: list[Word] = []
    plurals: list[bool | None] = []
    arcs: list[Arc | None] = []
    for sentence in document.sentences:
        place: dict[int, int] = {}
        told: list[Any] = []
        for token in sentence.tokens:
            pieces = _pieces(token, text)
            for start, end, word in pieces:
                place |= {own.id: len(words) for own in (token.words if len(pieces) == 1 else (word,))}
                words.append(Word(text[start:end], start, end, word.upos or "X"))
                plurals.append(next((flag for key, flag in _NUMBER.items() if key in (word.feats or "")), None))
                told.append(word)
        arcs += [_arc(word, place) for word in told]
    known = tuple(arc for arc in arcs if arc is not None)
    whole = known if len(known) == len(words) else ()
    return _with_learnt(text, tuple(words), tuple(plurals), whole)


def _with_learnt(
    text: str, words: tuple[Word, ...], plurals: tuple[bool | None, ...], arcs: tuple[Arc, ...]
) -> tuple[tuple[Word, ...], tuple[bool | None, ...], tuple[Arc, ...]]:
    """Learnt tokens, `<my-cat>`, as one noun each; a tagger tears them apart. Arcs go: they were of the pieces."""
    for start, end in (match.span() for match in _LEARNT.finditer(text)):
        inside = [i for i, word in enumerate(words) if word.start < end and start < word.end]
        first, last = inside[0], inside[-1] + 1
        words = (*words[:first], Word(text[start:end], start, end, "NOUN"), *words[last:])
        plurals, arcs = (*plurals[:first], False, *plurals[last:]), ()
    return words, plurals, arcs


def _arc(word: Any, place: dict[int, int]) -> Arc | None:
    """What a word of Stanza's hangs on; `place`: index of each word of its sentence by Stanza's number."""
    if getattr(word, "head", None) is None or not word.deprel:
        return None
    return Arc(place.get(word.head, -1), word.deprel)


def _pieces(token: Any, text: str) -> list[tuple[int, int, Any]]:
    """(start, end, Stanza's word) of a token's words; one where they don't spell it ("du" = de + le)."""
    words = token.words
    start, end = token.start_char, token.end_char
    at = start
    pieces = []
    for word in words:
        if len(words) > 1 and not text.startswith(word.text, at, end):
            break
        stop = at + len(word.text) if len(words) > 1 else end
        pieces.append((at, stop, word))
        at = stop
    if at == end:
        return pieces
    nominal = next((word for word in words if word.upos in {"NOUN", "PROPN"}), words[0])
    return [(start, end, nominal)]


@lru_cache(maxsize=4)
def _pipeline(language: str) -> Pipeline:
    """The loaded models of a language; the caller holds the lock."""
    folder = installed(language)
    if folder is not None:
        try:
            return _official(language, folder)
        except Exception as error:
            # Half an installation: English falls back to what ships, others can't.
            if language != "en":
                raise _missing(language, f"Stanza's models in {folder} can't be used") from error
            _logger.warning(
                "Stanza's English models in %s can't be used (%s); using the ones that ship.", folder, error
            )
    if language != "en":
        raise _missing(language, f"No parser for the language {language!r} is installed")
    files = {"tokenize_model_path": SHIPPED / "tokenizer.pt", "pos_model_path": SHIPPED / "tagger.pt"}
    if not all(file.is_file() for file in (*files.values(), SHIPPED / "resources.json")):
        raise PromptError(
            "The English parser that ships, assets/stanza-en, is incomplete.",
            "Restore that folder from the repository, or install Stanza's own models: "
            "python -c \"import stanza; stanza.download('en')\".",
        )
    paths = {name: str(file) for name, file in files.items()}
    return _load("en", SHIPPED, processors={}, package=None, allow_unknown_language=True, **paths)


def _official(language: str, folder: Path) -> Pipeline:
    if has_parser(language, folder):
        try:
            return _load(language, folder, processors="tokenize,pos,lemma,depparse")
        except Exception as error:
            _logger.warning("Stanza's dependency parser in %s can't be used (%s).", folder, error)
    return _load(language, folder, processors="tokenize,pos")


def _load(language: str, folder: Path, **options: Any) -> Pipeline:
    import stanza

    logging.getLogger("stanza").setLevel(logging.ERROR)
    make: Any = stanza.Pipeline  # its annotations are narrower than what it takes
    return make(language, dir=str(folder), download_method=None, use_gpu=False, **options)


def _missing(language: str, problem: str) -> PromptError:
    command = f"python -c \"import stanza; stanza.download('{language}')\""
    return PromptError(f"{problem}.", f"Install it once with: {command}. Or choose the language en.")


def installed(language: str) -> Path | None:
    """Stanza's resource folder that holds its official models of a language, if the user has any."""
    for folder in _resource_folders():
        index = folder / "resources.json"
        if not index.is_file():
            continue
        if _holds(folder, language, ("tokenize", "pos")):
            return folder
    return None


def has_parser(language: str, folder: Path) -> bool:
    """Whether the official models of a language that lie there can tell what each word hangs on."""
    return _holds(folder, language, _PARSER)


def _holds(folder: Path, language: str, parts: tuple[str, ...]) -> bool:
    names = {language, _alias(folder / "resources.json", language)}
    return any(all(any((folder / name / part).glob("*.pt")) for part in parts) for name in names)


def _resource_folders() -> list[Path]:
    chosen = os.environ.get("STANZA_RESOURCES_DIR")
    if chosen:
        return [Path(chosen).expanduser()]
    from stanza.resources.common import DEFAULT_MODEL_DIR

    return [Path(DEFAULT_MODEL_DIR), Path.home() / "stanza_resources"]


def _alias(index: Path, language: str) -> str:
    """What Stanza's own list calls a language, e.g. zh → zh-hans."""
    try:
        entry = json.loads(index.read_text(encoding="utf-8")).get(language)
    except (OSError, ValueError):
        return language
    return entry.get("alias", language) if isinstance(entry, dict) else language
