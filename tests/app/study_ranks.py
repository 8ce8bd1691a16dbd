"""The program from outside, on a small random model: the same bytes for any number of ranks, threads and interruptions;
files that h5py reads; faults that end before work starts.

    study_ranks.py PROGRAM MODEL DATA MPIEXEC
"""

import argparse
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

import h5py

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from random_llama import save_random_llama

JOB = """[study]
name = tiny
seeds = 1, 2
[model]
model = {model}
[spider]
data = {data}/spider
questions = 10
shots = 1
[mmlu]
data = {data}/mmlu
questions = 12
shots = 1
[arm.base]
max_new_tokens = 12
chunk_size = 4
{more}"""


def sha256(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


class Outside:
    def __init__(self, options, work):
        self.o, self.work = options, work
        self.environment = {**os.environ, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
                            "OMPI_MCA_btl_vader_single_copy_mechanism": "none"}
        for name in list(self.environment):
            if name.startswith(("SLURM_", "PMI")):
                del self.environment[name]

    def words(self, ranks, *words):
        launcher = [self.o.mpiexec, "-np", str(ranks), "--oversubscribe", "--bind-to", "none"] if ranks > 1 else []
        return [*launcher, self.o.program, *map(str, words)]

    def start(self, ranks, *words, **more):
        environment = {**self.environment, **more}
        return subprocess.Popen(self.words(ranks, *words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)

    def call(self, ranks, *words, code=0, says=(), **more):
        begin = time.monotonic()
        child = self.start(ranks, *words, **more)
        out, err = child.communicate(timeout=120)
        what = f"{' '.join(map(str, words))}\n{out}{err}"
        if code == 0:
            assert child.returncode == 0, what
            assert all(word in out + err for word in says), f"{says} not all in: {what}"
        else:
            assert child.returncode != 0, "accepted: " + what
            assert time.monotonic() - begin < 30, "took too long to end: " + what
            assert all(word in err for word in says), f"{says} not all in: {what}"
        return out + err


def outside_of_arguments(prefix):
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("mpiexec")
    return Outside(parser.parse_args(), pathlib.Path(tempfile.mkdtemp(prefix=prefix)))


def prepare(outside):
    o, work = outside.o, outside.work
    model = work / "model"
    save_random_llama(model, o.model, hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
                      num_key_value_heads=2, tie_word_embeddings=True)
    outside.call(1, "prepare", "spider", "--quiet", "--data", o.data / "spider", "--model", model, "--output-dir", work, "--questions=40",
                 "--shots=1")
    outside.call(1, "prepare", "mmlu", "--quiet", "--data", o.data / "mmlu", "--model", model, "--output-dir", work, "--questions=30",
                 "--shots=1")
    return model


def predict_words(outside, model, task, out, **more):
    items = outside.work / ("mmlu.jsonl" if task == "mmlu" else "dev_formatted.jsonl")
    options = {"max_new_tokens": 24, "chunk_size": 5, **more}
    return ["predict", "--quiet", "--model", model, "--task", task, "--items", items, "--out", out,
            *[f"--{key.replace('_', '-')}={value}" for key, value in options.items()]]


def predictions_are_the_same_bytes(outside, model):
    for task in ("spider", "mmlu"):
        whole = outside.work / f"{task}-1.jsonl"
        outside.call(1, *predict_words(outside, model, task, whole, threads=1))
        rows = [json.loads(line) for line in whole.open(encoding="utf-8")]
        keys = {"id", "choice_logprobs", "answer", "prompt_tokens"} if task == "mmlu" else \
            {"id", "text", "token_ids", "prompt_tokens", "finish", "sql"}
        assert all(set(row) == keys for row in rows), rows[0].keys()
        assert len({str(row["id"]) for row in rows}) == len(rows) == (30 if task == "mmlu" else 40)
        for ranks, threads in ((1, 3), (2, 1), (3, 1)):
            other = outside.work / f"{task}-{ranks}.jsonl"
            outside.call(ranks, *predict_words(outside, model, task, other, threads=threads))
            assert sha256(other) == sha256(whole), f"{task}: {ranks} ranks, {threads} threads give other bytes"
    print("predictions: the same bytes for 1, 2 and 3 ranks, 1 and 3 threads")


def killed_and_resumed(outside, model):
    want = sha256(outside.work / "spider-1.jsonl")
    for trial, (ranks, then) in enumerate(((2, 1), (1, 3), (3, 2))):
        out = outside.work / f"killed-{trial}.jsonl"
        journals = pathlib.Path(f"{out}.journal")
        child = outside.start(ranks, *predict_words(outside, model, "spider", out, threads=1))
        deadline = time.monotonic() + 60
        # One line is a header; a finished chunk has an end record.
        while child.poll() is None and time.monotonic() < deadline:
            if sum(path.read_text(errors="replace").count("\n") for path in journals.glob("*.jsonl")) > ranks + 6 * trial:
                break
            time.sleep(0.002)
        subprocess.run(["pkill", "-KILL", "-f", str(out)], check=False)
        child.communicate()
        interrupted = not out.exists()
        outside.call(then, *predict_words(outside, model, "spider", out), "--resume")
        assert sha256(out) == want, f"resumed by {then} ranks after {ranks}: other bytes"
        print(f"killed with {ranks} ranks ({'before' if interrupted else 'after'} its end), resumed with {then}: the same bytes")
    outside.call(1, *predict_words(outside, model, "spider", out, chunk_size=6), "--resume", code=1, says=["chunk_size"])
    out = outside.work / "signalled.jsonl"
    child = outside.start(2, *predict_words(outside, model, "spider", out, threads=1, max_new_tokens=128))
    time.sleep(0.7)
    child.send_signal(signal.SIGTERM)
    child.communicate(timeout=60)
    assert child.returncode != 0 or out.exists()


def ledger_of(folder):
    return {(row["task"], row["seed"]): row for row in map(json.loads, (folder / "ledger.jsonl").open())}


def costs_outlive_stops(outside, job, folder, want):
    """A damaged or lost ledger is made again of the journals; a killed start's time is kept and told."""
    ledger, before = folder / "ledger.jsonl", ledger_of(folder)
    assert all(row["starts"] == 1 and row["cut_starts"] == 0 and row["seconds"] > 0 for row in before.values()), before
    for tail in (b'{"arm":"ba', b"\0" * 4096, b"\0\n", b"[]\n"):
        ledger.write_bytes(ledger.read_bytes()[:-1 - len(tail) % 3] + tail)
        outside.call(1, "run", job, "--output-dir", folder)
        assert ledger_of(folder).keys() == before.keys(), tail
    ledger.unlink()
    outside.call(1, "run", job, "--output-dir", folder)
    for key, row in ledger_of(folder).items():
        assert {**row, "peak_bytes": 0} == {**before[key], "peak_bytes": 0}, (row, before[key])

    killed = outside.work / "killed-study"
    child = outside.start(1, "run", job, "--output-dir", killed)
    while child.poll() is None and not any('"rows"' in path.read_text() for path in killed.glob("journal/**/*.jsonl")):
        time.sleep(0.002)
    child.kill()
    child.communicate()
    outside.call(1, "run", job, "--output-dir", killed)
    assert sha256(killed / "predictions.h5") == want
    rows = ledger_of(killed).values()
    assert sum(row["starts"] for row in rows) == len(rows) + 1 and sum(row["cut_starts"] for row in rows) == 1, rows
    cost = json.loads((killed / "report.json").read_text())["cost"]["base"]
    assert cost["cut_starts"] == 1 and abs(cost["predict_s"] - sum(row["seconds"] for row in rows)) < 1e-9, cost


def whole_study(outside, model):
    o, work = outside.o, outside.work
    job = work / "job.ini"
    job.write_text(JOB.format(model=model, data=o.data, more=""))
    hashes = {}
    for ranks in (1, 2, 3):
        folder = work / f"study-{ranks}"
        outside.call(ranks, "run", job, "--output-dir", folder)
        hashes[ranks] = sha256(folder / "predictions.h5")
    assert len(set(hashes.values())) == 1, hashes
    folder = work / "study-1"
    for name in ("study.json", "report.json", "report.md", "predictions.h5", "complete.json"):
        assert (folder / name).exists(), name
    with h5py.File(folder / "predictions.h5") as file:
        config = json.loads(file.attrs["config"])
        assert config["study"]["name"] == "tiny" and "commit" in file.attrs
        assert file["items/spider/db_id"].shape == (10,)
        rows = file["runs/base/seed-2/spider"]
        assert sorted(rows["item"][:].tolist()) == list(range(10))
        assert "seed-2" not in file["runs/base"] or "mmlu" not in file["runs/base/seed-2"], "no stream reaches MMLU of the base"
        assert file["runs/base/seed-1/mmlu/choice_logprobs"].shape == (12, 4)
        choices = file["items/mmlu/choices"][0].decode().splitlines()
        assert [line[:3] for line in choices] == ["A. ", "B. ", "C. ", "D. "], choices
        results = [text.decode() for text in file["items/spider/result"][:]]
        assert all(re.search(r"\n\((\d of )?\d+ rows?\)$", text) for text in results), results
        outcomes, shown = rows["outcome"][:], rows["result"][:]
        assert all((outcome == b"ok") == bool(text) for outcome, text in zip(outcomes, shown))
    report = json.loads((folder / "report.json").read_text())
    spider = report["arms"]["base"]["spider"]
    assert spider["items"] == 10 and spider["n"] == 20 and spider["seeds"] == 2
    assert report["arms"]["base"]["mmlu"]["seed_sd"] is None
    for key in ("n", "items", "seeds", "accuracy", "ci95", "se_cluster", "clusters", "seed_sd", "metrics", "floors"):
        assert key in spider, key
    # Again: nothing is computed, the bytes stay. Another configuration is refused, unless it is told to start anew.
    again = outside.call(2, "run", job, "--output-dir", folder)
    assert "loading" not in again and sha256(folder / "predictions.h5") == hashes[1]
    costs_outlive_stops(outside, job, folder, hashes[1])
    outside.call(1, "run", job, "--output-dir", folder, "--data-seed=5", code=1, says=["data_seed"])
    outside.call(1, "run", job, "--output-dir", folder, "--data-seed=5", "--overwrite")
    assert sha256(folder / "predictions.h5") != hashes[1]
    # Cells one by one, then the gather.
    cells = work / "cells"
    listed = outside.call(1, "run", job, "--output-dir", cells, "--list-cells").strip().splitlines()
    for k in range(len(listed)):
        outside.call(1, "run", job, "--output-dir", cells, f"--cell={k}")
    outside.call(1, "run", job, "--output-dir", cells)
    assert sha256(cells / "predictions.h5") == hashes[1], "cells and one run give other bytes"
    # Cells side by side on groups of ranks; every cell is in the ledger once.
    for ranks, groups in ((3, 2), (2, 2)):
        folder = work / f"groups-{ranks}-{groups}"
        outside.call(ranks, "run", job, "--output-dir", folder, f"--rank-groups={groups}")
        assert sha256(folder / "predictions.h5") == hashes[1], f"{groups} groups of {ranks} ranks give other bytes"
        ledger = [json.loads(line) for line in (folder / "ledger.jsonl").open()]
        assert sorted((row["task"], row["seed"]) for row in ledger) == [("mmlu", 1), ("spider", 1), ("spider", 2)], ledger
        assert all(row["peak_bytes"] > 1e8 and row["ranks"] <= 2 for row in ledger), ledger
    outside.call(2, "run", job, "--output-dir", work / "too-many", "--rank-groups=3", code=1, says=["3 rank groups of 2 ranks"])
    print(f"study: the same predictions.h5 for 1, 2, 3 ranks, for {len(listed)} cells and for 2 groups of ranks; h5py reads it")


def shown(outside, model):
    work = outside.work
    text = outside.call(1, "show", "--items", work / "dev_formatted.jsonl", "--id",
                        json.loads((work / "spider-1.jsonl").open().readline())["id"], "--model", model, "--pred", work / "spider-1.jsonl",
                        "--db", outside.o.data / "spider/database", "--table", outside.o.data / "spider/tables.json")
    for part in ("== prompt", "prompt tokens", "== gold SQL", "== answer", "gold result", "== verdict"):
        assert part in text, (part, text)


def faults(outside, model):
    work = outside.work
    words = lambda **more: predict_words(outside, model, "spider", work / "bad.jsonl", **more)  # noqa: E731

    def with_items(text, *says, task="spider", ranks=1):
        bad = work / "bad-items.jsonl"
        bad.write_text(text)
        line = predict_words(outside, model, task, work / "bad.jsonl")
        line[line.index("--items") + 1] = bad
        outside.call(ranks, *line, code=1, says=says)

    with_items("", "bad-items.jsonl", "no items")
    with_items('{"id": 1, "prompt": "a"}\n{"id": 2}\n', "bad-items.jsonl:2", "prompt")
    with_items('{"id": 1, "prompt": "a"}\n{"id": 1, "prompt": "b"}\n', "bad-items.jsonl:2", "second time")
    with_items('{"id": 1, "prompt": "a"}\n', "bad-items.jsonl:1", "choices", task="mmlu")
    with_items('{"id": 7, "prompt": "%s"}\n' % ("a " * 9000), "item 7", "8192", ranks=2)
    with_items('{"id": 7, "prompt_ids": [1, 99999]}\n', "item 7", "99999")

    def with_model(change, *says):
        bad = work / "bad-model"
        shutil.rmtree(bad, ignore_errors=True)
        shutil.copytree(model, bad)
        change(bad)
        line = words()
        line[line.index("--model") + 1] = bad
        outside.call(1, *line, code=1, says=says)

    weights = "model.safetensors"
    with_model(lambda f: (f / weights).write_bytes((f / weights).read_bytes()[:-10]), weights, "truncated")
    with_model(lambda f: (f / weights).write_bytes((f / weights).read_bytes()[:100]), weights)
    with_model(lambda f: (f / weights).write_bytes(b"\x80\x04" + bytes(64)), "pickle")
    with_model(lambda f: (f / weights).write_bytes(struct.pack("<Q", 1 << 60) + bytes(64)), weights, "header")
    with_model(lambda f: (f / weights).unlink(), "no model.safetensors")
    with_model(lambda f: (f / "config.json").write_text((f / "config.json").read_text().replace('"hidden_size": 64', '"hidden_size": 32')),
               "tensor", "expected")
    with_model(lambda f: (f / "tokenizer.json").unlink(), "tokenizer")

    def sharded(folder):
        (folder / weights).rename(folder / "model-00001-of-00002.safetensors")
        names = {"model.norm.weight": "model-00002-of-00002.safetensors", "model.embed_tokens.weight": "model-00001-of-00002.safetensors"}
        (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": names}))
    with_model(sharded, "model-0000", "missing")

    job = work / "bad.ini"
    job.write_text(JOB.format(model=model, data=outside.o.data, more="[arm.two]\nno_such_key = 1\n"))
    outside.call(1, "run", job, "--output-dir", work / "bad", code=2, says=["no_such_key", "arm.two"])
    assert not (work / "bad").exists(), "work began before the faults were told"
    outside.call(1, *words(), code=1, says=["SLURM_NTASKS=4", "mpirun -np 4"], SLURM_NTASKS="4")
    outside.call(1, *words(), "--single", SLURM_NTASKS="4")
    print("faults: each ends with its message")


def main():
    outside = outside_of_arguments("study-ranks-")
    model = prepare(outside)
    predictions_are_the_same_bytes(outside, model)
    killed_and_resumed(outside, model)
    whole_study(outside, model)
    shown(outside, model)
    faults(outside, model)
    shutil.rmtree(outside.work)


if __name__ == "__main__":
    sys.exit(main())
