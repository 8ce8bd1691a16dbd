"""NF4 folders both ways, for every family on random weights and for the embedded model: what `import --quantization nf4` writes
is tensor by tensor what transformers + bitsandbytes write, and they load it; what they write, this engine loads, with equal
log-probabilities.

    python folder_golden.py TRADEOFF LORA_PROBE MODEL_FOLDER [--only FAMILY,...]
"""
import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "train"))
from families_golden import CASES, PLAIN, logprobs, make_base

CONFIG = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True,
                            bnb_4bit_compute_dtype=torch.float32)
FAMILIES = ["llama", "llama-biases", "qwen2", "qwen3", "mistral", "ministral3", "smollm3", "granite", "phi3", "olmo2", "olmo3", "gemma2",
            "gemma3_text", "seed_oss", "ernie4_5", "exaone4", "hunyuan_v1_dense"]


def dequantised(model):
    import bitsandbytes.functional as bnb
    weights = {}
    for name, p in model.named_parameters():
        state = getattr(p, "quant_state", None)
        weights[name] = bnb.dequantize_4bit(p.data, state) if state is not None else p.data
    return weights


def load(folder, dtype=torch.bfloat16, **options):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation="eager", **options).eval()


def same_tensors(ours, theirs, name):
    a, b = load_file(ours / "model.safetensors"), load_file(theirs / "model.safetensors")
    shared = [k for k in a if k in b]
    different = [k for k in shared if a[k].shape != b[k].shape or not torch.equal(a[k], b[k])]
    print(f"{name}: {len(shared)} tensors of {len(a)} (theirs {len(b)}), different: {different[:5]}")
    assert len(shared) >= len(a) - 1 and not [k for k in different if "quant_state" not in k]


def ours_to_theirs(tradeoff, folder, quantised, work, name):
    """The folder that this program writes holds their tensors, and they load it to the same weights."""
    shutil.rmtree(work / "nf4", ignore_errors=True)
    subprocess.run([tradeoff, "import", "--model", folder, "--out", work / "nf4", "--quantization", "nf4", "--quiet"], check=True)
    theirs, ours = dequantised(quantised), dequantised(load(work / "nf4"))
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[k], theirs[k]) for k in ours), [k for k in ours if not torch.equal(ours[k], theirs[k])][:3]
    same_tensors(work / "nf4", work / "theirs", name)


def theirs_to_ours(probe, dense, quantised, work, name):
    """Log-probabilities of this engine on their folder, against transformers in float32 with their dequantised weights."""
    values = dequantised(quantised)
    wide = load(dense, torch.float32)
    with torch.no_grad():
        for key, p in wide.named_parameters():
            p.copy_(values[key])
    ids = torch.randint(3, 90, (60,), generator=torch.Generator().manual_seed(1)).tolist()
    (work / "ids.jsonl").write_text(json.dumps({"ids": ids}) + "\n")
    subprocess.run([probe, "logprobs", work / "theirs", "-", work / "ids.jsonl", work / "out.jsonl", "float32"], check=True)
    ours = torch.tensor(json.loads((work / "out.jsonl").read_text())["logprobs"])
    worst = (ours - logprobs(wide, [ids])).abs().max().item()
    print(f"{name}: log-probabilities on their folder within {worst:.1e}")
    assert worst < 1e-4


def family(tradeoff, probe, tokenizer, work, name):
    model_type, added = CASES[name]
    # Rows of whole blocks: others bitsandbytes 0.50 dequantises wrongly on the CPU (not on CUDA).
    shape = {**PLAIN, **added, "vocab_size": 49152, "intermediate_size": 128, "head_dim": 32}
    dense = make_base(work / "dense", model_type, shape, torch.bfloat16)
    shutil.copy(tokenizer / "tokenizer.json", dense)
    shutil.copy(tokenizer / "tokenizer_config.json", dense)
    quantised = load(dense, quantization_config=CONFIG)
    quantised.save_pretrained(work / "theirs")
    theirs_to_ours(probe, dense, quantised, work, name)
    ours_to_theirs(tradeoff, dense, quantised, work, name)
    for each in ("dense", "theirs"):
        shutil.rmtree(work / each)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tradeoff")
    parser.add_argument("probe")
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    work = pathlib.Path(tempfile.mkdtemp(prefix="nf4-folder-"))
    for name in options.only.split(",") if options.only else FAMILIES:
        family(options.tradeoff, options.probe, options.model, work, name)
    if not options.only:
        quantised = load(options.model, quantization_config=CONFIG)
        quantised.save_pretrained(work / "theirs")
        ours_to_theirs(options.tradeoff, options.model, quantised, work, "embedded model")
        AutoTokenizer.from_pretrained(work / "nf4")
    shutil.rmtree(work)


if __name__ == "__main__":
    main()
