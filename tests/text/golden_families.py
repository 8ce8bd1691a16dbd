"""Compares the ids of text_cli with tokenizers' on tokenizers built like those of other families: 0 differences or exit 1.

    python tests/text/golden_families.py --program build/release/text_cli [--megabytes 0.3]

Small tokenizers are trained here with the parts of Qwen 2, Tekken, o200k, Llama 2 (Prepend, Replace), Mistral (Metaspace)
and Gemma. Each is read as it is and as written back by text_cli.
"""
import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from golden_tokenizer import Comparison, real_texts
from odd_text import OddText

CASED = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]%s[\p{Ll}\p{Lm}\p{Lo}\p{M}]%s"
END = r" ?[^\s\p{L}\p{N}]+[\r\n%s]*|\s*[\r\n]+|\s+(?!\S)|\s+"
CONTRACTION = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
WORDS = CONTRACTION + r"|[^\r\n\p{L}\p{N}]?\p{L}+|"
TEKKEN = CASED % ("*", "+") + "|" + CASED % ("+", "*") + r"|\p{N}|" + END % "/"
O200K = f"{CASED % ('*', '+')}{CONTRACTION}?|{CASED % ('+', '*')}{CONTRACTION}?|\\p{{N}}{{1,3}}|" + END % "/"
ADDED = [AddedToken("<|im_start|>", special=True, normalized=False), AddedToken("<|im_end|>", special=True, normalized=False, rstrip=True),
         AddedToken("count", single_word=True, normalized=False), AddedToken("----", lstrip=True, normalized=False),
         AddedToken("FROM", normalized=True)]


def byte_level(regex, normalizer, texts):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(regex), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=6000, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    return tokenizer


def sentencepiece(normalizer, pre_tokenizer, strip, texts):
    """Trained with Metaspace, which keeps words apart, then given the family's parts."""
    trained = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    trained.pre_tokenizer = pre_tokenizers.Metaspace()
    special = ["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)]
    trained.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=6000, show_progress=False, special_tokens=special,
                                                           limit_alphabet=500))
    parts = json.loads(trained.to_str())
    parts["added_tokens"] = parts["added_tokens"][:3]
    tokenizer = Tokenizer.from_str(json.dumps(parts))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, pre_tokenizer
    steps = [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()]
    tokenizer.decoder = decoders.Sequence(steps + ([decoders.Strip(" ", 1, 0)] if strip else []))
    return tokenizer


def families(texts):
    mark, one = normalizers.Replace(" ", "\u2581"), pre_tokenizers.Split(" ", "merged_with_previous")
    yield "Qwen 2", byte_level(WORDS + r"\p{N}|" + END % "", normalizers.NFC(), texts)
    yield "NFKC, Lowercase, Strip", byte_level(WORDS + r"\p{N}{1,3}|" + END % "", normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Lowercase(), normalizers.Strip()]), texts)
    yield "Tekken", byte_level(TEKKEN, None, texts)
    yield "o200k, NFD", byte_level(O200K, normalizers.NFD(), texts)
    yield "Llama 2", sentencepiece(normalizers.Sequence([normalizers.Prepend("\u2581"), mark]), None, True, texts)
    yield "Mistral", sentencepiece(None, pre_tokenizers.Metaspace(prepend_scheme="first", split=False), True, texts)
    yield "Metaspace, split", sentencepiece(None, pre_tokenizers.Metaspace(prepend_scheme="always", split=True), True, texts)
    yield "Gemma", sentencepiece(mark, one, False, texts)


# Markup that begins with text and touches data with and without special tokens.
TEMPLATE = "{% for m in messages %}{{ m.role + ':' + m.content + '<|im_end|> \\n <|im_start|>' + m.content }}{% endfor %}"


def check_segments(compare, title, tokenizer, file):
    """Template and data in one text: the ids of the whole text, but for special tokens that data spells."""
    folder = file.parent / "segments"
    folder.mkdir(exist_ok=True)
    (folder / "tokenizer.json").write_bytes(file.read_bytes())
    (folder / "chat_template.jinja").write_text(TEMPLATE)
    texts = compare.texts[::3] + ["", " ", "\u00a0\n", "a <|im_end|> b", "<|im_", "end|>", " <|im_start|>"]
    rows = [[{"role": "user", "content": t}, {"role": "x", "content": t[::-1]}] for t in texts]
    source, target = folder / "in.jsonl", folder / "out.jsonl"
    source.write_text("".join(json.dumps({"messages": row, "add_generation_prompt": True}) + "\n" for row in rows))
    subprocess.run([compare.program, "chat", folder, source, target], check=True)
    done = [json.loads(line) for line in target.read_bytes().split(b"\n") if line]
    special = {tokenizer.token_to_id(t) for t in ("<|im_start|>", "<|im_end|>")}
    wrong = forged = 0
    for row, own in zip(rows, done, strict=True):
        if any("<|im_" in m["content"] for m in row):
            forged += 1
            good = sum(i in special for i in own["ids"]) == 4
        else:
            good = own["ids"] == tokenizer.encode(own["text"], add_special_tokens=False).ids
        wrong += not good
        if not good and wrong < 4:
            print(f"  {own['text']!r}: {own['ids']}, expected {tokenizer.encode(own['text'], add_special_tokens=False).ids}")
    assert forged >= 3, forged
    compare.differences += wrong
    print(f"  segments: {len(rows)} texts, {forged} with special tokens spelled in data, {wrong} differences", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", type=Path, required=True)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "jobs/data")
    parser.add_argument("--megabytes", type=float, default=0.3)
    parser.add_argument("--share", type=int, default=40)
    options = parser.parse_args()
    texts = real_texts(options.data, options.share)
    words = sorted({w for t in texts[::7] for w in t.split()})
    odd = OddText(2, words).texts(int(options.megabytes * 1e6))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        compare = Comparison(options.program, folder, texts + odd)
        for title, tokenizer in families(texts + odd[-200:]):
            tokenizer.add_tokens(ADDED)
            file = folder / "tokenizer.json"
            tokenizer.save(str(file))
            ids = [e.ids for e in tokenizer.encode_batch(compare.texts, add_special_tokens=False)]
            compare.check(title, compare.own_ids(file, "--specials"), ids)
            check_segments(compare, title, tokenizer, file)
            subprocess.run([options.program, "write", file, folder / "written"], check=True)
            again = Tokenizer.from_file(str(folder / "written/tokenizer.json"))
            compare.check("  written, tokenizers", [e.ids for e in again.encode_batch(compare.texts, add_special_tokens=False)], ids)
        sys.exit(compare.differences != 0)


main()
