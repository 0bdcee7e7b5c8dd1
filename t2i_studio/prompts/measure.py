"""How good the shipped English parser is, as JSON.

    python -m t2i_studio.prompts.measure --treebank DIR --prompts DIR

`--treebank`: UD_English-EWT's CoNLL-U files, for the share of right parts of speech on its test set with gold
words. `--prompts`: a folder with `attend_and_excite/*.txt` and `geneval/evaluation_metadata.jsonl`.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from ..types import ParsedPrompt
from . import parse
from .tagging import SHIPPED


def upos_accuracy(file: Path, model: Path = SHIPPED) -> float:
    """Share of words of a CoNLL-U file that get their part of speech, given the words and sentences."""
    import logging

    import stanza

    from .pretrain.treebank import read

    logging.getLogger("stanza").setLevel(logging.ERROR)
    make: Any = stanza.Pipeline  # its annotations are narrower than what it takes
    pipeline = make(
        "en", dir=str(model), package=None, processors={}, allow_unknown_language=True, download_method=None,
        use_gpu=False, tokenize_pretokenized=True, tokenize_model_path=str(model / "tokenizer.pt"),
        pos_model_path=str(model / "tagger.pt"),
    )  # fmt: skip
    sentences = [sentence.tokens for sentence in read(file)]
    document: Any = pipeline([[token.form.replace(" ", "_") for token in tokens] for tokens in sentences])
    gold = [token.upos for tokens in sentences for token in tokens]
    found = [word.upos for sentence in document.sentences for word in sentence.words]
    if len(gold) != len(found):
        raise ValueError(f"{file.name}: {len(gold)} words, tagged {len(found)}")
    return sum(a == b for a, b in zip(gold, found, strict=True)) / len(gold)


def described(parsed: ParsedPrompt) -> list[tuple[str, tuple[str, ...]]]:
    """(id, attributes) of the subjects, attributes in lower case."""
    words = parsed.words
    return [(s.id, tuple(words[i].text.lower() for i in s.attributes)) for s in parsed.subjects]


def attend_and_excite_gold(prompt: str) -> list[tuple[str, tuple[str, ...]]]:
    """What a prompt of Attend-and-Excite holds: its grammar is "a [colour] noun and|with a [colour] noun"."""
    phrases = prompt.replace(" with ", " and ").split(" and ")
    parts = [phrase.split()[1:] for phrase in phrases]
    return [(words[-1], tuple(words[:-1])) for words in parts]


def attend_and_excite(folder: Path) -> dict[str, Any]:
    """Share of prompts whose subjects and attributes are exactly right, and the wrong ones."""
    lines = [
        line.strip() for file in sorted(folder.glob("*.txt")) for line in file.read_text(encoding="utf-8").splitlines()
    ]
    prompts = [line for line in lines if line]
    found = {prompt: described(parse(prompt)) for prompt in prompts}
    wrong = {prompt: subjects for prompt, subjects in found.items() if subjects != attend_and_excite_gold(prompt)}
    return {"prompts": len(prompts), "exact": 1 - len(wrong) / len(prompts), "wrong": wrong}


def plurals(noun: str) -> set[str]:
    """A noun and every form its plural may take."""
    forms = {noun, noun + "s", noun + "es", noun[:-1] + "ies", noun[:-1] + "ves", noun[:-2] + "ves"}
    return forms | ({"people"} if noun == "person" else set())


def geneval(file: Path) -> dict[str, Any]:
    """Precision and recall of nouns; counts and colours of the nouns found."""
    items = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    hits = num_found = num_gold = counts = colours = num_colours = 0
    wrong = {}
    for item in items:
        parsed = parse(item["prompt"])
        open_subjects = list(zip(parsed.subjects, described(parsed), strict=True))
        num_found += len(open_subjects)
        num_gold += len(item["include"])
        for asked in item["include"]:
            match = next((s for s in open_subjects if s[1][0].split("#")[0] in plurals(asked["class"])), None)
            if match is None:
                wrong[item["prompt"]] = described(parsed)
                continue
            open_subjects.remove(match)
            hits += 1
            counts += match[0].count == asked["count"]
            if "color" in asked:
                num_colours += 1
                colours += match[1][1] == (asked["color"],)
        if open_subjects:
            wrong[item["prompt"]] = described(parsed)
    return {
        "prompts": len(items), "precision": hits / num_found, "recall": hits / num_gold,
        "counts": counts / hits, "colours": colours / num_colours, "wrong": wrong,
    }  # fmt: skip


def main(argv: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = argparse.ArgumentParser(description="Measure the English parser that ships.")
    parser.add_argument("--treebank", type=Path, help="Folder of UD_English-EWT's CoNLL-U files.")
    parser.add_argument("--prompts", type=Path, help="Folder of the benchmarks' prompts.")
    args = parser.parse_args(argv)
    report: dict[str, Any] = {"megabytes": sum(f.stat().st_size for f in SHIPPED.iterdir()) / 1e6}
    if args.treebank:
        report["upos"] = {part: upos_accuracy(args.treebank / f"en_ewt-ud-{part}.conllu") for part in ("dev", "test")}
    if args.prompts:
        report["attend_and_excite"] = attend_and_excite(args.prompts / "attend_and_excite")
        report["geneval"] = geneval(args.prompts / "geneval" / "evaluation_metadata.jsonl")
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
