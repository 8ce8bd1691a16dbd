"""A study of seconds, run with the shim of fail_nth.cpp in its processes, by itself or on ranks of mpirun."""

import hashlib
import json
import os
import pathlib
import signal
import subprocess
import time

# Gradients are summed along a tree, so that any number of ranks gives the same bytes.
JOB = """[study]
name = tiny
seeds = 1
[model]
model = {model}
[spider]
data = {data}/spider
questions = {questions}
shots = 0
[mmlu]
data = {data}/mmlu
questions = 3
shots = 0
groups = stem, humanities, social_sciences
[arm.base]
max_new_tokens = 4
chunk_size = {chunk}
[arm.trained]
max_steps = {steps}
save_steps = 1
deterministic = true
max_new_tokens = 4
chunk_size = {chunk}
train_batch_size = {batch}
lora_r = 2
spider.shots = 0
"""
CHUNK, BATCH = 2, 2
MPIRUN = ["--oversubscribe", "--bind-to", "none"]
CELL = ("arm", "task", "seed", "questions", "prompt_tokens", "new_tokens")


class Study:
    def __init__(self, program, shim, model, data, work, questions=4, steps=3, quiet=True):
        self.quiet = ["--quiet"] if quiet else []
        self.program, self.shim, self.work, self.job = program, shim, work, work / "job.ini"
        # A relative path in a job is from the job's folder.
        self.job.write_text(JOB.format(model=model, data=pathlib.Path(data).resolve(), questions=questions, steps=steps,
                                       chunk=CHUNK, batch=BATCH))
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(("SLURM_", "PMI"))}
        self.environment |= {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
                             "OMPI_MCA_btl_vader_single_copy_mechanism": "none"}

    def words(self, folder, *more):
        return [self.program, "run", self.job, "--output-dir", folder, "--device=cpu", "--dtype=float32", "--threads=1", *self.quiet, *more]

    def fault(self, folder, what, path=None, rank=None, seconds=None, count=None):
        """The shim's environment."""
        given = {"LD_PRELOAD": self.shim, "FAULT_FOLDER": folder, "FAULT": what, "FAULT_PATH": path, "FAULT_RANK": rank,
                 "FAULT_SECONDS": seconds, "FAULT_COUNT": count}
        return {key: str(value) for key, value in given.items() if value is not None}

    def run(self, folder, fault="none:0", count=None):
        environment = self.environment | self.fault(folder, fault, count=count)
        return subprocess.run(self.words(folder), env=environment, capture_output=True, text=True, timeout=60)

    def start(self, folder, ranks, fault=None, more=(), environment=None):
        """On `ranks` ranks of mpirun, or alone; the shim is in the ranks. Its output goes to a file, which no pipe can stop."""
        fault, environment = fault or {}, self.environment | (environment or {})
        if ranks == 1:
            words, environment = self.words(folder, *more), environment | fault
        else:
            given = [word for key, value in fault.items() for word in ("-x", f"{key}={value}")]
            words = ["mpirun", "-np", str(ranks), *MPIRUN, *given, *self.words(folder, *more)]
        log = (self.work / "output").open("w+b")
        process = subprocess.Popen(words, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
        process.log = log
        return process

    def output(self, process):
        process.log.seek(0)
        return process.log.read().decode(errors="replace")

    def outcome(self, folder):
        """What must be equal: the predictions' bytes, the report without times, the ledger's cells."""
        digest = hashlib.sha256((folder / "predictions.h5").read_bytes()).hexdigest()
        report = json.loads((folder / "report.json").read_text())
        report["cost"] = {arm: cost["tokens"] for arm, cost in report["cost"].items()}
        report["headline"] = [line for line in report["headline"] if not line.startswith("It cost")]
        ledger = sorted(tuple(row[key] for key in CELL) for row in map(json.loads, (folder / "ledger.jsonl").open()))
        return digest, json.dumps(report, sort_keys=True), ledger

    def redone(self, folder):
        """Samples and questions that were done more than once, over all starts."""
        return sum(json.loads(line)["redone"] for line in (folder / "ledger.jsonl").open())


def children(pid):
    try:
        return [int(word) for word in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def state(pid):
    """The letter of the kernel: T is stopped; Z or none is gone."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return "Z"


def rank_of(pid):
    try:
        variables = pathlib.Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return None
    found = [value.split(b"=")[1] for value in variables if value.startswith(b"OMPI_COMM_WORLD_RANK=")]
    return int(found[0]) if found else None


def ranks_of(process):
    """Process ids by rank; a process that no launcher started is rank 0."""
    if rank_of(process.pid) is None and pathlib.Path(f"/proc/{process.pid}/comm").exists():
        found = {rank_of(pid): pid for pid in children(process.pid)}
        found.pop(None, None)
        return found or {0: process.pid}
    return {0: process.pid}


def wait_until(condition, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.01)
    return False


def seconds_until_gone(process, pids, limit):
    """How long it takes until all are gone; they are killed where they are not within the limit."""
    begin = time.monotonic()
    gone = wait_until(lambda: process.poll() is not None and all(state(pid) == "Z" for pid in pids), limit)
    for pid in [process.pid, *pids] if not gone else []:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    process.wait()
    return time.monotonic() - begin if gone else None
