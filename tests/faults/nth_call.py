"""A tiny study in which the nth call on a file of its folder goes wrong, for n = 1, 2, ...: it ends with a message or with
the right result, and the next start completes it without a hand's help, the ledger included.

usage: nth_call.py PROGRAM SHIM MODEL DATA [--every K] [--seed S] [--faults eio,kill]
"""

import argparse
import pathlib
import random
import shutil
import tempfile

from tiny_study import Study

FAULTS = ("eio", "enospc", "short", "torn", "kill")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("shim", type=pathlib.Path)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--every", type=int, default=1, help="one of so many calls, drawn")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--faults", default=",".join(FAULTS))
    options = parser.parse_args()
    work = pathlib.Path(tempfile.mkdtemp(prefix="tradeoff-nth-"))
    rng = random.Random(options.seed)
    try:
        study = Study(options.program, options.shim, options.model, options.data, work)
        whole = study.run(work / "whole", count=work / "count")
        assert whole.returncode == 0, whole.stderr
        want, calls = study.outcome(work / "whole"), int((work / "count").read_text())
        assert calls > 100, f"only {calls} calls were seen: the shim does not reach them"
        told = dict.fromkeys(("loud", "right", "killed"), 0)
        for first in range(1, calls + 1, options.every):
            n = min(calls, first + rng.randrange(options.every))
            for fault in options.faults.split(",") if options.every == 1 else [rng.choice(options.faults.split(","))]:
                folder, what = work / "faulty", f"{fault}:{n}"
                done = study.run(folder, what)
                if done.returncode == 0:
                    told["right"] += 1
                    assert study.outcome(folder) == want, f"{what}: exit code 0, and another result"
                elif done.returncode < 0 or done.returncode == 137:
                    told["killed"] += 1
                    assert fault in ("kill", "torn"), f"{what}: it died by signal {-done.returncode}: {done.stderr}"
                else:
                    told["loud"] += 1
                    assert str(folder) in done.stderr, f"{what}: the message names no file: {done.stderr}"
                again = study.run(folder)
                assert again.returncode == 0, f"{what}: the next start fails too: {again.stderr}\nfirst: {done.stderr}"
                assert study.outcome(folder) == want, f"{what}: the next start has another result"
                left = [str(path) for path in folder.rglob("*.tmp-*")]
                assert not left, f"{what}: left behind: {left}"
                shutil.rmtree(folder)
        print(f"{calls} calls; {sum(told.values())} faults: {told}; each next start completed to the same result")
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
