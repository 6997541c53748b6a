"""inspect_ai: a task of any world, its scorer by the world's verifier, and checkpoints of ours as models.

    inspect eval edgewise/world -T task=modular -T max_op=6 --model edgewise/runs/rl-0123456789abcdef

The registry of inspect_ai finds these by the entry point of this package. Epochs are samples: the reducers give the
unbiased pass@k by the answer and by the process.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, cast

import anyio
import anyio.to_thread
from inspect_ai import Epochs, Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessage,
    ChatMessageAssistant,
    GenerateConfig,
    ModelAPI,
    ModelOutput,
    ModelUsage,
    modelapi,
)
from inspect_ai.scorer import CORRECT, INCORRECT, NOANSWER, Score, Scorer, Target, mean, scorer, stderr
from inspect_ai.solver import TaskState, generate
from inspect_ai.tool import ToolChoice, ToolInfo

from edgewise.boundary.inference.supported_k import powers_of_two
from edgewise.core.errors import InputError
from edgewise.core.spec import plain
from edgewise.interop.plugins.checkpoint_sampler import CheckpointSampler, Draw
from edgewise.interop.plugins.world_problems import MARKS, WorldProblems
from edgewise.sampling.params import SamplingParams
from edgewise.tasks.base import Split, check_split
from edgewise.tasks.named import world_of

_VALUES = {1: CORRECT, 0: INCORRECT, None: NOANSWER}
# Stop reasons of inspect_ai of a completion that was cut off.
_CUT_OFF = ("max_tokens", "model_length")
# Requests that come so soon after the first are sampled with it.
_SECONDS_TO_GATHER = 0.02
_MOST_REQUESTS = 4096


@task(name="world")  # type: ignore[untyped-decorator]
def world_task(
    task: str = "modular",
    samples: int = 16,
    problems: int = 8,
    split: str = "test",
    seed: int = 0,
    max_new_tokens: int = 256,
    **knobs: Any,
) -> Task:
    """Problems of a world: `problems` of each level of a split, `samples` epochs of each, at temperature 1.

    `task` is a world, a preset, MODULE:CLASS or FILE.py:CLASS, and `knobs` are the world's. InputError where there is
    no such world or knob.
    """
    check_split(split)
    settings = [f"{knob}={value}" for knob, value in sorted(knobs.items())]
    of = WorldProblems(world_of(task, settings), cast(Split, split), seed, problems)
    rows = of.rows()
    return Task(
        name=f"edgewise_{task.rpartition(':')[2]}",
        dataset=MemoryDataset(
            [Sample(id=row["id"], input=row["prompt"], target=row["answer"], metadata=_address(row)) for row in rows],
            name=task,
        ),
        solver=generate(),
        scorer=verdict(task=task, settings=settings, split=split, seed=seed),
        epochs=Epochs(samples, ["mean", *(f"pass_at_{k}" for k in powers_of_two(samples))]),
        config=GenerateConfig(temperature=1.0, top_p=1.0, max_tokens=max_new_tokens),
        metadata={"world": plain(of.world), "split": split, "seed": seed},
    )


def _address(row: dict[str, Any]) -> dict[str, Any]:
    return {"level": row["level"], "index": row["index"]}


@scorer(metrics={"answer": [mean(), stderr()], "process": [mean(), stderr()]})  # type: ignore[untyped-decorator]
def verdict(task: str, settings: list[str] | None = None, split: str = "test", seed: int = 0) -> Scorer:
    """Grade completions by a world's verifier: the answer and the process, each C, I, or N where there is no verdict.

    A completion that was cut off has none. The world is named as in the task.
    """
    of = WorldProblems(world_of(task, settings or []), cast(Split, split), seed, 1)

    async def score(state: TaskState, target: Target) -> Score:
        row = {"id": state.sample_id, **{name: state.metadata[name] for name in ("level", "index")}}
        truncated = state.output.stop_reason in _CUT_OFF
        graded = of.verdict(row, state.output.completion, truncated=truncated)
        return Score(
            value={"answer": _VALUES[MARKS[graded.answer]], "process": _VALUES[MARKS[graded.process]]},
            answer=graded.predicted,
            explanation=graded.reason or None,
            metadata={"first_wrong_step": graded.first_wrong_step},
        )

    return score


@dataclass
class _Request:
    """A completion that is asked for; `done` is set when `draw` or `error` is there."""

    prompt: str
    params: SamplingParams
    seed: int
    done: anyio.Event = field(default_factory=anyio.Event)
    draw: Draw | None = None
    error: Exception | None = None


@modelapi(name="edgewise")
class EdgewiseAPI(ModelAPI):  # type: ignore[misc]
    """A checkpoint of ours, named by its folder, sampled by our engine; requests that come together are one batch.

    `-M draws=16` draws so many completions of a prompt when it is first asked for, and gives them out one by one: with
    as many as there are epochs they are the samples that a stage `Evaluate` with `-M seed` would draw.
    """

    def __init__(
        self,
        model_name: str,
        base_url: str | None = None,
        api_key: str | None = None,
        config: GenerateConfig = GenerateConfig(),  # noqa: B008 - the signature of ModelAPI
        device: str = "cpu",
        backend: str = "auto",
        seed: int = 0,
        draws: int = 1,
    ) -> None:
        super().__init__(model_name, base_url, api_key, [], config)
        if draws < 1:
            raise InputError(f"draws: {draws}; must be 1 or more")
        self._checkpoint = CheckpointSampler.load(model_name, device, backend)
        self._seed, self._draws = seed, draws
        self._waiting: list[_Request] = []
        self._left: defaultdict[tuple[str, SamplingParams, int], list[Draw]] = defaultdict(list)
        self._blocks: defaultdict[tuple[str, SamplingParams, int], int] = defaultdict(int)
        self._sampling = anyio.Lock()

    async def generate(
        self, input: list[ChatMessage], tools: list[ToolInfo], tool_choice: ToolChoice, config: GenerateConfig
    ) -> ModelOutput:
        """A completion of the texts of all messages; they never grow beyond the model's positions."""
        if tools:
            raise InputError(f"{self.model_name}: calls no tools; a checkpoint of edgewise continues a text")
        prompt = "\n".join(message.text for message in input)
        request = _Request(prompt, self._params(config), self._seed if config.seed is None else config.seed)
        self._waiting.append(request)
        await anyio.sleep(_SECONDS_TO_GATHER)
        async with self._sampling:
            if not request.done.is_set():
                waiting, self._waiting = self._waiting, []
                await anyio.to_thread.run_sync(self._serve, waiting)
                for served in waiting:
                    served.done.set()
        if request.error is not None:
            raise request.error
        assert request.draw is not None
        return self._output(prompt, request.draw)

    def max_connections(self) -> int:
        """As many requests as one batch may have."""
        return _MOST_REQUESTS

    def connection_key(self) -> str:
        """Of each model apart."""
        return str(self.model_name)

    def _params(self, config: GenerateConfig) -> SamplingParams:
        given = {"temperature": config.temperature, "top_p": config.top_p, "max_new_tokens": config.max_tokens}
        params = {"max_new_tokens": self._checkpoint.positions} | {
            name: value for name, value in given.items() if value is not None
        }
        return SamplingParams.parse(params, self.model_name)

    def _serve(self, requests: list[_Request]) -> None:
        """Give each request a draw, from what is left of earlier blocks or from a new block."""
        wanted: dict[tuple[SamplingParams, int], dict[str, list[_Request]]] = {}
        for request in requests:
            wanted.setdefault((request.params, request.seed), {}).setdefault(request.prompt, []).append(request)
        for (params, seed), by_prompt in wanted.items():
            try:
                self._fill(params, seed, {prompt: len(some) for prompt, some in by_prompt.items()})
            except Exception as error:
                for request in (request for some in by_prompt.values() for request in some):
                    request.error = error
                continue
            for prompt, some in by_prompt.items():
                for request in some:
                    request.draw = self._left[prompt, params, seed].pop(0)

    def _fill(self, params: SamplingParams, seed: int, counts: dict[str, int]) -> None:
        """Draw blocks until each prompt has as many draws left as are asked for; prompts at one block are one batch."""
        while True:
            short: dict[int, list[str]] = {}
            for prompt, count in counts.items():
                if len(self._left[prompt, params, seed]) < count:
                    short.setdefault(self._blocks[prompt, params, seed], []).append(prompt)
            if not short:
                return
            for block, prompts in short.items():
                drawn = self._checkpoint.draw(prompts, self._draws, params, seed, block)
                for prompt, draws in zip(prompts, drawn, strict=True):
                    self._left[prompt, params, seed] += draws
                    self._blocks[prompt, params, seed] += 1

    def _output(self, prompt: str, draw: Draw) -> ModelOutput:
        asked = len(self._checkpoint.prompt_ids(prompt))
        return ModelOutput(
            model=self._checkpoint.name,
            choices=[
                ChatCompletionChoice(
                    message=ChatMessageAssistant(content=draw.text, model=self._checkpoint.name, source="generate"),
                    stop_reason="stop" if draw.finished else "max_tokens",
                )
            ],
            usage=ModelUsage(input_tokens=asked, output_tokens=draw.tokens, total_tokens=asked + draw.tokens),
        )
