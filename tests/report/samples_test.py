"""Figures of sampled answers against a plain reading of predictions.h5: pass@k, votes, agreement, their calibration and the
sampling part of a difference's variance, over 1,000 questions x 8 samples; and what the report says where arms have other numbers
of samples.

    samples_test.py REPORT_SYNTHETIC REPORT_FILES FOLDER
"""

import csv
import json
import math
import pathlib
import shutil
import subprocess
import sys
from fractions import Fraction

import h5py

QUESTIONS, SAMPLES, SEEDS = 1000, 8, 2


def read(path, arm, seed):
    """[item][sample] of (right, result, log-probability)."""
    with h5py.File(path) as file:
        run = file[f"runs/{arm}/seed-{seed}/spider"]
        columns = [run[name][:].tolist() for name in ("item", "sample", "exec")]
        results, logprobs = [text.decode() for text in run["result_hash"][:]], run["logprob"][:].tolist()
        assert run.attrs["samples"] == SAMPLES and file.attrs["schema_version"] == 2
    rows = {}
    for item, sample, right, result, logprob in zip(*columns, results, logprobs):
        rows.setdefault(item, {})[sample] = (right == 1, result, logprob)
    assert sorted(rows) == list(range(QUESTIONS)) and all(sorted(of) == list(range(SAMPLES)) for of in rows.values())
    return [[rows[i][k] for k in range(SAMPLES)] for i in range(QUESTIONS)]


def vote(answers, weight):
    """(whether the winner is right, answers of its group)."""
    groups = {}
    for k, (_, result, logprob) in enumerate(answers):
        if result:
            groups.setdefault(result, []).append(k)
    if not groups:
        return answers[0][0], 0
    best = max(groups.values(), key=lambda members: (sum(weight(answers[k][2]) for k in members), -members[0]))
    return answers[best[0]][0], len(best)


def pass_at(n, c, k):
    return 1 - Fraction(math.comb(n - c, k), math.comb(n, k))


def expected(cells):
    n = len(cells)
    mean = lambda values: float(sum(values)) / n  # noqa: E731
    won = [vote(answers, lambda _: 1) for answers in cells]
    found = {"accuracy": mean(sum(a[0] for a in answers) / SAMPLES for answers in cells),
             "vote": mean(right for right, _ in won), "agreement": mean(size / SAMPLES for _, size in won),
             "vote_weighted": mean(vote(answers, math.exp)[0] for answers in cells),
             "oracle": mean(any(a[0] for a in answers) for answers in cells),
             "pass_at_k": {str(k): float(sum(pass_at(SAMPLES, sum(a[0] for a in answers), k) for answers in cells) / n)
                           for k in range(1, SAMPLES + 1)}}
    return found, won


def calibration_error(won):
    bins = {}
    for right, size in won:
        share = size / SAMPLES
        bins.setdefault(max(0, math.ceil(share * 15 - 1e-12) - 1), []).append((right, share))
    return sum(abs(sum(r for r, _ in of) - sum(s for _, s in of)) for of in bins.values()) / len(won)


def close(found, wanted, what):
    if isinstance(wanted, dict):
        assert set(found) == set(wanted), (what, found, wanted)
        for key in wanted:
            close(found[key], wanted[key], f"{what}.{key}")
    else:
        assert abs(found - wanted) < 1e-12, f"{what}: {found}, by the rows {wanted}"


def sampling_variance(a, b):
    """Of the mean difference, answer by answer."""
    total = 0
    for x, y in zip(a, b):
        gaps = [int(q[0]) - int(p[0]) for p, q in zip(x, y)]
        mean = sum(gaps) / len(gaps)
        total += sum((gap - mean) ** 2 for gap in gaps) / (len(gaps) - 1) / len(gaps)
    return total / len(a) ** 2


def figures(folder, report):
    cells = {}
    for arm in ("base", "qlora-50", "qlora-200"):
        by_seed = [read(folder / "predictions.h5", arm, seed) for seed in range(1, SEEDS + 1)]
        cells[arm] = sum(by_seed, [])
        wanted, won = expected(cells[arm])
        of = report["arms"][arm]["spider"]
        assert of["samples"] == SAMPLES
        close(of["accuracy"], wanted.pop("accuracy"), f"{arm}.accuracy")
        for key, value in wanted.items():
            close(of["metrics"][key], value, f"{arm}.{key}")
        per_seed = [calibration_error(won[s * QUESTIONS:(s + 1) * QUESTIONS]) for s in range(SEEDS)]
        close(of["agreement_calibration"]["expected_error"], sum(per_seed) / SEEDS, f"{arm}.calibration")
        assert of["vote_ci95"][0] < of["metrics"]["vote"] < of["vote_ci95"][1]
    for pair in report["pairs"]:
        if pair["task"] != "spider":
            continue
        close(pair["variance"]["sampling"], sampling_variance(cells[pair["a"]], cells[pair["b"]]), "sampling")
        whole = sum(pair["variance"][part] or 0 for part in ("items", "runs", "sampling"))
        assert abs(whole - pair["items_and_seeds"]["se"] ** 2) < 1e-12, "the parts are the whole"
        assert pair["samples"] == SAMPLES and pair["halving"]["samples"] is None or pair["halving"]["samples"] > 0
    print(f"{QUESTIONS} questions x {SAMPLES} samples x {SEEDS} seeds x 3 arms: 0 differences from a plain reading of the rows")


def exports(folder):
    rows = list(csv.DictReader((folder / "export/tables/questions.csv").open()))
    spider = [row for row in rows if row["task"] == "spider"]
    assert len(spider) == 3 * SEEDS * QUESTIONS * SAMPLES and {row["sample"] for row in spider} == set(map(str, range(SAMPLES)))
    assert {row["sample"] for row in rows if row["task"] == "mmlu"} == {""}
    assert len((folder / "export/spider/base_seed-1_sample-7.sql").read_text().splitlines()) == QUESTIONS
    sample = json.loads(next((folder / "export/lm-eval/base_seed-1").glob("samples_spider_*")).open().readline())
    assert len(sample["resps"][0]) == SAMPLES


def main(synthetic, files, folder):
    folder = pathlib.Path(folder) / "samples"
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([synthetic, folder, str(SEEDS), str(QUESTIONS), "40", "samples", str(SAMPLES)], check=True)
    subprocess.run([files, folder, "--exports"], check=True, stdout=subprocess.DEVNULL)
    report = json.loads((folder / "report.json").read_text())
    figures(folder, report)
    text = (folder / "report.md").read_text()
    for part in ("Several answers to each question", "temperature 0.6, top-p 0.9", "Agreement of the answers", "|   sampling |"):
        assert part in text, part
    for pair in report["pairs"]:
        more = pair["halving"]["samples"] if pair.get("samples", 1) > 1 else None
        assert more is None or f"{more} sample" in text, more
    exports(folder)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
