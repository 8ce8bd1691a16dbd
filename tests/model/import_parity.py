"""`import` against the gguf package and transformers: every supported block type, the order of q and k rows, sharded folders,
and the embedded model as transformers itself reads its GGUF file.

    import_parity.py PROGRAM EMBEDDED_GGUF IMPORTED_FOLDER
"""

import pathlib
import shutil
import subprocess
import sys
import tempfile

import gguf
import numpy as np
import torch
from gguf.quants import dequantize, quantize
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM
from transformers.utils import logging

logging.disable_progress_bar()
Type = gguf.GGMLQuantizationType
TYPES = [Type.F32, Type.F16, Type.BF16, Type.Q8_0, Type.Q4_0, Type.Q4_1, Type.Q5_0, Type.Q5_1, Type.Q2_K, Type.Q3_K, Type.Q4_K,
         Type.Q5_K, Type.Q6_K, Type.IQ4_NL, Type.IQ4_XS]
# Where the half-precision scales of the types that gguf-py does not write stand in a block: bytes [begin, end).
SCALES = {Type.Q2_K: (80, 84), Type.Q3_K: (108, 110), Type.Q4_K: (0, 4), Type.Q5_K: (0, 4), Type.Q6_K: (208, 210),
          Type.IQ4_NL: (0, 2), Type.IQ4_XS: (0, 2)}
DIM, HEADS, KV_HEADS, FFN, LAYERS = 256, 8, 4, 512, 2


def call(program, *words, code=0):
    done = subprocess.run([program, *map(str, words)], capture_output=True, text=True)
    assert (done.returncode == 0) == (code == 0), done.stderr
    return done.stderr


