"""Every file that the program reads, changed in ways that know its format or replaced by what is no file. However it is
changed, the program ends by itself within 5 s of computing, needs at most twice the file and 600 MB, and where it refuses,
names the file in words of its own.

usage: mutator.py PROGRAM DATA [--each N] [--seed S] [--only NAME] [--bounds F] [--keep FOLDER] [--replace | --holes]
"""

import argparse
import os
import pathlib
import random
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time

import mutations
from tiny_files import JOB, make_files

CPU_S, WALL_S, MEMORY = 5.0, 60.0, 600 << 20
# What a library says, or this program where it does not know what happened.
FROM_INSIDE = re.compile(r"json\.exception|_M_|std::|basic_string|bad_alloc|this is a fault of|stoi|stol|Sanitizer|runtime error:|terminate called")
STUDY = "study/arms/trained/seed-1/adapter"


def words_of(work, text):
    return [word.replace("@", str(work) + "/") for word in text.split()]


def resumed(work, _program):
    """A study whose cells are done, and that is gathered anew."""
    for name in ("predictions.h5", "complete.json"):
        (work / "study" / name).unlink()


def retrained(work, program):
    """One whose training is done again and killed before its adapter is written: its checkpoints are there."""
    resumed(work, program)
    (work / STUDY / "complete.json").unlink()
    (work / STUDY / "adapter_model.safetensors").unlink()
    (work / STUDY / "train.jsonl").unlink()
    shutil.rmtree(work / "study" / "journal" / "trained")
    shim = pathlib.Path(program).resolve().parent / "libfail_nth.so"
    environment = dict(os.environ, LD_PRELOAD=str(shim), FAULT="kill:1", FAULT_FOLDER=str(work / STUDY), FAULT_PATH="adapter/adapter_model.safetensors.tmp")
    killed = subprocess.run([str(program), *words_of(work, RUN)], env=environment, capture_output=True)
    assert killed.returncode == -9 and (work / STUDY / "checkpoint-1").is_dir(), (killed.returncode, killed.stderr[-400:])


