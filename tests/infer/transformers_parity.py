"""The engine against transformers in float32: greedy tokens of Spider prompts, log-probabilities of MMLU choices, and the
prefix tree against the same prompts run one by one; on MODEL, on random Llamas, or on random models of every family.

A step of transformers whose two best logits lie within 1e-4 of each other ends the comparison of that prompt and is counted.

    transformers_parity.py PROGRAM MODEL DATA [--spider 4] [--short 16] [--mmlu 12] [--cut-8b] [--random-only] [--real-only]
                           [--families all|NAME,...]
                           [--template chat] [--device cpu]

--real-only compares MODEL alone, --families random models of these families with MODEL's tokenizer. --random-only needs of MODEL nothing but its tokenizer.
--cut-8b takes random weights of the Llama-3-8B shape cut to two layers in place of the small random models (4 GB each)."""

import argparse
import itertools
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

import torch
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM
from transformers.utils import logging

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "train"))
from families_golden import CASES, ODD, make_base, shape_of
from random_llama import ROPE_31, save_random_llama

logging.disable_progress_bar()

MARGIN = 1e-4      # of the two best logits: nearer ones may change places by rounding
LOGPROB = 1e-3     # of a choice's log-probability, against transformers
TREE = 1e-4        # the same, prefix tree against one by one
ALONE = 8          # so many answers are decoded one by one

def rows_of(path):
    return [json.loads(line) for line in open(path, encoding="utf-8")]


