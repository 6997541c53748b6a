"""Some groups of a run are kept to be read: which, with what in them, and the same after an interruption."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest

from edgewise.core.errors import InputError
from edgewise.model.decoder import Decoder
from edgewise.rl import kept_groups
from edgewise.rl.kept_groups import MOST_STEPS, KeptGroup, is_kept, read_groups
from edgewise.rl.probe import is_probed
from edgewise.rl.recipe import Recipe
from edgewise.rl.train import train
from edgewise.tasks import ModularArithmetic
from edgewise.training.run_folder import RunFolder
from tests.rl.test_train import train as train_bandit
from tests.tiny import PRETRAIN, RECIPE, TOKENIZER, WORLD, Interrupted

from .bandit import RECIPE as BANDIT_RECIPE


def run(folder: Path, progress_at: int | None = None, world: ModularArithmetic = WORLD) -> tuple[KeptGroup, ...]:
    def progress(done: int, total: int, note: str) -> None:
        if done == progress_at:
            raise Interrupted

    model = Decoder(PRETRAIN.model, len(TOKENIZER), seed=3)
    train(model, TOKENIZER, world, RECIPE, 5, RunFolder(folder, progress, checkpoint_seconds=0.0))
    return read_groups(folder)


@pytest.mark.parametrize("steps", [1, 2, 4, 10, 199, 200, 201, 300, 5_000])
def test_the_kept_steps_are_probed_few_and_spread_over_the_run(steps: int) -> None:
    kept = [step for step in range(steps) if is_kept(step, steps)]
    assert all(is_probed(step, Recipe(steps=steps)) for step in kept)
    assert kept[0] == 0 and kept[-1] == steps - 1 and len(kept) <= MOST_STEPS + 1
    gaps = [after - before for before, after in pairwise(kept[:-1])]
    assert len(set(gaps)) <= 1, "evenly, but for the last"


def test_all_samples_of_a_group_of_each_level_are_kept_as_they_were_verified(tmp_path: Path) -> None:
    groups = run(tmp_path)
    assert [group.step for group in groups] == sorted(group.step for group in groups)
    assert {group.step for group in groups} == {0, 3}
    for step in (0, 3):
        levels = [group.level for group in groups if group.step == step]
        assert levels == sorted(set(levels)) and set(levels) <= {1, 2}
    for group in groups:
        assert group.sampled == len(group.rollouts) == RECIPE.sampling.samples
        assert group.prompt and all(sample.tokens > 0 for sample in group.rollouts)
        advantages = [sample.advantage for sample in group.rollouts]
        assert sum(a for a in advantages if a is not None) == pytest.approx(0, abs=1e-4), "GRPO's have the mean 0"
    texts = [sample.text for group in groups for sample in group.rollouts]
    assert len(set(texts)) > 1


def test_rewards_and_verdicts_are_those_of_the_sample(tmp_path: Path) -> None:
    """The bandit's groups have right and wrong samples."""
    train_bandit(RunFolder(tmp_path), BANDIT_RECIPE)
    samples = [sample for group in read_groups(tmp_path) for sample in group.rollouts]
    assert {sample.answer for sample in samples} == {"correct", "wrong"}
    for sample in samples:
        assert sample.reward == (1.0 if sample.answer == "correct" else 0.0)
    mixed = [g for g in read_groups(tmp_path) if len({s.reward for s in g.rollouts}) == 2]
    for group in mixed:
        right, wrong = ([s.advantage or 0.0 for s in group.rollouts if s.reward == reward] for reward in (1.0, 0.0))
        assert min(right) > 0 > max(wrong)


def test_an_interrupted_run_keeps_the_same_bytes(tmp_path: Path) -> None:
    run(tmp_path / "whole")
    with pytest.raises(Interrupted):
        run(tmp_path / "parts", progress_at=1)
    path = tmp_path / "parts" / "groups.jsonl"
    begun = json.loads(path.read_text().splitlines()[0])
    path.write_text(path.read_text() + json.dumps({**begun, "step": 3}) + "\n" + '{"step": 3, "pro')
    assert run(tmp_path / "parts") == read_groups(tmp_path / "whole")
    assert path.read_bytes() == (tmp_path / "whole" / "groups.jsonl").read_bytes()


def test_what_is_kept_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, most in (("MOST_GROUPS", 2), ("MOST_SAMPLES", 3), ("MOST_CHARACTERS", 5)):
        monkeypatch.setattr(kept_groups, name, most)
    groups = run(tmp_path)
    for step in (0, 3):
        assert len([group for group in groups if group.step == step]) <= 2
    assert all(len(group.rollouts) == 3 and group.sampled == 8 and len(group.prompt) == 5 for group in groups)
    assert all(len(sample.text) <= 5 for group in groups for sample in group.rollouts)


def test_levels_beyond_the_bound_are_spread() -> None:
    assert kept_groups._spread([1, 2, 3]) == [1, 2, 3]
    assert kept_groups._spread(list(range(2, 11))) == [2, 4, 7, 10]


@pytest.mark.parametrize("line", ["[]", "{}", "\0", '{"step": 0, "rollouts": [{}]}', '{"step": 0, "rollouts": 3}'])
def test_a_damaged_file_is_named(line: str, tmp_path: Path) -> None:
    (tmp_path / "groups.jsonl").write_text(line + "\n")
    with pytest.raises(InputError) as caught:
        read_groups(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path / 'groups.jsonl'}: corrupt (")


def test_a_run_that_keeps_none_has_none(tmp_path: Path) -> None:
    assert read_groups(tmp_path) == ()