RUN = "run @job.ini --output-dir @study --quiet"
IMPORT = "import --model @model --out @out --quiet"
SCORE = "score --gold @gold.sql --pred @pred.sql --db @spider/database --table @spider/tables.json --etype all --details --plug-value --threads 1"
PREDICT = "predict --model @model --items @items.jsonl --out @out.jsonl --max-new-tokens 2 --device cpu --threads 1 --quiet"
TRAIN = "train --model @model --train @items.jsonl --out @out --max-steps 1 --train-batch-size 1 --device cpu --threads 1 --quiet"
TOKENIZE = "tokenize --input @texts.jsonl --output @out.jsonl --quiet --tokenizer "
# Name, kind of mutations, file, words of the command, what comes before.
SUBJECTS = [
    ("safetensors", "safetensors", "model/model.safetensors", IMPORT, None),
    ("safetensors_predict", "safetensors", "model/model.safetensors", PREDICT, None),
    ("shard", "safetensors", "sharded/model-00001-of-00002.safetensors", "import --model @sharded --out @out --quiet", None),
    ("index", "json", "sharded/model.safetensors.index.json", "import --model @sharded --out @out --quiet", None),
    ("config", "json", "model/config.json", IMPORT, None),
    ("config_predict", "json", "model/config.json", PREDICT, None),
    ("generation_config", "json", "model/generation_config.json", PREDICT, None),
    ("tokenizer_json", "json", "model/tokenizer.json", TOKENIZE + "@model/tokenizer.json", None),
    ("tokenizer_config", "json", "model/tokenizer_config.json", TOKENIZE + "@model", None),
    ("sentencepiece", "bytes", "pieces.model", TOKENIZE + "@pieces.model", None),
    ("ranks", "lines", "ranks.model", TOKENIZE + "@ranks.model", None),
    ("gguf", "gguf", "tiny.gguf", "import --model @tiny.gguf --out @out --quiet", None),
    ("gguf_tokenizer", "gguf", "tiny.gguf", TOKENIZE + "@tiny.gguf", None),
    ("jinja", "jinja", "chat.jinja", "prepare spider --data @spider --output-dir @out --model @model --chat-template @chat.jinja --shots 0 --template chat", None),
    ("adapter_config", "json", "adapter/adapter_config.json", "merge --model @model --adapter @adapter --out @out --quiet", None),
    ("adapter", "safetensors", "adapter/adapter_model.safetensors", "merge --model @model --adapter @adapter --out @out --quiet", None),
    ("init_adapter", "json", "adapter/adapter_config.json", TRAIN + " --init-adapter @adapter", None),
    ("journal", "sealed", "study/journal/base/seed-1/spider/journal-*.jsonl", RUN, resumed),
    ("judged", "sealed", "study/judged/base/seed-1/spider/judged-*.jsonl", RUN, resumed),
    ("curve", "sealed", f"{STUDY}/train.jsonl", RUN, resumed),
    ("curve_retrained", "sealed", f"{STUDY}/train.jsonl", RUN, retrained),
    ("ledger", "jsonl", "study/ledger.jsonl", RUN, resumed),
    ("ledger_report", "jsonl", "study/ledger.jsonl", "report @study --output-dir @out --quiet", None),
    ("checkpoint", "safetensors", f"{STUDY}/checkpoint-1/optimizer.safetensors", RUN, retrained),
    ("manifest", "json", f"{STUDY}/checkpoint-1/manifest.json", RUN, retrained),
    ("trainer_state", "json", f"{STUDY}/checkpoint-1/trainer_state.json", RUN, retrained),
    ("train_run", "json", f"{STUDY}/train_run.json", RUN, retrained),
    ("train_complete", "json", f"{STUDY}/complete.json", RUN, resumed),
    ("study_json", "json", "study/study.json", RUN, resumed),
    ("complete", "json", "study/complete.json", RUN, None),
    ("complete_report", "json", "study/complete.json", "report @study --output-dir @out --quiet", None),
    ("hdf5", "hdf5", "loose/predictions.h5", "report @loose --output-dir @out --quiet", None),
    ("hdf5_compare", "hdf5", "loose/predictions.h5", "compare @loose --a base --b trained", None),
    ("hdf5_show", "hdf5", "loose/predictions.h5", "show @loose --id 0 --diff", None),
    ("hdf5_score", "hdf5", "loose/predictions.h5", "score --pred @loose/predictions.h5 --db @spider/database --table @spider/tables.json --threads 1", None),
    ("job", "ini", "job.ini", "run @job.ini --output-dir @out --list-cells", None),
    ("job_run", "ini", "job.ini", "run @job.ini --output-dir @out --quiet", None),
    ("config_file", "ini", "plan.ini", "plan --config @plan.ini", None),
    ("texts", "jsonl", "texts.jsonl", TOKENIZE + "@model", None),
    ("items", "jsonl", "items.jsonl", PREDICT, None),
    ("train_rows", "jsonl", "items.jsonl", TRAIN, None),
    ("letters", "jsonl", "letters.jsonl", PREDICT.replace("items.jsonl", "letters.jsonl") + " --task mmlu", None),
    ("gold_sql", "sql", "gold.sql", SCORE, None),
    ("gold_json", "json", "gold.json", SCORE.replace("gold.sql", "gold.json"), None),
    ("answers_sql", "sql", "pred.sql", SCORE, None),
    ("answers_jsonl", "jsonl", "pred.jsonl", SCORE.replace("pred.sql", "pred.jsonl"), None),
    ("answers_json", "json", "pred.json", SCORE.replace("pred.sql", "pred.json"), None),
    ("answers_csv", "csv", "pred.csv", SCORE.replace("pred.sql", "pred.csv"), None),
    ("samples", "jsonl", "samples_spider_2026-01-01T00-00-00.jsonl",
     SCORE.replace("--gold @gold.sql --pred @pred.sql", "--pred @samples_spider_2026-01-01T00-00-00.jsonl"), None),
    ("samples_compare", "jsonl", "samples_spider_2026-01-01T00-00-00.jsonl",
     "compare @samples_spider_2026-01-01T00-00-00.jsonl @samples_spider_2026-01-01T00-00-00.jsonl", None),
    ("tables", "json", "spider/tables.json", SCORE, None),
    ("tables_prepare", "json", "spider/tables.json", "prepare spider --data @spider --output-dir @out --model @model --shots 0 --template plain", None),
    ("dev", "json", "spider/dev.json", "prepare spider --data @spider --output-dir @out --model @model --shots 0 --template plain", None),
    ("database", "bytes", "spider/database/*/*.sqlite", SCORE, None),
    ("mmlu", "csv", "mmlu/test/anatomy_test.csv", "prepare mmlu --data @mmlu --output-dir @out --model @model --shots 0 --template plain", None),
]


def size_of(file):
    """Asked before the program runs: what it takes for damaged it may make anew."""
    return file.stat().st_size if file.is_file() else 0


