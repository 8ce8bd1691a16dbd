"""Every supported family against transformers and PEFT, live, on random weights at two small shapes: log-probabilities,
LoRA gradients of every target through packed rows that share prefixes, and what is refused.

    families_golden.py LORA_PROBE TRAIN_PIPE MPIEXEC [--only NAME,NAME] [--device cuda]"""
import argparse
import json
import pathlib
import shutil
import sys

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.utils import logging

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from served import Served
from tiny import VOCAB, Pipe, curve, make_rows, step_loss

logging.set_verbosity_error()
logging.disable_progress_bar()

TOLERANCE = 1e-4  # of float32 log-probabilities; relative, of gradients
PLAIN = dict(vocab_size=VOCAB, hidden_size=64, intermediate_size=96, num_hidden_layers=4, num_attention_heads=4,
             num_key_value_heads=2, max_position_embeddings=512, initializer_range=0.15, bos_token_id=1, eos_token_id=2,
             pad_token_id=0)
ODD = {**PLAIN, "hidden_size": 72, "intermediate_size": 152, "num_attention_heads": 6}
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64, "rope_theta": 10000.0}
HEAD = {"head_dim": 20}
GEMMA = {**HEAD, "query_pre_attn_scalar": 24, "sliding_window": 16}
# name: (model_type, what it adds to the two shapes)
CASES = {
    "llama": ("llama", HEAD),
    "llama-biases": ("llama", dict(attention_bias=True, mlp_bias=True)),
    "llama-linear": ("llama", dict(rope_parameters={"rope_type": "linear", "factor": 4.0, "rope_theta": 10000.0})),
    "llama-yarn": ("llama", dict(rope_parameters=YARN)),
    "llama-dynamic": ("llama", dict(rope_parameters={"rope_type": "dynamic", "factor": 2.0, "rope_theta": 10000.0})),
    "qwen2": ("qwen2", dict(tie_word_embeddings=True)),
    "qwen2-window": ("qwen2", dict(use_sliding_window=True, sliding_window=16, max_window_layers=2)),
    "qwen3": ("qwen3", HEAD),
    "mistral": ("mistral", dict(HEAD, sliding_window=None)),
    "mistral-window": ("mistral", dict(HEAD, sliding_window=16)),
    "ministral3": ("ministral3", dict(HEAD, rope_parameters={**YARN, "original_max_position_embeddings": 128, "mscale": 1.0,
                                                             "mscale_all_dim": 1.0, "llama_4_scaling_beta": 0.1})),
    "smollm3": ("smollm3", dict(no_rope_layer_interval=2)),
    "granite": ("granite", dict(embedding_multiplier=3.0, residual_multiplier=0.5, attention_multiplier=0.2, logits_scaling=2.0)),
    "phi3": ("phi3", dict(sliding_window=None)),
    "phi3-partial-longrope": ("phi3", dict(partial_rotary_factor=0.5, original_max_position_embeddings=128, rope_parameters={
        "rope_type": "longrope", "rope_theta": 10000.0, "partial_rotary_factor": 0.5, "original_max_position_embeddings": 128,
        "short_factor": [1.0, 1.1, 1.3, 1.6, 2.0, 2.5], "long_factor": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]})),
    "olmo2": ("olmo2", {}),
    "olmo3": ("olmo3", dict(sliding_window=16)),
    "gemma2": ("gemma2", dict(GEMMA, attn_logit_softcapping=2.0, final_logit_softcapping=3.0)),
    "gemma3_text": ("gemma3_text", dict(GEMMA, sliding_window_pattern=3)),
    "seed_oss": ("seed_oss", dict(HEAD, attention_out_bias=True)),
    "ernie4_5": ("ernie4_5", dict(HEAD, use_bias=True)),
    "exaone4": ("exaone4", dict(sliding_window=16)),
    "hunyuan_v1_dense": ("hunyuan_v1_dense", dict(HEAD, rope_parameters={"rope_type": "dynamic", "alpha": 50.0, "factor": 1.0,
                                                                         "rope_theta": 10000.0})),
}


