"""lm-eval's own model class for Hugging Face folders: it scores and writes from our folders what we do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from edgewise.model.hf import save_pretrained
from edgewise.sampling.engine import Engine
from edgewise.sampling.params import SamplingParams
from edgewise.tasks import ModularArithmetic
from tests.model.decoders import SHAPES, alone, taught

# lm-eval takes half a minute to import.
pytestmark = pytest.mark.slow
REASON = "lm_eval is not installed: make test-slow installs it"
WORLD = ModularArithmetic(min_op=1, max_op=3)
PROBLEMS = [WORLD.problem("train", 7, i) for i in range(6)]


def requests(kind: str, arguments: list[Any]) -> list[Any]:
    instance: Any = pytest.importorskip("lm_eval.api.instance", reason=REASON)
    return [
        instance.Instance(request_type=kind, doc={}, arguments=argument, idx=i) for i, argument in enumerate(arguments)
    ]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("options", [{}, {"add_bos_token": True}], ids=str)
def test_log_likelihoods_and_greedy_texts_are_ours(
    dtype: torch.dtype, options: dict[str, bool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    pytest.importorskip("accelerate", reason=REASON)
    huggingface: Any = pytest.importorskip("lm_eval.models.huggingface", reason=REASON)
    model, tokenizer = taught(WORLD, PROBLEMS, SHAPES["untied, grouped"], steps=60)
    save_pretrained(model, tokenizer, tmp_path, dtype=dtype)
    lm = huggingface.HFLM(pretrained=str(tmp_path), device="cpu", dtype="float32", batch_size=4, **options)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(parameter.to(dtype))

    def log_likelihood(ids: list[int], start: int) -> tuple[float, bool]:
        logp = alone(model, ids).log_softmax(-1)[start - 1 : -1]
        of_ids = torch.tensor(ids[start:])
        total = float(logp.gather(-1, of_ids[:, None]).sum())
        return total, bool((logp.argmax(-1) == of_ids).all())

    # A solution of the problem and one of another: likely and unlikely texts, some greedy and some not.
    pairs = [(p.prompt, " " + WORLD.solution(q)) for p in PROBLEMS for q in (p, PROBLEMS[0])]
    found = lm.loglikelihood(requests("loglikelihood", pairs))
    greedy = []
    for (prompt, text), (total, is_greedy) in zip(pairs, found, strict=True):
        before = tokenizer.prompt(prompt)
        ours = log_likelihood([*before, *tokenizer.encode(text)], len(before))
        assert total == pytest.approx(ours[0], abs=1e-3) and is_greedy == ours[1]
        greedy.append(is_greedy)
    assert True in greedy and False in greedy

    # It puts bos before a text by itself here, so that the tokenizer must not.
    bare = huggingface.HFLM(pretrained=str(tmp_path), device="cpu", dtype="float32", add_bos_token=False)
    whole = bare.loglikelihood_rolling(requests("loglikelihood_rolling", [(p.prompt,) for p in PROBLEMS]))
    for problem, total in zip(PROBLEMS, whole, strict=True):
        assert total == pytest.approx(log_likelihood(tokenizer.prompt(problem.prompt), 1)[0], abs=1e-3)

    until = {"until": ["<eos>"], "max_gen_toks": 40, "do_sample": False}
    written = lm.generate_until(requests("generate_until", [(p.prompt, until) for p in PROBLEMS]))
    params = SamplingParams(temperature=0, max_new_tokens=40)
    prompts = [tokenizer.prompt(p.prompt) for p in PROBLEMS]
    drawn = Engine(model, tokenizer.eos).sample(prompts, [0] * len(prompts), 1, params)
    assert written == [tokenizer.decode(drawn.ids(p, 0)) for p in range(len(prompts))]
