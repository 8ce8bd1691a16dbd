"""Writes the first files of tests/fuzz/corpus: for each target a valid one or two, and such as were once refused late,
slowly or by a crash. What the search finds is added by hand under a name that says what it was.

usage: make_corpus.py CORPUS
"""

import base64
import io
import json
import pathlib
import struct
import sys
import tempfile

import gguf
import h5py
import numpy


def safetensors(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def tensor(begin, end, shape, dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def tiny_gguf():
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "tiny.gguf"
        writer = gguf.GGUFWriter(path, "llama")
        writer.add_context_length(64)
        writer.add_embedding_length(8)
        writer.add_block_count(1)
        writer.add_feed_forward_length(16)
        writer.add_head_count(2)
        writer.add_head_count_kv(1)
        writer.add_layer_norm_rms_eps(1e-5)
        writer.add_rope_dimension_count(4)
        writer.add_rope_freq_base(10000.0)
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre("smollm")
        writer.add_token_list(["a", "b", "ab", "<s>"])
        writer.add_token_types([1, 1, 1, 3])
        writer.add_token_merges(["a b"])
        writer.add_bos_token_id(3)
        writer.add_eos_token_id(3)
        writer.add_tensor("token_embd.weight", numpy.zeros((4, 8), numpy.float32))
        writer.add_tensor("output_norm.weight", numpy.ones(8, numpy.float32))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        return path.read_bytes()


def field(number, wire, payload):
    def varint(value):
        out = b""
        while value > 127:
            out, value = out + bytes([value & 127 | 128]), value >> 7
        return out + bytes([value])
    if wire == 0:
        return varint(number << 3) + varint(payload)
    if wire == 5:
        return varint(number << 3 | 5) + struct.pack("<f", payload)
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def sentencepiece():
    pieces = [("<unk>", 0, 2), ("<s>", 0, 3), ("</s>", 0, 3), ("\u2581", -1, 1), ("a", -2, 1), ("\u2581a", -3, 1), ("<0x0A>", 0, 6)]
    out = b"".join(field(1, 2, field(1, 2, text.encode()) + field(2, 5, score) + field(3, 0, kind)) for text, score, kind in pieces)
    return out + field(2, 2, field(3, 0, 2)) + field(3, 2, field(3, 0, 1))


TOKENIZER = {
    "version": "1.0", "truncation": None, "padding": None,
    "added_tokens": [{"id": 4, "content": "<s>", "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}],
    "normalizer": None,
    "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
    "post_processor": None,
    "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
    "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None, "end_of_word_suffix": None,
              "fuse_unk": False, "byte_fallback": False, "vocab": {"a": 0, "b": 1, "ab": 2, "\u0120": 3}, "merges": [["a", "b"]]}}
METASPACE = {
    **TOKENIZER, "normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "\u2581"}, {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}]},
    "pre_tokenizer": None,
    "decoder": {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"},
                                                 {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
    "model": {**TOKENIZER["model"], "unk_token": "<unk>", "fuse_unk": True, "byte_fallback": True,
              "vocab": {"<unk>": 0, "\u2581": 1, "a": 2, "\u2581a": 3, "<0x0A>": 4}, "merges": ["\u2581 a"]},
    "added_tokens": [{"id": 0, "content": "<unk>", "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}]}
CONFIG = {"model_type": "llama", "vocab_size": 32, "hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 2,
          "num_attention_heads": 2, "num_key_value_heads": 1, "eos_token_id": [2, 3], "rms_norm_eps": 1e-5,
          "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                           "original_max_position_embeddings": 512}}
GEMMA = {"model_type": "gemma3_text", "vocab_size": 32, "hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 2,
         "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 4, "eos_token_id": 1, "sliding_window": 4,
         "layer_types": ["sliding_attention", "full_attention"], "hidden_activation": "gelu_pytorch_tanh", "rope_local_base_freq": 10000.0}
LORA = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": 4, "lora_alpha": 8, "lora_dropout": 0.05, "bias": "none",
        "target_modules": ["q_proj", "v_proj"]}
SEALED = '{"crc32c":"00000000",'
HEADER = SEALED + '"journal":1,"header":{"items":"a","chunk_size":2},"start":"9a","ranks":1}\n'
CHUNK = SEALED + '"chunk":0,"row":0,"data":{"id":1,"text":"x"}}\n' + SEALED + '"chunk":0,"rows":1,"seconds":0.5}\n'
STEP = SEALED + '"step":1,"epoch":0.5,"loss":2.5,"lr":0.001,"grad_norm":1,"tokens":9,"supervised_tokens":3,"seconds":0.1,"tokens_per_s":90,"start":"9a","ranks":1}\n'
CELL = '{"arm":"base","seed":1,"task":"spider","questions":4,"prompt_tokens":9,"new_tokens":3,"seconds":0.5,"ranks":1,"starts":1}\n'
TEMPLATE = ("{% if messages[0]['role'] == 'system' %}{% set s = messages[0]['content'] %}{% endif %}{{ bos_token }}{% for m in messages %}"
            "{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] | trim + '<|im_end|>\\n' }}{% endfor %}"
            "{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}")
TABLES = [{"db_id": "pets", "table_names_original": ["pet", "Owner"], "table_names": ["pet", "owner"],
           "column_names_original": [[-1, "*"], [0, "id"], [0, "owner id"], [1, "id"]],
           "column_names": [[-1, "*"], [0, "id"], [0, "owner id"], [1, "id"]],
           "column_types": ["text", "number", "number", "number"], "primary_keys": [1], "foreign_keys": [[2, 3]]}]
QUESTION = {"db_id": "pets", "question": "How many?", "query": "SELECT count(*) FROM pet"}
SQL = ("SELECT T1.name, count(DISTINCT T2.id) FROM pet AS T1 JOIN owner AS T2 ON T1.owner_id = T2.id WHERE T2.name LIKE '%x%' AND T1.id "
       "NOT IN (SELECT id FROM pet WHERE id BETWEEN 1 AND 3) GROUP BY T1.name HAVING count(*) > 1 ORDER BY T1.name DESC LIMIT 3 "
       "UNION SELECT name, 1 FROM owner")
SAMPLE = {"doc_id": 0, "doc": {"db_id": "pets", "query": "SELECT 1", "question": "How many?"}, "target": "SELECT 1", "arguments": [],
          "resps": [["SELECT 1"]], "filtered_resps": ["SELECT 1"], "filter": "none", "metrics": ["acc"], "acc": 1.0}


def tiny_hdf5(change=lambda file: None):
    data = io.BytesIO()
    with h5py.File(data, "w", track_order=True, libver=("earliest", "v108")) as file:
        file.attrs["schema_version"] = 1
        file.attrs["config"] = json.dumps({"study": {"name": "tiny"}})
        file.attrs["commit"] = "none"
        file.attrs["versions"] = "{}"
        for name in ("items", "runs", "summary"):
            file.create_group(name, track_order=True)
        items = file["items"].create_group("spider", track_order=True)
        items["id"] = ["0", "1"]
        run = file["runs"].create_group("base", track_order=True).create_group("seed-1", track_order=True).create_group("spider", track_order=True)
        run["item"] = numpy.arange(2)
        run["exec"] = numpy.array([1, 0], numpy.int8)
        change(file)
    return data.getvalue()


def nested_config(file):
    file.attrs["config"] = "[" * 20000


def seeds():
    yield "safetensors", {
        "valid": safetensors({"__metadata__": {"format": "pt"}, "x": tensor(0, 16, [2, 2])}, bytes(16)),
        "header_like_a_pickle": safetensors(json.dumps({"x": tensor(0, 16, [2, 2])}).encode().ljust(640), bytes(16)),
        "metadata_is_a_list": safetensors({"__metadata__": ["a"], "x": tensor(0, 4, [1])}, bytes(4)),
        "metadata_is_a_number": safetensors({"__metadata__": 7}),
        "nested": safetensors(b"[" * 1000),
        "no_utf8": safetensors(b'{"\xff":1}'),
        "shape_wraps": safetensors({"x": tensor(0, 0, [2**62, 4])}),
        "pickle": b"\x80\x02}q\x00.",
    }
    yield "safetensors_index", {
        "valid": json.dumps({"metadata": {"total_size": 32}, "weight_map": {"x": "a.safetensors", "y": "b.safetensors"}}),
        "climbs": json.dumps({"weight_map": {"x": "../a.safetensors"}}),
        "no_object": "[1]",
        "map_of_numbers": json.dumps({"weight_map": {"x": 1}}),
        "folder": json.dumps({"weight_map": {"x": ".."}}),
    }
    yield "config", {
        "llama": json.dumps(CONFIG), "gemma3": json.dumps(GEMMA),
        "eos_wraps": json.dumps({**CONFIG, "eos_token_id": 2**32 + 2}),
        "eos_fraction": json.dumps({**CONFIG, "eos_token_id": 2.5}),
        "wide_head": json.dumps({**CONFIG, "head_dim": 2**31 - 2}),
        "many_layers": json.dumps({**CONFIG, "num_hidden_layers": 2**24}),
        "rope_nan": '{"rope_theta": NaN}', "theta_negative": json.dumps({**CONFIG, "rope_theta": -1}),
        "list": "[]", "nested": "[" * 30000,
    }
    yield "gguf", {"valid": tiny_gguf(), "cut": tiny_gguf()[:100], "counts": b"GGUF" + struct.pack("<IQQ", 3, 2**60, 2**60)}
    yield "adapter_config", {
        "valid": json.dumps(LORA), "patterns": json.dumps({**LORA, "target_modules": "all-linear", "rank_pattern": {"layers.0.*q_proj": 2}, "alpha_pattern": {"v_proj": 3}}),
        "layers": json.dumps({**LORA, "layers_to_transform": [0], "layers_pattern": "layers"}),
        "rank_wraps": json.dumps({**LORA, "r": 2**32 + 4}), "rank_huge": json.dumps({**LORA, "r": 2**40}),
        "slow_expression": json.dumps({**LORA, "target_modules": "(.|.)*(.|.)*x"}),
        "many_groups": json.dumps({**LORA, "target_modules": "(" * 2000 + "a" + ")" * 2000}),
        "repeats": json.dumps({**LORA, "target_modules": "((((a{9}){9}){9}){9}){9}"}),
    }
    yield "tokenizer_json", {
        "byte_level": json.dumps(TOKENIZER), "metaspace": json.dumps(METASPACE),
        "id_wraps": json.dumps({**TOKENIZER, "model": {**TOKENIZER["model"], "vocab": {"a": 2**32, "b": 1}}}),
        "tekken": json.dumps({"config": {"pattern": "x", "num_vocab_tokens": 4, "default_vocab_size": 4, "default_num_special_tokens": 1, "version": "v3"},
                              "vocab": [{"rank": 0, "token_bytes": "YQ==", "token_str": "a"}], "special_tokens": [{"rank": 0, "token_str": "<unk>", "is_control": True}]}),
        "tekken_specials": json.dumps({"config": {"pattern": "x", "default_vocab_size": 2**24, "default_num_special_tokens": 2**24 - 1, "version": "v3"}, "vocab": []}),
        "growing": json.dumps({**TOKENIZER, "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Replace", "pattern": {"String": "a"}, "content": "a" * 64}] * 20}}),
        "list": "[]", "nested": '{"model":' + "[" * 30000,
    }
    yield "tokenizer_config", {
        "valid": json.dumps({"bos_token": "<s>", "eos_token": {"content": "<s>"}, "chat_template": "{{ messages[0].content }}"}),
        "named": json.dumps({"chat_template": [{"name": "default", "template": "{{ bos_token }}"}], "bos_token": "<s>"}),
        "decoder": json.dumps({"added_tokens_decoder": {"2": {"content": "<s>"}}, "chat_template": ""}),
    }
    ranks = "".join(f"{base64.b64encode(bytes([i])).decode()} {i}\n" for i in range(256))
    yield "tokenizer_model", {"sentencepiece": sentencepiece(), "tiktoken": ranks + base64.b64encode(b"ab").decode() + " 256\n",
                              "rank_wraps": ranks + "YWI= 4294967296\n", "cut": sentencepiece()[:20]}
    yield "jinja", {"valid": TEMPLATE, "endless": "{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}",
                    "doubling": "{% set ns = namespace(x='ab') %}{% for i in range(64) %}{% set ns.x = ns.x + ns.x %}{% endfor %}{{ ns.x }}",
                    "nested": "{{ " + "(" * 30000, "times": "{{ 'a' * 99999999999 }}", "macro": "{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}",
                    "not_nested": "{{ " + "not " * 20000 + "x }}", "minus": "{{ " + "-" * 30000 + "1 }}"}
    yield "journal", {"valid": HEADER + CHUNK + SEALED + '"ended":true,"seconds":1}\n', "two": HEADER + CHUNK + "\n----\n" + HEADER + CHUNK,
                      "no_header": CHUNK, "nested": HEADER + SEALED + '"chunk":' + "[" * 30000 + "\n",
                      "huge": HEADER + SEALED + '"chunk":18446744073709551616,"row":1e300}\n', "nul": HEADER + "\0" * 300 + "\n" + CHUNK,
                      "other_types": HEADER + SEALED + '"chunk":"a","row":[]}\n' + SEALED + '"ended":1,"seconds":"x"}\n',
                      "header_version": SEALED + '"journal":"x","header":[]}\n', "start": SEALED + '"journal":1,"header":{"items":"a","chunk_size":2},"start":5}\n'}
    yield "curve", {"valid": STEP + STEP.replace('"step":1', '"step":2'), "damaged": STEP[:60] + "\n" + STEP, "nested": SEALED + '"step":' + "[" * 30000 + "\n",
                    "wraps": STEP.replace('"ranks":1', '"ranks":4294967297')}
    yield "ledger", {"valid": CELL + CELL.replace("spider", "mmlu"), "torn": CELL + CELL[:40], "nul": CELL + "\0" * 64 + "\n" + CELL,
                     "negative": CELL.replace('"questions":4', '"questions":-4'), "nested": '{"arm":' * 20000}
    yield "hdf5", {"valid": tiny_hdf5(), "nested_config": tiny_hdf5(nested_config), "cut": tiny_hdf5()[:2000], "empty": b"\x89HDF\r\n\x1a\n"}
    yield "result_file", {"whole": b"", "deletes": bytes([3, 0, 9, 0]), "exchanges": bytes(range(1, 200, 7)), "attributes": bytes([1, 2, 0, 1, 6, 0, 0] * 4)}
    yield "ini", {"valid": "# a job\n[score]\ngold = g.sql # golds\npred = \"p.sql\"\n[arm.a]\nsql_timeout = 3\n[arm.b]\ntrain = shared.ini\n",
                  "wrong": "[score\nx\n= 3\n[arm.]\nscore.gold = \"a\n[score]\n[score]\ngold = 1\ngold = 2\n", "device": "[arm.a]\ntrain = /dev/zero\n",
                  "overflow": "[score]\nsql_max_steps = 99999999999999999999\nsql_timeout = nan\nthreads = -1\n"}
    yield "items", {"valid": '{"id":1,"prompt":"x"}\n{"id":"b","prompt_ids":[1,2]}\n', "mmlu": '{"id":1,"prompt":"x","choices":[" A"," B"," C"," D"],"answer":"B"}\n',
                    "train": '{"id":1,"prompt":"x","completion":"y"}\n', "wraps": '{"id":1,"prompt_ids":[4294967297,-1,1.5]}\n', "nested": '{"id":' + "[" * 30000 + "\n"}
    yield "csv", {"valid": 'a,"b ""c""",d\r\n1,2,3\n', "open": 'a,"b\n', "after_quote": '"a"b,c\n', "bom": "\ufeffa,b\n"}
    yield "answers", {"sql": "SELECT 1\nSELECT 2\n", "jsonl": '{"id":0,"sql":"SELECT 1"}\n{"id":1,"text":"x"}\n', "list": '[{"question_id":0,"SQL":"SELECT 1"},{"question_id":1,"SQL":"x"}]',
                      "bird": '{"0":"SELECT 1\\t----- bird -----\\tpets","1":"SELECT 2\\t----- bird -----\\tpets"}', "csv": "id,sql\n0,SELECT 1\n1,SELECT 2\n",
                      "bird_word": '{"bird":"x","sql":"SELECT 1"}\n', "nested": "[" * 30000, "huge_id": '{"id":18446744073709551615,"sql":""}\n{"id":1e99,"sql":""}\n'}
    yield "golds", {"sql": "SELECT 1\tpets\nSELECT 2\tpets\n----\nSELECT 1\nSELECT 2\n", "json": json.dumps([{**QUESTION, "question_id": 5}]) + "\n----\nSELECT 1\n",
                    "csv": "id,db_id,query\n0,pets,SELECT 1\n----\nSELECT 1\n", "no_tab": "SELECT 1\n----\nSELECT 1\n"}
    yield "tables_json", {"valid": json.dumps(TABLES), "index": json.dumps([{**TABLES[0], "foreign_keys": [[2, 99]]}]),
                          "wraps": json.dumps([{**TABLES[0], "foreign_keys": [[2**64 - 1, 4294967299]], "column_names_original": [[2**64 - 1, "*"], [0, "id"], [0, "owner id"], [1, "id"]]}]),
                          "no_pairs": json.dumps([{**TABLES[0], "column_names_original": [3], "column_types": ["text"], "foreign_keys": 7}]),
                          "other": '{"a":[1]}', "nested": "[" * 30000}
    yield "spider", {"valid": json.dumps([QUESTION]) + "\n----\nSELECT count(*) FROM pet\tpets\n", "no_gold": json.dumps([QUESTION]),
                     "parsed": json.dumps([{**QUESTION, "sql": {"select": [False, [[3, [0, [0, 0, False], None]]]], "from": {"table_units": [["table_unit", 0]], "conds": []},
                                            "where": [], "groupBy": [], "having": [], "orderBy": [], "limit": None, "intersect": None, "union": None, "except": None}}]),
                     "odd_parsed": json.dumps([{**QUESTION, "sql": {"select": 1, "where": [[]], "intersect": {}}}]), "climbs": json.dumps([{**QUESTION, "db_id": "../pets"}])}
    yield "mmlu", {"valid": '"2+2?",3,4,5,6,B\n', "fields": "a,b,c\n", "letter": "q,1,2,3,4,E\n", "empty": ""}
    yield "sql", {"gold": SQL, "prose": "Sure! Here is it:\n```sql\n" + SQL + ";\n```\nCorrected: SELECT value FROM pet", "nested": "SELECT " + "(" * 20000,
                  "selects": "SELECT * FROM (" * 3000, "think": "<think>SELECT 1</think><answer>SELECT name FROM pet WHERE name = \"it's\"</answer>",
                  "json": '{"sql": "SELECT 1 -- \\u00e9\\n"}', "values": "SELECT value FROM value WHERE value = value AND " + "x = 1 AND " * 500 + "y = 2",
                  "unions": "SELECT 1 FROM pet UNION " * 3000 + "SELECT 1 FROM pet", "in": "SELECT id FROM pet WHERE id IN (" * 2000}
    yield "samples", {"no_responses": json.dumps({key: SAMPLE[key] for key in ("doc_id", "doc", "filter")}) + "\n",
                      "twice": (json.dumps(SAMPLE) + "\n") * 2, "samples": json.dumps(SAMPLE) + "\n", "types": json.dumps({**SAMPLE, "doc_id": [], "filtered_resps": {}}) + "\n",
                      "resps": json.dumps({**SAMPLE, "filtered_resps": [[["a"]]]}) + "\n"}


def main(corpus):
    for target, files in seeds():
        folder = pathlib.Path(corpus) / target
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)


if __name__ == "__main__":
    main(*sys.argv[1:])
