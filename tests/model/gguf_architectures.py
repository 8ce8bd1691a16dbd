"""`import` of every GGUF architecture, on small random models: names by gguf-py's own table, keys by its writer, in one file and
in parts. transformers reads the folder that comes out: every tensor and the logits equal the model's that went in. Then files
that must be refused.

    gguf_architectures.py PROGRAM EMBEDDED_GGUF
"""

import pathlib
import shutil
import sys
import tempfile

import gguf
import numpy as np
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from import_parity import call, read_vocabulary

HIDDEN, HEADS, KV_HEADS, FFN, LAYERS, POSITIONS = 64, 4, 2, 96, 4, 256
COMMON = dict(hidden_size=HIDDEN, intermediate_size=FFN, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
              num_key_value_heads=KV_HEADS, max_position_embeddings=POSITIONS, initializer_range=0.1, bos_token_id=1, eos_token_id=2,
              pad_token_id=0, rms_norm_eps=1e-5, tie_word_embeddings=False)
HALF = [1.0 + 0.1 * i for i in range(4)]
LONGROPE = {"rope_type": "longrope", "rope_theta": 10000.0, "partial_rotary_factor": 0.5, "original_max_position_embeddings": 128,
            "short_factor": HALF, "long_factor": [2 * v for v in HALF]}
# architecture: (model_type, what its config adds)
CASES = {
    "llama": ("llama", {}),
    "qwen2": ("qwen2", {}),
    "qwen3": ("qwen3", dict(head_dim=20)),
    "smollm3": ("smollm3", {}),
    "phi3": ("phi3", dict(sliding_window=16)),
    "phi3-longrope": ("phi3", dict(sliding_window=None, original_max_position_embeddings=128, rope_parameters=LONGROPE)),
    "gemma2": ("gemma2", dict(head_dim=20, query_pre_attn_scalar=20, sliding_window=16, attn_logit_softcapping=2.0,
                              final_logit_softcapping=3.0, tie_word_embeddings=True)),
    "gemma3": ("gemma3_text", dict(head_dim=20, query_pre_attn_scalar=20, sliding_window=16, tie_word_embeddings=True)),
    "olmo2": ("olmo2", {}),
    "granite": ("granite", dict(embedding_multiplier=3.0, residual_multiplier=0.5, attention_multiplier=0.2, logits_scaling=2.0)),
}
PERMUTED = ("llama", "smollm3", "granite")


def make_model(model_type, added, rows):
    torch.manual_seed(1)
    config = AutoConfig.for_model(model_type, **{**COMMON, **added, "vocab_size": rows})
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager").float().eval()
    with torch.no_grad():
        for p in model.parameters():
            if p.dim() == 1:
                p.add_(0.2 * torch.randn_like(p))
    return model


def to_pairs(rows, heads):
    """transformers' halves of a head as llama.cpp's neighbouring pairs."""
    return rows.reshape(heads, 2, -1, rows.shape[1]).swapaxes(1, 2).reshape(rows.shape)


def add_keys(writer, config, vocabulary):
    writer.add_context_length(POSITIONS)
    writer.add_embedding_length(HIDDEN)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(FFN)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    rope = config.rope_parameters
    writer.add_rope_freq_base(rope.get("full_attention", rope)["rope_theta"])
    writer.add_vocab_size(config.vocab_size)
    head_dim = getattr(config, "head_dim", None) or HIDDEN // HEADS
    writer.add_key_length(head_dim)
    writer.add_value_length(head_dim)
    writer.add_rope_dimension_count(int(head_dim * rope.get("partial_rotary_factor", 1.0)))
    if config.model_type in ("phi3", "gemma2", "gemma3_text"):
        writer.add_sliding_window(config.sliding_window or 0)
    if config.model_type == "phi3" and rope.get("rope_type") == "longrope":
        writer.add_rope_scaling_orig_ctx_len(128)
        for name in ("long", "short"):
            writer.add_tensor(f"rope_factors_{name}.weight", np.array(rope[f"{name}_factor"], dtype=np.float32))
    if config.model_type == "gemma2":
        writer.add_attn_logit_softcapping(config.attn_logit_softcapping)
        writer.add_final_logit_softcapping(config.final_logit_softcapping)
    if config.model_type == "granite":
        writer.add_embedding_scale(config.embedding_multiplier)
        writer.add_residual_scale(config.residual_multiplier)
        writer.add_attention_scale(config.attention_multiplier)
        writer.add_logit_scale(config.logits_scaling)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(vocabulary["tokens"])
    writer.add_token_types(vocabulary["types"])
    writer.add_token_merges(vocabulary["merges"])
    writer.add_eos_token_id(2)
    writer.add_bos_token_id(1)


