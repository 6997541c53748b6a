"""Small folders of random language models as transformers writes them, with byte-level pieces and a chat template."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
)

END, TURN = "<|end|>", "<|turn|>"
CHAT = (
    "{% for m in messages %}<|turn|>{{ m['role'] }}\n{{ m['content'] }}<|end|>{% endfor %}<|turn|>assistant{{ '\\n' }}"
)
_SHAPE: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 256,
}


def byte_tokenizer(*, chat: bool = True) -> Any:
    """One id a byte, and two special ones: any text in, any text out."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    fast = Tokenizer(models.BPE({character: i for i, character in enumerate(alphabet)}, []))
    fast.pre_tokenizer, fast.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    make: Any = PreTrainedTokenizerFast
    tokenizer = make(tokenizer_object=fast, eos_token=END, additional_special_tokens=[TURN])
    tokenizer.chat_template = CHAT if chat else None
    return tokenizer


def language_model(kind: str, vocabulary: int, end: int) -> Any:
    """A random model of 20,000 weights whose next-token distributions are far from uniform."""
    torch.manual_seed(0)
    ends: dict[str, Any] = {"eos_token_id": end, "bos_token_id": None, "pad_token_id": None}
    if kind == "gpt2":
        gpt2 = GPT2Config(vocab_size=vocabulary, n_embd=32, n_layer=2, n_head=4, n_positions=256, **ends)
        model: Any = GPT2LMHeadModel(gpt2)
    elif kind == "llama":
        model = LlamaForCausalLM(LlamaConfig(vocab_size=vocabulary, num_key_value_heads=2, **_SHAPE, **ends))
    else:
        model = Qwen2ForCausalLM(Qwen2Config(vocab_size=vocabulary, num_key_value_heads=2, **_SHAPE, **ends))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(6.0)
    return model.eval()


def write_folder(folder: Path, kind: str = "llama", *, chat: bool = True) -> Path:
    """Save such a model with its tokenizer."""
    tokenizer = byte_tokenizer(chat=chat)
    model = language_model(kind, len(tokenizer), tokenizer.eos_token_id)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
