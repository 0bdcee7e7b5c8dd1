"""Makes `assets/stanza-en`: Stanza's own tokenizer and tagger, trained on a treebank and generated prompts.

    python -m t2i_studio.prompts.train_stanza --treebank DIR [--out DIR]

`--treebank` holds UD_English-EWT's `en_ewt-ud-{train,dev}.conllu`. Seeded; about 20 minutes on one core.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..config import ASSETS
from .pretrain.treebank import LONGEST_WORD, prompts, read, write_conllu, write_text

if TYPE_CHECKING:
    from collections.abc import Mapping

NUM_PROMPTS = 5000
NUM_DEV_SENTENCES = 600
"""A share of the dev part: looking often is worth more here than looking closely."""
NUM_DEV_PROMPTS = 150
NUM_AVERAGED = 5
SEED = 1234
TAGGER = "tagger.pt"
TOKENIZER = "tokenizer.pt"
SHORTHAND = "en_prompts"


def prepare(treebank: Path, work: Path, seed: int) -> None:
    """Write what the trainers read into `work`: `{train,dev}.{conllu,txt,labels}`."""
    for part, limit, number in (("train", None, NUM_PROMPTS), ("dev", NUM_DEV_SENTENCES, NUM_DEV_PROMPTS)):
        sentences = [*itertools.islice(read(treebank / f"en_ewt-ud-{part}.conllu"), limit)]
        sentences += prompts(number, seed + len(part))
        write_conllu(sentences, work / f"{part}.conllu", LONGEST_WORD if part == "train" else None)
        write_text(sentences, work / f"{part}.txt", work / f"{part}.labels")


def train_tagger(work: Path, steps: int, seed: int) -> Path:
    """Stanza's tagger without pretrained vectors. Returns the mean of its last checkpoints."""
    from stanza.models import tagger

    options = f"--mode train --lang en --shorthand {SHORTHAND} --no_pretrain --seed {seed} --max_steps {steps}"
    sizes = "--hidden_dim 150 --word_emb_dim 100 --char_hidden_dim 100 --char_emb_dim 50 --char_bidirectional"
    rates = "--deep_biaff_hidden_dim 150 --dropout 0.35 --word_dropout 0.25 --word_cutoff 3 --batch_size 32"
    times = "--cpu --eval_interval 200 --fix_eval_interval --save_each"
    files = {
        "--train_file": work / "train.conllu",
        "--eval_file": work / "dev.conllu",
        "--save_dir": work,
        "--save_name": TAGGER,
    }
    tagger.main([*f"{options} {sizes} {rates} {times}".split(), *_flat(files)])
    return average(sorted(work.glob("tagger_*.pt"))[-NUM_AVERAGED:], work / TAGGER)


def train_tokenizer(work: Path, steps: int, seed: int) -> Path:
    """Stanza's tokenizer without multi-word tokens. Returns the checkpoint, best on the dev part."""
    from stanza.models import tokenizer

    no_mwt = work / "no_mwt.json"
    no_mwt.write_text("[]", encoding="utf-8")
    options = f"--mode train --lang en --shorthand {SHORTHAND} --no_use_mwt --seed {seed} --steps {steps}"
    files = {
        "--txt_file": work / "train.txt",
        "--label_file": work / "train.labels",
        "--dev_txt_file": work / "dev.txt",
        "--dev_label_file": work / "dev.labels",
        "--dev_conll_gold": work / "dev.conllu",
        "--mwt_json_file": no_mwt,
        "--save_dir": work,
        "--save_name": TOKENIZER,
    }
    tokenizer.main([*f"{options} --cpu --eval_steps 500 --max_seqlen 120".split(), *_flat(files)])
    return work / TOKENIZER


def _flat(files: Mapping[str, object]) -> list[str]:
    return [str(part) for pair in files.items() for part in pair]


def average(checkpoints: list[Path], target: Path) -> Path:
    """Mean of the weights of checkpoints, in place of the learning rate decay that Stanza's trainer lacks."""
    import torch

    contents: list[dict[str, Any]] = [torch.load(f, map_location="cpu", weights_only=True) for f in checkpoints]
    mean = contents[-1]
    for name in mean["model"]:
        mean["model"][name] = torch.stack([content["model"][name] for content in contents]).mean(dim=0)
    torch.save(mean, target, _use_new_zipfile_serialization=False)
    return target


def ship(checkpoint: Path, target: Path) -> None:
    """Halve the weights (they load as float32) and forget the paths of the machine that trained."""
    import torch

    content: dict[str, Any] = torch.load(checkpoint, map_location="cpu", weights_only=True)
    content["model"] = {
        name: tensor.half() if tensor.dtype == torch.float32 else tensor for name, tensor in content["model"].items()
    }
    for name in content["config"]:
        if name.endswith(("_file", "_dir", "_gold", "_name")):
            content["config"][name] = None
    target.parent.mkdir(parents=True, exist_ok=True)
    torch.save(content, target, _use_new_zipfile_serialization=False)


def main(argv: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = argparse.ArgumentParser(description="Train the English parser that ships.")
    parser.add_argument("--treebank", type=Path, required=True, help="Folder of UD_English-EWT's CoNLL-U files.")
    parser.add_argument("--out", type=Path, default=ASSETS / "stanza-en")
    parser.add_argument("--work", type=Path, help="Keep the trainers' files here (default: a temporary folder).")
    parser.add_argument("--only", choices=("tokenizer", "tagger"), help="Train one of the two.")
    parser.add_argument("--tagger-steps", type=int, default=2400)
    parser.add_argument("--tokenizer-steps", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=SEED)
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as temporary:
        work = args.work or Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        prepare(args.treebank, work, args.seed)
        if args.only != "tagger":
            ship(train_tokenizer(work, args.tokenizer_steps, args.seed), args.out / TOKENIZER)
        if args.only != "tokenizer":
            ship(train_tagger(work, args.tagger_steps, args.seed), args.out / TAGGER)
    (args.out / "resources.json").write_text("{}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
