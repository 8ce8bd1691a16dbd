"""Sampling from outside, on a small random model: the same bytes for any number of ranks, another chunk size and a kill; greedy
answers as before; what is stored; what is refused.

    sampling_test.py PROGRAM MODEL DATA MPIEXEC
"""

import json
import pathlib
import re
import shutil
import signal
import sys
import time

import h5py

from study_ranks import outside_of_arguments, predict_words, prepare, sha256

# In bfloat16 another chunk rounds so differently that a draw in a hundred falls on another token.
# Without top-k every draw from this flat model sorts its whole vocabulary.
SAMPLED = {"temperature": 0.8, "top_p": 0.95, "top_k": 200, "samples": 3, "dtype": "float32", "max_new_tokens": 12}
JOB = """[study]
name = sampled
seeds = 1, 2
[model]
model = {model}
[spider]
data = {data}/spider
questions = 6
shots = 1
[mmlu]
data = {data}/mmlu
questions = 9
shots = 0
groups = stem, humanities, social_sciences
[arm.base]
max_new_tokens = 6
chunk_size = 4
[arm.hot]
max_new_tokens = 6
chunk_size = 4
temperature = 0.9
samples = 3
{more}"""


def rows_of(path):
    return [json.loads(line) for line in path.open(encoding="utf-8")]


def the_same_bytes(outside, model):
    work = outside.work
    whole = work / "sampled-1.jsonl"
    outside.call(1, *predict_words(outside, model, "spider", whole, threads=1, **SAMPLED))
    rows = rows_of(whole)
    assert [row["sample"] for row in rows[:6]] == [0, 1, 2, 0, 1, 2] and len(rows) == 40 * 3
    assert rows[0]["id"] == rows[2]["id"] != rows[3]["id"]
    assert all(row["logprob"] < 0 for row in rows) and len({row["text"] for row in rows}) > 60
    for ranks, threads in ((1, 3), (2, 1), (3, 1)):
        other = work / f"sampled-{ranks}-{threads}.jsonl"
        outside.call(ranks, *predict_words(outside, model, "spider", other, threads=threads, **SAMPLED))
        assert sha256(other) == sha256(whole), f"{ranks} ranks, {threads} threads give other bytes"
    texts = lambda rows: [(row["id"], row["sample"], row["text"]) for row in rows]  # noqa: E731
    other = work / "sampled-chunks.jsonl"
    outside.call(2, *predict_words(outside, model, "spider", other, **{**SAMPLED, "chunk_size": 16}))
    # Other sums round otherwise: of the 1,440 draws from this flat model one or two may fall beside.
    moved = [a for a, b in zip(texts(rows_of(other)), texts(rows), strict=True) if a != b]
    assert len(moved) <= 2, f"chunks of 16 draw other answers than chunks of 5: {moved}"
    # The first samples are the same whatever their number; another seed draws others.
    fewer = work / "sampled-fewer.jsonl"
    outside.call(1, *predict_words(outside, model, "spider", fewer, **{**SAMPLED, "samples": 1}))
    first = [row["text"] for row in rows if row["sample"] == 0]
    assert sum(a["text"] != b for a, b in zip(rows_of(fewer), first, strict=True)) <= 1
    seeded = work / "sampled-seed.jsonl"
    outside.call(1, *predict_words(outside, model, "spider", seeded, **SAMPLED, sample_seed=1))
    assert sha256(seeded) != sha256(whole)
    print("sampled predictions: the same bytes for 1, 2 and 3 ranks and any threads, the same answers for another chunk size")
    return sha256(whole)


def killed_and_resumed(outside, model, want):
    for trial, (ranks, then) in enumerate(((1, 2), (2, 1))):
        out = outside.work / f"sampled-killed-{trial}.jsonl"
        journals = pathlib.Path(f"{out}.journal")
        child = outside.start(ranks, *predict_words(outside, model, "spider", out, threads=1, **SAMPLED))
        deadline = time.monotonic() + 60
        while child.poll() is None and time.monotonic() < deadline:
            if sum('"rows"' in line for path in journals.glob("*.jsonl") for line in path.read_text(errors="replace").splitlines()) > 1:
                break
            time.sleep(0.002)
        child.send_signal(signal.SIGKILL)
        child.communicate()
        outside.call(then, *predict_words(outside, model, "spider", out, **SAMPLED), "--resume")
        assert sha256(out) == want, "resumed: other bytes"
    outside.call(1, *predict_words(outside, model, "spider", out, **{**SAMPLED, "temperature": 0.7}), "--resume", code=1,
                 says=["temperature"])
    print("killed and resumed: the same bytes; another temperature is refused")


