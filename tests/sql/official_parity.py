"""Verdicts of the project against the official rules, row for row, on mutated and crossed predictions.

    official_parity.py DRIVER SPIDER_FOLDER --count 5000 --plugged 500 --seed 0

A difference passes only as a committed defect (known_defects.cpp): the project refused the statement, or
found none, where the official program runs part of it.
"""
import argparse
import collections
import json
import pathlib
import subprocess
import sys
import tempfile

import mutate_golds
import official_rules as rules

REFUSED = {"denied", "no_sql", "empty_output", "step_limit", "timeout", "memory", "row_cap"}


def score(driver, spider, folder, *flags):
    out = folder / "rows.jsonl"
    subprocess.run([driver, "--gold", folder / "gold.sql", "--pred", folder / "pred.sql", "--db", spider / "database",
                    "--table", spider / "tables.json", "--out", out, "--sql_max_steps", "3000000",
                    "--sql_timeout", "60", *flags], check=True, stdout=subprocess.DEVNULL)
    return [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]


class Tally:
    def __init__(self):
        self.rows, self.right, self.defects, self.failed = (collections.Counter() for _ in range(4))

    def add(self, name, row, ours, official, prediction):
        self.rows[name] += 1
        self.right[name] += bool(official)
        if ours == official:
            return
        if ours is False and row["outcome"] in REFUSED:
            self.defects[name] += 1
            return
        self.failed[name] += 1
        print(f"{name}: row {row['id']}: ours {ours}, official rules {official}: {prediction} ({row['outcome']} {row['message']})")

    def report(self):
        for name in self.rows:
            print(f"{name}: {self.rows[name]} rows, {self.right[name]} right, {self.defects[name]} known defects, "
                  f"{self.failed[name]} differences")
        return 1 if self.failed else 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("driver")
    parser.add_argument("spider", type=pathlib.Path)
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--plugged", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    entries = {entry["db_id"]: entry for entry in json.loads((args.spider / "tables.json").read_text(encoding="utf-8"))}
    databases = rules.Databases(args.spider / "database")
    names = {}
    tally = Tally()
    with tempfile.TemporaryDirectory() as place:
        folder = pathlib.Path(place)
        pairs = mutate_golds.write_pairs(args.spider, folder, args.count, args.seed)
        for row, (db_id, gold, prediction) in zip(score(args.driver, args.spider, folder, "--etype", "all"), pairs, strict=True):
            if db_id not in names:
                names[db_id] = rules.Names(databases, db_id, entries[db_id])
            right = rules.match_right(names[db_id], gold, prediction)
            tally.add("match", row, row["match"], right[0], prediction)
            tally.add("hardness", row, row["hardness"], rules.hardness(rules.parse(names[db_id], gold)), gold)
            for name, keep in (("exec", False), ("exec_keep_distinct", True)):
                tally.add(name, row, row[name], rules.exec_right(databases, db_id, gold, prediction, keep), prediction)
            wanted, given = databases.rows(db_id, gold), databases.rows(db_id, prediction)
            tally.add("set", row, row["set"], given is not None and set(wanted) == set(given), prediction)
        pairs = mutate_golds.write_pairs(args.spider, folder, args.plugged, args.seed + 1)
        for row, (db_id, gold, prediction) in zip(score(args.driver, args.spider, folder, "--plug_value"), pairs, strict=True):
            tally.add("exec, plug_value", row, row["exec"],
                      rules.exec_right(databases, db_id, gold, prediction, False, plug=True), prediction)
    sys.exit(tally.report())


if __name__ == "__main__":
    main()
