"""The official grammar of Spider's queries (test-suite-sql-eval e97acc5), written anew as an oracle: SQL text to the parts
that its exact match compares.

Tokens come from the package that the official program uses (NLTK's word tokenizer); everything else is here. Only used
by tests.
"""
import collections
import re

from nltk.tokenize.destructive import NLTKWordTokenizer

CLAUSES = {"select", "from", "where", "group", "order", "limit", "intersect", "union", "except"}
AGGREGATES = ["none", "max", "min", "count", "sum", "avg"]
OPERATIONS = ["none", "-", "+", "*", "/"]
COMPARISONS = ["not", "between", "=", ">", "<", ">=", "<=", "!=", "in", "like", "is", "exists"]


class Outside(Exception):
    """The official grammar does not cover the text."""


def words_of(sql):
    sql = sql.replace("'", '"')
    places = [k for k, letter in enumerate(sql) if letter == '"']
    if len(places) % 2:
        raise Outside
    strings = {}
    for start, end in reversed(list(zip(places[::2], places[1::2]))):
        key = f"__val_{start}_{end}__"
        strings[key] = sql[start:end + 1]
        sql = sql[:start] + key + sql[end + 1:]
    words = [strings.get(word.lower(), word.lower()) for word in NLTKWordTokenizer().tokenize(sql)]
    for k in range(len(words) - 1, 0, -1):
        if words[k] == "=" and words[k - 1] in ("!", "<", ">"):
            words[k - 1:k + 1] = [words[k - 1] + "="]
    return words


