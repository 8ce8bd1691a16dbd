"""The official program itself (a checkout of taoyds/test-suite-sql-eval) as an oracle, where a tester has one.

Its functions are called row by row, and whole through evaluate(). Only the clock is helped: a statement
ends after as many virtual-machine steps as official_execution.Databases allows, since its own timeout never fires.
"""
import contextlib
import io
import random
import sqlite3
import sys


class OfficialProgram:
    def __init__(self, folder, spider, databases, max_steps=3_000_000):
        """`databases` is a private copy of the database folder: the program opens it for writing."""
        sys.path.insert(0, str(folder))
        import nltk
        from nltk.tokenize.destructive import NLTKWordTokenizer
        words = NLTKWordTokenizer()
        nltk.word_tokenize = words.tokenize  # without NLTK's sentence model: a line is one sentence
        import evaluation
        import exec_eval
        self.evaluation, self.exec_eval = evaluation, exec_eval
        self.databases, self.keys = databases, evaluation.build_foreign_key_map_from_json(str(spider / "tables.json"))
        self.schemas = {}
        connect = sqlite3.connect

        def connect_with_limit(*args, **kwargs):
            connection = connect(*args, **kwargs)
            budget = [max_steps // 1000]

            def tick():
                budget[0] -= 1
                return budget[0] < 0
            connection.set_progress_handler(tick, 1000)
            return connection
        exec_eval.sqlite3.connect = connect_with_limit

    def path(self, db_id):
        return str(self.databases / db_id / f"{db_id}.sqlite")

    def schema(self, db_id):
        if db_id not in self.schemas:
            self.schemas[db_id] = self.evaluation.Schema(self.evaluation.get_schema(self.path(db_id)))
        return self.schemas[db_id]

    def exec_right(self, db_id, gold, prediction, keep_distinct, plug=False):
        random.seed(0)  # it samples rows; the verdict does not depend on which
        return bool(self.exec_eval.eval_exec_match(self.path(db_id), prediction.replace("value", "1"), gold, plug, keep_distinct, False))

    def match_right(self, db_id, gold, prediction):
        """Exact match and the level of the gold."""
        program, schema = self.evaluation, self.schema(db_id)
        wanted = program.get_sql(schema, gold)
        level = program.Evaluator().eval_hardness(wanted)
        try:
            given = program.get_sql(schema, prediction.replace("value", "1"))
        except Exception:
            given = {"except": None, "union": None, "intersect": None, "from": {"conds": [], "table_units": []},
                     "select": [False, []], "where": [], "groupBy": [], "having": [], "orderBy": [], "limit": None}

        def rebuilt(query):
            columns = program.build_valid_col_units(query["from"]["table_units"], schema)
            return program.rebuild_sql_col(columns, program.rebuild_sql_val(query), self.keys[db_id])
        return bool(program.Evaluator().eval_exact_match(rebuilt(given), rebuilt(wanted))), level

    def printed(self, gold_file, predicted_file, etype):
        """All that evaluation.py prints for two files."""
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            self.evaluation.evaluate(str(gold_file), str(predicted_file), str(self.databases), etype, self.keys, False, False, False)
        return out.getvalue()
