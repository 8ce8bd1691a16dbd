"""A study that grows by an arm, a seed, questions and a metric has the bytes of one that was made at once; what would
change a result is refused, naming cell and key. On a small random model.

    growth_test.py PROGRAM MODEL DATA MPIEXEC
"""

import json
import pathlib
import shutil
import sys

sys.path[:0] = [str(pathlib.Path(__file__).parents[1]), str(pathlib.Path(__file__).parents[1] / "app")]
from random_llama import save_random_llama
from study_ranks import outside_of_arguments, sha256

JOB = """[study]
name = grows
seeds = {seeds}
tasks = spider, mmlu
primary = {primary}
[model]
model = {model}
[spider]
data = {data}/spider
questions = {spider}
shots = 1
[mmlu]
data = {data}/mmlu
questions = {mmlu}
shots = 1
[arm.base]
max_new_tokens = 8
chunk_size = 4
{more}"""

TUNED = """[arm.tuned]
max_new_tokens = 8
chunk_size = 4
max_steps = {steps}
train_batch_size = 2
max_seq_length = 4096
deterministic = true
lora_r = 2
"""
FIRST = {"seeds": "1", "primary": "exec", "spider": 6, "mmlu": 9, "more": ""}
LAST = {"seeds": "1, 2", "primary": "set", "spider": 11, "mmlu": 15, "more": TUNED.format(steps=2)}


class Growth:
    def __init__(self, outside, model, name):
        self.outside, self.model = outside, model
        self.job, self.folder = outside.work / f"{name}.ini", outside.work / name

    def run(self, ranks, *options, code=0, says=(), **job):
        self.job.write_text(JOB.format(model=self.model, data=self.outside.o.data, **job))
        return self.outside.call(ranks, "run", self.job, "--output-dir", self.folder, *options, code=code, says=says)

    def hashes(self, pattern):
        return {str(path): sha256(path) for path in sorted(self.folder.glob(pattern)) if path.is_file()}


def grown_is_made_at_once(outside, model, ranks):
    whole = Growth(outside, model, f"whole-{ranks}")
    whole.run(ranks, **LAST)
    want = sha256(whole.folder / "predictions.h5")

    study = Growth(outside, model, f"grown-{ranks}")
    study.run(ranks, **FIRST)
    base = study.hashes("journal/base/**/*.jsonl")
    job = {**FIRST, "more": LAST["more"]}
    said = study.run(ranks, **job)
    assert "the study grows: arm tuned is new" in said and "absent before" not in said, said
    assert base and base == study.hashes("journal/base/**/*.jsonl"), "a new arm touched the journals of another"
    first_seed = study.hashes("**/seed-1/**/*.jsonl")
    study.run(ranks, **{**job, "seeds": LAST["seeds"]})
    now = study.hashes("**/seed-1/**/*.jsonl")
    assert first_seed.items() <= now.items(), "a new seed touched what another has"
    adapters = study.hashes("arms/**/*")
    said = study.run(ranks, **{**LAST, "primary": "exec"})
    assert "answers are computed again" in said, said
    assert adapters == study.hashes("arms/**/*"), "more questions touched an adapter"
    # Another metric and other limits of the SQL only score: no model is loaded.
    said = study.run(ranks, **LAST)
    assert "loading" not in said, said
    assert sha256(study.folder / "predictions.h5") == want, f"{ranks} ranks: grown and made at once differ"
    grown = json.loads((study.folder / "study.json").read_text())["grown"]
    assert len(grown) == 4 and any("spider.questions: 6 before, 11 now" in line for line in grown[2]["changes"]), grown
    ledger = {(row["arm"], row["task"], row["seed"]): row for row in map(json.loads, (study.folder / "ledger.jsonl").open())}
    assert ledger["base", "spider", 1]["questions"] == 11 and ledger["base", "spider", 1]["redone"] > 0, ledger
    assert len(ledger) == 2 + 1 + 2 * 3, ledger.keys()
    study.run(ranks, "--sql-max-steps=1000", **LAST)
    assert sha256(study.folder / "predictions.h5") != want
    return want, study


def contrary_is_refused(study):
    def refused(*says, more="", options=(), **change):
        job = {**LAST, **change}
        study.run(1, *options, code=1, says=["results that the job would change", *says], **{**job, "more": more or job["more"]})

    before = study.hashes("**/*")
    refused("arm base, seed 1 and 2, spider", "study.data_seed: 0 before, 5 now", options=["--data-seed=5"])
    refused("arm tuned, seed 1 and 2, training", "train.max_steps: 2 before, 3 now", more=TUNED.format(steps=3))
    refused("arm base, seed 1, mmlu", "mmlu.shots: 1 before, 2 now", options=["--mmlu.shots=2"])
    refused("draw.questions: 11 before, 8 now", spider=8)
    refused("arm tuned, seed 2, spider: has results, and is no longer in the job", "report --arms", seeds="1")
    refused("arm tuned, seed 1 and 2, mmlu: has results, and is no longer in the job", more="[arm.other]\n")
    refused("arm base, seed 1 and 2, spider", "max_new_tokens: 8 before, 9 now", options=["--max-new-tokens=9"])
    assert before == study.hashes("**/*"), "a refused job touched the folder"


def what_is_not_begun_may_change(outside, model):
    study = Growth(outside, model, "begun")
    study.run(1, "--cell=0", **{**FIRST, "more": TUNED.format(steps=3)})
    study.run(1, **{**FIRST, "more": TUNED.format(steps=2)})
    assert len(list(study.folder.glob("arms/tuned/seed-1/adapter/adapter_model.safetensors"))) == 1
    curve = (study.folder / "arms/tuned/seed-1/adapter/train.jsonl").read_text().splitlines()
    assert len(curve) == 2, curve
    # Of the groups of all questions more are more; of a draw they are another.
    study.run(1, code=1, says=["draw.groups"], **{**FIRST, "more": TUNED.format(steps=2)} | {"mmlu": "12\ngroups = stem, other"})


def main():
    outside = outside_of_arguments("growth-")
    options, work = outside.o, outside.work
    model = work / "model"
    save_random_llama(model, options.model, hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
                      num_key_value_heads=2, tie_word_embeddings=True)
    one, study = grown_is_made_at_once(outside, model, 1)
    contrary_is_refused(study)
    two, _ = grown_is_made_at_once(outside, model, 2)
    assert one == two, "one rank and two give other bytes"
    what_is_not_begun_may_change(outside, model)
    shutil.rmtree(work)
    print("a study grown by arm, seed, questions and metric is the one made at once, with 1 and 2 ranks; the contrary is refused")


if __name__ == "__main__":
    sys.exit(main())
