"""`run --until`: seeds are added until the rule is met, by one look after another; stopped in between it goes on where it was;
a rule that questions or seeds cannot meet ends with exit code 3, one that is wrong is refused. On a small random model.

    until_test.py PROGRAM MODEL DATA MPIEXEC
"""

import json
import pathlib
import shutil
import sys

sys.path[:0] = [str(pathlib.Path(__file__).parents[1]), str(pathlib.Path(__file__).parents[1] / "app")]
from random_llama import save_random_llama
from study_ranks import outside_of_arguments, sha256

JOB = """[study]
name = until
seeds = {seeds}
tasks = {tasks}
[model]
model = {model}
[mmlu]
data = {data}/mmlu
questions = 40
shots = 0
[spider]
data = {data}/spider
questions = 3
shots = 0
[arm.base]
max_new_tokens = 2
{more}"""
TUNED = """[arm.tuned]
max_new_tokens = 2
max_steps = 2
learning_rate = 0.05
train_batch_size = 2
lora_r = 2
deterministic = true
"""
RULE = "mmlu +-60 points"


class Until:
    def __init__(self, outside, model, name):
        self.outside, self.model, self.folder = outside, model, outside.work / name

    def run(self, ranks, *options, seeds="1", tasks="mmlu", more=TUNED, code=0, says=()):
        job = self.outside.work / f"{self.folder.name}.ini"
        job.write_text(JOB.format(model=self.model, data=self.outside.o.data.resolve(), seeds=seeds, tasks=tasks, more=more))
        words = ("run", job, "--output-dir", self.folder, *options)
        if code != 3:
            return self.outside.call(ranks, *words, code=code, says=says)
        child = self.outside.start(ranks, *words)
        out, err = child.communicate(timeout=120)
        assert child.returncode == 3 and all(word in out + err for word in says), out + err
        return out + err

    def seeds(self):
        return json.loads((self.folder / "study.json").read_text())["config"]["study"]["seeds"]

    def bytes(self):
        return sha256(self.folder / "predictions.h5")


def until_it_is_settled(outside, model):
    study = Until(outside, model, "settled")
    said = study.run(1, "--until", RULE, says=["settled, add nothing", "Seeds were added until MMLU ±60 points, at most 20 seeds, which is reached"])
    assert study.seeds() == list(range(1, len(study.seeds()) + 1)) and len(study.seeds()) >= 3, study.seeds()
    assert said.count("settled, add nothing") == 1 and "no interval with 1 seed; add seeds 2 to 3 of tuned" in said, said
    sequence = json.loads((study.folder / "report.json").read_text())["pairs"][0]["sequence"]
    assert 0 < sequence["ci95"][1] - sequence["ci95"][0] <= 1.2 + 1e-9, sequence
    before = study.bytes()
    assert "loading" not in study.run(1, "--until", RULE), "the same command loads a model"
    assert study.bytes() == before
    # Stopped after the first seed, and by two ranks: the same bytes.
    halted = Until(outside, model, "halted")
    halted.run(1)
    halted.run(2, "--until", RULE)
    assert halted.bytes() == study.bytes()
    # Two cells at a time, by groups of ranks.
    groups = Until(outside, model, "groups")
    groups.run(2, "--until", RULE, "--rank-groups=2")
    assert groups.bytes() == study.bytes() or len(groups.seeds()) > len(study.seeds())


def it_gives_up(outside, model):
    study = Until(outside, model, "questions")
    study.run(1, "--until", "mmlu ±0.5 points", code=3, says=["no number of seeds reaches", "add questions"])
    assert len(study.seeds()) == 3, study.seeds()
    # An answer that never changes has no interval, and no seed gives it one.
    same = Until(outside, model, "same")
    same.run(1, "--until", "spider.exec +- 30 points", tasks="spider", code=3, says=["none is estimable from these answers"])
    assert len(same.seeds()) == 3
    # What the questions leave is within the bound, what runs add is not, and three seeds are all.
    most = Until(outside, model, "most")
    most.run(2, "--until", "mmlu +-27 points", "--max-seeds=3", code=3, says=["not settled with --max-seeds 3", "which is not reached"])
    assert len(most.seeds()) == 3


def wrong_rules_are_refused(outside, model):
    study = Until(outside, model, "wrong")

    def refused(rule, *says, options=(), **job):
        study.run(1, "--until", rule, *options, code=2, says=["--until", *says], **job)

    for rule in ("mmlu", "mmlu 2", "+-2", "mmlu +- 0", "mmlu +- 0.5", "mmlu +- two", "mmlu +- 2 percent", "mmlu +- -1"):
        refused(rule, "expected TASK +-POINTS")
    refused("spider.exec +- 2", 'no task "spider"')
    refused("mmlu.exec +- 2", "accuracy on mmlu means accuracy")
    refused("mmlu +- 2", "3 seeds are the fewest", options=["--max-seeds=2"])
    refused("mmlu +- 2", "more than --max-seeds 3", options=["--max-seeds=3"], seeds="1,2,3,4")
    refused("mmlu +- 2", "no --cell", options=["--cell=0"])
    refused("mmlu +- 2", "no seed changes them", more="[arm.other]\n")
    refused("mmlu +- 2", "one arm", more="")
    assert not study.folder.exists()


def main():
    outside = outside_of_arguments("until-")
    model = outside.work / "model"
    save_random_llama(model, outside.o.model, hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
                      num_key_value_heads=2, tie_word_embeddings=True)
    wrong_rules_are_refused(outside, model)
    until_it_is_settled(outside, model)
    it_gives_up(outside, model)
    shutil.rmtree(outside.work)
    print("seeds are added until the rule is met; stopped in between it goes on; what cannot be met ends with code 3")


if __name__ == "__main__":
    sys.exit(main())
