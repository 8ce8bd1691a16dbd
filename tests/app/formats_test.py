"""The reading examples of include/README.md, run on a small study, each held to what it has to print.

    formats_test.py PROGRAM MODEL DATA README
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

JOB = """[study]
name = formats
seeds = 1
[model]
model = {model}
[spider]
data = spider
shots = 0
[mmlu]
data = {data}/mmlu
questions = 6
shots = 0
[arm.tuned]
max_new_tokens = 8
max_steps = 2
train_batch_size = 1
"""
# By heading: a part of what the example prints.
PRINTED = {
    "Results": [r"tuned seed-1 spider \d of 4", r"tuned seed-1 mmlu \d of 6", r"(?s)first answer: .*\[\d+.*what became of"],
    "Journals and loss curves": ["spider 4 answers", "mmlu 6 answers", r"step 1 loss \d", r"step 2 loss \d"],
    "Model folders": [r"\d+ tensors, \d{9} numbers", r"BF16 \[576\]", "^llama$"],
    "Items": None,  # one example for items and their answers, below Rows
    "Rows": [r"^\d+ \w+ \d+ (stop|length)$", "  gold      SELECT", "  predicted "],
}


def few_questions(data, folder):
    """Spider's data with four questions and four training questions, so that nothing takes long."""
    folder.mkdir()
    for name in ("dev.json", "train_spider.json"):
        (folder / name).write_text(json.dumps(json.loads((data / name).read_text(encoding="utf-8"))[:4]))
    for name in ("tables.json", "database"):
        (folder / name).symlink_to(data / name)


def examples(readme):
    """Headings with their example, or None."""
    for section in readme.read_text(encoding="utf-8").split("\n## ")[1:]:
        blocks = re.findall(r"```python\n(.*?)```", section, flags=re.S)
        assert len(blocks) <= 1, f"{section.splitlines()[0]}: found {len(blocks)} examples, expected one"
        yield re.split(":", section.splitlines()[0])[0], blocks[0] if blocks else None


def main():
    parser = argparse.ArgumentParser()
    for name in ("program", "model", "data", "readme"):
        parser.add_argument(name, type=lambda text: pathlib.Path(text).resolve())
    o = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        work = pathlib.Path(name)
        (work / "models").mkdir()
        (work / "models/smollm2-135m-instruct").symlink_to(o.model)
        few_questions(o.data / "spider", work / "spider")
        (work / "job.ini").write_text(JOB.format(model=o.model, data=o.data))

        def call(*words):
            done = subprocess.run([o.program, *map(str, words), "--quiet"], cwd=work, capture_output=True, text=True)
            assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"

        call("run", "job.ini", "--output-dir", "results/demo")
        call("prepare", "spider", "--data", "spider", "--model", o.model, "--output-dir", "prepared", "--limit", 2)
        call("predict", "--items", "prepared/dev_formatted.jsonl", "--model", o.model, "--max-new-tokens", 8, "--out", "prepared/answers.jsonl")
        found = dict(examples(o.readme))
        assert list(found) == list(PRINTED), f"headings {list(found)}, expected {list(PRINTED)}"
        for heading, code in found.items():
            if PRINTED[heading] is None:
                assert code is None, f"{heading}: an example without a test"
                continue
            done = subprocess.run([sys.executable, "-c", code], cwd=work, capture_output=True, text=True,
                                  env={**os.environ, "PYTHONUTF8": "1"})
            assert done.returncode == 0, f"{heading}: {done.stderr}"
            for part in PRINTED[heading]:
                assert re.search(part, done.stdout, flags=re.M), f"{heading}: expected {part!r} in\n{done.stdout}"
            print(f"{heading}:\n{done.stdout}")


main()