def greedy_stays(outside, model):
    plain, told = outside.work / "greedy.jsonl", outside.work / "greedy-told.jsonl"
    outside.call(1, *predict_words(outside, model, "spider", plain))
    outside.call(1, *predict_words(outside, model, "spider", told, temperature=0, samples=1, top_p=0.5))
    assert sha256(plain) == sha256(told) and "sample" not in rows_of(plain)[0]
    header = json.loads(next(pathlib.Path(f"{told}.journal").glob("*.jsonl")).open().readline())["header"]
    assert not {"temperature", "samples"} & set(header), header


def of_the_model(outside, model):
    words = predict_words(outside, model, "spider", outside.work / "of-model.jsonl", temperature="model", max_new_tokens=3)
    said = lambda **more: outside.call(1, *[w for w in words if w != "--quiet"], **more)  # noqa: E731
    file = model / "generation_config.json"
    kept = file.read_text() if file.exists() else None
    file.write_text(json.dumps({"eos_token_id": 2, "temperature": 0.6, "top_p": 0.9, "repetition_penalty": 1.1}))
    text = said()
    assert "temperature 0.6, top-p 0.9, top-k none" in text and "repetition_penalty 1.1" in text, text
    plain = outside.work / "of-numbers.jsonl"
    outside.call(1, *predict_words(outside, model, "spider", plain, temperature=0.6, top_p=0.9, max_new_tokens=3))
    assert sha256(plain) == sha256(outside.work / "of-model.jsonl")
    file.write_text(json.dumps({"eos_token_id": 2}))
    said(code=1, says=["generation_config.json", '"temperature"'])
    file.write_text(json.dumps({"eos_token_id": 2, "temperature": 0.6, "top_p": 1.5}))
    said(code=1, says=["generation_config.json", "top_p", "1.5"])
    file.unlink() if kept is None else file.write_text(kept)


def study(outside, model):
    work, job = outside.work, outside.work / "sampled.ini"
    job.write_text(JOB.format(model=model, data=outside.o.data, more=""))
    folders = {ranks: work / f"sampled-study-{ranks}" for ranks in (1, 2)}
    for ranks, folder in folders.items():
        outside.call(ranks, "run", job, "--output-dir", folder)
    folder = folders[1]
    assert len({sha256(folder / "predictions.h5") for folder in folders.values()}) == 1
    with h5py.File(folder / "predictions.h5") as file:
        run, greedy = file["runs/hot/seed-2/spider"], file["runs/base/seed-2/spider"]
        assert run["item"][:].tolist() == [i for i in range(6) for _ in range(3)] and run["sample"][:].tolist() == [0, 1, 2] * 6
        assert "sample" not in greedy and "logprob" not in greedy and greedy["item"].shape == (6,)
        assert run.attrs["temperature"] == 0.9 and run.attrs["samples"] == 3
        assert all(bool(result) == (outcome == b"ok") for result, outcome in zip(run["result_hash"][:], run["outcome"][:]))
        assert "sample" not in file["runs/base/seed-1/mmlu"] and "hot/seed-2/mmlu" not in file["runs"], "choices are computed once"
        config = json.loads(file.attrs["config"])
        assert "temperature" not in config["arms"]["base"]["spider"] and config["arms"]["hot"]["spider"]["samples"] == 3
    report = json.loads((folder / "report.json").read_text())
    assert report["arms"]["hot"]["spider"]["samples"] == 3 and "vote" in report["arms"]["hot"]["spider"]["metrics"]
    assert "samples" not in report["arms"]["base"]["spider"]
    text = outside.call(1, "show", folder, "--id", first_id(folder), "--arm", "hot", "--seed", "1")
    assert "3 answers" in text and "log-probability" in text, text
    scored = outside.call(1, "score", "--pred", folder / "predictions.h5", "--db", outside.o.data / "spider/database", "--arm", "hot")
    told = re.findall(r"3 samples: one ([\d.]+), vote ([\d.]+), vote by probability ([\d.]+), any ([\d.]+)", scored)
    metrics = report["arms"]["hot"]["spider"]["metrics"]
    for at, key in ((1, "vote"), (2, "vote_weighted"), (3, "oracle")):
        assert abs(sum(float(seed[at]) for seed in told) / 2 - metrics[key]) < 1e-3, (told, metrics)
    assert "exec differs from the stored verdict in 0 of 6" in scored
    status = outside.call(1, "status", folder)
    assert "12" not in re.findall(r"(\d+)/\d+", status), status
    print("a sampled study: the same predictions.h5 for 1 and 2 ranks; show, score and status know its samples")


