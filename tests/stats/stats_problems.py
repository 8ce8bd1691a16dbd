"""Answers of stats_pipe to problems, each held to its own check."""
import json
import subprocess


def hold(program, pairs):
    """Runs the program on (problem, check) pairs, a JSON line each; check raises AssertionError. Returns how many of each kind."""
    text = "\n".join(json.dumps(problem) for problem, _ in pairs) + "\n"
    run = subprocess.run([program], input=text, text=True, capture_output=True)
    assert run.returncode == 0, run.stderr
    lines = run.stdout.splitlines()
    assert len(lines) == len(pairs), f"{len(lines)} answers to {len(pairs)} problems"
    counts = {}
    for index, ((problem, check), line) in enumerate(zip(pairs, lines)):
        try:
            check(json.loads(line))
        except AssertionError as error:
            raise AssertionError(f"problem {index} ({problem['what']}): {error}") from error
        counts[problem["what"]] = counts.get(problem["what"], 0) + 1
    print("equal to scipy, statsmodels and numpy:", ", ".join(f"{n} {what}" for what, n in counts.items()))
    return counts
