"""`--ranks N`: the same bytes as mpirun gives, one message a fault, signals passed on; refused within a launch.

    launcher_test.py PROGRAM MODEL DATA MPIEXEC
"""

import os
import pathlib
import shutil
import signal
import sys
import time

from study_ranks import outside_of_arguments, predict_words, prepare, sha256


def bare(outside):
    """What a user has: nothing is set for root or containers."""
    outside.environment = {name: value for name, value in outside.environment.items() if not name.startswith("OMPI_")}


def descendants(pid):
    found = []
    for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        found += [int(child), *descendants(int(child))]
    return found


def ranks_of(pid):
    return [child for child in descendants(pid) if "tradeoff-full" in pathlib.Path(f"/proc/{child}/exe").resolve().name]


def the_same_bytes(outside, model):
    one, two = outside.work / "one.jsonl", outside.work / "two.jsonl"
    outside.call(1, *predict_words(outside, model, "spider", one))
    said = outside.call(1, *predict_words(outside, model, "spider", two), "--ranks=2")
    assert sha256(one) == sha256(two) and not said.strip(), said
    three = outside.work / "three.jsonl"
    outside.call(1, *predict_words(outside, model, "spider", three), "--ranks", "3")
    assert sha256(one) == sha256(three)
    ini = outside.work / "ranks.ini"
    ini.write_text("ranks = 2\n")
    four = outside.work / "four.jsonl"
    words = [word for word in predict_words(outside, model, "spider", four) if word != "--quiet"]
    said = outside.call(1, *words, "--config", ini)
    assert sha256(one) == sha256(four) and "[r0]" in said, said


def one_message_a_fault(outside, model):
    def fails(words, *says, code=1):
        child = outside.start(1, *words)
        out, err = child.communicate(timeout=60)
        assert child.returncode == code and not out, (child.returncode, out, err)
        lines = err.strip().splitlines()
        assert len(lines) == 1 and all(word in lines[0] for word in says), err

    words = predict_words(outside, model, "spider", outside.work / "bad.jsonl")
    gone = list(words)
    gone[gone.index("--items") + 1] = outside.work / "gone.jsonl"
    fails([*gone, "--ranks=2"], "tradeoff predict: ", "gone.jsonl")
    fails([*words, "--ranks=2", "--no-such-option"], "no-such-option", code=2)
    fails([*words, "--ranks=-1"], "--ranks", "at least 0", code=2)
    path = outside.environment["PATH"]
    outside.environment["PATH"] = "/nowhere"
    fails([*words, "--ranks=2"], "mpirun is not on PATH")
    outside.environment["PATH"] = path
    # A rank of a launch starts none.
    child = outside.start(2, *words, "--ranks=2")
    _, err = child.communicate(timeout=60)
    assert child.returncode == 2 and "this process is a rank already" in err, err


def started(outside, model, out):
    words = [word for word in predict_words(outside, model, "spider", out, max_new_tokens=512, chunk_size=2, threads=1) if word != "--quiet"]
    child = outside.start(1, *words, "--ranks=2")
    journals = pathlib.Path(f"{out}.journal")
    deadline = time.monotonic() + 60
    while not any('"rows"' in path.read_text() for path in journals.glob("*.jsonl")):
        assert child.poll() is None and time.monotonic() < deadline, child.communicate()
        time.sleep(0.01)
    return child, words


def are_gone(ranks, within_s=5):
    """mpirun's own process may reap a rank a moment after it has ended."""
    end = time.monotonic() + within_s
    while any(pathlib.Path(f"/proc/{rank}").exists() for rank in ranks):
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def signals_are_passed_on(outside, model):
    want = None
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR2):
        out = outside.work / f"signal-{number}.jsonl"
        child, words = started(outside, model, out)
        ranks = ranks_of(child.pid)
        assert len(ranks) == 2, ranks
        child.send_signal(number)
        _, err = child.communicate(timeout=60)
        assert child.returncode == 85, (child.returncode, err)
        assert "stopped and saved" in err and "---" not in err and "signal" not in err, err
        assert are_gone(ranks), "ranks outlive the launcher"
        outside.call(1, *words, "--resume", "--ranks=2")
        want = want or sha256(out)
        assert sha256(out) == want


def a_killed_rank_is_told_in_one_line(outside, model):
    child, _ = started(outside, model, outside.work / "killed-rank.jsonl")
    ranks = ranks_of(child.pid)
    os.kill(ranks[1], signal.SIGKILL)
    _, err = child.communicate(timeout=60)
    told = [line for line in err.splitlines() if line.startswith("tradeoff: rank")]
    assert child.returncode != 0 and len(told) == 1 and "was ended by signal 9" in told[0] and "---" not in err, err


def the_launcher_takes_its_ranks_along(outside, model):
    child, _ = started(outside, model, outside.work / "killed-launcher.jsonl")
    ranks = ranks_of(child.pid)
    child.kill()
    child.communicate()
    deadline = time.monotonic() + 20
    while any(pathlib.Path(f"/proc/{rank}").exists() for rank in ranks):
        assert time.monotonic() < deadline, "ranks outlive a killed launcher"
        time.sleep(0.1)


def main():
    outside = outside_of_arguments("launcher-")
    model = prepare(outside)
    one_message = outside.environment
    bare(outside)
    the_same_bytes(outside, model)
    signals_are_passed_on(outside, model)
    a_killed_rank_is_told_in_one_line(outside, model)
    the_launcher_takes_its_ranks_along(outside, model)
    outside.environment = {**one_message, "PATH": os.environ["PATH"]}
    one_message_a_fault(outside, model)
    shutil.rmtree(outside.work)
    print("launcher: the bytes of mpirun, one message a fault, signals passed on, no rank left behind")


if __name__ == "__main__":
    sys.exit(main())
