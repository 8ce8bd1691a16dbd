"""A tiny random Llama, adapters and training rows for the oracles of module train."""
import json
import pathlib
import subprocess
import tempfile

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM

TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
VOCAB = 300


class Pipe:
    """train_pipe, alone or under mpirun."""

    def __init__(self, program, mpiexec):
        self.program, self.mpiexec = program, mpiexec
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="train-golden-"))
        self.jobs = 0

    def job(self, **keys):
        self.jobs += 1
        path = self.work / f"job-{self.jobs}.json"
        path.write_text(json.dumps({k: str(v) if isinstance(v, pathlib.Path) else v for k, v in keys.items()}))
        return str(path)

    def command(self, *words, ranks=None):
        words = [self.program, *map(str, words)]
        if ranks is None:
            return words
        return [self.mpiexec, "-np", str(ranks), "--oversubscribe", "--bind-to", "none", *words]

    def call(self, *words, ranks=None, expect=None, code=0):
        done = subprocess.run(self.command(*words, ranks=ranks), capture_output=True, text=True)
        if expect is None:
            assert done.returncode == code, (done.returncode, done.stderr)
            return done
        assert done.returncode != 0, f"{words} was accepted"
        for word in expect:
            assert word in done.stderr, (word, done.stderr)
        return done


def make_base(folder, dtype=torch.float32, **changes):
    torch.manual_seed(1)
    config = LlamaConfig(**{**dict(vocab_size=VOCAB, hidden_size=64, intermediate_size=96, num_hidden_layers=3,
                                   num_attention_heads=4, num_key_value_heads=2, head_dim=16,
                                   max_position_embeddings=512, rope_theta=10000.0, tie_word_embeddings=True,
                                   initializer_range=0.15), **changes})
    model = LlamaForCausalLM(config).to(dtype)
    model.save_pretrained(folder)
    return folder


def load(folder, dtype=torch.float32):
    return LlamaForCausalLM.from_pretrained(folder, dtype=dtype)


def make_adapter(base, folder, spread, r=4, alpha=8, targets=TARGETS, dtype=torch.float32):
    torch.manual_seed(2)
    model = get_peft_model(load(base, dtype), LoraConfig(r=r, lora_alpha=alpha, lora_dropout=0.0, target_modules=targets,
                                                         task_type="CAUSAL_LM"))
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "lora_B" in name:
                p.copy_(spread * torch.randn_like(p))
    model.save_pretrained(folder)
    return folder


def trainable(base, adapter, dtype=torch.float32):
    return PeftModel.from_pretrained(load(base, dtype), adapter, is_trainable=True).train()


def make_rows(path, count, seed=3, shared=40):
    """Rows in two families that share a prompt's beginning, completions of very unequal length."""
    g = torch.Generator().manual_seed(seed)
    draw = lambda n: torch.randint(3, VOCAB, (n,), generator=g).tolist()
    heads = [draw(shared), draw(shared)]
    rows = []
    for i in range(count):
        length = int(torch.randint(1, 30, (1,), generator=g))
        prompt = heads[i % 2] + draw(int(torch.randint(1, 25, (1,), generator=g)))
        if i % 5 == 4:
            prompt = draw(7)
        rows.append({"id": f"row-{i}", "ids": prompt + draw(length) + [2], "first_supervised": len(prompt)})
    path.write_text("".join(json.dumps(r) + "\n" for r in rows))
    return rows


def step_loss(model, rows):
    """Mean cross-entropy over the supervised tokens of all rows, each row by itself."""
    total, count = 0, 0
    for row in rows:
        ids = torch.tensor([row["ids"]])
        logits = model(ids).logits[0, :-1].float()
        first = row["first_supervised"]
        total = total + torch.nn.functional.cross_entropy(logits[first - 1:], ids[0, first:], reduction="sum")
        count += len(row["ids"]) - first
    return total / count


def curve(folder):
    return [json.loads(line) for line in (folder / "train.jsonl").open()]


def logprobs(model, rows):
    out = []
    for row in rows:
        with torch.no_grad():
            scores = model(torch.tensor([row["ids"]])).logits[0].float().log_softmax(-1)
        out += [scores[i, t].item() for i, t in enumerate(row["ids"][1:])]
    return torch.tensor(out)
