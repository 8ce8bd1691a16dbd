"""A tiny study of which one rank is lost in some way: all ranks end within the limit, and the message names the lost one;
of one that is only slow, the study completes.

usage: lost_ranks.py PROGRAM SHIM MODEL DATA [--trials N] [--seed S] [--jobs J] [--default-limits]

killed     -9, while training or predicting
stopped    SIGSTOP, while training or predicting
silent     stopped before MPI starts
slow       its main thread stands in one call for longer than the limit of silence
early      ends with exit code 0 before MPI starts
foreign    belongs to another user (only where this one may start such)
"""

import argparse
import concurrent.futures
import itertools
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import tempfile
import time

from small_llama import small_llama
from tiny_study import MPIRUN, Study, ranks_of, seconds_until_gone, state, wait_until

STAGES = {"training": ("/adapter/", 20), "predicting": ("/journal/", 4)}
SHORT = {"TRADEOFF_SILENCE_S": "5", "TRADEOFF_START_S": "12"}
NOBODY = 65534


class Trials:
    def __init__(self, study, seed, limits):
        self.study, self.rng, self.limits = study, random.Random(seed), limits
        self.silence_s, self.start_s = (float(limits.get(key, default)) for key, default in
                                        (("TRADEOFF_SILENCE_S", 40), ("TRADEOFF_START_S", 45)))
        # Beside the limit: the next ranks wait a second more each, and mpirun takes some.
        self.most_s = 60 if not limits else max(self.silence_s, self.start_s) + 15
        self.worst = {}
        self.folder = study.work / "lost"

    def check(self, kind, process, pids, says, begin):
        seconds = seconds_until_gone(process, pids, self.most_s + 30)
        output = self.study.output(process)
        assert seconds is not None, f"{kind}: not all ranks had ended\n{output}"
        taken = time.monotonic() - begin
        assert process.returncode not in (0, 85), f"{kind}: exit code {process.returncode}\n{output}"
        assert taken < self.most_s, f"{kind}: it took {taken:.1f} s\n{output}"
        assert re.search(says, output), f"{kind}: \"{says}\" is not in\n{output}"
        self.worst[kind] = max(self.worst.get(kind, 0), taken)

    def lose(self, kind, number):
        """`number`: the signal that a rank gets at its moment."""
        stage = self.rng.choice(tuple(STAGES))
        ranks = self.rng.choice((2, 3))
        path, calls = STAGES[stage]
        # Rank 0 alone writes while training, and every rank its journal.
        at = 0 if stage == "training" else self.rng.randrange(ranks)
        process = self.study.start(self.folder, ranks, self.study.fault(self.folder, f"pause:{self.rng.randint(1, calls)}", path, at),
                                   environment=self.limits)
        wait_until(lambda: process.poll() is not None or any(state(pid) == "T" for pid in ranks_of(process).values()), 60)
        pids = ranks_of(process)
        assert process.poll() is None and len(pids) == ranks, f"{kind}: ended before its moment\n{self.study.output(process)}"
        lost = self.rng.randrange(ranks)
        begin = time.monotonic()
        if lost != at:
            os.kill(pids[at], signal.SIGCONT)
        os.kill(pids[lost], number)
        says = rf"rank {lost}/{ranks} has been silent for \d+ s" if kind == "stopped" else rf"process rank {lost} .*exited on signal 9"
        self.check(kind, process, list(pids.values()), says, begin)

    def killed(self):
        self.lose("killed", signal.SIGKILL)

    def stopped(self):
        self.lose("stopped", signal.SIGSTOP)

    def never_joins(self, kind, lost):
        """`lost`: what stands for rank 1."""
        words = ["mpirun", *MPIRUN]
        for rank in range(3):
            program = lost if rank == 1 else self.study.words(self.folder)
            words += ([":"] if rank else []) + ["-np", "1", *program]
        log = (self.study.work / "output").open("w+b")
        begin = time.monotonic()
        process = subprocess.Popen(words, env=self.study.environment | self.limits, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        process.log = log
        wait_until(lambda: len(ranks_of(process)) >= 2, 10)
        self.check(kind, process, list(ranks_of(process).values()), r"have not all started after \d+ s: rank 1 has not joined", begin)

    def silent(self):
        self.never_joins("silent", ["sh", "-c", "kill -STOP $$"])

    def early(self):
        self.never_joins("early", ["true"])

    def foreign(self):
        if os.geteuid() != 0:
            print("foreign: not tried, since only root may start another user's process")
            return
        words = ["setpriv", f"--reuid={NOBODY}", "--clear-groups", *self.study.words(self.folder)]
        process_words = ["mpirun", *MPIRUN, "-np", "1", *self.study.words(self.folder), ":", "-np", "1", *words]
        log = (self.study.work / "output").open("w+b")
        begin = time.monotonic()
        process = subprocess.Popen(process_words, env=self.study.environment | self.limits, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        process.log = log
        wait_until(lambda: len(ranks_of(process)) >= 2, 10)
        self.check("foreign", process, list(ranks_of(process).values()), rf"is user {NOBODY}'s, but .* of its mpirun is another user's", begin)

    def slow(self):
        """A rank's main thread stands still; its others give the signs of life."""
        stage = self.rng.choice(tuple(STAGES))
        ranks = self.rng.choice((2, 3))
        path, _ = STAGES[stage]
        seconds = int(2 * self.silence_s) + 2
        begin = time.monotonic()
        process = self.study.start(self.folder, ranks, self.study.fault(self.folder, "sleep:2", path, 0, seconds), environment=self.limits)
        assert process.wait(seconds + 120) == 0, f"slow: exit code {process.returncode}\n{self.study.output(process)}"
        taken = time.monotonic() - begin
        assert taken > seconds, f"slow: it slept for {seconds} s, but took {taken:.1f} s"
        self.worst["slow"] = max(self.worst.get("slow", 0), taken)

    def run(self, numbers):
        """The trials of these numbers: each kind in its turn."""
        kinds = [self.killed, self.stopped, self.silent, self.slow, self.early, self.foreign]
        for trial in numbers:
            shutil.rmtree(self.folder, ignore_errors=True)
            kinds[trial % len(kinds)]()


def worst_of(options, job):
    """Every `options.jobs`-th trial, from `job` on: the longest of each kind."""
    work = pathlib.Path(tempfile.mkdtemp(prefix="tradeoff-lost-"))
    os.chmod(work, 0o755)
    try:
        model = small_llama(work / "model", options.model)
        study = Study(options.program, options.shim, model, options.data, work)
        trials = Trials(study, options.seed + job, {} if options.default_limits else SHORT)
        trials.run(range(job, options.trials, options.jobs))
        return trials.worst
    finally:
        shutil.rmtree(work, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser()
    for name in ("program", "shim", "model", "data"):
        parser.add_argument(name, type=pathlib.Path)
    parser.add_argument("--trials", type=int, default=6)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1, help="so many studies at a time, of the seeds from --seed on")
    parser.add_argument("--default-limits", action="store_true", help="those of the program: a trial takes up to a minute")
    options = parser.parse_args()
    begin, worst = time.monotonic(), {}
    with concurrent.futures.ProcessPoolExecutor(options.jobs) as pool:
        for found in pool.map(worst_of, itertools.repeat(options), range(options.jobs)):
            worst = {kind: max(worst.get(kind, 0), found.get(kind, 0)) for kind in worst | found}
    longest = ", ".join(f"{kind} {seconds:.1f} s" for kind, seconds in sorted(worst.items()))
    limits = "the program's" if options.default_limits else " and ".join(f"{SHORT[key]} s" for key in SHORT)
    print(f"{options.trials} trials, seeds from {options.seed}, limits {limits}, 0 hangs; longest: {longest}; "
          f"{time.monotonic() - begin:.0f} s")


if __name__ == "__main__":
    main()
