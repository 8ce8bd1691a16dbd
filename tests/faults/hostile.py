"""Hostile files made by hand, each with what becomes of it: refused (a message that names file and, where said, a word), or
read. The judge is the mutator's: no signal, 5 s, twice the file and 600 MB.

usage: hostile.py PROGRAM DATA [--only NAME] [--every K]
"""

import json
import os
import pathlib
import shutil
import struct
import sys
import tempfile

import mutations
from mutator import STUDY, SUBJECTS, Trials, arguments, size_of

REFUSED, READ = "refused", "read"


def keys(**changes):
    """A JSON object with these keys (in place of dots: /) set, or removed where the value is `...`."""
    def change(data):
        root = json.loads(data)
        for key, value in changes.items():
            if value is ...:
                root.pop(key, None)
            else:
                root[key] = value
        return mutations.dumped(root)
    return change


def text(content):
    return lambda data: content.encode() if isinstance(content, str) else content


def replaced(old, new, count=1):
    def change(data):
        assert old.encode() in data, old
        return data.replace(old.encode(), new.encode(), count)
    return change


def header(change):
    def changed(data):
        size = struct.unpack_from("<Q", data)[0]
        root = json.loads(data[8:8 + size])
        out = json.dumps(change(root) or root).encode()
        return struct.pack("<Q", len(out)) + out + data[8 + size:]
    return changed


def padded_header(size):
    """A header of so many bytes: 640 begins as a pickle does."""
    def changed(data):
        old = struct.unpack_from("<Q", data)[0]
        want = old + (size - old) % 65536
        return struct.pack("<Q", want) + data[8:8 + old].ljust(want) + data[8 + old:]
    return changed


def many_tensors(root):
    end = max(entry["data_offsets"][1] for name, entry in root.items() if name != "__metadata__")
    return root | {f"t{i}": {"dtype": "U8", "shape": [0], "data_offsets": [end, end]} for i in range(200000)}


def nan_weight(data):
    """The last weight is NaN (bfloat16)."""
    return data[:-2] + b"\xc0\x7f"


def gguf_number(key, value, form="<f"):
    def change(data):
        at = data.index(key.encode()) + len(key) + 4
        packed = struct.pack(form, value)
        return data[:at] + packed + data[at + len(packed):]
    return change


def sealed(change, line=0):
    def changed(data):
        lines = data.split(b"\n")
        value = json.loads(lines[line])
        del value["crc32c"]
        body = mutations.dumped(change(value) or value)[1:]
        lines[line] = b'{"crc32c":"%08x",' % mutations.crc32c(body) + body
        return b"\n".join(lines)
    return changed


def hdf5(change):
    def changed(data):
        import io

        import h5py
        image = io.BytesIO(data)
        with h5py.File(image, "r+") as file:
            change(file, h5py)
        return image.getvalue()
    return changed


def remake(file, h5py, name, **made):
    del file[name]
    file.create_dataset(name, **made)


def huge(dtype):
    return hdf5(lambda file, h5py: remake(file, h5py, "runs/base/seed-1/spider/item", shape=(2**40,), dtype=dtype, chunks=(1024,)))


def link(make):
    def change(file, h5py):
        del file["runs/base/seed-1/spider/item"]
        file["runs/base/seed-1/spider/item"] = make(h5py, file)
    return hdf5(change)


def attribute(name, value):
    return hdf5(lambda file, h5py: file.attrs.__setitem__(name, value))


def virtual(file, h5py):
    layout = h5py.VirtualLayout(shape=(3,), dtype="i8")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", shape=(3,))
    del file["runs/base/seed-1/spider/item"]
    file.create_virtual_dataset("runs/base/seed-1/spider/item", layout)


def sparse(size):
    def change(path):
        with path.open("r+b") as file:
            file.truncate(size)
    return change


def in_place(path_change):
    path_change.on_path = True
    return path_change


@in_place
def export_is_a_file(path):
    shutil.rmtree(path.parent / "export", ignore_errors=True)
    (path.parent / "export").write_text("in the way")


