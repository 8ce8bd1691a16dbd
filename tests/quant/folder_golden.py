"""NF4 folders both ways, on the embedded model: what `import --quantization nf4` writes, transformers + bitsandbytes load, with
every weight equal; what they write, this engine loads, with equal log-probabilities.

    python folder_golden.py TRADEOFF LORA_PROBE MODEL_FOLDER
"""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig, LlamaConfig, LlamaForCausalLM

CONFIG = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True,
                            bnb_4bit_compute_dtype=torch.float32)


def dequantised(model):
    import bitsandbytes.functional as bnb
    weights = {}
    for name, p in model.named_parameters():
        state = getattr(p, "quant_state", None)
        weights[name] = bnb.dequantize_4bit(p.data, state) if state is not None else p.data
    return weights


def ours_to_theirs(tradeoff, model, work):
    subprocess.run([tradeoff, "import", "--model", model, "--out", work / "nf4", "--quantization", "nf4", "--quiet"], check=True)
    quantised = AutoModelForCausalLM.from_pretrained(model, dtype=torch.bfloat16, quantization_config=CONFIG)
    loaded = AutoModelForCausalLM.from_pretrained(work / "nf4", dtype=torch.bfloat16)
    theirs, ours = dequantised(quantised), dequantised(loaded)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[k], theirs[k]) for k in ours), [k for k in ours if not torch.equal(ours[k], theirs[k])][:3]
    AutoTokenizer.from_pretrained(work / "nf4")
    quantised.save_pretrained(work / "theirs")
    a, b = load_file(work / "nf4/model.safetensors"), load_file(work / "theirs/model.safetensors")
    shared = [k for k in a if k in b]
    different = [k for k in shared if a[k].shape != b[k].shape or not torch.equal(a[k], b[k])]
    print(f"{len(shared)} tensors of {len(a)} (theirs {len(b)}), different: {different[:5]}")
    assert len(shared) >= len(a) - 1 and not [k for k in different if "quant_state" not in k]


def theirs_to_ours(probe, work):
    torch.manual_seed(0)
    base = LlamaForCausalLM(LlamaConfig(vocab_size=300, hidden_size=128, intermediate_size=256, num_hidden_layers=2,
                                        num_attention_heads=4, num_key_value_heads=2, initializer_range=0.1)).to(torch.bfloat16)
    base.save_pretrained(work / "dense")
    model = AutoModelForCausalLM.from_pretrained(work / "dense", dtype=torch.bfloat16, quantization_config=CONFIG)
    model.save_pretrained(work / "bnb")
    dense = LlamaForCausalLM.from_pretrained(work / "dense", dtype=torch.float32)
    values = dequantised(model)
    with torch.no_grad():
        for name, p in dense.named_parameters():
            p.copy_(values[name])
    ids = torch.randint(3, 300, (60,), generator=torch.Generator().manual_seed(1)).tolist()
    (work / "ids.jsonl").write_text(json.dumps({"ids": ids}) + "\n")
    subprocess.run([probe, "logprobs", work / "bnb", "-", work / "ids.jsonl", work / "out.jsonl", "float32"], check=True)
    ours = torch.tensor(json.loads((work / "out.jsonl").read_text())["logprobs"])
    with torch.no_grad():
        scores = dense(torch.tensor([ids])).logits[0].float().log_softmax(-1)
    theirs = torch.tensor([scores[i, t] for i, t in enumerate(ids[1:])])
    print(f"log-probabilities on their folder: largest difference {(ours - theirs).abs().max():.1e}")
    assert (ours - theirs).abs().max() < 1e-4


def main():
    tradeoff, probe, model = sys.argv[1:4]
    work = pathlib.Path(tempfile.mkdtemp(prefix="nf4-folder-"))
    theirs_to_ours(probe, work)
    ours_to_theirs(tradeoff, model, work)
    shutil.rmtree(work)


if __name__ == "__main__":
    main()
