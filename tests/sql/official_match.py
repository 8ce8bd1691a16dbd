"""Official exact match and hardness (test-suite-sql-eval e97acc5), written anew as an oracle. Only used by tests."""
from official_grammar import NOTHING, Query, parse


def without_values(query):
    def plain(condition):
        return [part if isinstance(part, str) else
                (part[0], part[1], part[2], *(without_values(v) if isinstance(v, Query) else None for v in part[3:]))
                for part in condition]
    return query._replace(on=plain(query.on), where=plain(query.where), having=plain(query.having),
                          nested={kind: without_values(side) for kind, side in query.nested.items()})


def through_keys(query, names, tables=None):
    if tables is None:
        tables = {table for table in query.tables if isinstance(table, str)}

    def column(unit):
        if unit is None:
            return None
        aggregate, name, _ = unit
        return (aggregate, names.joined.get(name, name) if name[0] in tables else name, None)

    def value(unit):
        return (unit[0], column(unit[1]), column(unit[2]))

    def condition(parts):
        return [part if isinstance(part, str) else (part[0], part[1], value(part[2]), *part[3:]) for part in parts]
    return query._replace(
        distinct=None, select=[(aggregate, value(unit)) for aggregate, unit in query.select], on=condition(query.on),
        where=condition(query.where), having=condition(query.having), group=[column(unit) for unit in query.group],
        order=query.order and (query.order[0], [value(unit) for unit in query.order[1]]),
        nested={kind: through_keys(side, names, tables) for kind, side in query.nested.items()})


def same_bag(a, b):
    rest = list(b)
    for item in a:
        if item not in rest:
            return False
        rest.remove(item)
    return not rest


def keywords(query):
    found = {name for name, part in (("where", query.where), ("group", query.group), ("having", query.having)) if part}
    if query.order is not None:
        found |= {"order", query.order[0]}
    if query.limit:
        found.add("limit")
    found |= set(query.nested)
    for condition in (query.on, query.where, query.having):
        if "or" in condition[1::2]:
            found.add("or")
        for part in condition[::2]:
            found |= {word for word in ("in", "like") if part[1] == word}
            if part[0]:
                found.add("not")
    return found


def bare(name):
    return name if name == ("*", "*") else name[1].split(".")[0]


def parts_right(gold, given):
    """The ten parts in the order of the official table."""
    right = {
        "select": same_bag(given.select, gold.select),
        "select(no AGG)": same_bag([unit for _, unit in given.select], [unit for _, unit in gold.select]),
        "where": same_bag(given.where[::2], gold.where[::2]),
        "where(no OP)": same_bag([part[2] for part in given.where[::2]], [part[2] for part in gold.where[::2]]),
        "group(no Having)": same_bag([bare(unit[1]) for unit in given.group], [bare(unit[1]) for unit in gold.group]),
    }
    if gold.group and given.group:
        right["group"] = [u[1] for u in gold.group] == [u[1] for u in given.group] and gold.having == given.having
    else:
        right["group"] = not gold.group and not given.group
    if gold.order is not None:
        right["order"] = gold.order == given.order and gold.limit == given.limit
    else:
        right["order"] = given.order is None
    mine, theirs = gold.where[1::2], given.where[1::2]
    right["and/or"] = all(x in theirs for x in mine) and all(x in mine for x in theirs)
    right["IUEN"] = set(gold.nested) == set(given.nested) and all(
        exact(gold.nested[kind], given.nested[kind]) for kind in gold.nested)
    right["keywords"] = keywords(gold) == keywords(given)
    return right


def exact(gold, given):
    return all(parts_right(gold, given).values()) and same_bag(gold.tables, given.tables)


def match_right(names, gold, prediction):
    """Exact match and the ten parts, or None when the gold query is outside the grammar."""
    gold = parse(names, gold)
    if gold is None:
        return None
    given = parse(names, prediction.replace("value", "1")) or NOTHING
    gold, given = (through_keys(without_values(query), names) for query in (gold, given))
    return exact(gold, given), parts_right(gold, given)


def hardness(query):
    conditions = [query.on, query.where, query.having]
    comparisons = [part for condition in conditions for part in condition[::2]]
    clauses = bool(query.where) + bool(query.group) + (query.order is not None) + query.limit
    clauses += max(len(query.tables) - 1, 0) + sum(condition[1::2].count("or") for condition in conditions)
    clauses += sum(part[1] == "like" for part in comparisons)
    nested = len(query.nested) + sum(isinstance(value, Query) for part in comparisons for value in part[3:])
    aggregates = sum(aggregate != 0 for aggregate, _ in query.select)
    aggregates += sum(part[0] for part in query.where[::2]) + sum(unit[0] != 0 for unit in query.group)
    aggregates += sum(isinstance(part, str) or part[0] for part in query.having)
    if query.order is not None:
        aggregates += sum(unit is not None and unit[0] != 0 for value in query.order[1] for unit in value[1:])
    others = (aggregates > 1) + (len(query.select) > 1) + (len(query.where) > 1) + (len(query.group) > 1)
    if clauses <= 1 and others == 0 and nested == 0:
        return "easy"
    if nested == 0 and (others <= 2 and clauses <= 1 or clauses <= 2 and others < 2):
        return "medium"
    if (nested == 0 and (others > 2 and clauses <= 2 or 2 < clauses <= 3 and others <= 2)
            or clauses <= 1 and others == 0 and nested <= 1):
        return "hard"
    return "extra"
