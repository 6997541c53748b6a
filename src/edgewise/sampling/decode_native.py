"""Decoding by the compiled kernels on a CPU: the twin of `edgewise.sampling.decode_torch`.

The same completions up to rounding, several times sooner. Each thread decodes alone, a few slots at a time; a slot
whose completion ends takes the next one at once. A completion has the same bits whatever else is sampled, on any
number of threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from ctypes import byref
from itertools import accumulate

import numpy as np
import torch
from torch import Tensor

from edgewise.core.threads import ALL_CORES, Cores, leavable
from edgewise.model.decoder import Decoder
from edgewise.model.native.decoder import model_structure, weights_of
from edgewise.model.native.library import check_status, loaded_kernels
from edgewise.model.native.structures import CSamplingRequest
from edgewise.sampling.completions import PromptRequest, SampledTokens
from edgewise.sampling.params import SamplingParams
from edgewise.sampling.random_numbers import row_keys

# Slots of one thread. More share one reading of the weights; fewer leave keys and values in the processor's caches,
# which counts for more where the weights stay there too.
_SLOTS, _SLOTS_OF_LARGE, _LARGE = 16, 48, 2**21
# In bf16 keys and values are half as large, and tiles multiply so many rows in the time of one.
_SLOTS_OF_BF16 = 32


def decode_native(
    model: Decoder,
    eos_id: int,
    requests: Sequence[PromptRequest],
    samples: int,
    params: SamplingParams,
    model_logp: bool = False,
    cores: Cores = ALL_CORES,
) -> SampledTokens:
    """Sample `samples` completions of each prompt, on as many threads as there are cores for it.

    `model_logp` also returns the model's own log-probabilities. What the kernels do not know of `params` is for
    `edgewise.model.backend.serving_backend` to keep away. IndexError where a prompt has an unknown token.
    """
    prompts = np.concatenate([np.asarray(request.prompt, np.int32) for request in requests])
    if prompts.min() < 0 or prompts.max() >= model.vocabulary:
        raise IndexError(f"a prompt has a token outside the vocabulary of {model.vocabulary}")
    start = np.fromiter(accumulate((len(request.prompt) for request in requests), initial=0), np.int64)
    limit = np.array([min(request.max_new_tokens, params.max_new_tokens) for request in requests], np.int32)
    keys = row_keys([request.key for request in requests], samples, torch.device("cpu")).numpy()
    tokens = np.full((len(requests), samples, params.max_new_tokens), -1, np.int32)
    logp = np.zeros(tokens.shape, np.float32)
    own_logp = np.zeros(tokens.shape, np.float32) if model_logp else None
    weights = weights_of(model)
    request_in_c = CSamplingRequest(
        len(requests),
        samples,
        params.max_new_tokens,
        *(array.ctypes.data for array in (prompts, start, limit, keys)),
        params.temperature,
        eos_id,
        cores.usable(),
        _slots(weights, params.precision),
        tokens.ctypes.data,
        logp.ctypes.data,
        None if own_logp is None else own_logp.ctypes.data,
    )
    structure, sample = model_structure(model, weights, params.precision), loaded_kernels().functions.edgewise_sample
    used = (weights, model, prompts, start, limit, keys, tokens, logp, own_logp)
    check_status(leavable(lambda: sample(byref(structure), byref(request_in_c)), *used))
    return SampledTokens(tokens, logp, own_logp)


def _slots(weights: Sequence[Tensor], precision: str) -> int:
    if precision == "bf16":
        return _SLOTS_OF_BF16
    return _SLOTS if sum(weight.numel() for weight in weights) < _LARGE else _SLOTS_OF_LARGE
