"""Predictions in float16 near those in float32, and as on a GPU of compute capability 7.5, which has no bfloat16 and no flash attention: NF4
and dense, letters and log-probabilities of MMLU. Small random model; needs a GPU.

    float16_gpu.py PROGRAM TOKENIZER_FOLDER DATA
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
    work = pathlib.Path(tempfile.mkdtemp(prefix="float16-"))
    model = work / "model"
    save_random_llama(model, tokenizer, hidden_size=256, intermediate_size=512, num_hidden_layers=3, num_attention_heads=4,
                      num_key_value_heads=2, tie_word_embeddings=True)

    def call(*words):
        done = subprocess.run([program, *map(str, words)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done

    call("prepare", "mmlu", "--quiet", "--data", data / "mmlu", "--model", model, "--output-dir", work, "--questions=40")
    items = next(work.glob("*.jsonl"))

    def rows(name, *words):
        call("predict", "--quiet", "--task=mmlu", "--model", model, "--items", items, "--out", work / name, "--device=cuda", *words)
        return [json.loads(line) for line in (work / name).open()]

    failed = False
    for quantization in ((), ("--quantization=nf4", "--nf4-residency=packed")):
        exact = rows("float32.jsonl", "--dtype=float32", *quantization)
        half = rows("float16.jsonl", "--dtype=float16", *quantization)
        os.environ["TRADEOFF_CUDA_PATH"] = "sm75"
        small = rows("sm75.jsonl", *quantization)
        del os.environ["TRADEOFF_CUDA_PATH"]
        for what, found in (("float16", half), ("compute capability 7.5", small)):
            worst = max(abs(a - b) for x, y in zip(exact, found, strict=True)
                        for a, b in zip(x["choice_logprobs"], y["choice_logprobs"], strict=True))
            ok = worst < 0.05
            failed |= not ok
            print(f"{'ok     ' if ok else 'FAILED '} {what} {' '.join(quantization)}: log-probabilities within {worst:.4f} of float32",
                  flush=True)
    shutil.rmtree(work)
    return failed


if __name__ == "__main__":
    sys.exit(main())
