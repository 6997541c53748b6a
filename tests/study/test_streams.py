"""Each stage that trains asks problems of its own: told by what the problems ask, not by what the splits are called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from edgewise.core.errors import InputError
from edgewise.core.spec import override
from edgewise.study.demo import DemoSpec, demo
from edgewise.study.plan import topological_order
from edgewise.study.stages import RL, Evaluate, Midtrain, Pretrain, Stage
from edgewise.study.store import Store
from edgewise.tasks import ModularArithmetic, Problem
from edgewise.tasks.base import all_distinct
from edgewise.training import next_token
from tests.tiny import EASY, PRETRAIN, RECIPE

ONE_STEP = PRETRAIN.training.model_copy(update={"steps": 1})


@contextmanager
def only_drawn(stage: Stage) -> Iterator[list[Problem]]:
    """The problems that a stage draws, in order. Its loop runs whole, but next-token training updates nothing."""
    drawn: list[Problem] = []
    real = ModularArithmetic.problem

    def watched(self: ModularArithmetic, split: Any, seed: int, index: int) -> Problem:
        problem = real(self, split, seed, index)
        drawn.append(problem)
        return problem

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ModularArithmetic, "problem", watched)
        patch.setattr(next_token, "next_token_step", lambda *_: {"loss": 1.0, "grad_norm": 1.0, "learning_rate": 1.0})
        patch.setattr(next_token, "load_ahead", in_this_process)
        yield drawn


@contextmanager
def in_this_process(make: Any, workers: int) -> Iterator[Any]:
    yield make


def draws(store: Store, stage: Stage) -> list[Problem]:
    with only_drawn(stage) as drawn:
        store.compute(stage)
    # RL looks at one problem of each level before it starts.
    return drawn[len(stage.world.levels) :] if isinstance(stage, RL) else drawn


def asked(problems: Sequence[Problem]) -> set[str]:
    return {problem.id for problem in problems} | {problem.prompt for problem in problems}


def test_no_arm_of_the_demonstration_is_trained_on_what_another_stage_shows_or_evaluation_asks(tmp_path: Path) -> None:
    """Every problem of the full demonstration, by its id (equal for equal graphs) and by its text."""
    # A small model that writes one token: what is drawn depends on neither.
    spec = override(DemoSpec(), ["model.width=12", "model.feed_forward=16", "rl.sampling.max_new_tokens=1"])
    study, store = demo(spec), Store(tmp_path)
    stages = topological_order(study.evaluations.values())
    drawn = {stage: draws(store, stage) for stage in stages if isinstance(stage, Pretrain | RL)}
    pretrained, *tuned = (asked(problems) for problems in drawn.values())
    counts = [len(problems) for problems in drawn.values()]
    batch = spec.rl.sampling.prompts * spec.rl.steps
    assert counts == [spec.pretraining.steps * spec.pretraining.documents, batch, batch] == [24_000, 960, 960]
    base = study.evaluations["base"]
    evaluated = asked(
        [
            problem
            for level in base.world.levels
            for problem in all_distinct(base.world.at_level(level), base.split, 0, base.problems).values()
        ]
    )
    for problems in tuned:
        assert not problems & pretrained and not problems & evaluated
    assert not pretrained & evaluated


def test_every_stage_of_a_chain_draws_anew_even_from_one_split(tmp_path: Path) -> None:
    """Addresses differ: two mid-trainings and two RL runs of one seed on the parent's world and split."""
    short = RECIPE.model_copy(update={"steps": 1})
    base = Pretrain(world=EASY, model=PRETRAIN.model, training=ONE_STEP)
    first = Midtrain(parent=base, world=EASY, training=ONE_STEP)
    second = Midtrain(parent=first, world=EASY, training=ONE_STEP)
    third = RL(parent=second, world=EASY, recipe=short, split="train")
    fourth = RL(parent=third, world=EASY, recipe=short, split="train")
    chain: tuple[Stage, ...] = (base, first, second, third, fourth)
    assert [stage.depth for stage in chain] == [0, 1, 2, 3, 4]
    store = Store(tmp_path)
    addresses = [(p.split, p.seed, p.index) for stage in chain for p in draws(store, stage)]
    assert Counter(addresses).most_common(1)[0][1] == 1
    assert {split for split, _, _ in addresses} == {"train"}


def test_two_recipes_from_one_base_ask_the_same_problems(tmp_path: Path) -> None:
    """So that arms differ by their recipe alone."""
    short = RECIPE.model_copy(update={"steps": 2})
    base = Pretrain(world=EASY, model=PRETRAIN.model, training=ONE_STEP)
    other = short.model_copy(update={"optimizer": short.optimizer.model_copy(update={"learning_rate": 1e-4})})
    store = Store(tmp_path)
    store.compute(base)
    found = [draws(store, RL(parent=base, world=EASY, recipe=recipe)) for recipe in (short, other)]
    assert found[0] == found[1] and {problem.split for problem in found[0]} == {"held_out"}


@pytest.mark.parametrize("kind", [Pretrain, Midtrain, RL, Evaluate])
def test_a_split_is_one_of_the_four(kind: type[Stage]) -> None:
    parent = {} if kind is Pretrain else {"parent": PRETRAIN}
    with pytest.raises(InputError, match=r"^spec: split: .*'held_out'.*'dev'"):
        kind.parse({"world": EASY, "split": "dev", **parent})
