"""Times scoring of the 1,034 development pairs, whole processes, against the official evaluator.

    score_bench.py build/release/tradeoff jobs/data/spider [--official FOLDER] [--repeats 5]

sql_score_driver stands in for the program where only the first modules are built.

FOLDER is a checkout of taoyds/test-suite-sql-eval (with sqlparse and nltk in this Python); without it the
same rules as tests/sql/official_*.py state them run in its place, with a connection a
statement as the official program has it. sql_guard_bench beside the driver says what the sandbox adds to a query.
Predictions are seeded mutations of the golds. First both must agree on every verdict's sum.
"""
import argparse
import json
import pathlib
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

SQL_TESTS = pathlib.Path(__file__).resolve().parent.parent / "sql"
sys.path.insert(0, str(SQL_TESTS))
import mutate_golds  # noqa: E402

# Runs the official evaluation.py where NLTK's sentence model is not installed: one line is one sentence.
OFFICIAL = """
import sys
sys.path.insert(0, sys.argv[1])
import nltk
from nltk.tokenize.destructive import NLTKWordTokenizer
words = NLTKWordTokenizer()
nltk.word_tokenize = lambda text: words.tokenize(text)
import evaluation
gold, pred, db, table = sys.argv[2:]
evaluation.evaluate(gold, pred, db, "all", evaluation.build_foreign_key_map_from_json(table), False, False, False)
"""

REWRITTEN = """
import json, pathlib, sys
sys.path.insert(0, sys.argv[1])
import official_execution
import official_grammar
import official_match
gold, pred, db, table = sys.argv[2:]
entries = {entry["db_id"]: entry for entry in json.load(open(table))}
databases = official_execution.Databases(pathlib.Path(db), fresh=True)
right = matched = count = 0
for line, prediction in zip(open(gold), open(pred)):
    query, db_id = line.strip().split("\\t")
    names = official_grammar.Names(databases, db_id, entries[db_id])
    official_match.hardness(official_grammar.parse(names, query))
    right += official_execution.exec_right(databases, db_id, query, prediction.strip(), False)
    matched += official_match.match_right(names, query, prediction.strip())[0]
    count += 1
print(f"execution {right / count:.3f}")
print(f"exact match {matched / count:.3f}")
"""


def write_dev_pairs(spider, folder, seed):
    """Every development gold with a prediction mutated from it."""
    golds = [tuple(reversed(line.strip().split("\t"))) for line in (spider / "dev_gold.sql").read_text().splitlines()]
    schemas = {entry["db_id"]: entry for entry in json.loads((spider / "tables.json").read_text())}
    mutator = mutate_golds.Mutator(golds, schemas, random.Random(seed))
    with open(folder / "gold.sql", "w") as gold_file, open(folder / "pred.sql", "w") as pred_file:
        for db_id, gold in golds:
            prediction = mutator.predict(db_id, gold).strip() or "SELECT 1"
            # What follows a semicolon is judged differently (a committed defect of the official program).
            if ";" in prediction.rstrip("; "):
                prediction = gold
            gold_file.write(f"{gold}\t{db_id}\n")
            pred_file.write(prediction + "\n")


def last_figure(output, name):
    """The figure of all rows in the last line that starts with `name`."""
    figures = [line.split(name, 1)[1].split() for line in output.splitlines() if re.match(rf"{name}\s+\d", line)]
    return figures[-1][-1]


def run(command):
    start = time.perf_counter()
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return time.perf_counter() - start, output


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("driver", type=pathlib.Path)
    parser.add_argument("spider", type=pathlib.Path)
    parser.add_argument("--official", type=pathlib.Path)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = pathlib.Path(place)
        write_dev_pairs(args.spider, folder, args.seed)
        files = [str(folder / "gold.sql"), str(folder / "pred.sql")]
        shutil.copytree(args.spider / "database", folder / "database")
        for path in [folder / "database", *(folder / "database").rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)  # the official program writes beside what it reads
        data = [str(folder / "database"), str(args.spider / "tables.json")]
        source, library = (OFFICIAL, args.official) if args.official else (REWRITTEN, SQL_TESTS)
        peer = [sys.executable, "-W", "ignore", "-c", source, str(library), *files, *data]
        program = [str(args.driver)] + ["score"] * (args.driver.name == "tradeoff")
        ours = [*program, "--gold", files[0], "--pred", files[1], "--db", data[0], "--table", data[1], "--etype", "all"]
        commands = {"peer": peer, "one thread": [*ours, "--threads", "1"], "two threads": [*ours, "--threads", "2"]}
        outputs = {name: run(command)[1] for name, command in commands.items()}
        for figure in ("execution", "exact match"):
            values = {name: last_figure(output, figure) for name, output in outputs.items()}
            print(f"{figure}: {values}")
            if len(set(values.values())) != 1:
                sys.exit(f"{figure} differs: no ratio without equal verdicts")
        seconds = {name: [] for name in commands}
        for _ in range(args.repeats):
            for name, command in commands.items():
                seconds[name].append(run(command)[0])
        median = {name: statistics.median(values) for name, values in seconds.items()}
        guard = args.driver.parent / "sql_guard_bench"
        if guard.exists():
            print(run([str(guard)])[1], end="")
        print("peer:", "official evaluation.py" if args.official else "the official rules rewritten, tests/sql/official_*.py")
        for name, value in median.items():
            print(f"{name}: {value:.3f} s")
        print(f"one thread is {median['peer'] / median['one thread']:.1f}x the peer (target 20x)")
        print(f"two threads are {median['one thread'] / median['two threads']:.2f}x one (target 1.7x)")


if __name__ == "__main__":
    main()
