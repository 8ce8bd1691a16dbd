"""From a model folder to the first token, and import to NF4: random-normal weights of the Llama-3-8B shape in bfloat16, files in the
page cache. Medians of 3 whole processes. The hash of the weights, which every result names, is part of it.

    load_bench.py PROGRAM TOKENIZER_MODEL [--scratch /dev/shm] [--layers 32] [--device cuda]
"""

import argparse
import json
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from engine_bench import make_weights

RUNS = 3


def seconds(command, before=lambda: None):
    times = []
    for _ in range(RUNS):
        before()
        begin = time.perf_counter()
        done = subprocess.run([*map(str, command)], capture_output=True, text=True)
        times.append(time.perf_counter() - begin)
        assert done.returncode == 0, done.stderr[-800:]
    return statistics.median(times)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("tokenizer", type=pathlib.Path)
    parser.add_argument("--scratch", default=None)
    parser.add_argument("--layers", type=int, default=32)
    parser.add_argument("--device", default="cuda")
    options = parser.parse_args()
    work = pathlib.Path(tempfile.mkdtemp(prefix="load-", dir=options.scratch))
    try:
        dense, nf4, items = work / "dense", work / "nf4", work / "items.jsonl"
        dense.mkdir()
        make_weights(dense, options.layers, options.device)
        shutil.copy(options.tokenizer, dense / "tokenizer.model")
        items.write_text(json.dumps({"id": "0", "db_id": "d", "prompt_ids": [128000, 791], "question": "q"}) + "\n")

        def predict(folder, *words):
            out = work / "out.jsonl"
            return seconds([options.program, "predict", "--task=spider", "--model", folder, "--items", items, "--out", out,
                            f"--device={options.device}", "--dtype=bfloat16", "--max-new-tokens=1", "--quiet", *words])

        print(f"bfloat16 folder to the first token: {predict(dense):.1f} s", flush=True)
        print(f"the same, quantised to NF4 while it is read: {predict(dense, '--quantization=nf4', '--nf4-residency=packed'):.1f} s",
              flush=True)
        took = seconds([options.program, "import", "--model", dense, "--out", nf4, "--quantization=nf4", f"--device={options.device}",
                        "--quiet"], lambda: shutil.rmtree(nf4, ignore_errors=True))
        print(f"import to NF4: {took:.1f} s", flush=True)
        print(f"NF4 folder to the first token, packed: {predict(nf4, '--nf4-residency=packed'):.1f} s", flush=True)
        print(f"NF4 folder to the first token, bfloat16: {predict(nf4, '--nf4-residency=bf16'):.1f} s", flush=True)
    finally:
        shutil.rmtree(work)


if __name__ == "__main__":
    sys.exit(main())
