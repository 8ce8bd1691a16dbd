"""LoRA against PEFT on a tiny random model: equal log-probabilities with an adapter that PEFT wrote,
the same after this program has rewritten it, a fresh adapter PEFT can load, merging, bad folders."""

import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM
from transformers.utils import logging

logging.disable_progress_bar()

ALL = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
TOLERANCE = 1e-4  # of float32 log-probabilities; sums come in another order


def make_base(folder, tied):
    torch.manual_seed(1)
    config = LlamaConfig(vocab_size=300, hidden_size=72, intermediate_size=152, num_hidden_layers=3,
                         num_attention_heads=6, num_key_value_heads=2, head_dim=16,
                         max_position_embeddings=512, rope_theta=10000.0, tie_word_embeddings=tied,
                         bos_token_id=1, eos_token_id=2)
    model = LlamaForCausalLM(config).eval()
    with torch.no_grad():
        for p in model.parameters():
            p.copy_((p + 0.05 * torch.randn_like(p)).to(torch.bfloat16))
    model.to(torch.bfloat16).save_pretrained(folder)


def load(folder, dtype=torch.float32):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).eval()


def make_adapter(base, folder, targets, r=4, alpha=12):
    torch.manual_seed(2)
    model = get_peft_model(load(base), LoraConfig(r=r, lora_alpha=alpha, lora_dropout=0.1,
                                                  target_modules=targets, task_type="CAUSAL_LM"))
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "lora_" in name:
                p.copy_(0.2 * torch.randn_like(p))
    model.save_pretrained(folder)


def logprobs(model, rows):
    out = []
    for ids in rows:
        with torch.no_grad():
            scores = model(torch.tensor([ids])).logits[0].float().log_softmax(-1)
        out.append([scores[i, t].item() for i, t in enumerate(ids[1:])])
    return out


