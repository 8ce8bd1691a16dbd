"""Signals: one rank's stops all ranks of all groups, saved, with a word of how far they are, and the same command goes on to
the uninterrupted result; a second SIGINT ends at once.

usage: signals.py PROGRAM SHIM MODEL DATA
"""

import argparse
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time

from small_llama import small_llama
from tiny_study import Study, ranks_of, seconds_until_gone, state, wait_until

STEPS = 100
SAYS = r"stopped and saved: (\d+) of 14 questions, (\d+) of 100 steps; run the same command to go on"


def stands(process):
    """Waits until a rank stands still, as the shim made it."""
    assert wait_until(lambda: process.poll() is not None or any(state(pid) == "T" for pid in ranks_of(process).values()), 60)


def stopped_and_gone_on(study, ranks, groups, number, signalled, want):
    what = f"{number.name} to rank {signalled} of {ranks} in {groups} groups"
    folder = study.work / "stopped"
    shutil.rmtree(folder, ignore_errors=True)
    process = study.start(folder, ranks, study.fault(folder, "pause:30", "/adapter/"), more=[f"--rank-groups={groups}"])
    stands(process)
    pids = ranks_of(process)
    assert process.poll() is None and len(pids) == ranks, f"{what}: {study.output(process)}"
    os.kill(pids[signalled], number)
    # Time to tell the others.
    time.sleep(1.5)
    for pid in pids.values():
        os.kill(pid, signal.SIGCONT)
    seconds = seconds_until_gone(process, list(pids.values()), 60)
    output = study.output(process)
    assert seconds is not None and process.returncode == 85, f"{what}: exit code {process.returncode} after {seconds} s\n{output}"
    found = re.search(SAYS, output)
    assert found and 0 < int(found[2]) < STEPS, f"{what}: {output}"
    assert not (folder / "predictions.h5").exists()
    told = subprocess.run([study.program, "status", folder], capture_output=True, text=True)
    assert told.returncode == 3 and ", 0 running, " in told.stdout, (what, told)
    process = study.start(folder, ranks)
    assert process.wait(120) == 0, f"{what}: {study.output(process)}"
    assert study.outcome(folder) == want, f"{what}: another result"
    print(f"{what}: {found[0]}; {seconds:.1f} s")


def second_one(study):
    folder = study.work / "second"
    process = study.start(folder, 1, study.fault(folder, "sleep:30", "/adapter/", seconds=60))
    assert wait_until(lambda: (folder / "arms/trained/seed-1/adapter/train.jsonl").exists(), 60), study.output(process)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    time.sleep(1)
    assert process.poll() is None, "the main thread was to sleep"
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == -signal.SIGINT, process.returncode
    assert "a second signal: ended at once" in study.output(process)
    print("a second SIGINT: ended at once")


def main():
    parser = argparse.ArgumentParser()
    for name in ("program", "shim", "model", "data"):
        parser.add_argument(name, type=pathlib.Path)
    options = parser.parse_args()
    work = pathlib.Path(tempfile.mkdtemp(prefix="tradeoff-signals-"))
    try:
        model = small_llama(work / "model", options.model)
        study = Study(options.program, options.shim, model, options.data, work, steps=STEPS, quiet=False)
        process = study.start(work / "whole", 1)
        assert process.wait(120) == 0, study.output(process)
        want = study.outcome(work / "whole")
        stopped_and_gone_on(study, 1, 1, signal.SIGINT, 0, want)
        stopped_and_gone_on(study, 2, 1, signal.SIGTERM, 1, want)
        stopped_and_gone_on(study, 4, 2, signal.SIGUSR2, 3, want)
        second_one(study)
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
