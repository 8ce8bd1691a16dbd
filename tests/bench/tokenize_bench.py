"""Tokenizing MMLU and Spider text on one thread: this project, tiktoken, HF tokenizers.

    python tests/bench/tokenize_bench.py build/release/tokenize_bench [--data jobs/data] [--repeats 5] [--tokenizer PATH]

The vocabulary is Llama 3's; with --tokenizer that of PATH (a model folder, tokenizer.json, tekken.json, tokenizer.model
or GGUF), against HF tokenizers alone, which read what text_cli writes of it.

Prints MB/s and ratios from one run, the programs taking turns, after checking that all give equal ids.
Every side has its texts in memory as its own strings; only encoding is timed. The peers are called as they are
fastest on one thread: tiktoken's encode_ordinary, tokenizers' encode_batch_fast with parallelism off.
"""
import argparse
import csv
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"

import tiktoken
import tokenizers
from llama_models.llama3.tokenizer import Tokenizer as MetaTokenizer


def questions(data):
    texts = []
    for path in sorted((data / "mmlu").glob("*/*.csv")):
        with open(path, newline="", encoding="utf-8") as file:
            for question, *choices, answer in csv.reader(file):
                lines = [question] + [f"{letter}. {c}" for letter, c in zip("ABCD", choices)]
                texts.append("\n".join(lines) + "\nAnswer: " + answer)
    schemas = {}
    for table in json.loads((data / "spider/tables.json").read_text(encoding="utf-8")):
        names = table["table_names_original"]
        columns = [[c for t, c in table["column_names_original"] if t == i] for i in range(len(names))]
        schemas[table["db_id"]] = "\n".join(f"# {n} ( {', '.join(c)} )" for n, c in zip(names, columns))
    for name in ("dev.json", "train_spider.json"):
        for row in json.loads((data / "spider" / name).read_text(encoding="utf-8")):
            texts.append(f"{schemas[row['db_id']]}\n### {row['question']}\n{row['query']}")
    return texts


def documents(texts, size):
    """The same text as fewer, longer documents."""
    found, held = [], ""
    for text in texts:
        held += text + "\n\n"
        if len(held) >= size:
            found.append(held)
            held = ""
    return found + [held] if held else found


def timed(call):
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def compare(title, program, model, hf, meta, texts, repeats):
    size = sum(len(t.encode()) for t in texts)
    peers = {f"tokenizers {tokenizers.__version__}": lambda: hf.encode_batch_fast(texts, add_special_tokens=False)}
    references = {"tokenizers": lambda: [e.ids for e in hf.encode_batch(texts, add_special_tokens=False)]}
    if meta:
        peers[f"tiktoken {tiktoken.__version__}"] = references["tiktoken"] = lambda: [meta.encode_ordinary(t) for t in texts]
    with tempfile.TemporaryDirectory() as folder:
        source, ids = Path(folder) / "texts.jsonl", Path(folder) / "ids.jsonl"
        source.write_text("".join(json.dumps({"text": t}) + "\n" for t in texts))
        own, first, times = [], [], {name: [] for name in peers}

        def run_own(count):
            done = json.loads(subprocess.run([program, model, source, str(count), ids], check=True,
                                             stdout=subprocess.PIPE).stdout)
            first.append(done["first"])
            own.append(statistics.median(done["repeats"]))
            return done

        tokens = run_own(3)["tokens"]
        given = [json.loads(line) for line in ids.read_text().splitlines()]
        for name, call in references.items():
            reference = call()
            if reference != given:
                wrong = next(i for i, (a, b) in enumerate(zip(reference, given)) if a != b)
                sys.exit(f"ids differ from {name} in {texts[wrong]!r}: {reference[wrong]} and {given[wrong]}")
        del given, reference
        own.clear(), first.clear()
        for _ in range(repeats):
            run_own(3)
            for name, call in peers.items():
                times[name].append(timed(call))
    print(f"{title}: {len(texts)} texts, {size / 1e6:.2f} MB, {tokens} tokens, ids equal; "
          f"medians of {repeats} alternating runs")
    mine = statistics.median(own)
    print(f"  tradeoff             {size / mine / 1e6:8.1f} MB/s"
          f"   ({size / statistics.median(first) / 1e6:.1f} on its first pass)")
    for name, values in times.items():
        peer = statistics.median(values)
        print(f"  {name:20s} {size / peer / 1e6:8.1f} MB/s   ratio {peer / mine:6.2f}"
              f"   (first pass {peer / statistics.median(first):.2f})")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program", type=Path)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "jobs/data")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--tokenizer", type=Path)
    options = parser.parse_args()
    meta_file = Path(importlib.util.find_spec("llama_models").origin).parent / "llama3/tokenizer.model"
    model = options.tokenizer or meta_file
    meta = None if options.tokenizer else MetaTokenizer(meta_file).model
    with tempfile.TemporaryDirectory() as folder:
        writer = options.program.parent / "text_cli"
        subprocess.run([writer, "write", model, folder], check=True)
        hf = tokenizers.Tokenizer.from_file(str(Path(folder) / "tokenizer.json"))
    texts = questions(options.data)
    compare("questions", options.program, model, hf, meta, texts, options.repeats)
    compare("documents of 64 kB", options.program, model, hf, meta, documents(texts, 65536), options.repeats)


if __name__ == "__main__":
    main()
