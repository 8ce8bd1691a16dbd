"""QLoRA steps on random-normal weights of the Llama-3-8B shape in NF4: r 8 on all products, 4 samples of 2,048 tokens a step,
loss on every token. Prints tokens a second and the card's peak memory; peers are run apart, where they are installed.

    train_8b_bench.py PROGRAM TOKENIZER_MODEL [--scratch /dev/shm] [--layers 32] [--residency auto] [OPTIONS OF train ...]
"""

import argparse
import json
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from engine_bench import make_weights

TOKENS = 2048


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("tokenizer", type=pathlib.Path)
    parser.add_argument("--scratch", default=None)
    parser.add_argument("--layers", type=int, default=32)
    parser.add_argument("--residency", default="packed,bf16")
    options, others = parser.parse_known_args()
    work = pathlib.Path(tempfile.mkdtemp(prefix="train-8b-", dir=options.scratch))
    try:
        make_weights(work, options.layers, "cuda")
        shutil.copy(options.tokenizer, work / "tokenizer.model")
        random.seed(0)
        with open(work / "rows.jsonl", "w") as file:
            for i in range(4):
                ids = [random.randrange(1000, 120000) for _ in range(TOKENS - 1)]
                file.write(json.dumps({"id": i, "prompt_ids": ids, "completion": " a"}) + "\n")
        for residency in options.residency.split(","):
            peak = [0]
            done = threading.Event()

            def watch():
                while not done.is_set():
                    out = subprocess.run(["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits"], capture_output=True,
                                         text=True).stdout
                    peak[0] = max(peak[0], int(out.split()[0]))
                    time.sleep(0.2)
            watcher = threading.Thread(target=watch)
            watcher.start()
            out = work / f"out-{residency}"
            begin = time.time()
            run = subprocess.run([options.program, "train", "--model", work, "--train", work / "rows.jsonl", "--out", out, "--device=cuda",
                                  "--dtype=bfloat16", "--quantization=nf4", f"--nf4-residency={residency}", "--max-steps=8",
                                  "--train-batch-size=4", f"--micro-batch-tokens={4 * TOKENS}", "--min-passes=1", "--train-on-prompt",
                                  "--lora-dropout=0", *others], capture_output=True, text=True)
            done.set()
            watcher.join()
            if run.returncode != 0:
                print(f"FAILED  {residency}: {run.stderr[-800:]}")
                continue
            rows = [json.loads(line) for line in open(out / "train.jsonl")]
            rate = statistics.median(row["tokens_per_s"] for row in rows[2:])
            policy = next((line.split("recompute: ")[1] for line in run.stderr.splitlines() if "recompute: " in line), "?")
            print(f"ours    NF4 {residency}, recompute {policy}, {' '.join(others)}: {rate:.0f} tokens/s, peak {peak[0] / 1024:.1f} GiB of the card, loss {rows[0]['loss']:.3f} to "
                  f"{rows[-1]['loss']:.3f}, {time.time() - begin:.0f} s with loading", flush=True)
    finally:
        shutil.rmtree(work)


if __name__ == "__main__":
    sys.exit(main())
