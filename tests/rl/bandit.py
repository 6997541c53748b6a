"""A world of one-word answers, and decoders so small that an update takes milliseconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

import torch
from torch import Tensor

from edgewise.core.keyed import key
from edgewise.core.spec import plain
from edgewise.model.decoder import Decoder, DecoderSpec
from edgewise.model.tokenizer import Tokenizer
from edgewise.rl.batch import Minibatch, TokenBatch, TokenTables
from edgewise.rl.recipe import Recipe
from edgewise.rl.token_advantages import minibatches_of
from edgewise.rl.update import PolicyUpdate
from edgewise.rollouts.collect import roll_out
from edgewise.rollouts.rollouts import Rollouts
from edgewise.sampling.engine import Engine
from edgewise.sampling.params import SamplingParams
from edgewise.tasks.base import Problem, Score, Split, Verdict, World
from edgewise.training.execution import CPU, Execution
from edgewise.training.optimizer import Optimizer, OptimizerSpec
from edgewise.training.sharding import Trained

WORDS = ("left", "right", "up", "down", "which", "?")


class Bandit(World):
    """Asks for the word it names; `payable` False makes every completion wrong."""

    world: Literal["bandit"] = "bandit"
    version: Literal[1] = 1
    payable: bool = True

    @property
    def levels(self) -> range:
        return range(1, 2)

    def at_level(self, level: int) -> Self:
        return self

    def words(self) -> tuple[str, ...]:
        return WORDS

    def problem(self, split: Split, seed: int, index: int) -> Problem:
        word = WORDS[key(split, seed, index) % 4]
        length = 1 + index % 3  # prompts of several lengths
        prompt = " ".join([*["which"] * length, word, "?"])
        return Problem("bandit", split, seed, index, 1, f"bandit-{seed}-{index}", prompt, word, None)

    def solution(self, problem: Problem) -> str:
        return problem.answer

    def check(self, problem: Problem, text: str) -> Verdict:
        return self.verify(problem, text)

    # Cut-off answers are graded here, so that short completions pay.
    def verify(  # type: ignore[misc]
        self, problem: Problem, completion: str, *, truncated: bool = False
    ) -> Verdict:
        if not completion:
            return Verdict(Score.UNSCORABLE, Score.UNSCORABLE, None, "empty")
        predicted = completion.split()[0]
        right = self.payable and predicted == problem.answer
        return Verdict(Score(right), Score(right and not truncated), predicted=predicted)


WORLD = Bandit()
TOKENIZER = Tokenizer(WORDS)
SHAPE = DecoderSpec(width=16, layers=1, heads=2, kv_heads=1, feed_forward=32, max_positions=32)
RECIPE = Recipe(
    steps=6,
    sampling={"prompts": 4, "samples": 4, "max_new_tokens": 5},
    optimizer={"learning_rate": 1e-2, "warmup": 0.0},
)


def decoder(seed: int = 0) -> Decoder:
    return Decoder(SHAPE, len(TOKENIZER), seed=seed)


def changed(*layers: Mapping[str, Any], **fields: Any) -> Recipe:
    """`RECIPE` with fields of its parts laid over it, one layer after the other; a choice replaces the other choice."""
    values = plain(RECIPE)
    for layer in (*layers, fields):
        values = laid_over(values, layer)
    return Recipe.parse(values)


def laid_over(base: Any, layer: Any) -> Any:
    if not isinstance(base, Mapping) or not isinstance(layer, Mapping) or "kind" in layer:
        return layer
    return {**base, **{name: laid_over(base.get(name), value) for name, value in layer.items()}}


def draw(model: Decoder, problems: int = 4, samples: int = 4, seed: int = 0) -> Rollouts:
    asked = [WORLD.problem("train", seed, index) for index in range(problems)]
    params = SamplingParams(max_new_tokens=RECIPE.sampling.max_new_tokens)
    return roll_out(Engine(model, TOKENIZER.eos), TOKENIZER, WORLD, asked, samples, params, seed)


def advantages_for(rollouts: Rollouts, seed: int = 0) -> Tensor:
    """Advantages of either sign, with a group and a sample that have none."""
    shape = (len(rollouts.problems), rollouts.samples)
    advantage_PG = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    advantage_PG[1] = 0
    advantage_PG[2, 0] = 0
    return advantage_PG


def token_batch(rollouts: Rollouts, advantage: Tensor, **tables: Tensor) -> TokenBatch:
    """These advantages, [P, G] or [P, G, T], as the trainer would have them."""
    shape = rollouts.completions.logp_PGT.shape
    advantage_PGT = advantage if advantage.dim() == 3 else advantage.unsqueeze(-1).expand(shape)
    return TokenBatch(rollouts, TokenTables(advantage_PGT, **tables))


def batches(rollouts: Rollouts, advantage: Tensor, recipe: Recipe, **tables: Tensor) -> list[Minibatch | None]:
    batch, max_new_tokens = token_batch(rollouts, advantage, **tables), recipe.sampling.max_new_tokens
    return minibatches_of(batch, recipe.loss, recipe.optimizer.minibatches, max_new_tokens)


def one_batch(rollouts: Rollouts, advantage: Tensor, recipe: Recipe, **tables: Tensor) -> Minibatch:
    (batch,) = batches(rollouts, advantage, recipe, **tables)
    assert batch is not None
    return batch


def update(
    model: Decoder,
    optimizer: Optimizer,
    minibatches: Sequence[Minibatch | None],
    recipe: Recipe,
    learning_rate: float,
    execution: Execution = CPU,
    kl_target: Decoder | None = None,
    seed: int = 0,
) -> dict[str, float]:
    """The updates of one step, as the trainer makes them with this recipe."""
    policy_update = PolicyUpdate(
        Trained(model), optimizer, recipe.loss, recipe.sampling.temperature, recipe.precision, execution
    )
    return policy_update.run(minibatches, recipe.optimizer.epochs, learning_rate, kl_target, seed=seed)


def unpacked(model: Decoder, rollouts: Rollouts, temperature: float = 1.0) -> list[tuple[Tensor, Tensor]]:
    """Tempered logits [T, V] and log-probabilities [T] of each completion, one forward pass each."""
    found = []
    for p, prompt in enumerate(rollouts.prompts):
        for g in range(rollouts.samples):
            ids = torch.tensor([[*prompt, *rollouts.completions.ids(p, g)]])
            hidden = model(ids, torch.arange(ids.shape[1])[None], torch.zeros_like(ids))
            logits = model.logits(hidden)[0, len(prompt) - 1 : -1] / temperature
            logp = torch.log_softmax(logits, -1).gather(1, ids[0, len(prompt) :, None]).squeeze(1)
            found.append((logits, logp))
    return found


class Recorder(Optimizer):
    """Keeps the gradients and leaves the weights alone."""

    def __init__(self, model: Decoder) -> None:
        super().__init__(model, OptimizerSpec())
        self.gradients: list[dict[str, Tensor]] = []

    def step(self, learning_rate: float) -> float:
        gradient = {}
        for name, parameter in self.parameters.items():
            assert parameter.grad is not None
            gradient[name] = parameter.grad.clone()
            parameter.grad = None
        self.gradients.append(gradient)
        return 0.0


def gradient_of(
    model: Decoder, batch: Minibatch, recipe: Recipe, tokens: int = 10**6, kl_target: Decoder | None = None
) -> dict[str, Tensor]:
    """The gradient of one update, the weights left alone."""
    recorder = Recorder(model)
    update(model, recorder, [batch], recipe, 0.1, Execution(tokens_per_micro_batch=tokens), kl_target)
    (gradient,) = recorder.gradients
    return gradient


def close(left: dict[str, Tensor], right: dict[str, Tensor]) -> bool:
    assert left.keys() == right.keys()
    assert any(tensor.abs().max() > 1e-3 for tensor in left.values()), "nothing to compare"
    return all(torch.allclose(left[name], right[name], atol=1e-6, rtol=1e-5) for name in left)
