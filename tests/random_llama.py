"""A Llama with random weights and SmolLM2's tokenizer, as transformers saves it."""

import shutil

import torch
from transformers import LlamaConfig, LlamaForCausalLM

ROPE_31 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
           "original_max_position_embeddings": 512}


def save_random_llama(folder, tokenizer_of, seed=1, **shape):
    torch.manual_seed(seed)
    # Wide enough that logits differ: their spread is about initializer_range times the root of the width.
    config = LlamaConfig(**{"vocab_size": 49152, "max_position_embeddings": 8192, "rope_theta": 5e5, "bos_token_id": 1,
                            "eos_token_id": 2, "initializer_range": 1 / shape["hidden_size"] ** 0.5, **shape})
    LlamaForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(tokenizer_of / name, folder / name)
