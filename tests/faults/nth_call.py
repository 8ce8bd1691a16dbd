"""A tiny study in which the nth call on a file of its folder goes wrong, for n = 1, 2, ...: it ends with a message or with
the right result, and the next start completes it without a hand's help, the ledger included.

usage: nth_call.py PROGRAM SHIM DATA [--every K] [--seed S] [--faults eio,kill] [--jobs J] [--from N] [--seconds S]
"""

import argparse
import collections
import concurrent.futures
import os
import pathlib
import random
import shutil
import sys
import tempfile
import time

from fork_server import ForkServer
from small_data import small_mmlu, small_spider
from tiny_files import write_model
from tiny_study import Study

FAULTS = ("eio", "enospc", "eintr", "short", "torn", "kill")
SUBJECTS = ("anatomy", "philosophy", "econometrics")


class Faults:
    """Tried by one process of many."""

    def __init__(self, study, want, until):
        self.study, self.want, self.until = study, want, until
        self.server, self.folder = ForkServer(study), study.work / f"faulty-{os.getpid()}"

    def told_of(self, fault):
        """The study with one fault, then without: what the first start did."""
        done = self.server.run(self.folder, fault)
        kind = fault.split(":")[0]
        if done.returncode == 0:
            told = "right"
            assert self.study.outcome(self.folder) == self.want, "exit code 0, and another result"
        elif done.returncode < 0 or done.returncode == 137:
            told = "killed"
            assert kind in ("kill", "torn"), f"it died by signal {-done.returncode}: {done.stderr}"
        else:
            told = "loud"
            assert str(self.folder) in done.stderr, f"the message names no file: {done.stderr}"
        again = self.server.run(self.folder)
        assert again.returncode == 0, f"the next start fails too: {again.stderr}\nfirst: {done.stderr}"
        assert self.study.outcome(self.folder) == self.want, "the next start has another result"
        left = [str(path) for path in self.folder.rglob("*.tmp-*")]
        assert not left, f"left behind: {left}"
        return told

    def tried(self, fault):
        """Past `until` (of time.monotonic) none is tried; what is found does not end the others."""
        if time.monotonic() > self.until:
            return "not tried", None
        try:
            return self.told_of(fault), None
        except Exception as error:
            return "FOUND", f"{fault}: {type(error).__name__}: {error}"
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)


def begin_process(*given):
    global faults
    faults = Faults(*given)


def try_one(fault):
    return faults.tried(fault)


def faults_of(calls, options):
    """(call, fault) in the order in which they are tried."""
    rng, kinds = random.Random(options.seed), options.faults.split(",")
    for first in range(options.first, calls + 1, options.every):
        n = min(calls, first + rng.randrange(options.every))
        for kind in kinds if options.every == 1 else [rng.choice(kinds)]:
            yield n, f"{kind}:{n}"


def main():
    parser = argparse.ArgumentParser()
    for name in ("program", "shim", "data"):
        parser.add_argument(name, type=pathlib.Path)
    parser.add_argument("--every", type=int, default=1, help="one of so many calls, drawn")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--faults", default=",".join(FAULTS))
    parser.add_argument("--jobs", type=int, default=1, help="so many studies at a time")
    parser.add_argument("--from", dest="first", type=int, default=1, help="the calls from this one on")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="so long at most; then it tells where to go on")
    options = parser.parse_args()
    work = pathlib.Path(tempfile.mkdtemp(prefix="tradeoff-nth-"))
    begin = time.monotonic()
    try:
        small_spider(options.data / "spider", work / "data" / "spider", 4)
        small_mmlu(options.data / "mmlu", work / "data" / "mmlu", SUBJECTS)
        study = Study(options.program, options.shim, write_model(options.program, work), work / "data", work)
        whole = study.run(work / "whole")
        assert whole.returncode == 0, whole.stderr
        want = study.outcome(work / "whole")
        forked = ForkServer(study).run(work / "forked", count=work / "count")
        assert forked.returncode == 0 and study.outcome(work / "forked") == want, forked.stderr
        calls = int((work / "count").read_text())
        assert calls > 100, f"only {calls} calls were seen: the shim does not reach them"
        faults, told, go_on = list(faults_of(calls, options)), collections.Counter(), None
        with concurrent.futures.ProcessPoolExecutor(options.jobs, initializer=begin_process,
                                                    initargs=(study, want, begin + options.seconds)) as pool:
            for (n, _), (how, found) in zip(faults, pool.map(try_one, [fault for _, fault in faults])):
                told[how] += 1
                if found:
                    print(found, flush=True)
                if how == "not tried":
                    go_on = go_on or n
                elif told.total() % 200 == 0:
                    print(f"{told.total()} of {len(faults)}, as far as call {n}: {dict(told)}", flush=True)
        print(f"{calls} calls; {len(faults)} faults from call {options.first} on: {dict(told)}; {time.monotonic() - begin:.0f} s")
        if go_on:
            sys.exit(f"the time was up: go on with --from {go_on}")
        assert "FOUND" not in told
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
