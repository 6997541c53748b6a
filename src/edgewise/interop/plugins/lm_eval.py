"""lm-evaluation-harness: checkpoints of ours as a model, and the functions of tasks that `export lm-eval` writes.

    edgewise export lm-eval modular max_op=6 --samples 16 --out tasks
    python -m edgewise.interop.plugins.lm_eval_command run --model edgewise --model_args path=runs/rl-0123456789abcdef \
        --include_path tasks --tasks edgewise_modular --log_samples --output_path results

The harness knows a model class only once it was imported, which that command does before it hands over. From Python,
`simple_evaluate(model=EdgewiseLM("runs/..."), ...)` needs no registration.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, cast

import datasets
import numpy as np
import torch
from lm_eval.api.instance import Instance
from lm_eval.api.model import LM
from lm_eval.api.registry import register_model

from edgewise.boundary.inference.estimators import pass_at_k
from edgewise.boundary.inference.supported_k import powers_of_two
from edgewise.interop.plugins.checkpoint_sampler import CheckpointSampler, Draw
from edgewise.interop.plugins.world_problems import MARKS, WorldProblems
from edgewise.rl.likelihood import completion_logp
from edgewise.sampling.params import SamplingParams
from edgewise.tasks.base import Split, check_split
from edgewise.tasks.named import world_of

# What ends a completion of ours that met its limit. The harness passes on texts alone, and a task must know.
CUT_OFF = "<cut off>"
_MOST_TOKENS = 256


@register_model("edgewise")
class EdgewiseLM(LM):  # type: ignore[misc]
    """A checkpoint of ours, named by its folder, sampled by our engine.

    Repeats of a request are draws 0, 1, ... of its prompt: those that a stage `Evaluate` would draw with this seed. A
    completion that met its limit ends with CUT_OFF. Requests that do not ask to sample are answered greedily.
    """

    def __init__(
        self,
        path: str,
        device: str | None = None,
        backend: str = "auto",
        seed: int = 0,
        batch_size: Any = None,
        max_batch_size: Any = None,
    ) -> None:
        super().__init__()
        # The harness asks for CUDA where nobody names a device. The engine divides batches as the memory allows.
        usable = device if device and (torch.cuda.is_available() or not device.startswith("cuda")) else "cpu"
        self._checkpoint = CheckpointSampler.load(path, usable, backend)
        self._seed = int(seed)

    def get_model_info(self) -> dict[str, Any]:
        """What results say of the model."""
        return {"model_name": self._checkpoint.name}

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
        """A completion of each request, up to the first of its stop texts."""
        asked = [(str(request.args[0]), dict(request.args[1])) for request in requests]
        settings = [_sampling(given) for _, given in asked]
        draws: dict[tuple[SamplingParams, str], list[Draw]] = {}
        counts: defaultdict[SamplingParams, Counter[str]] = defaultdict(Counter)
        for (prompt, _), params in zip(asked, settings, strict=True):
            counts[params][prompt] += 1
        for params, of_prompt in counts.items():
            for samples in sorted(set(of_prompt.values())):
                prompts = [prompt for prompt, count in of_prompt.items() if count == samples]
                drawn = self._checkpoint.draw(prompts, samples, params, self._seed)
                draws |= {(params, prompt): some for prompt, some in zip(prompts, drawn, strict=True)}
        taken: Counter[tuple[SamplingParams, str]] = Counter()
        texts = []
        for (prompt, given), params in zip(asked, settings, strict=True):
            draw = draws[params, prompt][taken[params, prompt]]
            taken[params, prompt] += 1
            texts.append(_text(draw, given.get("until")))
        return texts

    def loglikelihood(self, requests: list[Instance], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
        """log p of each continuation after its context, in nats, and whether greedy decoding writes it."""
        checkpoint = self._checkpoint
        prompts = [checkpoint.prompt_ids(str(request.args[0])) for request in requests]
        continuations = [checkpoint.prompt_ids(str(request.args[1]))[1:] for request in requests]
        logp = completion_logp(checkpoint.engine.model, prompts, [[ids] for ids in continuations])
        limits = [max(len(ids), 1) for ids in continuations]
        greedy = checkpoint.engine.sample(
            prompts, [0] * len(prompts), 1, SamplingParams(temperature=0, max_new_tokens=max(limits)), limits
        )
        return [
            (float(np.sum(of_tokens)), greedy.ids(p, 0)[: len(ids)] == ids)
            for p, (of_tokens, ids) in enumerate(zip(logp, continuations, strict=True))
        ]

    def loglikelihood_rolling(self, requests: list[Instance], disable_tqdm: bool = False) -> list[float]:
        """log p of each whole text, in nats."""
        ids = [self._checkpoint.prompt_ids(str(request.args[0])) for request in requests]
        logp = completion_logp(self._checkpoint.engine.model, [some[:1] for some in ids], [[some[1:]] for some in ids])
        return [float(np.sum(of_tokens)) for of_tokens in logp]


def documents(
    task: str, settings: Sequence[str] = (), split: str = "test", seed: int = 0, problems: int = 8, **_: Any
) -> dict[str, datasets.Dataset]:
    """The problems of a task as the harness takes them: `metadata` of the task names them, `--metadata` changes it."""
    check_split(split)
    rows = WorldProblems(world_of(task, list(settings)), cast(Split, split), seed, problems).rows()
    named = {"task": task, "settings": list(settings), "split": split, "seed": seed}
    return {"test": datasets.Dataset.from_list([row | named for row in rows])}


def process_results(doc: Mapping[str, Any], results: Sequence[Any]) -> dict[str, Any]:
    """The verdicts of all completions of a problem, and pass@k by them.

    `exact_match` and `process` hold 1, 0 or None (no verdict) for each completion; `pass@k` and `process_pass@k` are
    the unbiased estimates, where a completion without a verdict is in n and not in c.
    """
    texts = results[0] if isinstance(results[0], list) else [results[0]]
    of = _problems(doc["task"], tuple(doc["settings"]), doc["split"], doc["seed"])
    verdicts = [
        of.verdict(doc, text.removesuffix(CUT_OFF).rstrip(" "), truncated=text.endswith(CUT_OFF)) for text in texts
    ]
    marks = {
        "exact_match": [MARKS[verdict.answer] for verdict in verdicts],
        "process": [MARKS[verdict.process] for verdict in verdicts],
    }
    return marks | {
        f"{prefix}pass@{k}": float(pass_at_k(len(texts), sum(mark == 1 for mark in marks[name]), k))
        for name, prefix in (("exact_match", ""), ("process", "process_"))
        for k in powers_of_two(len(texts))
    }


def mean_of_samples(items: Sequence[Sequence[int | None]]) -> float:
    """The mean over problems of the share of completions that are right."""
    return float(np.mean([np.mean([mark == 1 for mark in marks]) for marks in items]))


@cache
def _problems(task: str, settings: tuple[str, ...], split: str, seed: int) -> WorldProblems:
    return WorldProblems(world_of(task, list(settings)), cast(Split, split), seed, 1)


def _sampling(given: Mapping[str, Any]) -> SamplingParams:
    """Sampling parameters from generation_kwargs; as in all of the harness, greedy where they do not ask to sample."""
    temperature = given.get("temperature", 1.0 if given.get("do_sample") else 0.0)
    limit = next((given[name] for name in ("max_gen_toks", "max_new_tokens", "max_tokens") if name in given), None)
    return SamplingParams.parse(
        {
            "temperature": 0.0 if given.get("do_sample") is False else temperature,
            "top_p": given.get("top_p", 1.0),
            "max_new_tokens": _MOST_TOKENS if limit is None else limit,
        },
        "generation_kwargs",
    )


def _text(draw: Draw, until: Any) -> str:
    """The text up to the first stop text; CUT_OFF after one that met its limit before."""
    stops = [until] if isinstance(until, str) else [stop for stop in until or () if stop]
    ends = [draw.text.find(stop) for stop in stops if stop in draw.text]
    if ends:
        return draw.text[: min(ends)]
    return draw.text if draw.finished else f"{draw.text} {CUT_OFF}"