class Trials:
    def __init__(self, options, work, replacements=()):
        self.replacements = replacements
        self.o, self.work, self.base = options, work, work / "base"
        self.base.mkdir()
        make_files(options.program, options.data, self.base)
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(("SLURM_", "PMI"))}
        self.outcomes, self.whole = {}, set()

    def fresh(self, subject):
        """A copy of all files, as the subject wants them, and the one to be changed."""
        _, _, pattern, _, before = subject
        trial = self.work / "trial"
        shutil.rmtree(trial, ignore_errors=True)
        shutil.copytree(self.base, trial)
        (trial / "job.ini").write_text(JOB.format(work=trial))
        if before:
            before(trial, self.o.program)
        return trial, next(trial.glob(pattern))

    def run(self, trial, words):
        """(exit code, what it said, seconds of CPU, seconds, bytes) of the program and its children."""
        start = time.monotonic()
        with open(self.work / "said", "w+b") as said:
            process = subprocess.Popen([self.o.program, *words_of(trial, words)], cwd=trial, env=self.environment, stdin=subprocess.DEVNULL,
                                       stdout=said, stderr=subprocess.STDOUT, start_new_session=True)
            timer = threading.Timer(WALL_S, lambda: os.killpg(process.pid, 9))
            timer.start()
            _, status, usage = os.wait4(process.pid, 0)
            timer.cancel()
            process.returncode = os.waitstatus_to_exitcode(status)
            said.seek(0)
            text = said.read(1 << 20).decode("utf-8", "replace")
        return process.returncode, text, usage.ru_utime + usage.ru_stime, time.monotonic() - start, usage.ru_maxrss * 1024

    def check_whole(self, subject):
        if subject[3:] in self.whole:
            return
        self.whole.add(subject[3:])
        trial, _ = self.fresh(subject)
        code, said, *_ = self.run(trial, subject[3])
        assert code == 0, f"{subject[0]}: the unchanged file is refused: {said}"

    def faults(self, file, size, result):
        code, said, cpu, wall, peak = result
        if code < 0 or code > 128:
            yield f"ended by signal or status {code}"
        if wall >= WALL_S:
            yield f"did not end in {WALL_S} s"
        elif cpu > CPU_S * self.o.bounds:
            yield f"computed for {cpu:.1f} s"
        if peak > 2 * size + MEMORY * self.o.bounds:
            yield f"needed {peak >> 20} MB"
        if code != 0 and not (str(self.work / "trial") in said or file.name in said):
            yield "the message names no file"
        if FROM_INSIDE.search(said):
            yield "the message is from inside"

    def one(self, subject, number):
        name, kind = subject[:2]
        rng = random.Random(f"{self.o.seed} {name} {number}")
        trial, file = self.fresh(subject)
        data = file.read_bytes()
        if number < len(self.replacements):
            replace = self.replacements[number]
            what = replace.__name__
            if replace not in mutations.HOLES:
                file.unlink()
            replace(file)
        else:
            what, changed = mutations.mutate(kind, data, rng)
            file.write_bytes(changed)
        size = size_of(file)
        result = self.run(trial, subject[3])
        self.outcomes[name] = self.outcomes.get(name, 0) + (result[0] != 0)
        faults = list(self.faults(file, size, result))
        if faults:
            print(f"{name} {number}: {what}: {'; '.join(faults)}\n    {' | '.join(result[1].splitlines()[-4:])[:600]}", flush=True)
            self.keep(name, number, file)
        return faults, result[2]

    def keep(self, name, number, file):
        if not self.o.keep or not file.is_file():
            return
        self.o.keep.mkdir(parents=True, exist_ok=True)
        if file.stat().st_size < 1 << 24:
            shutil.copy(file, self.o.keep / f"{name}-{number}-{file.name}")


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bounds", type=float, default=1, help="times the bounds: sanitizers take time and memory of their own")
    parser.add_argument("program", type=os.path.abspath)
    parser.add_argument("data", type=lambda path: pathlib.Path(path).resolve())
    parser.add_argument("--only", default="", help="names that begin so, with commas")
    return parser


def main():
    parser = arguments()
    parser.add_argument("--each", type=int, default=2, help="changed files of each kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--replace", action="store_true", help="the first of each kind are FIFOs, devices, folders, ...")
    parser.add_argument("--holes", action="store_true", help="the first three of each kind have 2 GiB that were never written")
    parser.add_argument("--keep", type=pathlib.Path, help="a folder for the files that a fault was found with")
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    work = pathlib.Path(tempfile.mkdtemp(prefix="tradeoff-mutator-"))
    found, count, slowest = 0, 0, 0.0
    try:
        trials = Trials(options, work, mutations.HOLES if options.holes else mutations.REPLACEMENTS if options.replace else ())
        for subject in SUBJECTS:
            if options.only and not subject[0].startswith(tuple(options.only.split(","))):
                continue
            trials.check_whole(subject)
            for number in range(options.each):
                faults, cpu = trials.one(subject, number)
                found, count, slowest = found + bool(faults), count + 1, max(slowest, cpu)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    refused = sum(trials.outcomes.values())
    print(f"{count} changed files of {len(trials.outcomes)} kinds: {refused} refused, {count - refused} read; the slowest {slowest:.1f} s; {found} findings")
    assert options.only or refused > count / 10, "hardly a change was noticed: are they made at all?"
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