class Checker:
    def __init__(self, options, work):
        self.options, self.work, self.failed = options, work, False

    def call(self, *words):
        done = subprocess.run([self.options.program, *map(str, words)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done

    def expect(self, ok, what):
        print(("ok      " if ok else "FAILED  ") + what, flush=True)
        self.failed |= not ok

    def predict(self, model, task, items, name, **options):
        out = self.work / f"{name}.jsonl"
        words = [f"--{key.replace('_', '-')}={value}" for key, value in options.items()]
        self.call("predict", "--quiet", "--model", model, "--task", task, "--items", items, "--out", out, "--dtype=float32",
                  f"--device={self.options.device}", *words)
        return rows_of(out)

    def logits(self, model, ids, last):
        """Those of the last `last` positions."""
        with torch.inference_mode():
            return model(torch.tensor([ids], device=model.device), logits_to_keep=last).logits[0].float()

    def greedy(self, folder, model, items, ends, new_tokens, name):
        answers = self.predict(folder, "spider", items, name, max_new_tokens=new_tokens)
        alone = self.predict(folder, "spider", items, name + "-alone", max_new_tokens=new_tokens, chunk_size=1, limit=ALONE)
        steps = near = 0
        wrong = []
        for item, answer, single in itertools.zip_longest(rows_of(items), answers, alone):
            prompt = self.prompt_ids(item)
            ids = answer["token_ids"] + ([None] if answer["finish"] == "stop" else [])
            scores = self.logits(model, prompt + answer["token_ids"], len(answer["token_ids"]) + 1)
            differs_alone = single is not None and single["token_ids"] != answer["token_ids"]
            for step, got in enumerate(ids):
                best = scores[step].topk(2)
                if best.values[0] - best.values[1] < MARGIN:
                    near += 1
                    differs_alone = False
                    break
                want = best.indices[0].item()
                if want not in ends if got is None else want != got:
                    wrong.append((item["id"], step, got, want))
                    break
                steps += 1
            if differs_alone:
                wrong.append((item["id"], "one by one"))
        self.expect(not wrong, f"{name}: {len(answers)} prompts, {steps} greedy steps equal, {near} ended at a near tie{wrong or ''}")

    def prompt_ids(self, item):
        return item.get("prompt_ids") or self.tokenizer.encode(item["prompt"], add_special_tokens=False).ids

    def choices(self, folder, model, items, name):
        tree = self.predict(folder, "mmlu", items, name)
        alone = self.predict(folder, "mmlu", items, name + "-alone", chunk_size=1)
        worst = worst_alone = 0.0
        for item, row, single in zip(rows_of(items), tree, alone, strict=True):
            columns = [self.tokenizer.encode(c, add_special_tokens=False).ids[0] for c in item["choices"]]
            want = self.logits(model, self.prompt_ids(item), 1)[-1].log_softmax(-1)[columns].tolist()
            worst = max(worst, *(abs(a - b) for a, b in zip(want, row["choice_logprobs"])))
            worst_alone = max(worst_alone, *(abs(a - b) for a, b in zip(single["choice_logprobs"], row["choice_logprobs"])))
        self.expect(worst < LOGPROB, f"{name}: {len(tree)} questions, log-probabilities within {worst:.1e} of transformers")
        self.expect(worst_alone < TREE, f"{name}: within {worst_alone:.1e} of the prompts one by one")

    def compare(self, folder, name, prompts):
        device = "cuda" if self.options.device == "cuda" else "cpu"
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval().to(device)
        eos = json.loads((folder / "generation_config.json").read_text())["eos_token_id"]
        ends = eos if isinstance(eos, list) else [eos]
        for kind, items, new_tokens in prompts:
            if kind == "mmlu":
                self.choices(folder, model, items, f"{name}-mmlu")
            else:
                self.greedy(folder, model, items, ends, new_tokens, f"{name}-{kind}")


def make_family(folder, name, tokenizer_of):
    """A random model of the family with odd head counts, windows shorter than the prompts, and MODEL's tokenizer."""
    make_base(folder, CASES[name][0], shape_of(name, ODD, vocab_size=49152, max_position_embeddings=4096, original=4096))
    for file in ("tokenizer.json", "tokenizer_config.json", "generation_config.json"):
        shutil.copy(tokenizer_of / file, folder / file)
    return folder


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--spider", type=int, default=4)
    parser.add_argument("--short", type=int, default=16)
    parser.add_argument("--mmlu", type=int, default=12)
    parser.add_argument("--cut-8b", action="store_true")
    parser.add_argument("--random-only", action="store_true")
    parser.add_argument("--real-only", action="store_true")
    parser.add_argument("--template", default="chat")
    parser.add_argument("--families", default="")
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    work = pathlib.Path(tempfile.mkdtemp(prefix="transformers-parity-"))
    checker = Checker(options, work)
    checker.tokenizer = Tokenizer.from_file(str(options.model / "tokenizer.json"))

    def prepare(task, name, *words):
        out = work / name
        checker.call("prepare", task, "--quiet", "--data", options.data / task, "--model", options.model, "--output-dir", out,
                     "--template", options.template, *words)
        return out / ("mmlu.jsonl" if task == "mmlu" else "dev_formatted.jsonl")

    long = prepare("spider", "long", "--questions", options.spider)
    short = prepare("spider", "short", "--questions", options.short, "--shots", 0)
    mmlu = prepare("mmlu", "mmlu", "--questions", options.mmlu, "--groups", "stem,other")
    if options.families:
        names = list(CASES) if options.families == "all" else options.families.split(",")
        for name in names:
            checker.compare(make_family(work / name, name, options.model), name,
                            [("3-shot", long, 16), ("0-shot", short, 16), ("mmlu", mmlu, 0)])
            shutil.rmtree(work / name)
        shutil.rmtree(work)
        return checker.failed
    if not options.random_only:
        checker.compare(options.model, options.model.name, [("3-shot", long, 48), ("0-shot", short, 32), ("mmlu", mmlu, 0)])

    # Llama-3-8B's heads (32 / 8), with and without 3.1's scaling, tied and not, a head width that is not hidden / heads.
    if options.cut_8b:
        shapes = {"cut-8b": dict(hidden_size=4096, intermediate_size=14336, num_hidden_layers=2, num_attention_heads=32,
                                 num_key_value_heads=8)}
        shapes["cut-8b-rope31"] = {**shapes["cut-8b"], "rope_scaling": ROPE_31}
    else:
        shapes = {"heads-32-8": dict(hidden_size=512, intermediate_size=1000, num_hidden_layers=2, num_attention_heads=32,
                                     num_key_value_heads=8),
                  "rope31-tied-wide-heads": dict(hidden_size=192, intermediate_size=500, num_hidden_layers=3, num_attention_heads=6,
                                                 num_key_value_heads=3, head_dim=64, rope_scaling=ROPE_31, tie_word_embeddings=True)}
    for name, shape in ({} if options.real_only else shapes).items():
        folder = work / name
        save_random_llama(folder, options.model, **shape)
        checker.compare(folder, name, [("3-shot", long, 16), ("0-shot", short, 16), ("mmlu", mmlu, 0)])
        shutil.rmtree(folder)
    shutil.rmtree(work)
    return checker.failed


if __name__ == "__main__":
    sys.exit(main())
