"""A tiny study that is killed (-9) at drawn moments and started again on 1, 2 or 3 ranks ends as the uninterrupted one
does: predictions.h5, report.json and the ledger's cells. A moment is the nth call on a file of a stage (training,
predicting, gathering, reporting), at which a rank stands still while the victim is killed: a rank, rank 0, mpirun, or all.

usage: kill_loops.py PROGRAM SHIM MODEL DATA [--kills K] [--seed S]
"""

import argparse
import os
import pathlib
import random
import shutil
import signal
import tempfile
import time

from tiny_study import Study, ranks_of, seconds_until_gone, state, wait_until

# Words of the paths that each stage writes, and how many calls it makes about; what is drawn beyond the last one ends well.
STAGES = {"training": ("/adapter/", 60), "predicting": ("/journal/", 12), "gathering": ("predictions.h5|ledger.jsonl", 12),
          "reporting": ("/export/|report.|complete.json", 30)}
VICTIMS = ("rank", "rank 0", "mpirun", "all")
GONE_S = 60


def chains(rng):
    """Kinds of moment without end, each stage's before the next one's: what is done is not done again."""
    while True:
        chain = [(stage, victim) for stage in STAGES for victim in rng.sample(VICTIMS, 2)]
        yield chain


class Loop:
    def __init__(self, study, seed):
        self.study, self.rng, self.folder = study, random.Random(seed), study.work / "killed"
        self.kills, self.starts, self.worst_s, self.seen = 0, 0, 0.0, set()
        self.want = None

    def whole(self):
        process = self.study.start(self.study.work / "whole", 1)
        assert process.wait(120) == 0, self.study.output(process)
        self.want = self.study.outcome(self.study.work / "whole")

    def kill_at(self, stage, victim):
        """One start; True where it was killed, False where it ended before its moment."""
        path, calls = STAGES[stage]
        ranks = self.rng.choice((1, 2, 3) if victim in ("rank 0", "all") else (2, 3))
        paused = self.rng.randrange(ranks) if stage == "predicting" else 0
        what = f"{stage}, {victim} of {ranks}, call {(n := self.rng.randint(1, calls))} of rank {paused}"
        process = self.study.start(self.folder, ranks, self.study.fault(self.folder, f"pause:{n}", path, paused))
        self.starts += 1

        def stands():
            return process.poll() is not None or any(state(pid) == "T" for pid in ranks_of(process).values())
        assert wait_until(stands, 120), f"{what}: neither ended nor at its moment\n{self.study.output(process)}"
        pids = ranks_of(process)
        if process.poll() is not None:
            assert process.returncode == 0, f"{what}: ended with {process.returncode}\n{self.study.output(process)}"
            return False
        others = [rank for rank in pids if rank > 0] or [0]
        chosen = {"rank": [pids[self.rng.choice(others)]], "rank 0": [pids[0]], "mpirun": [process.pid],
                  "all": [process.pid, *pids.values()]}[victim]
        for pid in chosen:
            os.kill(pid, signal.SIGKILL)
        for pid in pids.values():
            try:
                os.kill(pid, signal.SIGCONT)
            except ProcessLookupError:
                pass
        seconds = seconds_until_gone(process, list(pids.values()), GONE_S)
        assert seconds is not None, f"{what}: not all gone after {GONE_S} s\n{self.study.output(process)}"
        self.worst_s = max(self.worst_s, seconds)
        self.kills += 1
        self.seen.add((stage, victim))
        return True

    def complete(self, kills):
        """Started again until it is complete, and compared."""
        ranks = self.rng.choice((1, 2, 3))
        process = self.study.start(self.folder, ranks)
        self.starts += 1
        assert process.wait(120) == 0, f"the start after {kills} kills: {self.study.output(process)}"
        for name, got, want in zip(("predictions.h5", "report.json", "ledger"), self.study.outcome(self.folder), self.want):
            assert got == want, f"after {kills} kills {name} differs:\n{got}\n{want}"
        for leftover in ("*.tmp-*", "checkpoint-*"):
            left = [str(path) for path in self.folder.rglob(leftover)]
            assert not left, f"left behind: {left}"

    def run(self, kills):
        for chain in chains(self.rng):
            shutil.rmtree(self.folder, ignore_errors=True)
            before = self.kills
            for stage, victim in chain:
                if self.kills < kills and not self.kill_at(stage, victim) and stage == "reporting":
                    break
            self.complete(self.kills - before)
            if self.kills >= kills:
                return


def main():
    parser = argparse.ArgumentParser()
    for name in ("program", "shim", "model", "data"):
        parser.add_argument(name, type=pathlib.Path)
    parser.add_argument("--kills", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    work = pathlib.Path(tempfile.mkdtemp(prefix="tradeoff-kills-"))
    begin = time.monotonic()
    try:
        loop = Loop(Study(options.program, options.shim, options.model, options.data, work), options.seed)
        loop.whole()
        loop.run(options.kills)
        kinds = len(STAGES) * len(VICTIMS)
        print(f"{loop.kills} kills in {loop.starts} starts, {len(loop.seen)} of {kinds} kinds of moment, seed {options.seed}: predictions, "
              f"report and ledger equal; all gone within {loop.worst_s:.1f} s; {time.monotonic() - begin:.0f} s")
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
