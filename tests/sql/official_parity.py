"""Verdicts and printed tables of the project against the official rules on mutated and crossed predictions.

    official_parity.py DRIVER SPIDER_FOLDER --count 5000 --plugged 500 --seed 0 [--official FOLDER]

Verdicts are compared row for row, tables byte for byte. FOLDER is a checkout of taoyds/test-suite-sql-eval: with it
the rules in official_execution.py, official_grammar.py, official_match.py and official_tables.py are themselves
compared with the official program.
A verdict may differ only as one of the defects below, each a test in known_defects.cpp.
"""
import argparse
import collections
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import mutate_golds
import official_execution
import official_grammar
import official_match
import official_tables as tables

# Where the official program finds a prediction right that the project refuses: its test, and the refusal's text.
DEFECTS = {
    "what_follows_a_statement_is_refused_not_dropped": r"^several statements",
    "only_a_select_is_executed": r"^(no SELECT|no statement|\w+ is not allowed|only a SELECT is allowed)",
    "functions_that_vary_or_hang_are_refused": r"^(function \w+ is not allowed|the current time is not allowed)",
    "every_statement_ends": r"^(the (step|time|heap) limit|killed after|more than \d+ |a value or the statement is too long)",
}


def check_defects_are_committed():
    listed = set(re.findall(r"TEST\(KnownDefects, (\w+)\)", (pathlib.Path(__file__).parent / "known_defects.cpp").read_text()))
    missing = set(DEFECTS) - listed
    if missing:
        sys.exit(f"known_defects.cpp has no test {', '.join(sorted(missing))}")


def score(driver, spider, folder, *flags):
    """The rows, and what was printed."""
    out = folder / "rows.jsonl"
    done = subprocess.run([driver, "--gold", folder / "gold.sql", "--pred", folder / "pred.sql", "--db", spider / "database",
                           "--table", spider / "tables.json", "--out", out, "--sql_max_steps", "3000000",
                           "--sql_timeout", "60", *flags], check=True, stdout=subprocess.PIPE, encoding="utf-8")
    return [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()], done.stdout


class Tally:
    def __init__(self):
        self.rows, self.right, self.failed = (collections.Counter() for _ in range(3))
        self.defects = collections.defaultdict(collections.Counter)

    def add(self, name, row, ours, official, prediction):
        self.rows[name] += 1
        self.right[name] += bool(official)
        if ours == official:
            return
        for defect, text in DEFECTS.items():
            if ours is False and re.search(text, row["message"] or ""):
                self.defects[name][defect] += 1
                return
        self.fail(name, f"row {row['id']}: ours {ours}, official rules {official}: {prediction} ({row['outcome']} {row['message']})")

    def fail(self, name, what):
        self.failed[name] += 1
        print(f"{name}: {what}")

    def same_text(self, name, ours, official):
        self.rows[name] += 1
        self.right[name] += ours == official
        if ours == official:
            return
        for k, (a, b) in enumerate(zip(ours.splitlines() + [""], official.splitlines() + [""])):
            if a != b:
                self.fail(name, f"line {k + 1}: ours {a!r}, official {b!r}")
                return
        self.fail(name, "one text is longer than the other")

    def report(self):
        for name in self.rows:
            defects = ", ".join(f"{count} {defect}" for defect, count in self.defects[name].items()) or "none"
            print(f"{name}: {self.rows[name]} rows, {self.right[name]} right, {self.failed[name]} differences, known defects: {defects}")
        return 1 if self.failed else 0


