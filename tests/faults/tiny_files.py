"""One small file of every format that the program reads, written by the program itself or by the format's own library."""

import base64
import csv
import json
import pathlib
import shutil
import struct
import subprocess

import gguf
import numpy

from small_data import small_mmlu, small_spider

TEMPLATE = ("{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>\\n' }}{% endfor %}"
            "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}")
JOB = """[study]
name = tiny
seeds = 1
[model]
model = {work}/model
device = cpu
dtype = float32
threads = 1
[spider]
data = {work}/spider
questions = 3
shots = 0
template = plain
[mmlu]
data = {work}/mmlu
questions = 2
shots = 0
groups = stem, humanities
[arm.base]
max_new_tokens = 3
chunk_size = 2
[arm.trained]
max_steps = 2
save_steps = 1
train_batch_size = 1
max_new_tokens = 3
chunk_size = 2
lora_r = 2
"""


def byte_letters():
    """GPT-2's alphabet: a letter for every byte (encoder.py, bytes_to_unicode)."""
    kept = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in kept]
    return {byte: chr(byte) for byte in kept} | {byte: chr(256 + i) for i, byte in enumerate(others)}


def write_gguf(path, width=16, heads=2, layers=2):
    letters = byte_letters()
    tokens = [letters[byte] for byte in range(256)]
    merges = [("S", "E"), ("L", "E"), ("SE", "LE"), *(("\u0120", letter) for letter in "ABCDa")]
    tokens += ["".join(pair) for pair in merges] + ["<|im_start|>", "<|im_end|>"]
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(8192)
    writer.add_embedding_length(width)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(2 * width)
    writer.add_head_count(heads)
    writer.add_head_count_kv(1)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(width // heads)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    writer.add_token_types([1] * (len(tokens) - 2) + [3, 3])
    writer.add_token_merges([" ".join(pair) for pair in merges])
    writer.add_bos_token_id(len(tokens) - 2)
    writer.add_eos_token_id(len(tokens) - 1)
    writer.add_chat_template(TEMPLATE)
    rng = numpy.random.default_rng(1)

    def matrix(name, rows, columns):
        writer.add_tensor(name, rng.standard_normal((rows, columns)).astype(numpy.float32) * columns ** -0.5)

    matrix("token_embd.weight", len(tokens), width)
    for i in range(layers):
        for name, rows, columns in (("attn_q", width, width), ("attn_k", width // heads, width), ("attn_v", width // heads, width),
                                    ("attn_output", width, width), ("ffn_gate", 2 * width, width), ("ffn_up", 2 * width, width),
                                    ("ffn_down", width, 2 * width)):
            matrix(f"blk.{i}.{name}.weight", rows, columns)
        for name in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"blk.{i}.{name}.weight", numpy.ones(width, numpy.float32))
    writer.add_tensor("output_norm.weight", numpy.ones(width, numpy.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def varint(value):
    out = b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def message(number, payload):
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def write_sentencepiece(path):
    pieces = [("<unk>", 0.0, 2), ("<s>", 0.0, 3), ("</s>", 0.0, 3), *((f"<0x{byte:02X}>", 0.0, 6) for byte in range(256))]
    pieces += [("\u2581", -1.0, 1), ("a", -2.0, 1), ("\u2581a", -3.0, 1)]
    out = b""
    for text, score, kind in pieces:
        out += message(1, message(1, text.encode()) + varint(2 << 3 | 5) + struct.pack("<f", score) + varint(3 << 3) + varint(kind))
    path.write_bytes(out + message(2, varint(3 << 3) + varint(2)) + message(3, varint(3 << 3) + varint(1)))


def write_ranks(path):
    """As many as Llama-3 has: every text of one and of two bytes, and the first of three."""
    texts = [i.to_bytes(size, "big") for size in (1, 2, 3) for i in range(256 ** size if size < 3 else 128000 - 256 - 65536)]
    path.write_text("".join(f"{base64.b64encode(text).decode()} {rank}\n" for rank, text in enumerate(texts)))


def write_shards(model, folder):
    """The same model in two files and an index."""
    shutil.copytree(model, folder)
    data = (model / "model.safetensors").read_bytes()
    size = struct.unpack_from("<Q", data)[0]
    header, rest = json.loads(data[8:8 + size]), data[8 + size:]
    header.pop("__metadata__", None)
    (folder / "model.safetensors").unlink()
    names, where = sorted(header, key=lambda name: header[name]["data_offsets"]), {}
    for part, own in enumerate((names[::2], names[1::2])):
        file, head, body = f"model-0000{part + 1}-of-00002.safetensors", {}, b""
        for name in own:
            begin, end = header[name]["data_offsets"]
            head[name] = {**header[name], "data_offsets": [len(body), len(body) + end - begin]}
            body += rest[begin:end]
            where[name] = file
        text = json.dumps(head).encode()
        (folder / file).write_bytes(struct.pack("<Q", len(text)) + text + body)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {"total_size": len(rest)}, "weight_map": where}))


