"""A tiny study in which the nth call on a file of its folder goes wrong, for n = 1, 2, ...: it ends with a message or with
the right result, and the next start completes it without a hand's help, the ledger included.

usage: nth_call.py PROGRAM SHIM MODEL DATA [--every K] [--seed S] [--faults eio,kill]
"""

import argparse
import hashlib
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from random_llama import save_random_llama

FAULTS = ("eio", "enospc", "short", "torn", "kill")
JOB = """[study]
name = tiny
seeds = 1
[model]
model = {model}
[spider]
data = {data}/spider
questions = 4
shots = 0
[mmlu]
data = {data}/mmlu
questions = 3
shots = 0
groups = stem, humanities, social_sciences
[arm.base]
max_new_tokens = 4
chunk_size = 2
[arm.trained]
max_steps = 3
save_steps = 1
max_new_tokens = 4
chunk_size = 2
train_batch_size = 1
lora_r = 2
spider.shots = 0
"""


class Study:
    def __init__(self, options, work):
        self.o, self.work, self.job = options, work, work / "job.ini"
        model = work / "model"
        save_random_llama(model, options.model, hidden_size=32, intermediate_size=48, num_hidden_layers=1, num_attention_heads=2,
                          num_key_value_heads=1, tie_word_embeddings=True)
        self.job.write_text(JOB.format(model=model, data=options.data))
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(("SLURM_", "PMI"))}

    def run(self, folder, fault="none:0", count=None):
        environment = {**self.environment, "LD_PRELOAD": str(self.o.shim), "FAULT_FOLDER": str(folder), "FAULT": fault}
        if count:
            environment["FAULT_COUNT"] = str(count)
        words = [self.o.program, "run", self.job, "--output-dir", folder, "--device=cpu", "--dtype=float32", "--threads=1", "--quiet"]
        return subprocess.run(words, env=environment, capture_output=True, text=True, timeout=60)

    def outcome(self, folder):
        digest = hashlib.sha256((folder / "predictions.h5").read_bytes()).hexdigest()
        ledger = sorted((row["arm"], row["task"], row["seed"], row["questions"], row["prompt_tokens"], row["new_tokens"])
                        for row in map(json.loads, (folder / "ledger.jsonl").open()))
        return digest, ledger


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("shim", type=pathlib.Path)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--every", type=int, default=1, help="one of so many calls, drawn")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--faults", default=",".join(FAULTS))
    options = parser.parse_args()
    work = pathlib.Path(tempfile.mkdtemp(prefix="tradeoff-nth-"))
    rng = random.Random(options.seed)
    try:
        study = Study(options, work)
        whole = study.run(work / "whole", count=work / "count")
        assert whole.returncode == 0, whole.stderr
        want, calls = study.outcome(work / "whole"), int((work / "count").read_text())
        assert calls > 100, f"only {calls} calls were seen: the shim does not reach them"
        told = dict.fromkeys(("loud", "right", "killed"), 0)
        for first in range(1, calls + 1, options.every):
            n = min(calls, first + rng.randrange(options.every))
            for fault in options.faults.split(",") if options.every == 1 else [rng.choice(options.faults.split(","))]:
                folder, what = work / "faulty", f"{fault}:{n}"
                done = study.run(folder, what)
                if done.returncode == 0:
                    told["right"] += 1
                    assert study.outcome(folder) == want, f"{what}: exit code 0, and another result"
                elif done.returncode < 0 or done.returncode == 137:
                    told["killed"] += 1
                    assert fault in ("kill", "torn"), f"{what}: it died by signal {-done.returncode}: {done.stderr}"
                else:
                    told["loud"] += 1
                    assert str(folder) in done.stderr, f"{what}: the message names no file: {done.stderr}"
                again = study.run(folder)
                assert again.returncode == 0, f"{what}: the next start fails too: {again.stderr}\nfirst: {done.stderr}"
                assert study.outcome(folder) == want, f"{what}: the next start has another result"
                left = [str(path) for path in folder.rglob("*.tmp-*")]
                assert not left, f"{what}: left behind: {left}"
                shutil.rmtree(folder)
        print(f"{calls} calls; {sum(told.values())} faults: {told}; each next start completed to the same result")
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