def mixes_numbers(rows):
    return any({int, float} <= {type(value) for value in row} for row in rows or [])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("driver")
    parser.add_argument("spider", type=pathlib.Path)
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--plugged", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--official", type=pathlib.Path)
    args = parser.parse_args()
    check_defects_are_committed()
    entries = {entry["db_id"]: entry for entry in json.loads((args.spider / "tables.json").read_text(encoding="utf-8"))}
    databases = official_execution.Databases(args.spider / "database")
    names = {db_id: official_grammar.Names(databases, db_id, entries[db_id]) for db_id in entries if (args.spider / "database" / db_id).is_dir()}
    tally = Tally()
    with tempfile.TemporaryDirectory() as place:
        folder = pathlib.Path(place)
        program = None
        if args.official:
            from official_program import OfficialProgram
            shutil.copytree(args.spider / "database", folder / "database")
            program = OfficialProgram(args.official, args.spider, folder / "database")

        def judge(row, db_id, gold, prediction, keep, plug=False):
            right = official_execution.exec_right(databases, db_id, gold, prediction, keep, plug)
            if program and right != program.exec_right(db_id, gold, prediction, keep, plug):
                # The official comparison rejects rows that hold integers on one side where the other has reals.
                if not (right and (mixes_numbers(databases.rows(db_id, gold)) or mixes_numbers(databases.rows(db_id, prediction)))):
                    tally.fail("the rules written anew", f"exec: rules {right}, program {not right}: {gold} | {prediction}")
            return right

        pairs = mutate_golds.write_pairs(args.spider, folder, args.count, args.seed)
        rows, _ = score(args.driver, args.spider, folder, "--etype", "all")
        for row, (db_id, gold, prediction) in zip(rows, pairs, strict=True):
            right, level = official_match.match_right(names[db_id], gold, prediction)[0], official_match.hardness(official_grammar.parse(names[db_id], gold))
            if program and (right, level) != program.match_right(db_id, gold, prediction):
                tally.fail("the rules written anew", f"match: rules {right} {level}: {gold} | {prediction}")
            tally.add("match", row, row["match"], right, prediction)
            tally.add("hardness", row, row["hardness"], level, gold)
            for name, keep in (("exec", False), ("exec_keep_distinct", True)):
                tally.add(name, row, row[name], judge(row, db_id, gold, prediction, keep), prediction)
            wanted, given = databases.rows(db_id, gold), databases.rows(db_id, prediction)
            tally.add("set", row, row["set"], given is not None and set(wanted) == set(given), prediction)
            if (row["exec"] is False) != (row["error_class"] is not None):
                tally.fail("a class for each wrong row", f"row {row['id']}: exec {row['exec']}, class {row['error_class']}")

        pairs = mutate_golds.write_pairs(args.spider, folder, args.plugged, args.seed + 1)
        rows, _ = score(args.driver, args.spider, folder, "--plug_value")
        for row, (db_id, gold, prediction) in zip(rows, pairs, strict=True):
            tally.add("exec, plug_value", row, row["exec"], judge(row, db_id, gold, prediction, False, plug=True), prediction)

        # Tables of pairs without defects, as one session and as 23 of them.
        clean = [pair for pair in pairs if ";" not in pair[2]][:300]
        for sessions in (1, 23):
            length = -(-len(clean) // sessions)
            listed = []
            with open(folder / "gold.sql", "w", encoding="utf-8") as gold_file, open(folder / "pred.sql", "w", encoding="utf-8") as pred_file:
                for k, (db_id, gold, prediction) in enumerate(clean):
                    if k and k % length == 0:
                        print(file=gold_file)
                        print(file=pred_file)
                    print(gold, db_id, sep="\t", file=gold_file)
                    print(prediction, file=pred_file)
                    level = official_match.hardness(official_grammar.parse(names[db_id], gold))
                    right = official_execution.exec_right(databases, db_id, gold, prediction, False)
                    listed.append(tables.row(names[db_id], level, right, gold, prediction, k // length, k % length))
            for etype in ("exec", "match", "all"):
                printed = score(args.driver, args.spider, folder, "--etype", etype)[1]
                tally.same_text(f"printed for {etype}", printed, tables.printed(listed, etype))
                if program:
                    tally.same_text(f"printed for {etype} by evaluation.py", printed,
                                    program.printed(folder / "gold.sql", folder / "pred.sql", etype))
    print("compared with", "the official program and" if program else "", "the official rules written anew")
    sys.exit(tally.report())


if __name__ == "__main__":
    main()
