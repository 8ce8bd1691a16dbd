"""Compares the ids of text_cli with Mistral's own on the files that mistral-common carries: 0 differences or exit 1.

    python tests/text/golden_mistral.py --program build/release/text_cli [--megabytes 0.3] [--share 40]

tekken.json files against mistral-common's Tekkenizer, SentencePiece models against sentencepiece. Texts as in
golden_tokenizer.py; the full comparison is --megabytes 12 --share 1.
"""
import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from mistral_common.tokens.tokenizers.tekken import Tekkenizer
from sentencepiece import SentencePieceProcessor
from tokenizers import Tokenizer

from golden_tokenizer import Comparison, package_file, real_texts
from odd_text import OddText

TEKKEN = ["tekken_240718.json", "tekken_240911.json"]
PIECES = ["tokenizer.model.v1", "mistral_instruct_tokenizer_240216.model.v2", "mistral_instruct_tokenizer_240323.model.v3",
          "mistral_instruct_tokenizer_241114.model.v7"]


def parsed(tekken, texts):
    """The ids where text that spells a special token is that token, which mistral-common does not offer."""
    ids = tekken._special_tokens_reverse_vocab
    cut = re.compile("(" + "|".join(map(re.escape, sorted(ids, key=len, reverse=True))) + ")")
    found = []
    for text in texts:
        found.append([])
        for part in cut.split(text):
            found[-1] += [ids[part]] if part in ids else tekken.encode(part, bos=False, eos=False)
    return found


def check_tekken(compare, file):
    tekken = Tekkenizer.from_file(file)
    ids = [tekken.encode(t, bos=False, eos=False) for t in compare.texts]
    specials = parsed(tekken, compare.texts)
    assert ids != specials, "no text spells a special token"
    compare.check(file.name, compare.own_ids(file), ids)
    compare.check("  specials parsed", compare.own_ids(file, "--specials"), specials)
    folder = compare.folder / "written"
    subprocess.run([compare.program, "write", file, folder], check=True)
    compare.check("  as tokenizer.json, read back", compare.own_ids(folder, "--specials"), specials)
    hf = Tokenizer.from_file(str(folder / "tokenizer.json"))
    compare.check("  as tokenizer.json, tokenizers", [e.ids for e in hf.encode_batch(compare.texts, add_special_tokens=False)], specials)


def check_pieces(compare, file):
    ids = SentencePieceProcessor(model_file=str(file)).encode(compare.texts)
    compare.check(file.name, compare.own_ids(file), ids)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", type=Path, required=True)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "jobs/data")
    parser.add_argument("--megabytes", type=float, default=0.3)
    parser.add_argument("--share", type=int, default=40)
    options = parser.parse_args()
    texts = real_texts(options.data, options.share)
    texts += OddText(3, sorted({w for t in texts[::7] for w in t.split()})).texts(int(options.megabytes * 1e6))
    texts += ["<s>[INST] a [/INST]b</s>", "[INST][INST]<SPECIAL_999> x <pad>"]
    print(f"{len(texts)} texts, {sum(len(t.encode()) for t in texts) / 1e6:.2f} MB")
    with tempfile.TemporaryDirectory() as name:
        compare = Comparison(options.program, Path(name), texts)
        for file in TEKKEN:
            check_tekken(compare, package_file("mistral_common", "data/" + file))
        for file in PIECES:
            check_pieces(compare, package_file("mistral_common", "data/" + file))
        sys.exit(compare.differences != 0)


main()
