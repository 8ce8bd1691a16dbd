"""Gradients, losses and adapters against transformers + PEFT + PyTorch, live, on a tiny random model."""
import json
import subprocess
import sys

import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import get_scheduler

from tiny import (TARGETS, Pipe, curve, load, logprobs, make_adapter, make_base, make_rows, step_loss, trainable)


def reference_gradients(model, rows):
    step_loss(model, rows).backward()
    return {n.removeprefix("base_model.model.").replace(".default.weight", ""): p.grad
            for n, p in model.named_parameters() if p.grad is not None}


def worst_relative(ours, theirs):
    assert ours.keys() == theirs.keys(), set(ours) ^ set(theirs)
    return max(((ours[k] - theirs[k]).norm() / theirs[k].norm()).item() for k in theirs)


def gradients(pipe, base, rows):
    """Step 1: every layout of the passes and every number of ranks gives PEFT's gradient."""
    for targets in (TARGETS, ["q_proj", "v_proj"], ["k_proj", "up_proj", "down_proj"]):
        adapter = make_adapter(base, pipe.work / ("adapter-" + targets[0] + str(len(targets))), 0.2, targets=targets)
        model = trainable(base, adapter)
        for batch in (rows[:1], rows[:8]):
            model.zero_grad()
            theirs = reference_gradients(model, batch)
            loss = step_loss(model, batch).item()
            layouts = [dict(packing=False), dict(share_prefix=False, recompute="none", min_passes=1), dict(recompute="mlp", min_passes=1),
                       dict(recompute="layer", min_passes=1), dict(), dict(micro_batch_tokens=100), dict(deterministic=True, micro_batch_tokens=100)]
            first = None
            for layout in layouts:
                for ranks in (None, 2, 3) if layout.get("micro_batch_tokens") and targets == TARGETS else (None,):
                    job = pipe.job(model=base, samples=pipe.work / "rows.jsonl", init_adapter=adapter, shuffle=False,
                                   train_batch_size=len(batch), max_steps=1, **layout)
                    out = pipe.work / "gradient.safetensors"
                    ours_loss = float(pipe.call("gradient", job, out, ranks=ranks).stdout)
                    ours = load_file(out)
                    difference = worst_relative(ours, theirs)
                    print(f"{len(targets)} targets, {len(batch)} rows, {layout}, ranks {ranks or 1}: {difference:.1e}")
                    assert difference < 1e-5 and abs(ours_loss - loss) < 1e-5 * loss
                    if "recompute" in layout and layout["recompute"] != "none":
                        first = first or {k: v.clone() for k, v in ours.items()}
                        assert all(torch.equal(first[k], ours[k]) for k in ours), "the policy changed a bit"


def twenty_steps(pipe, base, rows, name, spread, **options):
    """The whole loop: losses, learning rates, norms, and the adapter that it leaves."""
    adapter = make_adapter(base, pipe.work / f"start-{name}", spread)
    steps, batch = 20, 4
    model = trainable(base, adapter)
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=options["learning_rate"], weight_decay=options.get("weight_decay", 0.0))
    schedule = get_scheduler(options["lr_scheduler_type"], optimizer, num_warmup_steps=options.get("warmup_steps", 0),
                             num_training_steps=steps)
    theirs = []
    for step in range(steps):
        at = step * batch % len(rows)
        loss = step_loss(model, rows[at:at + batch])
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        theirs.append((loss.item(), optimizer.param_groups[0]["lr"], norm.item()))
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    out = pipe.work / f"out-{name}"
    job = pipe.job(model=base, samples=pipe.work / "rows.jsonl", init_adapter=adapter, out=out, shuffle=False, max_steps=steps,
                   max_grad_norm=1.0, micro_batch_tokens=120, **options)
    pipe.call("train", job)
    ours = curve(out)
    assert [r["step"] for r in ours] == list(range(1, steps + 1))
    worst = max(abs(r["loss"] - t[0]) for r, t in zip(ours, theirs, strict=True))
    print(f"{name}: loss {theirs[0][0]:.4f} to {theirs[-1][0]:.4f}, largest difference {worst:.1e}")
    assert worst < 1e-4 and theirs[-1][0] < theirs[0][0]
    assert all(abs(r["lr"] - t[1]) < 1e-12 and abs(r["grad_norm"] - t[2]) < 1e-3 * t[2] for r, t in zip(ours, theirs))
    # What was written is a PEFT adapter that gives what PEFT's own training gives.
    written = PeftModel.from_pretrained(load(base), out).eval()
    difference = (logprobs(written, rows) - logprobs(model.eval(), rows)).abs().max().item()
    moved = (logprobs(written, rows) - logprobs(PeftModel.from_pretrained(load(base), adapter).eval(), rows)).abs().max().item()
    print(f"{name}: adapter differs by {difference:.1e} in log-probability, training moved it by {moved:.2f}")
    assert difference < 2e-3 < 0.05 < moved
    return out


