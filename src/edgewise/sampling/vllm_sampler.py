"""Sample with vLLM, one request for each sample with a seed of its own, so that no sample depends on the others.

Requests of one prompt share its keys and values by vLLM's prefix cache. What a seed draws is vLLM's own: the samples
are others than ours from the same key, and on a GPU roundings of a batch can change one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from edgewise.sampling.completions import Completions
from edgewise.sampling.engine import check_fits
from edgewise.sampling.params import SamplingParams
from edgewise.sampling.random_numbers import row_keys


@dataclass(frozen=True, slots=True)
class VLLMSampler:
    """Samples with a `vllm.LLM` whose `logprobs_mode` is "processed_logprobs"; a `Sampler` of `SamplingParams`.

    A completion ends with any of `end_ids`; its log-probabilities are those of the distribution that it was drawn from.
    """

    engine: Any
    end_ids: tuple[int, ...]
    max_positions: int

    def sample(
        self, prompts: Sequence[Sequence[int]], keys_P: Sequence[int], samples: int, params: SamplingParams
    ) -> Completions:
        """`samples` completions of each prompt; see `edgewise.sampling.completions.Sampler`."""
        from vllm import SamplingParams as VLLMParams

        check_fits(prompts, [params.max_new_tokens] * len(prompts), samples, self.max_positions)
        # vLLM seeds a torch generator, which takes 63 bits without a sign.
        seeds_PG = (row_keys(keys_P, samples, torch.device("cpu")) & (2**63 - 1)).tolist()
        requests = [{"prompt_token_ids": list(prompt)} for prompt in prompts for _ in range(samples)]
        settings = [
            VLLMParams(
                temperature=params.temperature,
                top_p=params.top_p,
                max_tokens=params.max_new_tokens,
                seed=seed,
                logprobs=0,
                stop_token_ids=list(self.end_ids),
                detokenize=False,
            )
            for seeds in seeds_PG
            for seed in seeds
        ]
        outputs = [request.outputs[0] for request in self.engine.generate(requests, settings, use_tqdm=False)]
        tokens = np.full((len(outputs), params.max_new_tokens), -1, np.int32)
        logp = np.zeros(tokens.shape, np.float32)
        for row, output in enumerate(outputs):
            ids = list(output.token_ids)
            tokens[row, : len(ids)] = ids
            logp[row, : len(ids)] = [of[i].logprob for i, of in zip(ids, output.logprobs, strict=True)]
        shape = (len(prompts), samples)
        tokens_PGT, logp_PGT = tokens.reshape(*shape, -1), logp.reshape(*shape, -1)
        length_PG = (tokens_PGT >= 0).sum(-1, dtype=np.int32)
        finished = np.array([output.finish_reason == "stop" for output in outputs]).reshape(shape)
        return Completions(tokens_PGT, logp_PGT, length_PG, finished)
