"""Arms with an adapter, a model and a quantization of their own, next to the studies that have only these: the same answers.
Two random models whose tokenizers differ. What does not fit is refused before anything is computed.

    arms_test.py PROGRAM MODEL DATA MPIEXEC
"""

import json
import pathlib
import shutil
import sys

import h5py
import numpy
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from random_llama import save_random_llama
from study_ranks import outside_of_arguments

JOB = """[study]
name = arms
seeds = 1
[model]
model = {model}
[spider]
data = {data}/spider
questions = 8
shots = 1
template = plain
[mmlu]
data = {data}/mmlu
questions = 9
shots = 1
[train]
train_batch_size = 2
max_seq_length = 4096
[arm.base]
max_new_tokens = 8
{arms}"""
TUNED = "[arm.tuned]\nmax_new_tokens = 8\nmax_steps = 2\nlora_r = 2\n"


def small_tokenizer(folder, data):
    """Byte-level BPE of a thousand tokens, learnt from the questions that are asked."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    texts = (data / "spider/dev.json").read_text().splitlines() + [" A B C D\n"] * 1000
    trainer = trainers.BpeTrainer(vocab_size=1000, special_tokens=["<s>", "</s>"], show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(texts, trainer)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>").save_pretrained(folder)


class Arms:
    def __init__(self, outside, model):
        self.outside, self.model = outside, model

    def run(self, name, arms, *options, code=0, says=(), model=None):
        job = self.outside.work / f"{name}.ini"
        job.write_text(JOB.format(model=model or self.model, data=self.outside.o.data, arms=arms))
        said = self.outside.call(1, "run", job, "--output-dir", self.outside.work / name, *options, code=code, says=says)
        return self.outside.work / name, said


def answers(folder, arm):
    with h5py.File(folder / "predictions.h5") as file:
        run = file[f"runs/{arm}/seed-1"]
        assert run["spider"]["text"].shape == (8,) and run["mmlu"]["answer"].shape == (9,)
        return ([text for text in run["spider"]["text"][:]], run["mmlu"]["choice_logprobs"][:],
                json.loads(file.attrs["config"]), [text for text in file["items/spider/question"][:]])


def same(one, other):
    return one[0] == other[0] and numpy.array_equal(one[1], other[1])


def own_arms(study, adapter, other):
    # Paths in a job file may be relative to its folder.
    arms = (f"{TUNED}[arm.mine]\nmax_new_tokens = 8\nadapter = {adapter}\n[arm.other]\nmax_new_tokens = 8\nmodel = other\n"
            "[arm.nf4]\nmax_new_tokens = 8\nquantization = nf4\n"
            f"[arm.onward]\nmax_new_tokens = 8\nmax_steps = 1\ninit_adapter = {adapter}\nlearning_rate = 0.01\n")
    return study.run("both", arms)


def own_model_and_adapter_answer_as_they_do_alone(study, adapter, other):
    both, said = own_arms(study, adapter, other)
    tuned, _ = study.run("tuned", TUNED)
    assert same(answers(both, "mine"), answers(tuned, "tuned")), "an adapter gives other answers than the training that made it"
    assert same(answers(both, "tuned"), answers(tuned, "tuned"))
    assert not same(answers(both, "mine"), answers(both, "base")), "the adapter has no effect"
    assert not same(answers(both, "onward"), answers(both, "mine")), "training on has no effect"
    alone, _ = study.run("alone", "", model=other)
    assert same(answers(both, "other"), answers(alone, "base")), "an arm's own model gives other answers than a study of it"
    assert not same(answers(both, "other"), answers(both, "base"))
    nf4, _ = study.run("nf4", "", "--quantization=nf4")
    assert same(answers(both, "nf4"), answers(nf4, "base"))
    assert not same(answers(both, "nf4"), answers(both, "base"))
    assert answers(both, "other")[3] == answers(alone, "base")[3], "models do not share their questions"

    config = answers(both, "base")[2]
    assert config["model"]["name"] == "model" and config["arms"]["other"]["model"]["name"] == "other", config["arms"]["other"]
    assert config["arms"]["mine"]["adapter"]["name"] == "mine" and config["arms"]["mine"]["adapter"]["lora_r"] == 2
    assert config["arms"]["onward"]["train"]["lora_r"] == 2 and config["arms"]["onward"]["init_adapter"]["name"] == "mine"
    assert "model" not in config["arms"]["base"] and "adapter" not in config["arms"]["base"]
    assert str(study.outside.work) not in json.dumps(config), "a record of results holds paths"
    page = (both / "report.md").read_text()
    assert "other" in page and "adapter mine" in page and "NF4" in page, page[-3000:]
    cost = json.loads((both / "report.json").read_text())["cost"]
    assert set(cost) == {"base", "tuned", "mine", "other", "nf4", "onward"}, cost
    made = json.loads((both / "study.json").read_text())["inputs"]
    assert made["other"]["spider"]["hashes"]["model_weights_sha256"] != made["base"]["spider"]["hashes"]["model_weights_sha256"]
    # The command line names the study's model; an arm keeps its own.
    swapped, _ = study.run("swapped", f"[arm.other]\nmax_new_tokens = 8\nmodel = {study.model}\n", "--model", other)
    assert same(answers(swapped, "other"), answers(both, "base")) and same(answers(swapped, "base"), answers(alone, "base"))
    # An adapter that has changed is another arm.
    weights = adapter / "adapter_model.safetensors"
    kept = weights.read_bytes()
    weights.write_bytes(kept[:-2] + bytes([kept[-2] ^ 1, kept[-1]]))
    again = study.outside.work / "both.ini"
    study.outside.call(1, "run", again, "--output-dir", both, code=1,
                       says=["arm mine, seed 1, mmlu: adapter.weights_sha256", "arm onward, seed 1, training: init_adapter"])
    weights.write_bytes(kept)
    assert "loading" not in study.outside.call(1, "run", again, "--output-dir", both)


def what_does_not_fit_is_refused(study, adapter, other):
    def refused(arms, *says, options=()):
        study.run("refused", arms, *options, code=2, says=["refused.ini:", *says])
        assert not (study.outside.work / "refused").exists(), "work began before the faults were told"

    refused(f"[arm.x]\nadapter = {adapter}\nmodel = {other}\n", "adapter: the adapter does not fit", "adapter_model.safetensors", "expected")
    refused(f"[arm.x]\nadapter = {adapter}\nmax_steps = 2\n", "[arm.x]"[1:-1].split(".")[0], "init_adapter")
    refused(f"[arm.x]\ninit_adapter = {adapter}\n", "does not train")
    refused(f"[arm.x]\ninit_adapter = {adapter}\nmax_steps = 1\nlora_r = 4\n", "lora_r: found 4", "has 2")
    refused("[arm.x]\nadapter = nowhere\n", "adapter: ", "no such adapter folder")
    refused("[arm.x]\nmodel = nowhere\n", "model: ", "expected a model folder")
    refused("[arm.x]\nquantization = nf5\n", "quantization: found \"nf5\"")
    torn = study.outside.work / "torn"
    shutil.copytree(adapter, torn)
    (torn / "adapter_model.safetensors").write_bytes(b"")
    refused(f"[arm.x]\nadapter = {torn}\n", "adapter_model.safetensors")
    # Both faults at once.
    refused("[arm.x]\nadapter = nowhere\n[arm.y]\nmodel = gone\n", "nowhere", "gone")


def main():
    outside = outside_of_arguments("arms-")
    options, work = outside.o, outside.work
    model, other = work / "model", work / "other"
    shape = {"num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2}
    save_random_llama(model, options.model, hidden_size=64, intermediate_size=128, tie_word_embeddings=True, **shape)
    save_random_llama(other, options.model, seed=2, hidden_size=128, intermediate_size=192, vocab_size=1000, tie_word_embeddings=False,
                      bos_token_id=0, eos_token_id=1, **{**shape, "num_hidden_layers": 1})
    small_tokenizer(other, options.data)
    study = Arms(outside, model)
    trained, _ = study.run("first", TUNED)
    adapter = work / "mine"
    adapter.mkdir()
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        shutil.copy(trained / "arms/tuned/seed-1/adapter" / name, adapter / name)
    what_does_not_fit_is_refused(study, adapter, other)
    own_model_and_adapter_answer_as_they_do_alone(study, adapter, other)
    shutil.rmtree(work)
    print("arms: adapters, models and quantizations of their own answer as they do alone; what does not fit is refused")


if __name__ == "__main__":
    sys.exit(main())