def write_gguf(path, name, model, vocabulary, parts=0, **keys):
    writer = gguf.GGUFWriter(path, name, split_max_tensors=parts)
    add_keys(writer, model.config, vocabulary)
    for key, value in keys.items():
        writer.add_uint32(key.replace("__", "."), value)
    arch = next(a for a, text in gguf.MODEL_ARCH_NAMES.items() if text == name)
    names = gguf.get_tensor_name_map(arch, LAYERS)
    for key, value in model.state_dict().items():
        if key == "lm_head.weight" and model.config.tie_word_embeddings:
            continue
        values = value.numpy()
        if name in PERMUTED and "q_proj" in key:
            values = to_pairs(values, HEADS)
        if name in PERMUTED and "k_proj" in key:
            values = to_pairs(values, KV_HEADS)
        if name.startswith("gemma") and key.endswith("norm.weight"):
            values = values + 1
        writer.add_tensor(names.get_name(key, try_suffixes=(".weight", ".bias")), np.ascontiguousarray(values))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def check_import(program, source, out, model, name):
    shutil.rmtree(out, ignore_errors=True)
    call(program, "import", "--quiet", "--model", source, "--out", out, "--dtype=float32")
    found = AutoModelForCausalLM.from_pretrained(out, dtype=torch.float32, attn_implementation="eager").eval()
    state = found.state_dict()
    for key, want in model.state_dict().items():
        # 1 + w - 1 is rounded once.
        assert torch.allclose(state[key], want, rtol=0, atol=2e-7 if "gemma" in name else 0), f"{name}: {key} differs"
    ids = torch.randint(3, 1000, (1, 100), generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        worst = (found(ids).logits - model(ids).logits).abs().max().item()
    assert worst < 1e-4, f"{name}: logits differ by {worst}"
    print(f"{name}: {len(state)} tensors and the logits equal (within {worst:.1e})")


def refused(program, work, source, *words):
    message = call(program, "import", "--model", source, "--out", work / "never", code=1)
    assert all(word in message for word in words), (words, message)
    assert not (work / "never/config.json").exists()
    print(f"refused: {message.strip()[:150]}")


def main():
    program, embedded = sys.argv[1], pathlib.Path(sys.argv[2])
    work = pathlib.Path(tempfile.mkdtemp(prefix="gguf-architectures-"))
    vocabulary = read_vocabulary(embedded)
    for case, (model_type, added) in CASES.items():
        name = case.split("-")[0]
        model = make_model(model_type, added, len(vocabulary["tokens"]))
        write_gguf(work / "model.gguf", name, model, vocabulary)
        check_import(program, work / "model.gguf", work / "out", model, case)

    model = make_model("qwen2", {}, len(vocabulary["tokens"]))
    write_gguf(work / "split.gguf", "qwen2", model, vocabulary, parts=20)
    parts = sorted(work.glob("split-*-of-*.gguf"))
    assert len(parts) == 3, parts
    check_import(program, parts[0], work / "out", model, "qwen2 in 3 parts")
    refused(program, work, parts[1], parts[1].name, "part 2 of 3", "-00001-of-00003.gguf")
    lone = work / "lone.gguf"
    shutil.copy(parts[0], lone)
    refused(program, work, lone, "lone.gguf", "-00001-of-00003.gguf")
    shutil.copy(parts[1], parts[2])
    refused(program, work, parts[0], parts[2].name, "split.no", "found 1, expected 2")
    parts[2].unlink()
    refused(program, work, parts[0], parts[2].name)

    write_gguf(work / "key.gguf", "qwen2", model, vocabulary, qwen2__attention__sliding_window=16)
    refused(program, work, work / "key.gguf", "key.gguf", "qwen2.attention.sliding_window", "not known")
    write_gguf(work / "key.gguf", "qwen2", model, vocabulary, qwen2__expert_count=8)
    refused(program, work, work / "key.gguf", "key.gguf", "qwen2.expert_count", "found 8, expected 0")
    write_gguf(work / "key.gguf", "qwen2", model, vocabulary, qwen2__pooling_type=1)
    refused(program, work, work / "key.gguf", "key.gguf", "qwen2.pooling_type")
    shutil.rmtree(work)


if __name__ == "__main__":
    main()
