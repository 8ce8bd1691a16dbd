"""A study that is killed (-9, launcher and ranks) at random moments and resumed with other rank counts ends with the
bytes of the uninterrupted one.

usage: kill_test.py ROOT TRADEOFF MODEL [KILLS]
"""

import hashlib
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

JOB = """[study]
name = killed
seeds = 1, 2
[spider]
data = {root}/jobs/data/spider
questions = 24
[mmlu]
data = {root}/jobs/data/mmlu
questions = 6
groups = stem, humanities, social_sciences
shots = 2
[arm.no-shots]
spider.shots = 0
[arm.base]
"""

ENVIRONMENT = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1",
                   OMPI_MCA_btl_vader_single_copy_mechanism="none")


def launch(program, job, output, model, ranks):
    """In a process group of its own, so that a kill takes launcher and ranks alike."""
    words = ["mpirun", "-np", str(ranks), "--oversubscribe", "--bind-to", "none", program, "run", job, "--output-dir", output,
             "--model", model, "--device", "cpu", "--threads", "1", "--chunk-size", "3", "--max-new-tokens", "24", "--quiet"]
    return subprocess.Popen(words, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)


def descendants(pid):
    found = [pid]
    for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        found += descendants(int(child))
    return found


def kill(process):
    # mpirun starts ranks in groups of their own: all of what it started, and nothing else.
    for pid in descendants(process.pid):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    process.wait()


def digest(folder):
    return hashlib.sha256((folder / "predictions.h5").read_bytes()).hexdigest()


def main(root, program, model, kills="10"):
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="tradeoff-kill-"))
    try:
        job = scratch / "job.ini"
        job.write_text(JOB.format(root=root))
        start = time.monotonic()
        whole = launch(program, job, scratch / "whole", model, 1)
        assert whole.wait() == 0, whole.stderr.read().decode()
        seconds = time.monotonic() - start
        want = digest(scratch / "whole")
        rng = random.Random(6)
        killed, starts = 0, 0
        while True:
            ranks = (1, 2, 3)[starts % 3]
            starts += 1
            process = launch(program, job, scratch / "killed", model, ranks)
            # Early starts die young, so that work is left for the later ones.
            wait = rng.uniform(0.5, max(2.0, seconds * (0.15 + 0.25 * rng.random())))
            try:
                code = process.wait(wait if killed < int(kills) else None)
                assert code == 0, process.stderr.read().decode()
                assert (scratch / "killed" / "complete.json").exists()
                if killed >= int(kills):
                    break
                # Complete before all kills: begun anew.
                assert digest(scratch / "killed") == want, f"other bytes after {killed} kills"
                shutil.rmtree(scratch / "killed")
            except subprocess.TimeoutExpired:
                kill(process)
                killed += 1
                print(f"killed {ranks} ranks after {wait:.1f} s", flush=True)
        assert digest(scratch / "killed") == want, f"other bytes after {killed} kills"
        print(f"{killed} kills, {starts} starts, uninterrupted {seconds:.0f} s: predictions.h5 {want[:16]} both times")
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