LETTERS = """[study]
name = letters
seeds = 1, 2
tasks = mmlu
[model]
model = {model}
[mmlu]
data = {data}/mmlu
questions = 12
shots = 0
answer = letter
template = chat
[arm.base]
max_new_tokens = 3
[arm.hot]
max_new_tokens = 3
temperature = 1.2
samples = 5
"""


def letters(outside, model):
    """Letters read from written answers are sampled and vote; a plain reading of the rows gives the same."""
    out = outside.work / "letters.jsonl"
    outside.call(1, *predict_words(outside, model, "mmlu", out, answer="letter", temperature=1, samples=3))
    rows = rows_of(out)
    assert [row["sample"] for row in rows[:4]] == [0, 1, 2, 0] and all("answer" in row and row["logprob"] < 0 for row in rows)
    job, folder = outside.work / "letters.ini", outside.work / "letters-study"
    job.write_text(LETTERS.format(model=outside.o.model.resolve(), data=outside.o.data.resolve()))
    outside.call(2, "run", job, "--output-dir", folder)
    report = json.loads((folder / "report.json").read_text())
    votes, rights, oracle = [], [], []
    with h5py.File(folder / "predictions.h5") as file:
        gold = [text.decode() for text in file["items/mmlu/answer"][:]]
        for seed in (1, 2):
            run = file[f"runs/hot/seed-{seed}/mmlu"]
            assert run["sample"][:].tolist() == [0, 1, 2, 3, 4] * 12 and run.attrs["samples"] == 5 and "result_hash" not in run
            answers = [text.decode() for text in run["answer"][:]]
            for i, right in enumerate(gold):
                mine = answers[5 * i:5 * i + 5]
                given = [letter for letter in mine if letter]
                # Of equally many the letter that came first.
                won = max(given, key=lambda letter: (given.count(letter), -given.index(letter)), default="")
                votes.append(won == right)
                rights.append(sum(letter == right for letter in mine) / 5)
                oracle.append(right in mine)
        assert "sample" not in file["runs/base/seed-1/mmlu"] and "hot" in json.loads(file.attrs["config"])["arms"]
    of = report["arms"]["hot"]["mmlu"]
    mean = lambda values: sum(values) / len(values)  # noqa: E731
    for got, want in ((of["accuracy"], rights), (of["metrics"]["vote"], votes), (of["metrics"]["oracle"], oracle)):
        assert abs(got - mean(want)) < 1e-9, (got, mean(want))
    assert 0 < sum(rights), "no letter is right: nothing was held"
    with h5py.File(folder / "predictions.h5") as file:
        first = file["items/mmlu/id"][0].decode()
    outside.call(1, "show", folder, "--id", first, "--arm", "hot", "--seed", "1", says=["5 answers", "this letter", "log-probability"])
    print("sampled letters: accuracy, vote and oracle are those of a plain reading of the rows")


def first_id(folder):
    with h5py.File(folder / "predictions.h5") as file:
        return file["items/spider/id"][0].decode()


def refused(outside, model):
    def predict(says, task="spider", **options):
        outside.call(1, *predict_words(outside, model, task, outside.work / "bad.jsonl", **options), code=2, says=says)

    for value in ("-0.1", "-1", "nan", "inf", "warm"):
        predict(["--temperature", value], temperature=value)
    for value in ("0", "1.01", "-0.5"):
        predict(["--top-p", value], temperature=1, top_p=value)
    predict(["--top-k", "-1"], temperature=1, top_k=-1)
    predict(["--samples", "0"], temperature=1, samples=0)
    predict(["--samples", "found 4 at temperature 0"], samples=4)
    predict(["temperature = model", "top_p"], temperature="model", top_p=0.9)
    predict(["--temperature", "not sampled"], task="mmlu", temperature=0.5)
    job = outside.work / "bad-sampling.ini"
    job.write_text(JOB.format(model=model, data=outside.o.data, more="[arm.cold]\nspider.samples = 5\n"
                              "[arm.odd]\nmmlu.temperature = 0.5\ntop_p = 2\n"))
    outside.call(1, "run", job, "--output-dir", outside.work / "bad", code=2,
                 says=["samples: found 5 at temperature 0", "not sampled", 'top_p: found "2"'])
    print("faults: each is refused by name")


def main():
    outside = outside_of_arguments("sampling-")
    model = prepare(outside)
    want = the_same_bytes(outside, model)
    killed_and_resumed(outside, model, want)
    greedy_stays(outside, model)
    of_the_model(outside, model)
    study(outside, model)
    letters(outside, model)
    refused(outside, model)
    shutil.rmtree(outside.work)


if __name__ == "__main__":
    sys.exit(main())