@in_place
def leftover(path):
    (path.parent / "predictions.h5.tmp-99999999").write_bytes(b"half")


@in_place
def folder_of_output_is_a_fifo(path):
    os.mkfifo(path.parent / "out")


@in_place
def tensor_that_nobody_needs(path):
    """2 TB of it, sparse: refused by name, not read."""
    data = path.read_bytes()
    size = struct.unpack_from("<Q", data)[0]
    root = json.loads(data[8:8 + size])
    end = len(data) - 8 - size
    root["spare"] = {"dtype": "U8", "shape": [2**41], "data_offsets": [end, end + 2**41]}
    out = json.dumps(root).encode()
    path.write_bytes(struct.pack("<Q", len(out)) + out + data[8 + size:])
    sparse(8 + len(out) + end + 2**41)(path)


def expression(value):
    return keys(target_modules=value)


# Name, subject of the mutator, change, what becomes of it, a word of the message.
CASES = [
    # Valid, though odd.
    *((f"header_of_{size}", "safetensors", padded_header(size), READ, "") for size in (640, 896, 1152, 1408, 640 + 65536)),
    ("bom", "config", lambda data: b"\xef\xbb\xbf" + data, READ, ""),
    # Numbers that no model has.
    ("nan_weight", "safetensors_predict", nan_weight, REFUSED, "NaN"),
    ("nan_imported", "safetensors", nan_weight, REFUSED, "trial/model: tensor"),
    *((f"eos_{i}", "generation_config", keys(eos_token_id=value), REFUSED, "eos_token_id")
      for i, value in enumerate((-1, 2**31, 2**32 + 1, 2.5, 99999999, "1", [1, -2], float("nan")))),
    *((f"theta_{i}", "config", keys(rope_theta=value), REFUSED, "rope_theta") for i, value in enumerate((-1.0, 0, float("nan"), float("inf"), "1"))),
    *((f"eps_{i}", "config", keys(rms_norm_eps=value), REFUSED, "rms_norm_eps") for i, value in enumerate((-1e-5, float("nan"), "x"))),
    *((f"layers_{i}", "config", keys(num_hidden_layers=value), REFUSED, "num_hidden_layers")
      for i, value in enumerate((2**24, 2**31, 2**32 + 2, 2**40, 2**63, 0, -1, 2.0))),
    *((f"head_{i}", "config", keys(head_dim=value), REFUSED, "head_dim") for i, value in enumerate((7, 2**31 - 2, 2**33, -8, 0.5))),
    *((f"width_{key}", "config", keys(**{key: 2**31 - 2}), REFUSED, "") for key in
      ("hidden_size", "intermediate_size", "vocab_size", "num_attention_heads")),
    ("rope_odd", "config", keys(head_dim=10, partial_rotary_factor=0.5), REFUSED, "partial_rotary_factor"),
    ("gguf_theta", "gguf", gguf_number("llama.rope.freq_base", float("nan")), REFUSED, "rope.freq_base"),
    ("gguf_theta_negative", "gguf", gguf_number("llama.rope.freq_base", -5.0), REFUSED, "rope"),
    ("gguf_eps", "gguf", gguf_number("llama.attention.layer_norm_rms_epsilon", -1.0), REFUSED, "eps"),
    ("gguf_layers", "gguf", gguf_number("llama.block_count", 2**24, "<I"), REFUSED, "num_hidden_layers"),
    ("gguf_rope_odd", "gguf", gguf_number("llama.rope.dimension_count", 7, "<I"), REFUSED, "rope"),
    ("gguf_rope_huge", "gguf", gguf_number("llama.rope.dimension_count", 2**32 - 2, "<I"), REFUSED, "rope"),
    ("gguf_eos", "gguf", gguf_number("tokenizer.ggml.eos_token_id", 2**31, "<I"), REFUSED, "eos_token_id"),
    # Adapters.
    *((f"rank_{i}", "adapter_config", keys(r=value), REFUSED, " r:") for i, value in enumerate((2**32 + 4, 2**40, 2**64, 0, -1, 2.5, True))),
    *((f"alpha_{i}", "adapter_config", keys(lora_alpha=value), REFUSED, "lora_alpha") for i, value in enumerate((float("nan"), -1, 0, "8"))),
    *((f"expression_{i}", "adapter_config", expression(value), REFUSED, "target_modules") for i, value in enumerate((
        "(.|.)*(.|.)*x", "(((.*)*)*)*x", "(" * 2000 + "a" + ")" * 2000, "((((a{9}){9}){9}){9}){9}", "a{99999999}", "[", "(?<=x)", "\\1", "x" * 5000,
        "(.?){4000}x", "((((.{9}){9}){9}){9}){9}x"))),
    ("ranks_of_patterns", "adapter_config", keys(rank_pattern={"q_proj": 2**40}), REFUSED, "rank_pattern"),
    ("layers_of_adapter", "adapter_config", keys(layers_to_transform=[2**40]), REFUSED, "layers_to_transform"),
    # Tensors.
    ("tensors_200000", "safetensors_predict", header(many_tensors), REFUSED, "t0"),
    ("spare_tensor", "safetensors_predict", tensor_that_nobody_needs, REFUSED, "spare"),
    ("twice", "safetensors", lambda data: (lambda size, text: struct.pack("<Q", size + len(text)) + b"{" + text + data[9:])(
        struct.unpack_from("<Q", data)[0], b'"lm_head.weight":{},"lm_head.weight":{},'), REFUSED, "twice"),
    ("wraps", "safetensors", header(lambda root: root | {"w": {"dtype": "F32", "shape": [2**62, 4], "data_offsets": [0, 0]}}), REFUSED, "overflow"),
    ("metadata", "safetensors", header(lambda root: root | {"__metadata__": ["x"]}), REFUSED, "__metadata__"),
    ("pickle", "safetensors", text(b"\x80\x02}q\x00."), REFUSED, "pickle"),
    ("zip", "safetensors", text(b"PK\x03\x04" + bytes(100)), REFUSED, "zip"),
    ("index_300000", "index", lambda data: json.dumps({"weight_map": {f"t{i}": "model-00001-of-00002.safetensors" for i in range(300000)}}).encode(), REFUSED, ""),
    *((f"index_path_{i}", "index", lambda data, path=path: json.dumps({"weight_map": {"x": path}}).encode(), REFUSED, "x")
      for i, path in enumerate(("../x", "/etc/passwd", ".", "", 7, "a/b"))),
    # JSON.
    *((f"keys_{subject}", subject, lambda data: b"{" + b",".join(b'"k%d":0' % i for i in range(300000)) + b"," + data.strip()[1:], REFUSED, "16384")
      for subject in ("config", "adapter_config", "tokenizer_config")),
    ("no_list_tables", "tables", text('{"a":' * 200000), REFUSED, "expected a list of databases"),
    ("deep_tables", "tables", text('[{"a":' * 200000), REFUSED, "deep"),
    *((f"deep_{subject}", subject, text('{"a":' * 200000), REFUSED, "deep") for subject in
      ("config", "adapter_config", "tokenizer_json", "tokenizer_config", "generation_config", "index", "dev", "gold_json", "answers_json", "texts", "items")),
    *((f"no_object_{subject}", subject, text("[]"), REFUSED, "") for subject in
      ("config", "adapter_config", "tokenizer_json", "tokenizer_config", "generation_config", "index", "gold_json", "answers_json")),
    # Journals and their like: damage is said, and computed again.
    ("journal_deep", "journal", sealed(lambda value: value | {"data": mutations.NESTED}, 1), READ, "the line is not as it was written"),
    ("journal_no_header", "journal", lambda data: data.split(b"\n", 1)[1], READ, "no header"),
    ("journal_header_of_text", "journal", sealed(lambda value: value | {"header": "x"}), REFUSED, "another run"),
    ("journal_version", "journal", sealed(lambda value: value | {"journal": "x"}), REFUSED, "journal"),
    ("journal_nul", "journal", lambda data: data[:200] + bytes(4096), READ, ""),
    ("journal_empty", "journal", text(b""), READ, ""),
    ("journal_million_lines", "journal", lambda data: data + b"x\n" * 1000000, READ, ""),
    ("ledger_torn", "ledger", lambda data: data[:-20], READ, "ledger.jsonl:"),
    ("ledger_nul", "ledger", lambda data: data + bytes(512) + b"\n", READ, "ledger.jsonl:"),
    ("ledger_deep", "ledger_report", text('{"arm":' * 100000), READ, "ledger.jsonl:1"),
    ("curve_torn", "curve", lambda data: data[:-20], READ, "train.jsonl"),
    ("curve_nul", "curve", lambda data: data + bytes(512) + b"\n", READ, ""),
    # Result files.
    *((f"hdf5_{dtype}", "hdf5", huge(dtype), REFUSED, "item") for dtype in ("i8", "i1", "f8")),
    ("hdf5_external_link", "hdf5", link(lambda h5py, file: h5py.ExternalLink("/etc/passwd", "/x")), REFUSED, "link"),
    ("hdf5_soft_link", "hdf5", link(lambda h5py, file: h5py.SoftLink("/items")), REFUSED, "link"),
    ("hdf5_circle", "hdf5", link(lambda h5py, file: file["/runs"]), REFUSED, "item"),
    ("hdf5_virtual", "hdf5", hdf5(virtual), REFUSED, "another file"),
    ("hdf5_deep_config", "hdf5", attribute("config", "[" * 20000), REFUSED, "deep"),
    ("hdf5_version", "hdf5", attribute("schema_version", 2**33 + 1), REFUSED, "schema version"),
    *((f"hdf5_name_{i}", "hdf5", attribute("config", json.dumps({"study": {"name": name}})), REFUSED, "name")
      for i, name in enumerate(("../../x", "/etc/x", "", ".", "a\x00b", "x" * 300, 7))),
    ("hdf5_half", "hdf5", lambda data: data[:len(data) // 2], REFUSED, ""),
    ("export_in_the_way", "complete_report", export_is_a_file, READ, ""),
    ("leftover", "complete", leftover, READ, ""),
    # Job files.
    ("ini_million", "job", lambda data: data + b"# x\n" * 1000000, REFUSED, "10000"),
    ("seed_twice", "job", replaced("seeds = 1", "seeds = 1,1"), REFUSED, "seeds"),
    ("arm_300", "job", replaced("arm.base", "arm." + "a" * 300), REFUSED, "arm"),
    ("study_name", "job", replaced("name = tiny", "name = ../tiny"), REFUSED, "name"),
    ("threads", "job", replaced("threads = 1", "threads = 1000000"), REFUSED, "threads"),
    ("train_file", "job", replaced("max_steps = 2", "train = /dev/zero"), REFUSED, "/dev/zero"),
    ("seed_wraps", "job", replaced("seeds = 1", "seeds = 18446744073709551616"), REFUSED, "seeds"),
    # Rows.
    ("ids_wrap", "items", text('{"id":1,"prompt_ids":[4294967297]}\n'), REFUSED, "prompt_ids"),
    ("id_of_no_token", "items", text('{"id":1,"prompt_ids":[99999]}\n'), REFUSED, "99999"),
    ("ids_twice", "items", text('{"id":1,"prompt":"x"}\n{"id":"1","prompt":"y"}\n'), REFUSED, "second time"),
    ("tables_wrap", "tables_prepare", replaced('"foreign_keys": [', '"foreign_keys": [[18446744073709551615, 1],'), REFUSED, "tables.json"),
    ("dev_climbs", "dev", replaced('"db_id": "concert_singer"', '"db_id": "../../x"'), REFUSED, "dev.json"),
    ("csv_open", "answers_csv", lambda data: data + b'9,"x' + b"y" * 1000000, REFUSED, "never closed"),
    # Templates that do not end.
    ("jinja_large", "jinja", text("x" * (17 << 20)), REFUSED, "chat.jinja: has 17825792 bytes, expected at most 16 MiB"),
    ("jinja_loops", "jinja", text("{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}"), REFUSED, "chat.jinja"),
    ("jinja_doubles", "jinja", text("{% set ns = namespace(x='ab') %}{% for i in range(64) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}{{ ns.x }}"), REFUSED, "chat.jinja"),
    ("jinja_recursion", "jinja", text("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}"), REFUSED, "chat.jinja"),
    ("jinja_parentheses", "jinja", text("{{ " + "(" * 100000), REFUSED, "chat.jinja"),
    ("jinja_not", "jinja", text("{{ " + "not " * 100000 + "x }}"), REFUSED, "chat.jinja"),
    ("jinja_minus", "jinja", text("{{ " + "-" * 100000 + "1 }}"), REFUSED, "chat.jinja"),
    ("jinja_times", "jinja", text("{{ 'a' * 99999999999 }}"), REFUSED, "chat.jinja"),
    ("jinja_else_ifs", "jinja", text("{% if a %}" * 50000), REFUSED, "chat.jinja"),
    # SQL.
    *((f"sql_{i}", "answers_sql", lambda data, sql=sql: data.replace(data.split(b"\n")[0], sql.encode(), 1), READ, "") for i, sql in enumerate((
        "SELECT " + "(" * 20000, "SELECT * FROM (" * 4000, "SELECT 1 UNION " * 20000 + "SELECT 1", "SELECT id FROM singer WHERE id IN (" * 4000,
        "WITH RECURSIVE t(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM t) SELECT count(*) FROM t", "SELECT " + "a," * 50000 + "1",
        "SELECT zeroblob(2000000000)", "SELECT name FROM singer WHERE " + "value = value AND " * 300 + "1", "NOT " * 50000, "'" * 99999))),
]
# Each of these is no file at all.
PLACES = ("safetensors", "config", "gguf", "tokenizer_json", "sentencepiece", "adapter_config", "adapter", "jinja", "job", "config_file", "items", "gold_sql",
          "answers_sql", "answers_csv", "tables", "dev", "mmlu", "hdf5", "samples", "texts", "index", "generation_config")
CASES += [(f"{kind.__name__}_as_{subject}", subject, in_place(lambda path, kind=kind: (path.unlink(), kind(path))), REFUSED, "")
          for subject in PLACES for kind in (mutations.fifo, mutations.device, mutations.folder, mutations.circle)]


def apply(change, file):
    if getattr(change, "on_path", False):
        change(file)
    else:
        file.write_bytes(change(file.read_bytes()))


def main():
    parser = arguments()
    parser.add_argument("--every", type=int, default=1, help="one of so many")
    options = parser.parse_args()
    by_name = {subject[0]: subject for subject in SUBJECTS}
    work = pathlib.Path(tempfile.mkdtemp(prefix="tradeoff-hostile-"))
    wrong, count = 0, 0
    try:
        trials = Trials(options, work)
        for case in CASES[::options.every]:
            name, of, change, expected, word = case
            if options.only and not name.startswith(tuple(options.only.split(","))):
                continue
            subject = by_name[of]
            trial, file = trials.fresh(subject)
            apply(change, file)
            size = size_of(file)
            result = trials.run(trial, subject[3])
            faults = list(trials.faults(file, size, result))
            if (result[0] == 0) != (expected == READ):
                faults.append(f"exit code {result[0]}, expected to be {expected}")
            if word not in result[1]:
                faults.append(f"no word of {word!r}")
            if faults:
                print(f"{name}: {'; '.join(faults)}\n    {' | '.join(result[1].splitlines()[-4:])[:600]}", flush=True)
            wrong, count = wrong + bool(faults), count + 1
    finally:
        shutil.rmtree(work, ignore_errors=True)
    print(f"{count} hostile files, {wrong} not as said")
    sys.exit(1 if wrong or not count else 0)


if __name__ == "__main__":
    main()
