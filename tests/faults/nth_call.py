"""A tiny study in which the nth call on a file of its folder goes wrong, for n = 1, 2, ...: it ends with a message or with
the right result, and the next start completes it without a hand's help, the ledger included.

usage: nth_call.py PROGRAM SHIM MODEL DATA [--every K] [--seed S] [--faults eio,kill] [--jobs J]
"""

import argparse
import collections
import concurrent.futures
import functools
import os
import pathlib
import random
import shutil
import tempfile
import time

from tiny_study import Study

FAULTS = ("eio", "enospc", "eintr", "short", "torn", "kill")


def fault_at(study, want, fault):
    """The study with one fault, then without: what the first start did."""
    folder = study.work / f"faulty-{os.getpid()}"
    done = study.run(folder, fault)
    kind = fault.split(":")[0]
    if done.returncode == 0:
        told = "right"
        assert study.outcome(folder) == want, f"{fault}: exit code 0, and another result"
    elif done.returncode < 0 or done.returncode == 137:
        told = "killed"
        assert kind in ("kill", "torn"), f"{fault}: it died by signal {-done.returncode}: {done.stderr}"
    else:
        told = "loud"
        assert str(folder) in done.stderr, f"{fault}: the message names no file: {done.stderr}"
    again = study.run(folder)
    assert again.returncode == 0, f"{fault}: the next start fails too: {again.stderr}\nfirst: {done.stderr}"
    assert study.outcome(folder) == want, f"{fault}: the next start has another result"
    left = [str(path) for path in folder.rglob("*.tmp-*")]
    assert not left, f"{fault}: left behind: {left}"
    shutil.rmtree(folder)
    return told


def finding(study, want, fault):
    """The same, where many are tried and each is to be told."""
    try:
        return fault_at(study, want, fault), None
    except AssertionError as error:
        shutil.rmtree(study.work / f"faulty-{os.getpid()}", ignore_errors=True)
        return "FOUND", str(error)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("shim", type=pathlib.Path)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--every", type=int, default=1, help="one of so many calls, drawn")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--faults", default=",".join(FAULTS))
    parser.add_argument("--jobs", type=int, default=1, help="so many studies at a time")
    options = parser.parse_args()
    work = pathlib.Path(tempfile.mkdtemp(prefix="tradeoff-nth-"))
    rng = random.Random(options.seed)
    begin = time.monotonic()
    try:
        study = Study(options.program, options.shim, options.model, options.data, work)
        whole = study.run(work / "whole", count=work / "count")
        assert whole.returncode == 0, whole.stderr
        want, calls = study.outcome(work / "whole"), int((work / "count").read_text())
        assert calls > 100, f"only {calls} calls were seen: the shim does not reach them"
        kinds, faults = options.faults.split(","), []
        for first in range(1, calls + 1, options.every):
            n = min(calls, first + rng.randrange(options.every))
            faults += [f"{kind}:{n}" for kind in (kinds if options.every == 1 else [rng.choice(kinds)])]
        with concurrent.futures.ProcessPoolExecutor(options.jobs) as pool:
            results = list(pool.map(functools.partial(finding, study, want), faults))
        for _, found in results:
            if found:
                print(found)
        told = dict(collections.Counter(told for told, _ in results))
        print(f"{calls} calls; {len(faults)} faults: {told}; {time.monotonic() - begin:.0f} s")
        assert "FOUND" not in told
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
