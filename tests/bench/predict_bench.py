"""`predict` against transformers on real prompts: SmolLM2, bfloat16, CPU, the same token ids, the same threads.

spider  200 dev prompts with three shots, at most 48 new tokens, natural stop; the peer is `generate` with a KV cache, sorted
        by length, batches of 16, left-padded.
mmlu    1,000 questions of ten subjects, 4-shot; the peer is a batched forward, sorted by length, logits of the last row alone.
draw    the stratified draw of 150 questions, 4-shot.

Ours is the whole process with the loading of the model; the peer's loading is not counted. The peer runs every k-th batch of
its sorted list (--peer-share) and its time is scaled by questions. Results are compared before a ratio is printed: where an
answer differs, the first other token must be as good as the peer's to bfloat16's rounding.

    predict_bench.py PROGRAM MODEL DATA spider|mmlu|draw [--threads 2] [--peer-share 0.25] [--repeats 3]
"""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import torch
import transformers
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM

NEAR = 0.5  # bfloat16 keeps 8 bits of logits of size 10 to 30
NEW_TOKENS = 48
TEN_SUBJECTS = ("abstract_algebra", "anatomy", "astronomy", "college_biology", "computer_security", "econometrics",
                "high_school_geography", "human_aging", "marketing", "moral_disputes")


def rows_of(path):
    return [json.loads(line) for line in open(path, encoding="utf-8")]


def prepare(options, work):
    spider = options.task == "spider"
    name = "spider" if spider else "mmlu"
    questions = "200" if spider else "150" if options.task == "draw" else "0"
    words = ["--questions", questions] + ([] if options.task != "mmlu" else ["--groups", "stem,humanities,social_sciences,other"])
    subprocess.run([options.program, "prepare", name, "--quiet", "--data", options.data / name, "--model", options.model,
                    "--output-dir", work, *words], check=True)
    path = work / ("dev_formatted.jsonl" if spider else "mmlu.jsonl")
    if options.task == "mmlu":
        kept = [row for row in rows_of(path) if row["subject"] in TEN_SUBJECTS][:1000]
        path.write_text("".join(json.dumps(row) + "\n" for row in kept))
    return path, rows_of(path)


def run_ours(options, items, work):
    out = work / "ours.jsonl"
    begin = time.perf_counter()
    child = subprocess.Popen([options.program, "predict", "--quiet", "--model", options.model, "--items", items, "--out", out,
                              "--task", "spider" if options.task == "spider" else "mmlu", "--dtype", "bfloat16", "--device", "cpu",
                              "--threads", str(options.threads), "--max-new-tokens", str(NEW_TOKENS)])
    _, status, usage = os.wait4(child.pid, 0)
    assert status == 0
    return time.perf_counter() - begin, usage.ru_maxrss / 1e6, rows_of(out)


class Peer:
    def __init__(self, options, items):
        self.options = options
        self.model = AutoModelForCausalLM.from_pretrained(options.model, dtype=torch.bfloat16).eval()
        tokenizer = Tokenizer.from_file(str(options.model / "tokenizer.json"))
        self.ids = [row.get("prompt_ids") or tokenizer.encode(row["prompt"], add_special_tokens=False).ids for row in items]
        self.choices = [[tokenizer.encode(c, add_special_tokens=False).ids[0] for c in row.get("choices", [])] for row in items]
        order = sorted(range(len(items)), key=lambda i: len(self.ids[i]))
        batch = 16 if options.task == "spider" else 8
        batches = [order[i:i + batch] for i in range(0, len(order), batch)]
        self.batches = batches[::max(1, round(1 / options.peer_share))]
        eos = json.loads((options.model / "generation_config.json").read_text())["eos_token_id"]
        self.ends = eos if isinstance(eos, list) else [eos]
        self.results = {}

    def run(self):
        begin = time.perf_counter()
        for batch in self.batches:
            width = max(len(self.ids[i]) for i in batch)
            ids = torch.tensor([[0] * (width - len(self.ids[i])) + self.ids[i] for i in batch])
            mask = torch.tensor([[0] * (width - len(self.ids[i])) + [1] * len(self.ids[i]) for i in batch])
            with torch.inference_mode():
                if self.options.task == "spider":
                    out = self.model.generate(ids, attention_mask=mask, max_new_tokens=NEW_TOKENS, do_sample=False,
                                              eos_token_id=self.ends, pad_token_id=0)
                    for i, row in zip(batch, out[:, width:].tolist()):
                        ends = [at for at, token in enumerate(row) if token in self.ends]
                        self.results[i] = row[:ends[0]] if ends else row
                else:
                    position = (mask.cumsum(1) - 1).clamp(min=0)
                    logits = self.model(ids, attention_mask=mask, position_ids=position, logits_to_keep=1).logits[:, -1]
                    scores = logits.float().log_softmax(-1)
                    for row, i in enumerate(batch):
                        self.results[i] = scores[row, self.choices[i]].tolist()
        return (time.perf_counter() - begin) / sum(map(len, self.batches))

    def differences(self, rows):
        """(answers equal, near ties, really different). Where greedy answers part, float32 logits judge our token: the peer's
        are in bfloat16 too, and as far off as ours."""
        equal = near = wrong = 0
        if self.options.task == "spider":
            judge = AutoModelForCausalLM.from_pretrained(self.options.model, dtype=torch.float32).eval()
        for i, want in self.results.items():
            if self.options.task != "spider":
                gap = max(abs(a - b) for a, b in zip(want, rows[i]["choice_logprobs"]))
                equal, near, wrong = equal + (gap < 0.1), near + (0.1 <= gap < NEAR), wrong + (gap >= NEAR)
                continue
            got = rows[i]["token_ids"]
            if got == want:
                equal += 1
                continue
            step = next((k for k, (a, b) in enumerate(zip(got, want)) if a != b), min(len(got), len(want)))
            with torch.inference_mode():
                scores = judge(torch.tensor([self.ids[i] + want[:step]])).logits[0, -1]
            value = scores[got[step]] if step < len(got) else max(scores[e] for e in self.ends)
            close = (scores.max() - value).item() < NEAR
            near, wrong = near + close, wrong + (not close)
        return equal, near, wrong


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("task", choices=["spider", "mmlu", "draw"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--peer-share", type=float, default=0.25)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    work = pathlib.Path(tempfile.mkdtemp(prefix="predict-bench-"))
    items, rows = prepare(options, work)
    peer = Peer(options, rows)
    own_times, peer_times = [], []
    for repeat in range(options.repeats):
        seconds, peak, answers = run_ours(options, items, work)
        own_times.append(seconds / len(rows))
        peer_times.append(peer.run())
        if repeat == 0:
            equal, near, wrong = peer.differences(answers)
            print(f"gate    {equal} results equal, {near} differ at a near tie, {wrong} differ", flush=True)
            if wrong:
                return 1
        print(f"run     ours {own_times[-1]:.4f} s a question, peer {peer_times[-1]:.4f}, peak memory {peak:.2f} GB", flush=True)
    ratio = statistics.median(p / o for p, o in zip(peer_times, own_times))
    print(f"RATIO   {options.task}: {ratio:.1f}x transformers {transformers.__version__} (torch {torch.__version__}), "
          f"{len(rows)} questions, {options.threads} threads, median of {options.repeats}")
    shutil.rmtree(work)
    return 0


if __name__ == "__main__":
    sys.exit(main())
