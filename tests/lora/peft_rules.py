"""The rules of PEFT's adapter_config.json against PEFT itself, on a tiny random model: adapters whose
modules differ in rank, scaling or layer give PEFT's log-probabilities, also merged."""

import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from peft_golden import ALL, TOLERANCE, load, logprobs, make_base, worst
from safetensors.torch import load_file, save_file

# Name, keys of LoraConfig, keys written into the file over what PEFT saved.
CASES = [
    ("rsLoRA", {"use_rslora": True}, {}),
    ("rank_pattern by ending", {"rank_pattern": {"q_proj": 2, "down_proj": 7}}, {}),
    ("rank_pattern by expression", {"rank_pattern": {r"layers\.[02]\..*_proj": 3}}, {}),
    ("rank_pattern, the first match counts", {"rank_pattern": {r"1.mlp.\w+": 5, "up_proj": 2}}, {}),
    ("rank_pattern, alternatives", {"rank_pattern": {"q_proj|v_proj": 6}}, {}),
    ("rank_pattern, anchored", {"rank_pattern": {"^model.layers.1.self_attn.q_proj": 6, "^q_proj": 9}}, {}),
    ("alpha_pattern", {"alpha_pattern": {"k_proj": 20, "1.mlp.up_proj": 2.5}}, {}),
    ("both, with rsLoRA", {"use_rslora": True, "rank_pattern": {"v_proj": 9, r"2\.mlp.*": 1},
                           "alpha_pattern": {"v_proj": 4, r".*mlp\.gate_proj": 21}}, {}),
    ("layers_to_transform", {"layers_to_transform": [0, 2]}, {}),
    ("layers_to_transform, one", {"layers_to_transform": 1, "layers_pattern": "layers"}, {}),
    ("layers_pattern, the second", {"layers_to_transform": [1], "layers_pattern": ["h", "layers"]}, {}),
    ("a whole name and layers", {"target_modules": ["model.layers.2.mlp.up_proj", "q_proj"],
                                 "layers_to_transform": [0]}, {}),
    ("targets by ending", {"target_modules": ["self_attn.q_proj", "1.mlp.down_proj"]}, {}),
    ("a target that no module has", {"target_modules": ["q_proj", "query_key_value"]}, {}),
    ("targets by expression", {"target_modules": r".*\.layers\.[12]\.(self_attn\.[qv]|mlp\.up)_proj"}, {}),
    ("targets by looking ahead", {"target_modules": r"model\.layers\.(?!1\.).*(?:o_proj|gate_proj)"}, {}),
    ("all-linear", {"target_modules": "all-linear"}, {}),
    ("all-linear in the file", {"target_modules": "all-linear"}, {"target_modules": "ALL-linear"}),
    ("exclude_modules", {"exclude_modules": ["k_proj", "model.layers.1.mlp.up_proj"]}, {}),
    ("exclude_modules by expression", {"target_modules": "all-linear", "exclude_modules": r".*\.1\..*_proj"}, {}),
    ("gaussian", {"init_lora_weights": "gaussian"}, {}),
    ("orthogonal", {"init_lora_weights": "orthogonal"}, {}),
    ("eva", {"init_lora_weights": "eva"}, {}),
]


def make_adapter(base, folder, keys, written):
    torch.manual_seed(2)
    chosen = {"r": 4, "lora_alpha": 12, "target_modules": ALL, "task_type": "CAUSAL_LM", **keys}
    model = get_peft_model(load(base), LoraConfig(**chosen))
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "lora_" in name:
                p.copy_(0.2 * torch.randn_like(p))
    model.save_pretrained(folder)
    path = folder / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **written}))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("probe")
    probe = parser.parse_args().probe
    work = pathlib.Path(tempfile.mkdtemp(prefix="lora-rules-"))
    generator = torch.Generator().manual_seed(3)
    rows = [torch.randint(3, 300, (n,), generator=generator).tolist() for n in (5, 60)]
    (work / "ids.jsonl").write_text("".join(json.dumps({"ids": r}) + "\n" for r in rows))
    base = work / "base"
    make_base(base, False)
    plain = logprobs(load(base), rows)

    def ours(model, adapter):
        done = subprocess.run([probe, "logprobs", model, adapter, work / "ids.jsonl", work / "out.jsonl", "float32"],
                              capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return [json.loads(line)["logprobs"] for line in (work / "out.jsonl").open()]

    seen = {}
    for what, keys, written in CASES:
        adapter, merged = work / "adapter", work / "merged"
        for folder in (adapter, merged):
            shutil.rmtree(folder, ignore_errors=True)
        make_adapter(base, adapter, keys, written)
        theirs = logprobs(PeftModel.from_pretrained(load(base), adapter).eval(), rows)
        assert worst(theirs, plain) > 0.05, f"{what}: the adapter changes nothing, so nothing is compared"
        difference = worst(theirs, ours(base, adapter))
        print(f"{what}: largest difference {difference:.2e} (allowed {TOLERANCE:.0e})")
        assert difference < TOLERANCE, what
        seen[what] = theirs
        subprocess.run([probe, "merge", base, adapter, merged], check=True)
        expected = PeftModel.from_pretrained(load(base, torch.bfloat16), adapter).merge_and_unload().state_dict()
        ours_merged = load_file(merged / "model.safetensors")
        different = sum((ours_merged[k] != expected[k]).sum().item() for k in ours_merged)
        total = sum(v.numel() for v in ours_merged.values())
        assert different <= total * 1e-3, f"{what}: {different} of {total} merged weights differ"

    # A pickle, converted by the words of the error.
    torch.save(load_file(adapter / "adapter_model.safetensors"), adapter / "adapter_model.bin")
    (adapter / "adapter_model.safetensors").unlink()
    done = subprocess.run([probe, "logprobs", base, adapter, work / "ids.jsonl", work / "out.jsonl", "float32"],
                          capture_output=True, text=True)
    assert done.returncode != 0 and "pickle is not read" in done.stderr, done.stderr
    script = "\n".join(line.strip() for line in done.stderr.splitlines()[1:])
    subprocess.run([sys.executable, "-c", script], check=True, cwd=adapter)
    assert worst(ours(base, adapter), seen[CASES[-1][0]]) < TOLERANCE

    # What PEFT says of a tensor that nobody asks for is nothing; here it is named.
    tensors = load_file(adapter / "adapter_model.safetensors")
    tensors["base_model.model.lm_head.weight"] = torch.zeros(3)
    save_file(tensors, adapter / "adapter_model.safetensors")
    done = subprocess.run([probe, "logprobs", base, adapter, work / "ids.jsonl", work / "out.jsonl", "float32"],
                          capture_output=True, text=True)
    assert done.returncode != 0 and "base_model.model.lm_head.weight" in done.stderr, done.stderr
    shutil.rmtree(work)


if __name__ == "__main__":
    sys.exit(main())