def dropout(pipe, base, rows):
    """The gradient with dropout is that of a loss with the same mask: a difference quotient tells."""
    adapter = make_adapter(base, pipe.work / "adapter-dropout", 0.2)
    keys = dict(model=base, samples=pipe.work / "rows.jsonl", shuffle=False, train_batch_size=8, max_steps=1, lora_dropout=0.3,
                seed=4, packing=False)
    out = pipe.work / "gradient.safetensors"
    with_dropout = float(pipe.call("gradient", pipe.job(init_adapter=adapter, **keys), out).stdout)
    grads = load_file(out)
    plain = float(pipe.call("gradient", pipe.job(init_adapter=adapter, **{**keys, "lora_dropout": 0.0}), pipe.work / "g0").stdout)
    assert abs(plain - with_dropout) > 1e-3
    weights = load_file(adapter / "adapter_model.safetensors")
    from safetensors.torch import save_file
    import shutil
    g = torch.Generator().manual_seed(9)
    direction = {k: torch.sign(torch.randn(v.shape, generator=g)) for k, v in weights.items()}
    name = lambda k: k.removeprefix("base_model.model.").removesuffix(".weight")
    slope = sum((direction[k] * grads[name(k)]).sum().item() for k in weights)
    losses = []
    for sign in (1, -1):
        moved = pipe.work / f"moved{sign}"
        shutil.copytree(adapter, moved)
        save_file({k: v + sign * 1e-3 * direction[k] for k, v in weights.items()}, moved / "adapter_model.safetensors")
        losses.append(float(pipe.call("gradient", pipe.job(init_adapter=moved, **keys), pipe.work / "g1").stdout))
    quotient = (losses[0] - losses[1]) / 2e-3
    print(f"dropout 0.3: slope {slope:.5f}, difference quotient {quotient:.5f}")
    assert abs(slope - quotient) < 0.02 * abs(quotient) + 1e-3


def nf4(pipe, rows):
    """On an NF4 base: the peer trains on the values that bitsandbytes' quantisation leaves."""
    import bitsandbytes.functional as bnb
    # bitsandbytes' CPU path wants rows of whole blocks of 64.
    base = make_base(pipe.work / "base-bf16", torch.bfloat16, intermediate_size=128)
    model = load(base, torch.bfloat16)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if name.endswith("_proj.weight"):
                packed, state = bnb.quantize_4bit(p.data, quant_type="nf4", compress_statistics=True, blocksize=64)
                p.copy_(bnb.dequantize_4bit(packed, state))
    dense = pipe.work / "base-nf4-values"
    model.save_pretrained(dense)
    adapter = make_adapter(dense, pipe.work / "adapter-nf4", 0.2)
    theirs = reference_gradients(trainable(dense, adapter), rows[:8])
    for residency in ("bf16", "packed"):
        job = pipe.job(model=base, samples=pipe.work / "rows.jsonl", init_adapter=adapter, shuffle=False, train_batch_size=8,
                       max_steps=1, quantization="nf4", nf4_residency=residency)
        pipe.call("gradient", job, pipe.work / "gradient.safetensors")
        difference = worst_relative(load_file(pipe.work / "gradient.safetensors"), theirs)
        print(f"NF4 base, residency {residency}: {difference:.1e}")
        assert difference < 1e-5


def bfloat16(pipe, rows):
    """Both round, at different places: ours is no farther from float32 than PEFT's own."""
    base = pipe.work / "base-bf16"
    adapter = make_adapter(base, pipe.work / "adapter-bf16", 0.2)
    truth = reference_gradients(trainable(base, adapter), rows[:8])
    theirs = reference_gradients(trainable(base, adapter, torch.bfloat16), rows[:8])
    job = pipe.job(model=base, samples=pipe.work / "rows.jsonl", init_adapter=adapter, shuffle=False, train_batch_size=8,
                   max_steps=1, dtype="bfloat16")
    pipe.call("gradient", job, pipe.work / "gradient.safetensors")
    ours = worst_relative(load_file(pipe.work / "gradient.safetensors"), truth)
    peft = worst_relative({k: v.float() for k, v in theirs.items()}, truth)
    print(f"bfloat16 gradients against float32: ours {ours:.3f}, PEFT's {peft:.3f}")
    assert ours < 1.5 * peft + 0.01


def main():
    torch.set_num_threads(1)
    pipe = Pipe(*sys.argv[1:3])
    base = make_base(pipe.work / "base")
    rows = make_rows(pipe.work / "rows.jsonl", 20)
    gradients(pipe, base, rows)
    untied = make_base(pipe.work / "untied", tie_word_embeddings=False, num_key_value_heads=4)
    adapter = make_adapter(untied, pipe.work / "adapter-untied", 0.2)
    theirs = reference_gradients(trainable(untied, adapter), rows[:8])
    pipe.call("gradient", pipe.job(model=untied, samples=pipe.work / "rows.jsonl", init_adapter=adapter, shuffle=False,
                                   train_batch_size=8, max_steps=1), pipe.work / "gradient.safetensors")
    assert worst_relative(load_file(pipe.work / "gradient.safetensors"), theirs) < 1e-5
    twenty_steps(pipe, base, rows, "linear", 0.0, learning_rate=5e-3, lr_scheduler_type="linear")
    twenty_steps(pipe, base, rows, "cosine", 0.1, learning_rate=2e-3, lr_scheduler_type="cosine", warmup_steps=3, weight_decay=0.1)
    dropout(pipe, base, rows)
    nf4(pipe, rows)
    bfloat16(pipe, rows)
    subprocess.run(["rm", "-rf", str(pipe.work)], check=True)


if __name__ == "__main__":
    main()
