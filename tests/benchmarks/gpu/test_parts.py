"""Every part on the CPU, at the tiny scale."""

from __future__ import annotations

import importlib
import re
import sys
import types
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks import peers
from benchmarks.gpu import equality, rl, sampling, suite, training
from benchmarks.gpu.equality import moved
from benchmarks.gpu.parts import PARTS
from benchmarks.gpu.scale import PAPER, TINY, model_of, peaks, prompts_of
from edgewise.model import decoder as decoder_module
from edgewise.model.decoder import Decoder

CPU = torch.device("cpu")
COMPLETIONS = TINY.prompts * TINY.samples


def not_compiled(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The functions that are to be compiled; they are not, for it takes a minute and tests/model has it."""
    asked: list[object] = []

    def note(function: object) -> object:
        asked.append(function)
        return function

    monkeypatch.setattr(decoder_module, "compiled", note)
    return asked


def test_every_part_is_a_function_and_the_limits_of_the_first_six_are_ten_minutes_at_most() -> None:
    for part in PARTS:
        module, _, name = part.function.partition(":")
        assert callable(getattr(importlib.import_module(module), name))
    assert len({part.name for part in PARTS}) == len(PARTS)
    assert sum(part.seconds for part in PARTS[:6]) <= 600


def test_every_test_that_needs_a_gpu_is_asked() -> None:
    root = Path(suite.__file__).parents[2]
    tests = [path for path in root.glob("tests/**/test_*.py") if re.search(r"mark\.gpu\b", path.read_text())]
    asked = [root / name for name in PAPER.tests if name.startswith("tests")]
    assert len(tests) > 3
    assert [path for path in tests if not any(folder in path.parents for folder in asked)] == []


@pytest.mark.slow
def test_the_suite_counts_and_names_what_fails(tmp_path: Path) -> None:
    assert suite.suite(TINY, CPU)["passed"][0] > 2


@pytest.mark.parametrize("failing", [True, False])
def test_a_suite_that_fails_or_asks_nothing_is_no_result(failing: bool, tmp_path: Path) -> None:
    test = tmp_path / "test_made_up.py"
    test.write_text("def test_no():\n    assert False\n" if failing else "")
    expected = r"^1 of 1 tests fail \(pytest's status 1\): test_no$" if failing else r"pytest's status 5"
    with pytest.raises(RuntimeError, match=expected):
        suite.suite(replace(TINY, tests=(str(test),)), CPU)


def test_numbers_of_the_cpu_are_equal_to_the_cpu_s_within_all_tolerances() -> None:
    found = equality.equality(TINY, CPU)
    assert found.keys() == equality.TOLERANCES.keys()
    for name, differences in found.items():
        assert len(differences) == 3 and max(differences) <= equality.TOLERANCES[name], name
    assert found["loss_fp32"] == found["gradient_fp32"] == found["other_completions"] == [0.0] * 3
    assert min(found["gradient_bf16"]) > 1e-4 and min(found["update_bf16"]) > 1e-4 and min(found["logp_bf16"]) > 1e-5


def test_another_model_is_not_equal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each difference sees a weight that is a thousandth larger, or the tolerances would be worth nothing."""

    def other(model: Decoder, device: torch.device) -> Decoder:
        copied = moved(model, device)
        with torch.no_grad():
            for parameter in copied.parameters():
                parameter.mul_(1.001)
        return copied

    monkeypatch.setattr(equality, "moved", other)
    found = equality.equality(TINY, CPU)
    for name in ("loss_fp32", "gradient_fp32", "update_fp32", "logp_fp32"):
        assert min(found[name]) > equality.TOLERANCES[name], name


@pytest.mark.parametrize("compiled", [False, True])
def test_pretraining_is_measured(compiled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = not_compiled(monkeypatch)
    found = (training.pretraining_compiled if compiled else training.pretraining)(TINY, CPU)
    assert bool(asked) is compiled
    assert len(found["tokens_per_second"]) == len(found["mfu"]) == 3 * TINY.repeats
    assert all(min(values) > 0 for name, values in found.items() if name != "memory_gb")
    rate = found["mfu"][0] / found["tokens_per_second"][0]
    assert found["mfu"][1] / found["tokens_per_second"][1] == pytest.approx(rate)


@pytest.mark.parametrize("compiled", [False, True])
def test_steps_of_rl_in_bf16_are_measured(compiled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = not_compiled(monkeypatch)
    found = (rl.rl_step_compiled if compiled else rl.rl_step)(TINY, CPU)
    assert bool(asked) is compiled
    assert found["tokens"] == [COMPLETIONS * TINY.new_tokens]
    assert len(found["seconds"]) == TINY.repeats - 1 and min(*found["seconds"], *found["first_seconds"]) > 0


def test_sampling_is_measured_in_both_precisions() -> None:
    found = sampling.ours(TINY, CPU)
    assert len(found["tokens_per_second_bf16"]) == TINY.repeats and len(found["tokens_per_second_fp32"]) == 1
    assert all(min(values) > 0 for name, values in found.items() if name != "memory_gb")


def test_transformers_draws_as_many_tokens_from_the_same_weights() -> None:
    pytest.importorskip("transformers")
    found = sampling.transformers(TINY, CPU)
    assert len(found["tokens_per_second"]) == 2 and found["samples_at_a_time"][0] in TINY.peer_batches
    with pytest.raises(RuntimeError, match="prompt 0: our greedy completion"):
        tokenizer, model = model_of(TINY, CPU)
        exact, _ = peers.same_model(model, tokenizer)
        torch.nn.init.normal_(model.embedding.weight)
        sampling.check_equal(model, exact.eval(), tokenizer, prompts_of(TINY, tokenizer)[:1])


class PretendedVllm(types.ModuleType):
    """What is used of vLLM: completions as long as they were asked for, less `short` tokens."""

    short = 0

    class SamplingParams:
        def __init__(self, **fields: Any) -> None:
            self.fields = fields

    class LLM:
        def __init__(self, model: str, **fields: Any) -> None:
            assert (Path(model) / "model.safetensors").exists() and fields["dtype"] == "bfloat16"

        def generate(self, prompts: list[dict[str, list[int]]], params: Any) -> list[Any]:
            assert all(len(prompt["prompt_token_ids"]) == TINY.prompt_tokens for prompt in prompts)
            tokens = [0] * (params.fields["max_tokens"] - PretendedVllm.short)
            outputs = [types.SimpleNamespace(token_ids=tokens)] * params.fields["n"]
            return [types.SimpleNamespace(outputs=outputs) for _ in prompts]


def test_vllm_is_asked_for_the_same_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vllm", PretendedVllm("vllm"))
    found = sampling.vllm(TINY, CPU)
    assert len(found["tokens_per_second"]) == TINY.repeats - 1 and min(found["tokens_per_second"]) > 0
    monkeypatch.setattr(PretendedVllm, "short", 1)
    with pytest.raises(RuntimeError, match="not those of all completions at full length"):
        sampling.vllm(TINY, CPU)


def test_peaks_are_rates() -> None:
    found = peaks(TINY, CPU)
    assert 1e6 < found.matmul < 1e16 and 1e6 < found.copy < 1e14


def test_the_papers_model_has_a_hundred_million_parameters() -> None:
    weights = PAPER.spec.matmul_parameters(PAPER.vocabulary)
    assert 95e6 < weights < 110e6
    assert (PAPER.prompts, PAPER.samples, PAPER.new_tokens) == (1024, 6, 512)
