"""What the official evaluation.py prints for a list of verdicts, written anew from its layout."""
import collections

import official_grammar
import official_match

LEVELS = ["easy", "medium", "hard", "extra", "all"]
TURNS = ["turn 1", "turn 2", "turn 3", "turn 4", "turn > 4"]
PARTS = ["select", "select(no AGG)", "where", "where(no OP)", "group(no Having)", "group", "order", "and/or", "IUEN", "keywords"]

# session and turn from 0; parts: name -> (right, in the gold, in the prediction).
Row = collections.namedtuple("Row", "level exec match parts session turn gold prediction")


def totals(gold, given):
    """How much of each part either side has: only sides that have it enter an average."""
    def both(count):
        return count(gold), count(given)
    found = {
        "select": both(lambda query: len(query.select)),
        "where": both(lambda query: len(query.where[::2])),
        "group(no Having)": both(lambda query: len(query.group)),
        "group": both(lambda query: bool(query.group)),
        "order": both(lambda query: query.order is not None),
        "IUEN": both(lambda query: len(query.nested)),
        "keywords": both(lambda query: len(official_match.keywords(query))),
    }
    found["select(no AGG)"], found["where(no OP)"] = found["select"], found["where"]
    connectives = set(gold.where[1::2]), set(given.where[1::2])
    # The official program exchanges the two sides here.
    found["and/or"] = (1, 1) if connectives[0] == connectives[1] else (len(connectives[1]), len(connectives[0]))
    return found


def row(names, level, right, gold, prediction, session=0, turn=0):
    """`right`: whether it executes to the same rows."""
    wanted = official_grammar.parse(names, gold)
    given = official_grammar.parse(names, prediction.replace("value", "1")) or official_grammar.NOTHING
    match, parts = official_match.match_right(names, gold, prediction)
    counts = totals(wanted, given)
    return Row(level, right, match, {name: (parts[name], *counts[name]) for name in PARTS}, session, turn, gold, prediction)


def line(name, cells):
    return f"{name:20} " + " ".join(cells) + "\n"


def figures(name, values):
    return line(name, [f"{value:<20.3f}" for value in values])


def mean(values):
    values = list(values)
    return sum(values) / len(values) if values else 0


def part_figures(rows, name):
    precision = mean(row.parts[name][0] for row in rows if row.parts[name][2])
    recall = mean(row.parts[name][0] for row in rows if row.parts[name][1])
    f1 = 2 * precision * recall / (precision + recall) if precision or recall else 1
    return (precision, recall, f1) if rows else (0, 0, 0)


def printed(rows, etype):
    text = ""
    sessions = rows[-1].session + 1
    seen = 0
    for row in rows:
        for seen in range(seen + 1, row.session + 2):
            text += f"Evaluating {seen}th prediction\n" if seen % 10 == 0 else ""
        if etype != "exec" and not row.match:
            text += f"{row.level} pred: {row.prediction.replace('value', '1')}\n{row.level} gold: {row.gold}\n\n"
    columns = [[row for row in rows if row.level == level] for level in LEVELS[:4]] + [rows]
    whole = [[row for row in rows if row.session == session] for session in range(sessions)]
    joint = sessions > 1
    names = LEVELS + ["joint_all"] * joint
    text += line("", [f"{name:20}" for name in names])
    text += line("count", [f"{count:<20d}" for count in [len(column) for column in columns] + [sessions] * joint])
    if etype != "match":
        text += "=====================   EXECUTION ACCURACY     =====================\n"
        text += figures("execution", [mean(row.exec for row in column) for column in columns]
                        + [mean(all(row.exec for row in session) for session in whole)] * joint)
    if etype != "exec":
        text += "\n====================== EXACT MATCHING ACCURACY =====================\n"
        text += figures("exact match", [mean(row.match for row in column) for column in columns]
                        + [mean(all(row.match for row in session) for session in whole)] * joint)
        titles = ["\n---------------------PARTIAL MATCHING ACCURACY----------------------",
                  "---------------------- PARTIAL MATCHING RECALL ----------------------",
                  "---------------------- PARTIAL MATCHING F1 --------------------------"]
        for k, title in enumerate(titles):
            text += title + "\n"
            for name in PARTS:
                # Whole sessions have no parts: their F1 is that of nothing at all.
                text += figures(name, [part_figures(column, name)[k] for column in columns] + [float(k == 2)] * joint)
    if joint:
        turns = [[row for row in rows if min(row.turn, 4) == turn] for turn in range(5)]
        text += "\n\n" + line("", [f"{name:20}" for name in TURNS])
        text += line("count", [f"{len(column):<20d}" for column in turns])
        if etype != "match":
            text += "=====================   TURN EXECUTION ACCURACY     =====================\n"
            text += figures("execution", [mean(row.exec for row in column) for column in turns])
        if etype != "exec":
            text += "\n====================== TURN EXACT MATCHING ACCURACY =====================\n"
            text += figures("exact match", [mean(row.match for row in column) for column in turns])
    return text
