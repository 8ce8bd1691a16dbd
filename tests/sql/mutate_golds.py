"""Writes gold.sql and pred.sql of seeded, mutated and crossed predictions.

    mutate_golds.py SPIDER_FOLDER OUT_FOLDER --count 6000 --seed 0

Each prediction is a gold query of the development set, changed by one to three of the edits below, or
the gold query of another question. The same seed gives the same files on every machine.
"""
import argparse
import json
import pathlib
import random
import re

AGGREGATES = ["count", "sum", "avg", "min", "max"]
COMPARISONS = ["=", "!=", ">", "<", ">=", "<=", "LIKE", "NOT LIKE", "IN", "> =", "! =", "<>"]


class Mutator:
    def __init__(self, golds, schemas, rng):
        self.golds, self.schemas, self.rng = golds, schemas, rng
        self.by_db = {}
        for db_id, sql in golds:
            self.by_db.setdefault(db_id, []).append(sql)
        self.edits = [
            self.change_aggregate, self.change_comparison, self.change_literal, self.toggle_distinct,
            self.toggle_direction, self.drop_clause, self.add_limit, self.rotate_columns,
            self.repeat_column, self.drop_column, self.other_column, self.misspell, self.swap_connective,
            self.swap_set_operation, self.change_join, self.star_or_column, self.change_case,
            self.respace, self.quotes, self.real_numbers, self.say_value, self.current_year, self.semicolon,
            self.truncate, self.append_noise, self.wrap, self.add_condition, self.order_by_position,
            self.rename_alias, self.swap_from_order,
        ]

    def predict(self, db_id, gold):
        draw = self.rng.random()
        if draw < 0.15:
            return self.rng.choice(self.by_db[db_id])
        if draw < 0.18:
            return self.rng.choice(self.golds)[1]
        text = gold if draw < 0.75 else self.rng.choice(self.by_db[db_id])
        for _ in range(self.rng.choice([1, 1, 1, 2, 2, 3])):
            text = self.rng.choice(self.edits)(db_id, text)
        return " ".join(text.split("\n")).replace("\t", " ")

    def columns(self, db_id):
        return [name for _, name in self.schemas[db_id]["column_names_original"][1:]]

    def replace_one(self, pattern, text, replacement):
        found = list(re.finditer(pattern, text, re.IGNORECASE))
        if not found:
            return text
        match = self.rng.choice(found)
        new = replacement(match) if callable(replacement) else replacement
        return text[:match.start()] + new + text[match.end():]

    def change_aggregate(self, db_id, text):
        return self.replace_one(r"\b(count|sum|avg|min|max)\s*\(", text,
                                lambda m: self.rng.choice(AGGREGATES) + self.rng.choice(["(", " ("]))

    def change_comparison(self, db_id, text):
        return self.replace_one(r"\s(=|!=|>=|<=|>|<|LIKE)\s", text,
                                lambda m: " " + self.rng.choice(COMPARISONS) + " ")

    def change_literal(self, db_id, text):
        def other(m):
            word = m.group(0)
            if word[0] in "'\"":
                return self.rng.choice([word.lower(), word[0] + "France" + word[0], "1", "''", word[:-1] + "%" + word[-1]])
            return self.rng.choice([str(int(float(word)) + 1), word + ".0", "0", "-" + word, word + ".5", "1e3"])
        return self.replace_one(r"'[^']*'|\"[^\"]*\"|(?<![\w.])\d+(\.\d+)?\b", text, other)

    def toggle_distinct(self, db_id, text):
        if re.search("distinct", text, re.IGNORECASE):
            return self.replace_one(r"distinct\s+", text, "")
        return self.replace_one(r"select\s+|count\s*\((?=\s*\w)", text,
                                lambda m: m.group(0) + self.rng.choice(["DISTINCT ", "distinct ", "Distinct  "]))

    def toggle_direction(self, db_id, text):
        if re.search(r"\b(asc|desc)\b", text, re.IGNORECASE):
            return self.replace_one(r"\b(asc|desc)\b", text, self.rng.choice(["ASC", "desc", "DESC", ""]))
        return self.replace_one(r"order by [\w.]+", text, lambda m: m.group(0) + " DESC")

    def drop_clause(self, db_id, text):
        clause = self.rng.choice([r"\swhere\s.*?(?=\sgroup\b|\sorder\b|\slimit\b|\sexcept\b|\sunion\b|\)|$)",
                                  r"\sgroup by\s.*?(?=\shaving\b|\sorder\b|\slimit\b|\)|$)",
                                  r"\sorder by\s.*?(?=\slimit\b|\)|$)", r"\slimit\s+\d+", r"\shaving\s.*?(?=\sorder\b|\)|$)"])
        return self.replace_one(clause, text, "")

    def add_limit(self, db_id, text):
        return text.rstrip("; ") + self.rng.choice([" LIMIT 1", " limit 3", " LIMIT 0", " ORDER BY 1", " order by 1 desc limit 2"])

    def select_list(self, text):
        return re.match(r"(select\s+(?:distinct\s+)?)(.*?)(\sfrom\s.*)", text, re.IGNORECASE | re.DOTALL)

    def rotate_columns(self, db_id, text):
        match = self.select_list(text)
        if not match:
            return text
        parts = match.group(2).split(",")
        self.rng.shuffle(parts)
        return match.group(1) + self.rng.choice([",", " , ", ", "]).join(p.strip() for p in parts) + match.group(3)

    def repeat_column(self, db_id, text):
        match = self.select_list(text)
        if not match:
            return text
        parts = match.group(2).split(",")
        parts.insert(self.rng.randrange(len(parts) + 1), self.rng.choice(parts))
        return match.group(1) + ", ".join(p.strip() for p in parts) + match.group(3)

    def drop_column(self, db_id, text):
        match = self.select_list(text)
        if not match or "," not in match.group(2):
            return text
        parts = match.group(2).split(",")
        parts.pop(self.rng.randrange(len(parts)))
        return match.group(1) + ", ".join(p.strip() for p in parts) + match.group(3)

    def other_column(self, db_id, text):
        names = {name.lower() for name in self.columns(db_id)}
        used = [m for m in re.finditer(r"\b\w+\b", text) if m.group(0).lower() in names]
        if not used:
            return text
        m = self.rng.choice(used)
        return text[:m.start()] + self.rng.choice(self.columns(db_id)) + text[m.end():]

    def misspell(self, db_id, text):
        return self.replace_one(r"\b\w{4,}\b", text, lambda m: m.group(0)[:-1] + self.rng.choice(["", "x", m.group(0)[-1] * 2]))

    def swap_connective(self, db_id, text):
        return self.replace_one(r"\s(and|or)\s", text, self.rng.choice([" OR ", " and ", " AND "]))

    def swap_set_operation(self, db_id, text):
        if re.search(r"\b(intersect|union|except)\b", text, re.IGNORECASE):
            return self.replace_one(r"\b(intersect|union|except)\b", text,
                                    self.rng.choice(["UNION", "INTERSECT", "EXCEPT", "UNION ALL"]))
        return text.rstrip("; ") + self.rng.choice([" UNION ", " EXCEPT ", " INTERSECT ", " UNION ALL "]) + self.rng.choice(self.by_db[db_id]).rstrip("; ")

    def change_join(self, db_id, text):
        return self.replace_one(r"\sjoin\s", text, self.rng.choice([" LEFT JOIN ", " INNER JOIN ", " , ", " CROSS JOIN ", " JOIN "]))

    def star_or_column(self, db_id, text):
        if "count(*)" in text.lower() and self.rng.random() < 0.7:
            return self.replace_one(r"count\s*\(\s*\*\s*\)", text, "count(" + self.rng.choice(self.columns(db_id)) + ")")
        match = self.select_list(text)
        return match.group(1) + "*" + match.group(3) if match else text

    def change_case(self, db_id, text):
        return self.rng.choice([text.upper(), text.lower(), text.swapcase()])

    def respace(self, db_id, text):
        edit = self.rng.choice([(" = ", "="), (" = ", " =  "), (",", " ,"), (", ", ","), (" (", "("), ("(", " ( "),
                                (" >= ", " > = "), (" != ", " ! = "), (" ", "  "), (" > ", ">"), (" <= ", "<="), (".", " . ")])
        return text.replace(*edit)

    def quotes(self, db_id, text):
        return self.rng.choice([text.replace("'", '"'), text.replace('"', "'"),
                                self.replace_one(r"\b(\w+)\b(?=\s+from)", text, lambda m: self.rng.choice(['"%s"', "`%s`", "[%s]", "'%s'"]) % m.group(1))])

    def real_numbers(self, db_id, text):
        match = self.select_list(text)
        if not match:
            return text
        first = match.group(2).split(",")
        k = self.rng.randrange(len(first))
        first[k] = self.rng.choice(["%s * 1.0", "%s + 0.0", "cast(%s as real)", "round(%s, 1)", "- %s", "%s / 2"]) % first[k].strip()
        return match.group(1) + ", ".join(first) + match.group(3)

    def say_value(self, db_id, text):
        return self.replace_one(r"'[^']*'|\"[^\"]*\"|(?<![\w.])\d+(\.\d+)?\b", text, self.rng.choice(["value", "'value'", "\"value\"", "values"]))

    def current_year(self, db_id, text):
        return self.replace_one(r"(?<![\w.])\d{4}\b", text, self.rng.choice(["YEAR(CURDATE())", "year ( curdate ( ) )", "(YEAR(CURDATE()) - 3)"]))

    def semicolon(self, db_id, text):
        return text.rstrip("; ") + self.rng.choice([";", " ;", " ; ", "; -- done", " /* done */"])

    def truncate(self, db_id, text):
        words = text.split()
        return " ".join(words[:self.rng.randrange(1, len(words) + 1)])

    def append_noise(self, db_id, text):
        return text + self.rng.choice([" AND", " WHERE 1 = 1", " GROUP BY 1", ")", " '", " limit", " having count(*) > 1", " WHERE 1 = 2"])

    def wrap(self, db_id, text):
        bare = text.rstrip("; ")
        return self.rng.choice(["SELECT * FROM (%s)", "SELECT * FROM (%s) AS t", "SELECT count(*) FROM (%s)", "WITH q AS (%s) SELECT * FROM q"]) % bare

    def add_condition(self, db_id, text):
        column = self.rng.choice(self.columns(db_id))
        extra = self.rng.choice(["%s IS NOT NULL", "%s > 0", "%s NOT IN (SELECT %s FROM {0})", "%s BETWEEN 1 AND 5", "%s = \"x\" OR 1 = 1",
                                 "NOT %s = 3", "EXISTS (SELECT 1)", "%s LIKE '%%a%%'"])
        extra = extra.replace("%s", column).replace("%%", "%").replace("{0}", self.rng.choice(self.schemas[db_id]["table_names_original"]))
        if re.search(r"\swhere\s", text, re.IGNORECASE):
            return self.replace_one(r"\swhere\s", text, lambda m: m.group(0) + extra + self.rng.choice([" AND ", " OR ", " and "]))
        return self.replace_one(r"(?=\sgroup\b|\sorder\b|\slimit\b|$)", text, " WHERE " + extra)

    def order_by_position(self, db_id, text):
        return self.replace_one(r"order by [\w.]+", text, self.rng.choice(["ORDER BY 1", "ORDER  BY 1", "order by 2", "ORDER BY rowid"]))

    def rename_alias(self, db_id, text):
        if re.search(r"\bT1\b", text):
            return self.rng.choice([re.sub(r"\bT1\b", "a", text), re.sub(r"\bT1\b", "T9", text), re.sub(r"\bAS T1\b", "T1", text), text.replace("T2.", "T1.")])
        return text

    def swap_from_order(self, db_id, text):
        return re.sub(r"FROM (\w+) AS T1 JOIN (\w+) AS T2", r"FROM \2 AS T2 JOIN \1 AS T1", text)


def write_pairs(spider, out, count, seed):
    """Writes out/gold.sql and out/pred.sql; returns (db_id, gold, prediction) of each line."""
    golds = []
    for line in (spider / "dev_gold.sql").read_text(encoding="utf-8").splitlines():
        sql, db_id = line.strip().split("\t")
        golds.append((db_id, sql))
    schemas = {entry["db_id"]: entry for entry in json.loads((spider / "tables.json").read_text(encoding="utf-8"))}
    rng = random.Random(seed)
    mutator = Mutator(golds, schemas, rng)
    out.mkdir(parents=True, exist_ok=True)
    pairs = []
    for _ in range(count):
        db_id, gold = rng.choice(golds)
        pairs.append((db_id, gold, mutator.predict(db_id, gold).strip() or "SELECT 1"))
    (out / "gold.sql").write_text("".join(f"{gold}\t{db_id}\n" for db_id, gold, _ in pairs), encoding="utf-8")
    (out / "pred.sql").write_text("".join(f"{prediction}\n" for *_, prediction in pairs), encoding="utf-8")
    return pairs


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("spider", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--count", type=int, default=6000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    write_pairs(args.spider, args.out, args.count, args.seed)


if __name__ == "__main__":
    main()
