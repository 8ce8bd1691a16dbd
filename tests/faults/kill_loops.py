"""A tiny study that is killed (-9) at drawn moments and started again on 1, 2 or 3 ranks ends as the uninterrupted one
does: predictions.h5, report.json and the ledger's cells; of what was done, at most a step or a chunk a kill is done again.
A moment is the nth call on a file of a stage (training, predicting, gathering, reporting): the victim (a rank, rank 0,
mpirun, or all) is killed at that call, or a drawn while after it.

usage: kill_loops.py PROGRAM SHIM MODEL DATA [--kills K] [--seed S] [--jobs J]
"""

import argparse
import concurrent.futures
import itertools
import os
import pathlib
import random
import shutil
import signal
import tempfile
import time

from small_llama import small_llama
from tiny_study import BATCH, CHUNK, Study, ranks_of, seconds_until_gone, state, wait_until

# Words of the paths that each stage writes, and how many calls it makes about; what is drawn beyond the last one ends well.
STAGES = {"training": ("study.json|/adapter/", 66), "predicting": ("/journal/", 12), "gathering": ("predictions.h5|ledger.jsonl", 12),
          "reporting": ("/export/|report.|complete.json", 30)}
VICTIMS = ("rank", "rank 0", "mpirun", "all")
WHEN = {"at the call": 0.0, "after it": 0.05}  # seconds at most
KINDS = len(STAGES) * len(VICTIMS) * len(WHEN)
GONE_S = 60
RANKS = (1, 2, 3)


def chains(rng):
    """Kinds of moment without end, each stage's before the next one's: what is done is not done again. Every kind has its turn."""
    turns = {}
    for stage in STAGES:
        kinds = list(itertools.product(VICTIMS, WHEN))
        rng.shuffle(kinds)
        turns[stage] = itertools.cycle(kinds)
    while True:
        yield [(stage, *next(turns[stage])) for stage in STAGES for _ in range(2)]


def kill(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


class Loop:
    def __init__(self, study, seed):
        self.study, self.rng, self.folder = study, random.Random(seed), study.work / "killed"
        self.kills, self.starts, self.worst_s, self.redone, self.seen = 0, 0, 0.0, 0, set()
        self.want = None

    def whole(self):
        process = self.study.start(self.study.work / "whole", 1)
        assert process.wait(120) == 0, self.study.output(process)
        self.want = self.study.outcome(self.study.work / "whole")

    def kill_at(self, stage, victim, when):
        """One start; True where it was killed, False where it ended before its moment."""
        path, calls = STAGES[stage]
        ranks = self.rng.choice(RANKS if victim in ("rank 0", "all") else RANKS[1:])
        paused = self.rng.randrange(ranks) if stage == "predicting" else 0
        wait_s = self.rng.uniform(0, WHEN[when])
        what = f"{stage}, {victim} of {ranks}, {wait_s * 1000:.0f} ms after call {(n := self.rng.randint(1, calls))} of rank {paused}"
        process = self.study.start(self.folder, ranks, self.study.fault(self.folder, f"pause:{n}", path, paused))
        self.starts += 1

        def stands():
            return process.poll() is not None or any(state(pid) == "T" for pid in ranks_of(process).values())
        assert wait_until(stands, 120), f"{what}: neither ended nor at its moment\n{self.study.output(process)}"
        pids = ranks_of(process)
        if wait_s and process.poll() is None:
            for pid in pids.values():
                kill(pid, signal.SIGCONT)
            time.sleep(wait_s)
        if process.poll() is not None:
            assert process.returncode == 0, f"{what}: ended with {process.returncode}\n{self.study.output(process)}"
            return False
        others = [rank for rank in pids if rank > 0] or [0]
        chosen = {"rank": [pids[self.rng.choice(others)]], "rank 0": [pids[0]], "mpirun": [process.pid],
                  "all": [process.pid, *pids.values()]}[victim]
        for pid in chosen:
            kill(pid, signal.SIGKILL)
        for pid in pids.values():
            kill(pid, signal.SIGCONT)
        seconds = seconds_until_gone(process, list(pids.values()), GONE_S)
        assert seconds is not None, f"{what}: not all gone after {GONE_S} s\n{self.study.output(process)}"
        if process.returncode == 0:
            return False  # it ended just before
        self.worst_s = max(self.worst_s, seconds)
        self.kills += 1
        self.seen.add((stage, victim, when))
        return True

    def complete(self, kills):
        """Started again until it is complete, and compared."""
        ranks = self.rng.choice(RANKS)
        process = self.study.start(self.folder, ranks)
        self.starts += 1
        assert process.wait(120) == 0, f"the start after {kills} kills: {self.study.output(process)}"
        for name, got, want in zip(("predictions.h5", "report.json", "ledger"), self.study.outcome(self.folder), self.want):
            assert got == want, f"after {kills} kills {name} differs:\n{got}\n{want}"
        redone, most = self.study.redone(self.folder), kills * max(BATCH, CHUNK * max(RANKS))
        assert redone <= most, f"after {kills} kills {redone} samples and questions were done again, expected {most} at most"
        self.redone += redone
        for leftover in ("*.tmp-*", "checkpoint-*"):
            left = [str(path) for path in self.folder.rglob(leftover)]
            assert not left, f"left behind: {left}"

    def run(self, kills):
        for chain in chains(self.rng):
            shutil.rmtree(self.folder, ignore_errors=True)
            before = self.kills
            for stage, victim, when in chain:
                if self.kills < kills and not self.kill_at(stage, victim, when) and stage == "reporting":
                    break
            self.complete(self.kills - before)
            if self.kills >= kills:
                return


def loop_of(options, seed, kills):
    work = pathlib.Path(tempfile.mkdtemp(prefix="tradeoff-kills-"))
    try:
        model = small_llama(work / "model", options.model)
        loop = Loop(Study(options.program, options.shim, model, options.data, work), seed)
        loop.whole()
        loop.run(kills)
        return loop.kills, loop.starts, loop.worst_s, loop.redone, loop.seen
    finally:
        shutil.rmtree(work, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser()
    for name in ("program", "shim", "model", "data"):
        parser.add_argument(name, type=pathlib.Path)
    parser.add_argument("--kills", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1, help="so many studies at a time, of the seeds from --seed on")
    options = parser.parse_args()
    begin = time.monotonic()
    each = -(-options.kills // options.jobs)
    with concurrent.futures.ProcessPoolExecutor(options.jobs) as pool:
        done = list(pool.map(loop_of, itertools.repeat(options), range(options.seed, options.seed + options.jobs), itertools.repeat(each)))
    kills, starts, worst, redone, seen = zip(*done)
    print(f"{sum(kills)} kills in {sum(starts)} starts, {len(set().union(*seen))} of {KINDS} kinds of moment, seeds from {options.seed}: "
          f"predictions, report and ledger equal; {sum(redone)} samples and questions done again; all gone within {max(worst):.1f} s; "
          f"{time.monotonic() - begin:.0f} s")


if __name__ == "__main__":
    main()
