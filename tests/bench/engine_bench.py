"""The engine against transformers on random-normal weights of the Llama-3-8B shape, bfloat16, with the token counts of the
full evaluations: MMLU (14,042 questions, 579 shared + 111 own tokens) and Spider dev (1,034 questions, 930 global + 187 of
the database + 25 own tokens, 40 forced new tokens). Results are compared before anything is timed. The peer runs a part of
the questions in batches of 32 of one length, so that it pads nothing, and its time is scaled up.

    engine_bench.py ENGINE_BENCH [--device cuda] [--scratch /dev/shm] [--layers 32] [--questions N] [--chunk-size 256]
"""

import argparse
import json
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import torch
import transformers
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM

BATCH = 32


def make_weights(folder, layers, device):
    config = LlamaConfig(vocab_size=128256, hidden_size=4096, intermediate_size=14336, num_hidden_layers=layers,
                         num_attention_heads=32, num_key_value_heads=8, max_position_embeddings=8192, rope_theta=5e5,
                         rms_norm_eps=1e-5, bos_token_id=128000, eos_token_id=128001)
    with torch.device("meta"):
        shapes = {name: p.shape for name, p in LlamaForCausalLM(config).named_parameters()}
    generator = torch.Generator(device).manual_seed(0)
    index, shard, number, held = {}, {}, 0, 0

    def flush():
        nonlocal shard, number, held
        name = f"model-{number:05d}.safetensors"
        save_file(shard, folder / name, metadata={"format": "pt"})
        index.update({key: name for key in shard})
        shard, number, held = {}, number + 1, 0

    for name, shape in shapes.items():
        if len(shape) == 1:
            tensor = torch.ones(shape, dtype=torch.bfloat16)
        else:
            tensor = (torch.randn(shape, generator=generator, device=device) * 0.02).to(torch.bfloat16).cpu()
        shard[name] = tensor
        held += tensor.numel() * 2
        if held > 4e9:
            flush()
    flush()
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": index}))
    config.dtype = torch.bfloat16
    config.save_pretrained(folder)


def ours(options, folder, workload, *words):
    done = subprocess.run([options.program, folder, workload, "--device", options.device, "--dtype", "bfloat16", *words],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    print(f"ours    {workload}: {result}", flush=True)
    return result


def clock(device):
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def peer_seconds(model, device, rows, workload, batches):
    ids = torch.tensor([row["prompt_ids"] for row in rows][:BATCH], device=device)
    times = []
    with torch.inference_mode():
        for i in range(batches + 1):
            begin = clock(device)
            if workload == "mmlu":
                model(ids, logits_to_keep=1).logits[:, -1].float().log_softmax(-1)
            else:
                model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=40, min_new_tokens=40, do_sample=False,
                               eos_token_id=None, pad_token_id=0)
            times.append((clock(device) - begin) / len(ids))
    return statistics.median(times[1:])


def logits_of(model, device, ids):
    with torch.inference_mode():
        return model(torch.tensor([ids], device=device)).logits[0].float()


def cast_weights(model, dtype):
    # The weights alone: the rotary frequencies are float32 in either.
    for parameter in model.parameters():
        parameter.data = parameter.data.to(dtype)


def gate(model, device, rows, workload):
    """Both round to bfloat16 after every operation, at different places. The peer in float32 is the judge: our results may
    be as far from it as the peer's own bfloat16 ones, or half as far again."""
    rows = rows[:16]
    extra = [row["result"] if workload == "spider" else [] for row in rows]
    halves = [logits_of(model, device, row["prompt_ids"] + more)[len(row["prompt_ids"]) - 1:].cpu() for row, more in zip(rows, extra)]
    cast_weights(model, torch.float32)
    exact = [logits_of(model, device, row["prompt_ids"] + more)[len(row["prompt_ids"]) - 1:].cpu() for row, more in zip(rows, extra)]
    cast_weights(model, torch.bfloat16)
    if workload == "mmlu":
        columns = [32, 33, 34, 35]
        want = torch.stack([x[-1].log_softmax(-1)[columns] for x in exact])
        peer = (torch.stack([x[-1].log_softmax(-1)[columns] for x in halves]) - want).abs()
        own = (torch.tensor([row["result"] for row in rows]) - want).abs()
        print(f"gate    mmlu: log-probabilities off float32's by {own.mean():.4f} on average, at most {own.max():.4f}; "
              f"the peer's by {peer.mean():.4f}, {peer.max():.4f}")
        return (own.mean() <= 1.5 * peer.mean()).item()
    noise = max((a - b).abs().max().item() for a, b in zip(halves, exact))
    gaps = [(scores[step].max() - scores[step][token]).item()
            for scores, more in zip(exact, extra) for step, token in enumerate(more)]
    print(f"gate    spider: {sum(g == 0 for g in gaps)} of {len(gaps)} greedy tokens are float32's best, the others lie within "
          f"{max(gaps):.3f} of it; the peer's bfloat16 logits are off by up to {noise:.3f}")
    return max(gaps) <= 2 * noise


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--scratch", default=None)
    parser.add_argument("--layers", type=int, default=32)
    parser.add_argument("--questions", type=int, default=0)
    parser.add_argument("--chunk-size", default="auto")
    parser.add_argument("--batches", type=int, default=5)
    options = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="llama-8b-", dir=options.scratch))
    failed = False
    try:
        make_weights(folder, options.layers, options.device)
        results = {}
        for workload, questions in (("mmlu", 14042), ("spider", 1034)):
            words = ["--questions", str(options.questions or questions), "--chunk-size", options.chunk_size]
            results[workload] = ours(options, folder, workload, "--dump", str(folder / f"{workload}.jsonl"), *words)
        model = LlamaForCausalLM.from_pretrained(folder, dtype=torch.bfloat16).to(options.device).eval()
        for workload, result in results.items():
            rows = [json.loads(line) for line in open(folder / f"{workload}.jsonl")]
            if not gate(model, options.device, rows, workload):
                failed = True
                print(f"{workload}: results differ; no figure")
                continue
            peer = peer_seconds(model, options.device, rows, workload, options.batches)
            own = result["seconds"] / result["questions"]
            print(f"RATIO   {workload}: {peer / own:.1f}x (transformers {transformers.__version__}, torch {torch.__version__}: "
                  f"{1000 * peer:.2f} ms a question in batches of {BATCH}, {peer * result['questions']:.1f} s for all; "
                  f"ours {1000 * own:.2f} ms, {result['seconds']:.1f} s)", flush=True)
    finally:
        shutil.rmtree(folder)
    return failed


if __name__ == "__main__":
    sys.exit(main())
