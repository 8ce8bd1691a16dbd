"""A Llama that computes an answer in milliseconds, with SmolLM2's tokenizer."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from random_llama import save_random_llama


def small_llama(folder, tokenizer_of):
    """Its folder."""
    save_random_llama(folder, tokenizer_of, hidden_size=32, intermediate_size=48, num_hidden_layers=1, num_attention_heads=2,
                      num_key_value_heads=1, tie_word_embeddings=True)
    return folder
