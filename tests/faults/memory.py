"""A tiny study on two ranks, of which one finds no memory from its nth tensor on, for drawn n: both ranks end at once, with a
message of what was asked for, what there is and which option takes less; the next start completes to the same result.

usage: memory.py PROGRAM SHIM MODEL DATA [--trials N] [--seed S]
"""

import argparse
import pathlib
import random
import re
import shutil
import tempfile

from small_llama import small_llama
from tiny_study import Study, ranks_of, seconds_until_gone, wait_until

ENDED_S = 60
LOADED = 5  # so many tensors at least has the model
ASKED = r"you tried to allocate \d+ bytes"
HELD = r"this process holds [\d.]+ of [\d.]+ GiB"
CHANGES = {"loading": "--quantization nf4", "training": "--recompute layer", "predicting": r"a --chunk-size below 2"}


def moment(rng, trial, tensors, trials):
    """Which tensor finds no memory. The first trial is while the model is loaded, the second while the first arm predicts, the
    others one in each part of the run, so that every stage is met."""
    if trial == 0:
        return 1 + rng.randrange(LOADED)
    if trial == 1:
        return rng.randrange(tensors // 12, tensors // 6)
    return 1 + (trial * tensors + rng.randrange(tensors)) // trials


def main():
    parser = argparse.ArgumentParser()
    for name in ("program", "shim", "model", "data"):
        parser.add_argument(name, type=pathlib.Path)
    parser.add_argument("--trials", type=int, default=6)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    work = pathlib.Path(tempfile.mkdtemp(prefix="tradeoff-memory-"))
    rng = random.Random(options.seed)
    try:
        model = small_llama(work / "model", options.model)
        study = Study(options.program, options.shim, model, options.data, work)
        whole = study.start(work / "whole", 2, study.fault(work / "whole", "memory:0", rank=1, count=work / "count"))
        assert whole.wait(120) == 0, study.output(whole)
        want, tensors = study.outcome(work / "whole"), int((work / "count").read_text())
        assert tensors > 100, f"only {tensors} tensors were seen: the shim does not reach them"
        told = dict.fromkeys(CHANGES, 0)
        for trial in range(options.trials):
            n = moment(rng, trial, tensors, options.trials)
            rank = rng.randrange(2)
            what, folder = f"tensor {n} of {tensors}, rank {rank}", work / "short"
            process = study.start(folder, 2, study.fault(folder, f"memory:{n}", rank=rank))
            pids = {}

            def ended():
                pids.update(ranks_of(process))
                return process.poll() is not None
            wait_until(ended, ENDED_S)
            gone = seconds_until_gone(process, list(pids.values()), 1)
            output = study.output(process)
            assert gone is not None, f"{what}: not all ranks had ended after {ENDED_S} s\n{output}"
            if process.returncode == 0:
                # Two ranks share the work: this one's ended before its moment.
                assert study.outcome(folder) == want, f"{what}: exit code 0, and another result"
            else:
                assert re.search(rf"rank {rank}/2 .*{ASKED}", output), f"{what}: what was asked for is not told\n{output}"
                assert re.search(HELD, output), f"{what}: what there is is not told\n{output}"
                stages = [stage for stage, change in CHANGES.items() if re.search(change, output)]
                assert "frame #" not in output, f"{what}: LibTorch's stack is told\n{output}"
                assert len(stages) == 1, f"{what}: which option takes less is not told\n{output}"
                told[stages[0]] += 1
            again = study.start(folder, 2)
            assert again.wait(120) == 0, f"{what}: the next start fails too\n{study.output(again)}"
            assert study.outcome(folder) == want, f"{what}: the next start has another result"
            shutil.rmtree(folder)
        assert all(told.values()) or options.trials < 6, f"a stage was not met: {told}"
        print(f"{tensors} tensors, {options.trials} trials: {told}; both ranks ended; each next start completed to the same result")
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
