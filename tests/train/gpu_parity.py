"""Training on CUDA against the CPU: equal loss curves in float32 with dropout (the masks are the same on both), an NF4 base in
either residency, every recompute policy, bfloat16 near float32. Small random model; needs a GPU.

    gpu_parity.py PROGRAM TOKENIZER_FOLDER DATA
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from random_llama import save_random_llama


def main():
    program, tokenizer, data = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    work = pathlib.Path(tempfile.mkdtemp(prefix="train-gpu-"))
    model = work / "model"
    save_random_llama(model, tokenizer, hidden_size=256, intermediate_size=512, num_hidden_layers=3, num_attention_heads=4,
                      num_key_value_heads=2, tie_word_embeddings=True)

    def call(*words):
        done = subprocess.run([program, *map(str, words)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done

    call("prepare", "spider", "--quiet", "--data", data / "spider", "--model", model, "--output-dir", work, "--questions=4", "--shots=1",
         "--limit=48")
    rows = (work / "train_formatted.jsonl").read_text().splitlines(True)[:48]
    (work / "rows.jsonl").write_text("".join(rows))
    failed = False

    def curve(name, *words):
        out = work / name
        call("train", "--quiet", "--model", model, "--train", work / "rows.jsonl", "--out", out, "--max-steps=6", "--learning-rate=1e-3",
             "--seed=1", *words)
        return [json.loads(line) for line in (out / "train.jsonl").open()]

    def expect(what, a, b, tolerance):
        nonlocal failed
        worst = max(abs(x["loss"] - y["loss"]) / y["loss"] for x, y in zip(a, b, strict=True))
        norm = max(abs(x["grad_norm"] - y["grad_norm"]) / y["grad_norm"] for x, y in zip(a, b, strict=True))
        ok = worst <= tolerance and norm <= 20 * tolerance
        failed |= not ok
        print(f"{'ok     ' if ok else 'FAILED '} {what}: losses within {worst:.1e}, gradient norms within {norm:.1e} (relative)", flush=True)

    cpu = curve("cpu", "--device=cpu", "--dtype=float32")
    assert cpu[0]["loss"] != cpu[-1]["loss"]
    gpu = curve("gpu", "--device=cuda", "--dtype=float32")
    expect("float32, dropout 0.05", gpu, cpu, 1e-4)
    for policy in ("none", "activation", "mlp", "layer", "offload"):
        expect(f"recompute {policy}", curve(f"gpu-{policy}", "--device=cuda", "--dtype=float32", f"--recompute={policy}"), gpu, 0)
    half = curve("gpu-half", "--device=cuda", "--dtype=bfloat16")
    for policy in ("mlp", "layer", "offload"):
        expect(f"bfloat16, recompute {policy}", curve(f"gpu-half-{policy}", "--device=cuda", "--dtype=bfloat16",
                                                      f"--recompute={policy}"), half, 0)
    expect("bfloat16 against float32", half, cpu, 0.02)
    expect("bfloat16 a second time", curve("gpu-half-again", "--device=cuda", "--dtype=bfloat16"), half, 0)
    expect("float16 against float32", curve("gpu-float16", "--device=cuda", "--dtype=float16"), cpu, 0.01)
    os.environ["TRADEOFF_CUDA_PATH"] = "sm75"
    small = curve("gpu-sm75", "--device=cuda")
    del os.environ["TRADEOFF_CUDA_PATH"]
    expect("as on a GPU of compute capability 7.5, its own dtype", small, cpu, 0.01)
    nf4 = curve("cpu-nf4", "--device=cpu", "--dtype=float32", "--quantization=nf4")
    for residency in ("packed", "bf16"):
        expect(f"NF4, {residency}", curve(f"gpu-{residency}", "--device=cuda", "--dtype=float32", "--quantization=nf4",
                                          f"--nf4-residency={residency}"), nf4, 1e-4)
    limited = ("--device=cuda", "--dtype=bfloat16", "--quantization=nf4", "--nf4-residency=packed")
    expect("NF4, recompute offload", curve("gpu-packed-offload", *limited, "--recompute=offload"), curve("gpu-packed-none", *limited), 0)
    stopped = curve("gpu-stop", "--device=cuda", "--dtype=float32", "--stop-after-steps=3")
    assert len(stopped) == 3
    expect("stopped and resumed", curve("gpu-stop", "--device=cuda", "--dtype=float32", "--resume"), gpu, 1e-6)
    shutil.rmtree(work)
    return failed


if __name__ == "__main__":
    sys.exit(main())