def blocks(values, kind, generator):
    """Values in a GGUF type. What gguf-py does not write is drawn, with scales of a sane size."""
    if kind == Type.F32:
        return values
    if kind == Type.F16:
        return values.astype(np.float16)
    if kind not in SCALES:
        return quantize(values, kind)
    size, block = gguf.GGML_QUANT_SIZES[kind]
    raw = generator.integers(0, 256, (values.shape[0], values.shape[1] // size, block), dtype=np.uint8)
    scales = generator.uniform(1e-4, 1e-2, raw.shape[:2] + (2,)).astype(np.float16).view(np.uint8)
    begin, end = SCALES[kind]
    raw[..., begin:end] = scales[..., :end - begin]
    return raw.reshape(values.shape[0], -1)


def floats(stored, kind, shape):
    return stored.astype(np.float32) if kind in (Type.F32, Type.F16) else dequantize(stored, kind).reshape(shape)


def to_halves(rows, heads):
    """llama.cpp's interleaved pairs of a head, [d / 2, 2], as transformers' halves, [2, d / 2]."""
    return rows.reshape(heads, -1, 2, rows.shape[1]).swapaxes(1, 2).reshape(rows.shape)


def write_gguf(path, kind, vocabulary, generator):
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(512)
    writer.add_embedding_length(DIM)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(FFN)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10000.0)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(vocabulary["tokens"])
    writer.add_token_types(vocabulary["types"])
    writer.add_token_merges(vocabulary["merges"])
    writer.add_eos_token_id(2)
    writer.add_bos_token_id(1)
    kv = DIM * KV_HEADS // HEADS
    shapes = {"attn_q": (DIM, DIM), "attn_k": (kv, DIM), "attn_v": (kv, DIM), "attn_output": (DIM, DIM), "ffn_gate": (FFN, DIM),
              "ffn_up": (FFN, DIM), "ffn_down": (DIM, FFN)}
    names = {"attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
             "attn_output": "self_attn.o_proj", "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj"}
    expected = {}

    def add(name, hf_name, shape, kind, heads=None):
        values = generator.normal(0, 0.05, shape).astype(np.float32)
        stored = values if len(shape) == 1 else blocks(values, kind, generator)
        writer.add_tensor(name, stored, raw_dtype=Type.F32 if len(shape) == 1 else kind)
        want = values if len(shape) == 1 else floats(stored, kind, shape)
        expected[hf_name] = to_halves(want, heads) if heads else want

    add("token_embd.weight", "model.embed_tokens.weight", (len(vocabulary["tokens"]), DIM), kind)
    add("output_norm.weight", "model.norm.weight", (DIM,), Type.F32)
    for layer in range(LAYERS):
        for part, hf in (("attn_norm", "input_layernorm"), ("ffn_norm", "post_attention_layernorm")):
            add(f"blk.{layer}.{part}.weight", f"model.layers.{layer}.{hf}.weight", (DIM,), Type.F32)
        for part, shape in shapes.items():
            add(f"blk.{layer}.{part}.weight", f"model.layers.{layer}.{names[part]}.weight", shape, kind,
                {"attn_q": HEADS, "attn_k": KV_HEADS}.get(part))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return expected


def read_vocabulary(path):
    fields = gguf.GGUFReader(path).fields
    texts = {key: [bytes(fields[key].parts[i]).decode() for i in fields[key].data]
             for key in ("tokenizer.ggml.tokens", "tokenizer.ggml.merges")}
    types = fields["tokenizer.ggml.token_type"]
    return {"tokens": texts["tokenizer.ggml.tokens"], "merges": texts["tokenizer.ggml.merges"],
            "types": [int(types.parts[i][0]) for i in types.data]}


def main():
    program, embedded, imported = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    work = pathlib.Path(tempfile.mkdtemp(prefix="import-parity-"))
    generator = np.random.default_rng(1)
    vocabulary = read_vocabulary(embedded)
    path = work / "model.gguf"
    for kind in TYPES:
        expected = write_gguf(path, kind, vocabulary, generator)
        out = work / f"from-{kind.name}"
        call(program, "import", "--quiet", "--model", path, "--out", out, "--dtype=float32")
        found = load_file(out / "model.safetensors")
        assert found.keys() == expected.keys(), found.keys() ^ expected.keys()
        for name, want in expected.items():
            assert np.array_equal(found[name].numpy(), want), f"{kind.name}: {name} differs"
        print(f"{kind.name}: {len(found)} tensors equal gguf-py's values")
    for cut in (10, 5000, path.stat().st_size // 2, path.stat().st_size - 1):
        bad = work / "cut.gguf"
        bad.write_bytes(path.read_bytes()[:cut])
        assert "cut.gguf" in call(program, "import", "--model", bad, "--out", work / "never", code=1)
        assert not (work / "never/config.json").exists()
    assert "zip archive" in call(program, "import", "--model", pickled(work), "--out", work / "never", code=1)

    # The embedded model: the folder of set-up against transformers' own reading of the same file.
    ours = AutoModelForCausalLM.from_pretrained(imported, dtype=torch.float32).state_dict()
    theirs = AutoModelForCausalLM.from_pretrained(embedded.parent, gguf_file=embedded.name, dtype=torch.float32).state_dict()
    for name, want in theirs.items():
        assert torch.equal(ours[name], want.to(torch.bfloat16).float()), f"embedded model: {name} differs"
    print(f"embedded model: {len(theirs)} tensors equal transformers' reading, rounded to bfloat16")
    tokenizer = AutoTokenizer.from_pretrained(imported)
    chat = tokenizer.apply_chat_template([{"role": "user", "content": "test"}], tokenize=False, add_generation_prompt=True)
    assert chat.endswith("<|im_start|>user\ntest<|im_end|>\n<|im_start|>assistant\n"), chat

    # A sharded Hugging Face folder, bfloat16 and untied.
    torch.manual_seed(1)
    config = LlamaConfig(vocab_size=len(vocabulary["tokens"]), hidden_size=64, intermediate_size=96, num_hidden_layers=3,
                         num_attention_heads=4, num_key_value_heads=2, bos_token_id=1, eos_token_id=2)
    model = LlamaForCausalLM(config).to(torch.bfloat16)
    model.save_pretrained(work / "shards", max_shard_size="4MB")
    assert len(list((work / "shards").glob("*.safetensors"))) > 1
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(imported / name, work / "shards" / name)
    call(program, "import", "--quiet", "--model", work / "shards", "--out", work / "joined")
    joined = AutoModelForCausalLM.from_pretrained(work / "joined").state_dict()
    assert all(torch.equal(joined[name], want) for name, want in model.state_dict().items())
    print("sharded folder: equal tensors")

    # What nothing reads is refused by name; what is known to be of no use is left out.
    model.save_pretrained(work / "more")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(imported / name, work / "more" / name)
    tensors = load_file(work / "more/model.safetensors")
    save_file({**tensors, "model.layers.0.self_attn.rotary_emb.inv_freq": torch.zeros(8)}, work / "more/model.safetensors")
    call(program, "import", "--quiet", "--model", work / "more", "--out", work / "fewer")
    assert load_file(work / "fewer/model.safetensors").keys() == tensors.keys()
    save_file({**tensors, "model.layers.0.self_attn.q_proj.bias": torch.zeros(64)}, work / "more/model.safetensors")
    said = call(program, "import", "--model", work / "more", "--out", work / "never", code=1)
    assert f"{work / 'more'}: tensor model.layers.0.self_attn.q_proj.bias is not read by model_type llama" in said, said
    assert not (work / "never").exists()
    print("a tensor that nothing reads: refused by name")
    shutil.rmtree(work)


def pickled(work):
    path = work / "model.pth"
    torch.save({"weight": torch.zeros(3)}, path)
    return path


if __name__ == "__main__":
    sys.exit(main())