class Names:
    """Tables and columns of the database, with the column that stands for each joined one."""

    def __init__(self, databases, db_id, entry):
        connection = databases.connection(db_id)
        tables = [name for name, in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        self.columns = {}
        for table in tables:
            listed = connection.execute(f'PRAGMA table_info("{table}")').fetchall()
            self.columns[table.lower()] = [row[1].lower() for row in listed]
        keyed = [(entry["table_names_original"][t].lower(), name.lower()) if t >= 0 else ("*", "*")
                 for t, name in entry["column_names_original"]]
        groups = []
        for a, b in entry["foreign_keys"]:
            for group in groups:
                if a in group or b in group:
                    group |= {a, b}
                    break
            else:
                groups.append({a, b})
        self.joined = {}
        for group in groups:
            for member in group:
                self.joined[keyed[member]] = keyed[min(group)]


Query = collections.namedtuple("Query", "distinct select tables on where group having order limit nested")


class Reader:
    """A cursor over words; every method reads one phrase of the grammar."""

    def __init__(self, words, names):
        self.words, self.names, self.k = words, names, 0
        self.aliases = {}
        for k, word in enumerate(words):
            if word == "as":
                if k + 1 >= len(words):
                    raise Outside
                self.aliases[words[k + 1]] = words[k - 1]
        for table in names.columns:
            if table in self.aliases:
                raise Outside
            self.aliases[table] = table

    def peek(self):
        if self.k >= len(self.words):
            raise Outside
        return self.words[self.k]

    def sees(self, *options):
        return self.k < len(self.words) and self.words[self.k] in options

    def skip(self, *options):
        if self.sees(*options):
            self.k += 1
            return True
        return False

    def must(self, word):
        if not self.skip(word):
            raise Outside

    def at_end_of_clause(self):
        return self.k < len(self.words) and (self.words[self.k] in CLAUSES or self.words[self.k] in (")", ";"))

    def table(self, alias):
        if alias not in self.aliases:
            raise Outside
        return self.aliases[alias]

    def column(self, scope):
        word = self.peek()
        self.k += 1
        if word == "*":
            return ("*", "*")
        if "." in word:
            if word.count(".") != 1:
                raise Outside
            alias, name = word.split(".")
            table = self.table(alias)
            if name not in self.names.columns.get(table, ()):
                raise Outside
            return (table, name)
        for alias in scope:
            table = self.table(alias)
            if table not in self.names.columns:
                raise Outside
            if word in self.names.columns[table]:
                return (table, word)
        raise Outside

    def column_unit(self, scope):
        bracket = self.skip("(")
        if self.peek() in AGGREGATES:
            aggregate = AGGREGATES.index(self.peek())
            self.k += 1
            self.must("(")
            distinct = self.skip("distinct")
            unit = (aggregate, self.column(scope), distinct)
            self.must(")")
            return unit
        distinct = self.skip("distinct")
        unit = (0, self.column(scope), distinct)
        if bracket:
            self.must(")")
        return unit

    def value_unit(self, scope):
        bracket = self.skip("(")
        first, second, operation = self.column_unit(scope), None, 0
        if self.sees(*OPERATIONS):
            operation = OPERATIONS.index(self.peek())
            self.k += 1
            second = self.column_unit(scope)
        if bracket:
            self.must(")")
        return (operation, first, second)

    def operand(self, scope):
        start = self.k
        bracket = self.skip("(")
        word = self.peek()
        if word == "select":
            value = self.query()
        elif '"' in word:
            value, self.k = word, self.k + 1
        else:
            try:
                value = float(word)
                self.k += 1
            except ValueError:
                end = self.k
                while end < len(self.words) and self.words[end] not in CLAUSES | {",", ")", "and", "join", "on", "as"}:
                    end += 1
                # The column is read on its own, opening bracket included; the rest is passed over.
                whole, self.words, self.k = self.words, self.words[:end], start
                try:
                    value = self.column_unit(scope)
                finally:
                    self.words = whole
                self.k = end
        if bracket:
            self.must(")")
        return value

    def condition(self, scope):
        parts = []
        while self.k < len(self.words):
            left = self.value_unit(scope)
            negated = self.peek() == "not"
            self.k += negated
            if self.peek() not in COMPARISONS:
                raise Outside
            comparison = self.peek()
            self.k += 1
            low, high = self.operand(scope), None
            if comparison == "between":
                self.must("and")
                high = self.operand(scope)
            parts.append((negated, comparison, left, low, high))
            if self.at_end_of_clause() or self.sees("join", "on", "as"):
                break
            if self.sees("and", "or"):
                if len(parts) % 2 == 0:
                    raise Outside  # the official scorer stops with an exception here
                parts.append(self.peek())
                self.k += 1
        return parts

    def query(self):
        bracket = self.skip("(")
        begin = self.k
        if "from" not in self.words[begin:]:
            raise Outside
        self.k = self.words.index("from", begin) + 1
        tables, on, scope = [], [], []
        while self.k < len(self.words):
            inner = self.skip("(")
            if self.peek() == "select":
                tables.append(self.query())
            else:
                self.skip("join")
                table = self.table(self.peek())
                if table not in self.names.columns:
                    raise Outside
                self.k += 1
                if self.sees("as"):
                    self.k += 2
                tables.append(table)
                scope.append(table)
            if self.skip("on"):
                more = self.condition(scope)
                if on and len(on) % 2 == 0:
                    raise Outside
                on += (["and"] if on else []) + more
            if inner:
                self.must(")")
            if self.at_end_of_clause():
                break
        after, self.k = self.k, begin
        self.must("select")
        distinct = self.skip("distinct")
        select = []
        while self.k < len(self.words) and self.words[self.k] not in CLAUSES:
            aggregate = 0
            if self.peek() in AGGREGATES:
                aggregate = AGGREGATES.index(self.peek())
                self.k += 1
            select.append((aggregate, self.value_unit(scope)))
            self.skip(",")
        self.k = after
        where = self.condition(scope) if self.skip("where") else []
        group, order, limit = [], None, False
        if self.skip("group"):
            self.must("by")
            while self.k < len(self.words) and not self.at_end_of_clause():
                group.append(self.column_unit(scope))
                if not self.skip(","):
                    break
        having = self.condition(scope) if self.skip("having") else []
        if self.skip("order"):
            self.must("by")
            direction, keys = "asc", []
            while self.k < len(self.words) and not self.at_end_of_clause():
                keys.append(self.value_unit(scope))
                if self.sees("asc", "desc"):
                    direction = self.peek()
                    self.k += 1
                if not self.skip(","):
                    break
            order = (direction, keys)
        if self.skip("limit"):
            self.peek()
            self.k += 1
            limit = True
        while self.skip(";"):
            pass
        if bracket:
            self.must(")")
        while self.skip(";"):
            pass
        nested = {}
        if self.sees("intersect", "union", "except"):
            kind = self.peek()
            self.k += 1
            nested[kind] = self.query()
        return Query(distinct, select, tables, on, where, group, having, order, limit, nested)


def parse(names, sql):
    try:
        return Reader(words_of(sql), names).query()
    except (Outside, RecursionError):
        return None


NOTHING = Query(False, [], [], [], [], [], [], None, False, {})