def worst(a, b):
    return max(abs(x - y) for p, q in zip(a, b, strict=True) for x, y in zip(p, q, strict=True))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("probe")
    probe = parser.parse_args().probe
    work = pathlib.Path(tempfile.mkdtemp(prefix="lora-golden-"))
    generator = torch.Generator().manual_seed(3)
    rows = [torch.randint(3, 300, (n,), generator=generator).tolist() for n in (2, 17, 41, 90)]
    (work / "ids.jsonl").write_text("".join(json.dumps({"ids": r}) + "\n" for r in rows))

    def call(*args, expect=None):
        done = subprocess.run([probe, *map(str, args)], capture_output=True, text=True)
        if expect is None:
            assert done.returncode == 0, done.stderr
        else:
            assert done.returncode != 0, f"{args} was accepted"
            assert all(word in done.stderr for word in expect), (expect, done.stderr)

    def ours(base, adapter, dtype="float32"):
        call("logprobs", base, adapter, work / "ids.jsonl", work / "out.jsonl", dtype)
        return [json.loads(line)["logprobs"] for line in (work / "out.jsonl").open()]

    def ours_equals(model, base, adapter, what, tolerance=TOLERANCE):
        difference = worst(logprobs(model, rows), ours(base, adapter))
        print(f"{what}: largest difference {difference:.2e} (allowed {tolerance:.0e})")
        assert difference < tolerance, what

    for tied in (False, True):
        base = work / f"base-{tied}"
        make_base(base, tied)
        ours_equals(load(base), base, "-", f"base, tied {tied}")
        for targets in (ALL, ["v_proj", "q_proj"], ["up_proj", "down_proj"], ["k_proj", "gate_proj", "o_proj"]):
            adapter = work / "adapter"
            shutil.rmtree(adapter, ignore_errors=True)
            make_adapter(base, adapter, targets)
            model = PeftModel.from_pretrained(load(base), adapter).eval()
            moved = worst(logprobs(model, rows), logprobs(load(base), rows))
            assert moved > 0.1, "the adapter changes nothing, so the comparison proves nothing"
            ours_equals(model, base, adapter, f"{'+'.join(targets)}, tied {tied}")

    # bfloat16: both round after every product, at different places; the adapter alone moves far more.
    reference = logprobs(PeftModel.from_pretrained(load(base), adapter).eval(), rows)
    half = worst(reference, ours(base, adapter, "bfloat16"))
    half_peft = worst(reference, logprobs(PeftModel.from_pretrained(load(base, torch.bfloat16), adapter).eval(), rows))
    print(f"bfloat16 against float32: {half:.3f}, PEFT's own {half_peft:.3f}")
    assert half < 2 * half_peft + 0.02

    # Rewritten, the files mean the same to PEFT.
    call("rewrite", base, adapter, work / "rewritten")
    a, b = load_file(adapter / "adapter_model.safetensors"), load_file(work / "rewritten/adapter_model.safetensors")
    assert a.keys() == b.keys() and all(torch.equal(a[k], b[k]) and b[k].dtype == torch.float32 for k in a)
    again = PeftModel.from_pretrained(load(base), work / "rewritten").eval()
    assert worst(logprobs(again, rows), reference) == 0

    # A fresh adapter: B is zero, A spread as PEFT's kaiming_uniform(a=sqrt(5)), equal for equal seeds.
    call("fresh", base, work / "fresh", 7)
    call("fresh", base, work / "fresh-again", 7)
    call("fresh", base, work / "other", 8)
    fresh = load_file(work / "fresh/adapter_model.safetensors")
    assert (work / "fresh/adapter_model.safetensors").read_bytes() == (work / "fresh-again/adapter_model.safetensors").read_bytes()
    assert (work / "fresh/adapter_model.safetensors").read_bytes() != (work / "other/adapter_model.safetensors").read_bytes()
    for name, tensor in fresh.items():
        bound = tensor.shape[1] ** -0.5
        if "lora_B" in name:
            assert not tensor.any()
        else:
            assert 0.98 * bound < tensor.abs().max() <= bound and abs(tensor.std() / bound - 3**-0.5) < 0.05, name
    model = PeftModel.from_pretrained(load(base), work / "fresh").eval()
    ours_equals(model, base, work / "fresh", "fresh adapter")

    # Merged: bit for bit PEFT's merge of the float32 update into the bfloat16 base.
    call("merge", base, adapter, work / "merged")
    merged = load_file(work / "merged/model.safetensors")
    peft_merged = PeftModel.from_pretrained(load(base, torch.bfloat16), adapter).merge_and_unload().state_dict()
    different = sum((merged[k] != peft_merged[k]).sum().item() for k in merged)
    total = sum(v.numel() for v in merged.values())
    print(f"merged: {different} of {total} weights differ from PEFT's")
    assert different <= total * 1e-3  # sums of r products in another order, before the rounding
    ours_equals(load(work / "merged"), work / "merged", "-", "merged model")

    # Bad folders.
    def broken(change, *words):
        bad = work / "bad"
        shutil.rmtree(bad, ignore_errors=True)
        shutil.copytree(adapter, bad)
        change(bad)
        call("logprobs", base, bad, work / "ids.jsonl", work / "out.jsonl", "float32", expect=words)

    def config(**changes):
        def change(folder):
            path = folder / "adapter_config.json"
            path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
        return change

    def weights(edit):
        def change(folder):
            tensors = load_file(folder / "adapter_model.safetensors")
            edit(tensors)
            save_file(tensors, folder / "adapter_model.safetensors")
        return change

    key = "base_model.model.model.layers.1.self_attn.k_proj.lora_A.weight"
    broken(lambda f: (f / "adapter_config.json").unlink(), "half written", "adapter_config.json")
    broken(lambda f: (f / "adapter_model.safetensors").unlink(), "half written", "adapter_model.safetensors")
    broken(lambda f: shutil.rmtree(f), "no such adapter folder")
    broken(config(use_dora=True), "use_dora")
    broken(config(rank_pattern={"k_proj": 2}), "k_proj.lora_A", "shape [4, 72]", "r 2")
    broken(config(peft_type="IA3"), "LORA", "IA3")
    broken(config(r=8), "shape", "r 8")
    broken(config(target_modules=["k_proj"]), "belongs to no target")
    broken(config(target_modules=["k_proj", "lm_head"]), "lm_head")
    broken(weights(lambda t: t.pop(key)), key, "missing")
    broken(weights(lambda t: t.update({key: t[key][:, :5].contiguous()})), key, "shape [4, 5]")
    broken(lambda f: (f / "adapter_model.safetensors").write_bytes(
        (f / "adapter_model.safetensors").read_bytes()[:-9]), "adapter_model.safetensors", "truncated")
    call("merge", base, adapter, base, expect=["out"])
    shutil.rmtree(work)


if __name__ == "__main__":
    sys.exit(main())
