"""The parts of `make gpu`, in the order in which they are run: the most important and the surest first."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Part:
    """A function of a scale and a device that returns named lists of values, and the seconds that it may take.

    `function` is "module:name"; it runs in a process of its own. Without one of `packages` the part is left out.
    """

    name: str
    what: str
    function: str
    seconds: float
    packages: tuple[str, ...] = ()


PARTS = (
    Part("tests", "the tests that need a GPU", "benchmarks.gpu.suite:suite", 150),
    Part("equality", "numbers beside the CPU's", "benchmarks.gpu.equality:equality", 60),
    Part("pretraining", "next-token updates in bf16", "benchmarks.gpu.training:pretraining", 60),
    Part("sampling", "completions in bf16 and FP32", "benchmarks.gpu.sampling:ours", 120),
    Part("rl_step", "GRPO steps in bf16", "benchmarks.gpu.rl:rl_step", 120),
    Part(
        "transformers", "generate from the same weights", "benchmarks.gpu.sampling:transformers", 90, ("transformers",)
    ),
    Part(
        "pretraining_compiled",
        "next-token updates in bf16, layers compiled",
        "benchmarks.gpu.training:pretraining_compiled",
        120,
    ),
    Part("rl_step_compiled", "GRPO steps in bf16, layers compiled", "benchmarks.gpu.rl:rl_step_compiled", 150),
    Part("vllm", "vLLM from the same weights", "benchmarks.gpu.sampling:vllm", 150, ("vllm",)),
)
