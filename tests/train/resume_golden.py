"""Checkpoints, resuming, numbers of ranks, and inputs that must be refused."""
import json
import shutil
import signal
import subprocess
import sys
import time

from safetensors.torch import load_file, save_file

from tiny import Pipe, curve, make_adapter, make_base, make_rows

STEPS = 8


def result(folder):
    """What must be equal bit for bit: the adapter's bytes and the curve without times and starts."""
    rows = [{k: v for k, v in r.items() if k not in ("crc32c", "seconds", "tokens_per_s", "start", "ranks")} for r in curve(folder)]
    return (folder / "adapter_model.safetensors").read_bytes(), rows


def main():
    pipe = Pipe(*sys.argv[1:3])
    base = make_base(pipe.work / "base")
    samples = pipe.work / "rows.jsonl"
    make_rows(samples, 19)

    def job(name, **keys):
        out = pipe.work / name
        return pipe.job(**{**dict(model=base, samples=samples, out=out, max_steps=STEPS, seed=3, lora_dropout=0.1,
                                  learning_rate=2e-3, micro_batch_tokens=100, max_grad_norm=1.0), **keys}), out

    def train(name, ranks=None, **keys):
        path, out = job(name, **keys)
        pipe.call("train", path, ranks=ranks)
        return out

    # The same bits for any number of ranks, with the fixed tree; nearly the same without.
    trees = [result(train(f"tree-{n}", n, deterministic=True)) for n in (1, 2, 4)]
    assert trees[0] == trees[1] == trees[2], "--deterministic: another number of ranks gave other bits"
    assert [r["step"] for r in trees[0][1]] == list(range(1, STEPS + 1))
    plain = {n: train(f"plain-{n}", n) for n in (1, 2, 3)}
    for n in (2, 3):
        for a, b in zip(curve(plain[1]), curve(plain[n]), strict=True):
            assert abs(a["loss"] - b["loss"]) < 1e-5 and a["tokens"] == b["tokens"]
    assert abs(curve(plain[1])[-1]["loss"] - trees[0][1][-1]["loss"]) < 1e-5
    assert result(train("seed-4", seed=4)) != result(plain[1])
    print("1, 2, 4 ranks: equal bits with the tree")

    # k steps, then k more: the bits of 2k. At another number of ranks the same samples.
    for ranks in (None, 2):
        for tree in (False, True):
            name = f"halves-{ranks}-{tree}"
            train(name, ranks, stop_after_steps=STEPS // 2, deterministic=tree)
            assert len(curve(pipe.work / name)) == STEPS // 2
            assert (pipe.work / name / "adapter_config.json").exists() and not (pipe.work / name / "complete.json").exists()
            train(name, ranks, resume=True, deterministic=tree)
            whole = plain[1 if ranks is None else 2] if not tree else pipe.work / "tree-1"
            assert result(pipe.work / name) == result(whole), name
    train("moved", 2, stop_after_steps=3, deterministic=True)
    train("moved", 3, resume=True, deterministic=True)
    assert result(pipe.work / "moved") == trees[0]
    # Complete already: nothing changes.
    train("moved", resume=True, deterministic=True)
    assert result(pipe.work / "moved") == trees[0]
    print("k + resume + k steps: the bits of 2k")

    # The newest two stay; a damaged one is passed over, saying so; all damaged is an error. Once the adapter is complete
    # they are gone.
    out = train("kept", save_steps=2, stop_after_steps=7)
    assert sorted(p.name for p in out.glob("checkpoint-*")) == ["checkpoint-6", "checkpoint-7"]
    state = json.loads((out / "checkpoint-6/trainer_state.json").read_text())
    assert state["step"] == 6 and state["world_size"] == 1 and state["next_sample_of_epoch"] == 4
    shutil.copytree(out, pipe.work / "damaged")
    weights = out / "checkpoint-7/optimizer.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    done = pipe.call("train", job("kept", save_steps=2, resume=True)[0])
    assert "checkpoint 7 is damaged" in done.stderr and "after step 6" in done.stderr
    assert result(out) == result(plain[1]) and not list(out.glob("checkpoint-*"))
    again = pipe.call("train", job("kept", save_steps=2, resume=True)[0])
    assert "has ended already" in again.stderr and result(out) == result(plain[1])
    for folder in (pipe.work / "damaged").glob("checkpoint-*"):
        (folder / "manifest.json").unlink()
    pipe.call("train", job("damaged", save_steps=2, resume=True)[0], expect=["no checkpoint is whole", "manifest.json"])

    # Another run's folder; without --resume the folder is begun anew.
    pipe.call("train", job("moved", resume=True, deterministic=True, learning_rate=1e-3)[0],
              expect=["another training", "learning_rate", "0.002", "0.001"])
    assert result(train("moved", learning_rate=1e-3)) != trees[0]

    # A signal while a step computes stops behind that step, not behind the next.
    adapter = make_adapter(base, pipe.work / "signalled", 0.1)
    for ranks in (None, 2):
        assert "stops" in pipe.call("stop", job("signalled-out", init_adapter=adapter)[0], ranks=ranks).stdout

    # A stop signal: the step is finished and saved, exit 85, and --resume gives the same bits.
    path, out = job("stopped", max_steps=2000, save_steps=0)
    process = subprocess.Popen(pipe.command("train", path), stderr=subprocess.PIPE, text=True)
    while not (out / "train.jsonl").exists() or (out / "train.jsonl").stat().st_size == 0:
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 85, process.stderr.read()
    steps = len(curve(out))
    assert 0 < steps < 2000 and (out / f"checkpoint-{steps}").exists() and not (out / "adapter_config.json").exists()
    before = curve(out)
    pipe.call("train", job("stopped", max_steps=2000, resume=True, stop_after_steps=steps + 3)[0])
    assert curve(out)[:steps] == before and len(curve(out)) == steps + 3
    assert len({row["start"] for row in curve(out)}) == 2 and not (out / "redone.jsonl").exists()
    # A kill, and then whatever it or a power cut leaves of train.jsonl: the curve is made again of the checkpoint, and the
    # steps after it are told as redone.
    for number, (tail, lost) in enumerate((("", 1), ('{"crc32c":"0000', 1), ("\0" * 512, 1), ("no line of ours\n", 1))):
        path, out = job(f"cut-{number}", stop_after_steps=5, save_steps=4)
        pipe.call("train", path)
        shutil.rmtree(out / "checkpoint-5")
        with (out / "train.jsonl").open("a") as file:
            file.write(tail)
        pipe.call("train", job(f"cut-{number}", save_steps=4, resume=True)[0])
        assert result(out) == result(plain[1]), tail
        redone = [json.loads(line) for line in (out / "redone.jsonl").open()]
        assert [row["step"] for row in redone] == [5], redone
    print("a stop signal: saved, exit 85, gone on")

    # Not finite: step and samples are named, the checkpoint before stays.
    adapter = make_adapter(base, pipe.work / "hot", 0.1)
    tensors = load_file(adapter / "adapter_model.safetensors")
    key = next(k for k in tensors if "lora_B" in k)
    tensors[key][0, 0] = float("nan")
    save_file(tensors, adapter / "adapter_model.safetensors")
    bad = dict(init_adapter=adapter, shuffle=False, lora_dropout=0.0, train_batch_size=2)
    for ranks in (None, 2):
        pipe.call("train", job("hot-out", **bad)[0], ranks=ranks, expect=["step 1", "not finite", "row-0", "row-1"])
    # The rate explodes in the second step, after a checkpoint.
    pipe.call("train", job("explodes", learning_rate=1e30, save_steps=1, lr_scheduler_type="constant")[0],
              expect=["not finite", "samples row-", "checkpoint-", "last good one"])
    assert list((pipe.work / "explodes").glob("checkpoint-*/manifest.json"))

    # Ranks that disagree end together, naming what and who.
    a, b = job("disagree", learning_rate=1e-3)[0], job("disagree", learning_rate=2e-3)[0]
    words = [pipe.mpiexec, "-np", "1", "--oversubscribe", pipe.program, "train", a, ":", "-np", "1", pipe.program, "train", b]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0 and "the ranks differ in the training's configuration" in done.stderr, done.stderr
    print("bad input: refused")
    shutil.rmtree(pipe.work)


if __name__ == "__main__":
    main()
