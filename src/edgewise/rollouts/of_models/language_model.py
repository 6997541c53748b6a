"""Open a language model for rollouts: find its folder, read its tokenizer, and choose what samples from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import torch

from edgewise.core.errors import InputError, unknown_name
from edgewise.core.provenance import versions
from edgewise.core.threads import ALL_CORES, Cores
from edgewise.model.backend import describe_backend
from edgewise.model.hf import load_decoder
from edgewise.model.hf_config import read_shape
from edgewise.model.model_folder import ModelFolder, find_model
from edgewise.model.text_tokenizer import TextTokenizer, load_text_tokenizer, load_transformers
from edgewise.sampling.completions import Sampler
from edgewise.sampling.engine import Engine
from edgewise.sampling.params import SamplingParams
from edgewise.sampling.transformers_sampler import TransformersSampler
from edgewise.sampling.vllm_sampler import VLLMSampler

SamplerName = Literal["ours", "transformers", "vllm"]
# Samples that are drawn at a time, the least that an interruption costs. vLLM fills its batches by itself.
SAMPLES_OF_A_PART: Mapping[SamplerName, int] = {"ours": 256, "transformers": 128, "vllm": 16_384}


@dataclass(frozen=True, slots=True)
class LanguageModel:
    """A model that samples, with its tokenizer; `made_by` are the versions and the backend that compute."""

    sampler: Sampler[SamplingParams]
    tokenizer: TextTokenizer
    made_by: dict[str, str]


def find_language_model(model: str) -> ModelFolder:
    """The model of a folder, or a snapshot of the model of this name on the Hugging Face hub.

    InputError where it is neither, or where the folder has no model (see `find_model`).
    """
    if Path(model).is_dir():
        return find_model(model)
    if Path(model).exists() or model.startswith((".", "/", "~")) or model.count("/") > 1:
        raise InputError(
            f"MODEL: {model}: no such folder; name a folder with config.json, one of a stage, or a model of the hub"
        )
    load_transformers()
    from huggingface_hub import snapshot_download

    wanted = ["*.json", "*.safetensors", "*.txt", "*.model", "*.jinja"]
    try:
        return ModelFolder(Path(snapshot_download(model, allow_patterns=wanted)), model)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"MODEL: {model}: no folder of this name, and the Hugging Face hub gives none ({reason:.100})"
        ) from None


def sampler_for(folder: Path, asked: str) -> SamplerName:
    """Which sampler serves a model: the one that was asked for, or for "auto" ours where our decoder reads the model,
    and transformers for all others.

    InputError where there is no such sampler.
    """
    names: tuple[SamplerName, ...] = get_args(SamplerName)
    if asked in names:
        return names[names.index(asked)]
    if asked != "auto":
        raise unknown_name("--sampler", asked, ("auto", *names))
    try:
        read_shape(folder)
    except InputError:  # another architecture, or a field that our decoder does not follow
        return "transformers"
    return "ours"


def open_model(
    folder: Path, name: SamplerName, chat: bool, params: SamplingParams, device: torch.device, cores: Cores = ALL_CORES
) -> LanguageModel:
    """Load the model of a folder into a sampler. InputError where it cannot read the model or is not installed."""
    tokenizer = load_text_tokenizer(folder, chat)
    if name == "ours":
        model = load_decoder(folder, tokenizer.words, device)
        made_by = versions() | describe_backend(model.backend, model.spec.beyond_kernels)
        end, *others = tokenizer.end_ids
        return LanguageModel(Engine(model, end, cores=cores, other_ends=frozenset(others)), tokenizer, made_by)
    if name == "vllm":
        return LanguageModel(_vllm(folder, tokenizer, params), tokenizer, versions(("vllm", "torch")))
    made_by = versions(("torch", "transformers", "tokenizers"))
    return LanguageModel(_of_transformers(folder, tokenizer, params, device), tokenizer, made_by)


def _of_transformers(
    folder: Path, tokenizer: TextTokenizer, params: SamplingParams, device: torch.device
) -> TransformersSampler:
    transformers = load_transformers()
    dtype = torch.bfloat16 if params.precision == "bf16" else torch.float32
    try:
        model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).to(device).eval()
    except (OSError, ValueError, KeyError, ImportError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{folder}: transformers loads no causal language model ({reason:.160})") from None
    positions = getattr(model.config.get_text_config(), "max_position_embeddings", None) or 2**31
    return TransformersSampler(model, tokenizer.end_ids, tokenizer.words, positions)


def _vllm(folder: Path, tokenizer: TextTokenizer, params: SamplingParams) -> VLLMSampler:
    try:
        import vllm
    except ModuleNotFoundError:
        raise InputError("vllm: not installed; `pip install edgewise[vllm]`, or give --sampler transformers") from None
    # The folder's own top_k or repetition_penalty would make another distribution than the one that is recorded.
    engine = vllm.LLM(
        model=str(folder),
        dtype="bfloat16" if params.precision == "bf16" else "float32",
        logprobs_mode="processed_logprobs",
        generation_config="vllm",
        skip_tokenizer_init=True,
        enable_prefix_caching=True,
    )
    return VLLMSampler(engine, tokenizer.end_ids, engine.llm_engine.model_config.max_model_len)
