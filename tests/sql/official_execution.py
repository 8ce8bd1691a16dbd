"""Official execution accuracy (test-suite-sql-eval e97acc5), with --plug_value, written anew as an oracle.

Text rules come from the package that the official program uses (sqlparse); everything else is here. Only used by tests.
"""
import collections
import itertools
import re
import sqlite3

import sqlparse


def drop_distinct(sql):
    if "distinct" not in sql.lower() and ";" not in sql:
        return sql
    first = sqlparse.parse(sql)[0]
    return "".join(leaf.value for leaf in first.flatten() if leaf.value.lower() != "distinct")


def executable(sql, keep_distinct):
    for spaced in ("> =", "< =", "! ="):
        sql = sql.replace(spaced, spaced.replace(" ", ""))
    return sql if keep_distinct else drop_distinct(sql)


def fixed_year(sql):
    return re.sub(r"year\s*\(\s*curdate\s*\(\s*\)\s*\)\s*", "2020", sql, flags=re.IGNORECASE)


class Databases:
    """Read-only connections with a row cache; None stands for a failed statement.

    fresh=True opens a connection for every statement and keeps no rows, as the official program does.
    """

    def __init__(self, folder, max_steps=3_000_000, fresh=False):
        self.folder, self.max_steps, self.fresh = folder, max_steps, fresh
        self.connections, self.results = {}, {}

    def rows(self, db_id, sql):
        if self.fresh:
            self.connections.clear()
            return self._run(db_id, sql)
        key = (db_id, sql)
        if key not in self.results:
            self.results[key] = self._run(db_id, sql)
        return self.results[key]

    def connection(self, db_id):
        if db_id not in self.connections:
            path = self.folder / db_id / f"{db_id}.sqlite"
            connection = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
            connection.text_factory = lambda raw: raw.decode(errors="ignore")
            self.connections[db_id] = connection
        return self.connections[db_id]

    def _run(self, db_id, sql):
        connection = self.connection(db_id)
        budget = [self.max_steps // 1000]

        def tick():
            budget[0] -= 1
            return budget[0] < 0
        connection.set_progress_handler(tick, 1000)
        try:
            return connection.execute(sql).fetchall()
        except Exception:
            return None


def same_rows(gold, given, ordered):
    """Some order of the given columns makes the rows equal, as lists or as bags."""
    if not gold and not given:
        return True
    if len(gold) != len(given) or len(gold[0]) != len(given[0]):
        return False
    width = len(gold[0])
    bag = collections.Counter
    wanted = gold if ordered else bag(gold)
    columns = [bag(row[k] for row in gold) for k in range(width)]
    fits = [[j for j in range(width) if bag(row[j] for row in given) == columns[k]] for k in range(width)]
    # Equal columns are interchangeable: only the first unused of each kind is tried.
    kind = [tuple(row[j] for row in given) for j in range(width)]

    def search(chosen):
        if len(chosen) == width:
            moved = [tuple(row[j] for j in chosen) for row in given]
            return (moved if ordered else bag(moved)) == wanted
        seen = set()
        for j in fits[len(chosen)]:
            if j in chosen or kind[j] in seen:
                continue
            seen.add(kind[j])
            if search(chosen + [j]):
                return True
        return False
    return search([])


def exec_right(databases, db_id, gold, prediction, keep_distinct, plug=False):
    prediction = executable(prediction.replace("value", "1"), keep_distinct)
    gold = executable(gold, keep_distinct)
    wanted = databases.rows(db_id, fixed_year(gold))
    assert wanted is not None, gold
    ordered = "order by" in gold.lower()
    candidates = itertools.chain([prediction], plugged(gold, prediction) if plug else [])
    for candidate in candidates:
        rows = databases.rows(db_id, fixed_year(candidate))
        if rows is not None and same_rows(wanted, rows, ordered):
            return True
    return False


# ---------------------------------------------------------------- --plug_value

PLACE = "VALUERARE"


def template(sql):
    """Words of the query in lower case with places for values, and the values that stood there."""
    sql = sql.strip().replace(";", "").replace("\t", "")
    leaves = sqlparse.parse(sql)[0].flatten()
    text = " ".join(leaf.value for leaf in leaves if leaf.ttype != sqlparse.tokens.Whitespace)
    for number in "123":
        for letter in "tT":
            text = text.replace(f"{letter}{number}.*", "*")
    text = sqlparse.format(text, reindent=False, keyword_case="upper")
    text = re.sub(r"(T\d+\.)\s", r"\1", text)
    values = [leaf.value for leaf in sqlparse.parse(text)[0].flatten()
              if leaf.ttype in (sqlparse.tokens.Literal.String.Single, sqlparse.tokens.Literal.String.Symbol)]
    for value in values:
        text = text.replace(value.strip(), PLACE)
    words = text.split()
    for pattern in (r"[-+]?\d*\.\d+", r"[^tT]\d+"):
        numbers = {found.strip() for found in re.findall(pattern, text)}
        values += [word for word in words if word in numbers]
        words = [PLACE if word in numbers else word for word in words]
        text = " ".join(words)
    spread = []
    for word in words:
        apart = re.search(r"[Tt]\d+\.", word)
        spread += word.replace(".", " . ").lower().split() if apart else [word.lower()]
    return spread, set(values)


def plugged(gold, prediction):
    _, values = template(gold)
    words, _ = template(prediction)
    places = [k for k, word in enumerate(words) if word == PLACE.lower()]
    for choice in itertools.product(sorted(values), repeat=len(places)):
        filled = list(words)
        for place, value in zip(places, choice):
            filled[place] = value
        yield " ".join(filled)