def shape_of(case, shape, original=None, **more):
    """The whole config of a case; `original` replaces the lengths that a model was first trained with."""
    merged = json.loads(json.dumps({**shape, **CASES[case][1], **more}))
    rope = merged.get("rope_parameters", {})
    if original and CASES[case][0] in ("phi3", "ministral3"):
        for place in (merged, rope):
            if "original_max_position_embeddings" in place:
                place["original_max_position_embeddings"] = original
    # A longrope list has one number for each of half the turning columns.
    if "short_factor" in rope:
        columns = int(merged["hidden_size"] // merged["num_attention_heads"] * merged["partial_rotary_factor"])
        for key in ("short_factor", "long_factor"):
            rope[key] = rope[key][:columns // 2]
    return merged


def make_base(folder, model_type, shape, dtype=torch.float32):
    torch.manual_seed(1)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(model_type, **shape), attn_implementation="eager").float()
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.dim() == 1:
                p.add_(0.2 * torch.randn_like(p))
    model.to(dtype).save_pretrained(folder)
    return folder


def load(folder):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()


def logprobs(model, rows):
    """All rows as one batch: what fills a row up stands behind it, where causal attention does not look."""
    longest = max(map(len, rows))
    batch = torch.tensor([row + [0] * (longest - len(row)) for row in rows])
    with torch.no_grad():
        scores = model(batch).logits.float().log_softmax(-1)
    return torch.cat([of_row[torch.arange(len(row) - 1), row[1:]] for of_row, row in zip(scores, rows)])


class Checker:
    def __init__(self, probe, pipe, device):
        self.probe, self.trainer, self.pipe, self.device, self.failed = Served(probe), Served(pipe.program), pipe, device, []
        self.ids = [row["ids"] for row in make_rows(pipe.work / "prompts.jsonl", 64)]
        self.rows = make_rows(pipe.work / "rows.jsonl", 10)
        (pipe.work / "ids.jsonl").write_text("".join(json.dumps({"ids": r}) + "\n" for r in self.ids))

    def expect(self, ok, what):
        print(("ok      " if ok else "FAILED  ") + what, flush=True)
        if not ok:
            self.failed.append(what)

    def ours(self, base, dtype="float32"):
        out = self.pipe.work / "out.jsonl"
        self.probe.call("logprobs", base, "-", self.pipe.work / "ids.jsonl", out, dtype, self.device)
        return torch.tensor([p for line in out.open() for p in json.loads(line)["logprobs"]])

    def logits(self, name, base, model):
        theirs, ours = logprobs(model, self.ids), self.ours(base)
        worst = (ours - theirs).abs().max().item()
        self.expect(worst < TOLERANCE, f"{name}: {len(theirs)} log-probabilities within {worst:.1e}")
        half = (self.ours(base, "bfloat16") - theirs).abs().mean().item()
        peer = (logprobs(model.to(torch.bfloat16), self.ids) - theirs).abs().mean().item()
        self.expect(half < 1.5 * peer + 0.01, f"{name}: bfloat16 {half:.3f} from float32, transformers' {peer:.3f}")

    def gradients(self, name, base, model):
        adapter = self.pipe.work / "adapter"
        shutil.rmtree(adapter, ignore_errors=True)
        torch.manual_seed(2)
        tuned = get_peft_model(model.float(), LoraConfig(r=4, lora_alpha=8, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM"))
        with torch.no_grad():
            for key, p in tuned.named_parameters():
                if "lora_B" in key:
                    p.copy_(0.2 * torch.randn_like(p))
        tuned.save_pretrained(adapter)
        tuned = PeftModel.from_pretrained(load(base), adapter, is_trainable=True)
        loss = step_loss(tuned, self.rows)
        loss.backward()
        theirs = {n.removeprefix("base_model.model.").replace(".default.weight", ""): p.grad
                  for n, p in tuned.named_parameters() if p.grad is not None}
        for layout in (dict(recompute="none", min_passes=1), dict(recompute="layer"), dict(recompute="mlp", share_prefix=False),
                       dict(packing=False)):
            job = self.pipe.job(model=base, samples=self.pipe.work / "rows.jsonl", init_adapter=adapter, shuffle=False,
                                train_batch_size=len(self.rows), max_steps=1, device=self.device, **layout)
            out = self.pipe.work / "gradient.safetensors"
            ours_loss = float(self.trainer.call("gradient", job, out))
            ours = load_file(out)
            assert ours.keys() == theirs.keys(), set(ours) ^ set(theirs)
            worst = max(((ours[k] - theirs[k]).norm() / theirs[k].norm()).item() for k in theirs)
            self.expect(worst < TOLERANCE and abs(ours_loss - loss.item()) < 1e-5 * loss.item(),
                        f"{name}: {len(ours)} gradients within {worst:.1e}, {layout}")

    def ten_steps(self, name, base):
        """The losses of AdamW over ten steps of four rows, from the adapter that `gradients` left."""
        adapter, steps, batch, rate = self.pipe.work / "adapter", 10, 4, 1e-3
        rows = make_rows(self.pipe.work / "eight.jsonl", 8)
        tuned = PeftModel.from_pretrained(load(base), adapter, is_trainable=True)
        optimizer = torch.optim.AdamW([p for p in tuned.parameters() if p.requires_grad], lr=rate, weight_decay=0.0)
        theirs = []
        for step in range(steps):
            at = step * batch % len(rows)
            loss = step_loss(tuned, rows[at:at + batch])
            loss.backward()
            theirs.append(loss.item())
            optimizer.step()
            optimizer.zero_grad()
        out = self.pipe.work / "tuned"
        shutil.rmtree(out, ignore_errors=True)
        job = self.pipe.job(model=base, samples=self.pipe.work / "eight.jsonl", init_adapter=adapter, out=out, shuffle=False,
                            train_batch_size=batch, max_steps=steps, learning_rate=rate, lr_scheduler_type="constant", weight_decay=0.0,
                            max_grad_norm=0.0, device=self.device)
        self.trainer.call("train", job)
        worst = max(abs(ours["loss"] - want) for ours, want in zip(curve(out), theirs, strict=True))
        # The oracle runs on the CPU; on another device the bound is a share of the loss.
        self.expect(worst < TOLERANCE * (1 if self.device == "cpu" else theirs[-1]) and theirs[-1] < theirs[0],
                    f"{name}: ten losses from {theirs[0]:.2f} to {theirs[-1]:.2f} within {worst:.1e}")

    def refused(self, base, change, *words):
        folder = self.pipe.work / "broken"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(base, folder)
        change(folder)
        code, text = self.probe.ask("logprobs", folder, "-", self.pipe.work / "ids.jsonl", "/dev/null", "float32")
        self.expect(code != 0 and all(w in text for w in words), f"refused, naming {words}: {text.strip()[:160]}")


def config(**changes):
    def change(folder):
        path = folder / "config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    return change


def weights(act):
    def change(folder):
        tensors = load_file(folder / "model.safetensors")
        act(tensors)
        save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    return change


def refusals(check, llama, qwen):
    bias = "model.layers.0.self_attn.q_proj.bias"
    check.refused(llama, config(model_type="mixtral"), "config.json", "model_type", "mixtral", "qwen2", "olmo3")
    check.refused(llama, config(num_experts=8), "config.json", "num_experts")
    check.refused(llama, config(hidden_act="relu"), "hidden_act", "relu", "silu")
    check.refused(llama, config(rope_parameters={"rope_type": "spiral", "rope_theta": 1e4}), "rope_type", "spiral", "longrope")
    check.refused(llama, config(rope_parameters={"rope_type": "default", "rope_theta": -1.0}), "rope_theta", "-1")
    check.refused(llama, config(rms_norm_eps=-1e-5), "rms_norm_eps")
    check.refused(llama, config(attention_bias=True), "model.layers.0.self_attn.q_proj.bias", "missing")
    check.refused(llama, config(num_hidden_layers=3), "model.layers.3.", "not read")
    check.refused(llama, weights(lambda t: t.update({bias: torch.zeros(80)})), bias, "not read")
    check.refused(qwen, weights(lambda t: t.pop(bias)), bias, "missing")
    check.refused(qwen, weights(lambda t: t.update({bias: t[bias][:-1].clone()})), bias, "shape [63]", "[64]")
    check.refused(qwen, config(layer_types=["full_attention"] * 3 + ["linear_attention"]), "layer_types", "linear_attention")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("probe")
    parser.add_argument("pipe")
    parser.add_argument("mpiexec")
    parser.add_argument("--only", default="")
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    torch.set_num_threads(1)
    check = Checker(options.probe, Pipe(options.pipe, options.mpiexec), options.device)
    chosen = options.only.split(",") if options.only else CASES
    for case in chosen:
        for shape_name, shape in (("plain", PLAIN), ("odd", ODD)):
            name = f"{case}, {shape_name}"
            base = make_base(check.pipe.work / f"{case}-{shape_name}", CASES[case][0], shape_of(case, shape))
            check.logits(name, base, load(base))
            check.gradients(name, base, load(base))
            if shape is ODD:
                check.ten_steps(name, base)
    if not options.only:
        refusals(check, check.pipe.work / "llama-plain", check.pipe.work / "qwen2-plain")
    check.probe.close()
    check.trainer.close()
    shutil.rmtree(check.pipe.work)
    print(f"{len(check.failed)} failed")
    return bool(check.failed)


if __name__ == "__main__":
    sys.exit(main())