def write_data(data, work):
    """Questions of one database, with their golds, and some of MMLU."""
    mine = small_spider(data / "spider", work / "spider", 4)
    name = mine[0]["db_id"]
    (work / "gold.sql").write_text("".join(f"{' '.join(row['query'].split())}\t{name}\n" for row in mine))
    (work / "gold.json").write_text(json.dumps([{"question_id": i, "db_id": name, "SQL": row["query"]} for i, row in enumerate(mine)]))
    queries = [" ".join(row["query"].split()) for row in mine]
    (work / "pred.sql").write_text("".join(f"{query}\n" for query in queries))
    (work / "pred.jsonl").write_text("".join(json.dumps({"id": i, "text": f"```sql\n{query};\n```"}) + "\n" for i, query in enumerate(queries)))
    (work / "pred.json").write_text(json.dumps({str(i): f"{query}\t----- bird -----\t{name}" for i, query in enumerate(queries)}))
    with (work / "pred.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["id", "sql"], *enumerate(queries)])
    (work / "samples_spider_2026-01-01T00-00-00.jsonl").write_text("".join(
        json.dumps({"doc_id": i, "doc": row, "target": row["query"], "arguments": [["x", {}]], "resps": [[row["query"]]], "filtered_resps": [row["query"]],
                    "filter": "none", "metrics": ["acc"], "acc": 1.0 - i % 2}) + "\n" for i, row in enumerate(mine)))
    small_mmlu(data / "mmlu", work / "mmlu", ("anatomy", "philosophy"))


def write_rest(work):
    (work / "texts.jsonl").write_text('{"text":"SELECT a"}\n{"text":"na\\u00efve \\ud83d\\ude42"}\n')
    rows = [{"id": i, "prompt": f"SELECT {i}", "completion": " FROM a"} for i in range(4)]
    (work / "items.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (work / "letters.jsonl").write_text(json.dumps({"id": 1, "prompt": "2+2?", "choices": [" A", " B", " C", " D"], "answer": "B"}) + "\n")
    (work / "chat.jinja").write_text(TEMPLATE)
    write_ranks(work / "ranks.model")
    (work / "plan.ini").write_text("questions = 200\nseeds = 3\n")
    write_sentencepiece(work / "pieces.model")


def write_model(program, work):
    """A model of some hundred tokens: work/tiny.gguf and work/model."""
    write_gguf(work / "tiny.gguf")
    subprocess.run([program, "import", "--model", work / "tiny.gguf", "--out", work / "model", "--quiet"], check=True)
    return work / "model"


def make_files(program, data, work):
    """All of them below `work`; the study is finished."""
    def run(*words):
        done = subprocess.run([program, *map(str, words)], capture_output=True, text=True, cwd=work)
        assert done.returncode == 0, f"{words}: {done.stderr}"

    work = pathlib.Path(work)
    write_data(pathlib.Path(data), work)
    write_rest(work)
    write_model(program, work)
    write_shards(work / "model", work / "sharded")
    (work / "job.ini").write_text(JOB.format(work=work))
    run("run", work / "job.ini", "--output-dir", work / "study", "--quiet")
    shutil.copytree(next((work / "study" / "arms" / "trained").glob("seed-1/adapter")), work / "adapter")
    (work / "loose").mkdir()
    shutil.copy(work / "study" / "predictions.h5", work / "loose" / "predictions.h5")
