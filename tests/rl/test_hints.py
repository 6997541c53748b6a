"""Hints: which groups are drawn again, what of them is trained on, what counts, and that the rest stays as it is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from edgewise.core.errors import InputError
from edgewise.core.spec import canonical_json
from edgewise.model.decoder import Decoder, DecoderSpec
from edgewise.model.problem_ids import prompt_ids, solution_ids
from edgewise.model.tokenizer import Tokenizer
from edgewise.rl.collect import Collector, ScoredRollouts
from edgewise.rl.coverage import Coverage
from edgewise.rl.curriculum import FreshProblems
from edgewise.rl.hints import FractionSchedule, GoldPrefix, NoHints, gold_prefix
from edgewise.rl.models import Models
from edgewise.rl.recipe import Recipe
from edgewise.rl.recipes.registry import named_recipe
from edgewise.rl.rewards.correctness import OfWorld
from edgewise.rl.rollout_worker import RolloutWorker
from edgewise.rl.token_advantages import TokenAdvantages, minibatches_of
from edgewise.rl.train import check_first_step, train
from edgewise.rollouts.rollouts import Rollouts
from edgewise.tasks import Paths, Score
from edgewise.training.execution import CPU
from edgewise.training.run_folder import RunFolder
from tests.model.decoders import taught

WORLD = Paths(nodes=6, edges=7, names=6, max_length=3, max_answers=2)
SHAPE = DecoderSpec(width=32, layers=1, heads=2, kv_heads=1, feed_forward=64, max_positions=64)
RECIPE = Recipe(
    steps=3,
    sampling={
        "prompts": 8,
        "samples": 4,
        "max_new_tokens": 8,
        "hints": {"kind": "gold_prefix", "fraction": {"first": 0.75, "last": 0.25}},
    },
    advantage="dr_grpo",
    loss={"function": "reinforce", "normalization": "seq-mean-token-sum-norm"},
    optimizer={"learning_rate": 1e-3, "warmup": 0.0},
)
PLAIN = RECIPE.model_copy(update={"sampling": RECIPE.sampling.model_copy(update={"hints": NoHints()})})


@pytest.fixture(scope="module")
def start() -> tuple[Decoder, Tokenizer]:
    """A policy that has read a few solutions, so that it solves some problems and not others."""
    return taught(WORLD, [WORLD.problem("train", 0, index) for index in range(24)], SHAPE, 60)


def collector_of(start: tuple[Decoder, Tokenizer], recipe: Recipe = RECIPE, split: Any = "train") -> Collector:
    model, tokenizer = start
    sampling = recipe.sampling
    models = Models.of(model, None, recipe.loss.kl, None, "fp32", CPU)
    worker = RolloutWorker(models, sampling.behavior, tokenizer, WORLD, sampling.max_new_tokens, 1.0)
    return Collector(
        worker,
        WORLD,
        recipe.reward.function,
        sampling.filters,
        FreshProblems().start(WORLD, split, 0),
        Coverage(),
        sampling.prompts,
        sampling.samples,
        hints=sampling.hints,
    )


def collected(start: tuple[Decoder, Tokenizer], fraction: float) -> tuple[Collector, ScoredRollouts, dict[str, float]]:
    collector = collector_of(start)
    groups, metrics = collector.collect(7, fraction)
    assert groups is not None
    return collector, groups, metrics


def ids_of(rollouts: Rollouts, p: int) -> list[list[int]]:
    return [rollouts.completions.ids(p, g) for g in range(rollouts.samples)]


# ---- What is revealed


@pytest.mark.parametrize(
    ("words", "fraction", "count"),
    [(4, 0.5, 2), (5, 0.5, 3), (5, 0.01, 1), (5, 0.99, 4), (30, 0.1, 3), (10, 0.3, 3), (2, 0.9, 1), (1, 0.5, 1)],
)
def test_so_many_tokens_are_revealed_and_never_the_end(words: int, fraction: float, count: int) -> None:
    solution = [*range(100, 100 + words), 2]
    assert gold_prefix(solution, fraction) == solution[:count]


def test_the_fraction_goes_in_equal_strides_from_the_first_step_to_the_last() -> None:
    annealed = GoldPrefix(fraction=FractionSchedule(first=0.8, last=0.2))
    assert [annealed.fraction_at(step, 4) for step in range(4)] == pytest.approx([0.8, 0.6, 0.4, 0.2])
    assert annealed.fraction_at(0, 1) == 0.8
    constant = GoldPrefix.parse({"fraction": 0.3}, "hints")
    assert {constant.fraction_at(step, 9) for step in range(9)} == {0.3}
    assert [GoldPrefix().fraction_at(step, 3) for step in range(3)] == [0.5, 0.25, 0.0]
    assert {NoHints().fraction_at(step, 3) for step in range(3)} == {0.0}


# ---- Which groups are drawn again


def test_only_groups_that_are_all_wrong_get_hints_and_others_are_untouched(start: tuple[Decoder, Tokenizer]) -> None:
    _, plain, _ = collected(start, 0.0)
    _, groups, metrics = collected(start, 0.75)
    wrong = (~plain.outcome_PG.any(1)).tolist()
    assert True in wrong and False in wrong, "a start that solves some and not others"
    rollouts, before = groups.rollouts, plain.rollouts
    assert [problem.id for problem in rollouts.problems] == [problem.id for problem in before.problems]
    for p, problem in enumerate(rollouts.problems):
        asked = prompt_ids(start[1], problem)
        if not wrong[p]:
            assert rollouts.prompts[p] == before.prompts[p] == asked
            assert ids_of(rollouts, p) == ids_of(before, p) and rollouts.revealed(p) == ""
            assert rollouts.completions.logp_PGT[p].sum() == before.completions.logp_PGT[p].sum()
            assert torch.equal(groups.reward_PG[p], plain.reward_PG[p])
            continue
        revealed = gold_prefix(solution_ids(start[1], WORLD, problem), 0.75)
        assert rollouts.prompts[p] == [*asked, *revealed]
        assert rollouts.revealed(p) == start[1].decode(revealed) != ""
        assert WORLD.solution(problem).startswith(rollouts.revealed(p))
    assert metrics["hinted"] == sum(wrong) / len(wrong) and metrics["hint_fraction"] == 0.75


def test_as_many_groups_at_random_get_hints_whether_they_are_wrong_or_not(start: tuple[Decoder, Tokenizer]) -> None:
    at_random = RECIPE.sampling.model_copy(update={"hints": GoldPrefix(groups="random")})
    collector = collector_of(start, RECIPE.model_copy(update={"sampling": at_random}))
    _, plain, _ = collected(start, 0.0)
    wrong = (~plain.outcome_PG.any(1)).nonzero().squeeze(1).tolist()
    places = []
    for seed in range(7, 12):
        groups, metrics = collector.collect(seed, 0.75)
        assert groups is not None
        hinted = [p for p in range(8) if groups.rollouts.revealed(p)]
        assert metrics["hinted"] == len(hinted) / 8 == metrics["all_wrong"]
        places.append(hinted)
    assert places[0] != wrong and len(places[0]) == len(wrong), "the same first draw, other groups"
    assert len({tuple(place) for place in places}) > 1
    # Only how many are wrong counts, and the keys.
    hints = GoldPrefix(groups="random")
    assert hints.drawn_again([1, 2, 3], 8, 7, 0) == hints.drawn_again([0, 4, 5], 8, 7, 0)
    assert hints.drawn_again([], 8, 7, 0) == [] == NoHints().drawn_again([1], 8, 7, 0)
    assert GoldPrefix().drawn_again([1, 6], 8, 7, 0) == [1, 6]
    assert "groups" not in canonical_json(RECIPE.sampling), "recipes with hints keep their digest"


def test_verdicts_are_on_the_hint_and_the_completion_together(start: tuple[Decoder, Tokenizer]) -> None:
    _, groups, metrics = collected(start, 0.75)
    rollouts, solved = groups.rollouts, []
    for p, problem in enumerate(rollouts.problems):
        for g in range(rollouts.samples):
            finished = bool(rollouts.completions.finished_PG[p, g])
            text = f"{rollouts.revealed(p)} {rollouts.text_PG[p][g]}"
            assert rollouts.verdict_PG[p][g] == WORLD.verify(problem, text, truncated=not finished)
            assert rollouts.solution_text(p, g) == text.strip()
            if rollouts.revealed(p):
                solved.append(rollouts.verdict_PG[p][g].answer is Score.CORRECT)
                length = len(rollouts.prompts[p]) - len(prompt_ids(start[1], problem))
                assert rollouts.completions.length_PG[p, g] <= RECIPE.sampling.max_new_tokens - length
    assert metrics["hinted_solved"] == pytest.approx(sum(solved) / len(solved))
    assert metrics["hinted_solved"] > 0, "with three quarters of the solution some are solved"


def test_draws_of_both_groups_count_and_nothing_else_hears_of_the_hints(start: tuple[Decoder, Tokenizer]) -> None:
    plain_collector, plain, before = collected(start, 0.0)
    collector, groups, metrics = collected(start, 0.75)
    again = int((~plain.outcome_PG.any(1)).sum())
    samples = RECIPE.sampling.samples
    assert metrics["hinted_samples"] == again * samples
    assert metrics["samples_drawn"] == before["samples_drawn"] + again * samples == (8 + again) * samples
    assert metrics["draws_per_prompt"] == metrics["samples_drawn"] / 8
    assert collector.coverage.metrics()["draws_per_problem"] > plain_collector.coverage.metrics()["draws_per_problem"]
    # What the policy can do without hints is what is logged and learned from.
    for name in before.keys() - {"samples_drawn", "draws_per_prompt"}:
        assert metrics[name] == before[name] or metrics[name] != metrics[name], name
    solved = "cumulative_solve_rate"
    assert collector.coverage.metrics()[solved] == plain_collector.coverage.metrics()[solved]
    # Tokens: those of the first draw and those behind the hints.
    hinted = [p for p in range(8) if groups.rollouts.revealed(p)]
    written = int(groups.rollouts.completions.length_PG[hinted].sum())
    assert collector.worker.tokens == plain_collector.worker.tokens + written
    read = sum(len(groups.rollouts.prompts[p]) for p in hinted)
    assert collector.worker.prompt_tokens == plain_collector.worker.prompt_tokens + read
    assert collector.worker.flops > plain_collector.worker.flops


def test_filters_see_the_group_behind_the_hint(start: tuple[Decoder, Tokenizer]) -> None:
    fields = {"filters": RECIPE.sampling.filters.model_copy(update={"drop_zero_variance": True})}
    recipe = RECIPE.model_copy(update={"sampling": RECIPE.sampling.model_copy(update=fields)})
    groups, _ = collector_of(start, recipe).collect(7, 0.75)
    assert groups is not None and any(groups.rollouts.revealed(p) for p in range(len(groups.rollouts.problems)))
    assert (groups.outcome_PG.any(1) & ~groups.outcome_PG.all(1)).all()


# ---- What is trained on


def minibatch_of(start: tuple[Decoder, Tokenizer], fraction: float) -> tuple[Rollouts, Any]:
    collector, groups, _ = collected(start, fraction)
    models = Models.of(start[0], None, RECIPE.loss.kl, None, "fp32", CPU)
    kind = RECIPE.model_copy(update={"advantage": Recipe.parse({"advantage": "indicator_all"}).advantage})
    advantages = TokenAdvantages(
        kind.advantage, kind.reward.length, kind.loss.kl, kind.sampling, 3, models, collector, CPU
    )
    (minibatch,) = minibatches_of(advantages.compute(groups, 0, 0), kind.loss, 1, 8)
    assert minibatch is not None
    return groups.rollouts, minibatch


def test_what_is_trained_on_is_exactly_what_was_not_revealed(start: tuple[Decoder, Tokenizer]) -> None:
    rollouts, minibatch = minibatch_of(start, 0.75)
    written: list[Sequence[int]] = [ids for p in range(8) for ids in ids_of(rollouts, p)]
    assert minibatch.tokens == sum(map(len, written))
    trained_on: list[list[int]] = [[] for _ in written]
    for micro_batch in minibatch.micro_batches(CPU):
        for token, sample in zip(micro_batch.token_N.tolist(), micro_batch.sample_index_N.tolist(), strict=True):
            trained_on[sample].append(token)
    assert trained_on == written
    whole = [start[1].decode([*prompt, *written[4 * p]]) for p, prompt in enumerate(rollouts.prompts)]
    for p, problem in enumerate(rollouts.problems):
        assert whole[p].startswith(f"{problem.prompt} {rollouts.revealed(p)}".strip())


def test_a_revealed_token_has_no_gradient_of_its_own(start: tuple[Decoder, Tokenizer]) -> None:
    """The gradient is that of the log-probabilities of completions behind prompt and hint, computed one by one."""
    rollouts, minibatch = minibatch_of(start, 0.75)
    model = start[0]
    loss = torch.zeros(())
    for micro_batch in minibatch.micro_batches(CPU):
        hidden = model.forward_packed(micro_batch.packed, "fp32")[micro_batch.source_N]
        logp_N = torch.log_softmax(model.logits(hidden), -1).gather(1, micro_batch.token_N[:, None])[:, 0]
        loss = loss + (micro_batch.weight_N * logp_N).sum()
    packed = torch.autograd.grad(loss, [model.embedding.weight])[0]
    direct = torch.zeros(())
    for p, prompt in enumerate(rollouts.prompts):
        for ids in ids_of(rollouts, p):
            row = torch.tensor([[*prompt, *ids]])
            logits = model.logits(model(row, torch.arange(row.shape[1])[None], torch.zeros_like(row)))
            logp = torch.log_softmax(logits[0, len(prompt) - 1 : -1], -1)
            direct = direct + logp.gather(1, torch.tensor(ids)[:, None]).sum()
    alone = torch.autograd.grad(direct, [model.embedding.weight])[0]
    scale = float(minibatch.weight_D[0])
    assert torch.allclose(packed, scale * alone, atol=1e-4 * scale * float(alone.abs().max()))


def test_gold_cut_at_the_same_fraction_is_trained_on_exactly_what_hints_reveal(
    start: tuple[Decoder, Tokenizer],
) -> None:
    sft = Recipe.parse(
        {
            "sampling": {
                "prompts": 8,
                "samples": 1,
                "max_new_tokens": 8,
                "behavior": {"kind": "gold", "fraction": 0.75},
            },
            "advantage": "indicator_all",
        }
    )
    cut, _ = collector_of(start, sft).collect(7)
    _, groups, _ = collected(start, 0.75)
    assert cut is not None
    for p, problem in enumerate(cut.rollouts.problems):
        assert problem == groups.rollouts.problems[p]
        assert cut.rollouts.prompts[p] == prompt_ids(start[1], problem)
        if groups.rollouts.revealed(p):
            assert cut.rollouts.text_PG[p] == [groups.rollouts.revealed(p)]
    assert not cut.rollouts.completions.finished_PG.any() and not cut.outcome_PG.any()
    assert "fraction" not in canonical_json(named_recipe("sft/small").sampling)


def test_a_reward_of_a_world_reads_the_hint_and_the_completion(start: tuple[Decoder, Tokenizer]) -> None:
    class Rewarding(Paths):
        def rewards(self) -> Any:
            return {"words": lambda problem, text, verdict: float(len(text.split()))}

    _, groups, _ = collected(start, 0.75)
    rollouts = groups.rollouts
    _, reward_PG = OfWorld(name="words").score(Rewarding(), rollouts, 0)
    p = next(p for p in range(8) if rollouts.revealed(p))
    for g in range(rollouts.samples):
        words = len(rollouts.revealed(p).split()) + len(rollouts.text_PG[p][g].split())
        assert reward_PG[p, g] == (words if rollouts.completions.finished_PG[p, g] else 0)


# ---- Whole runs


def run(folder: Path, recipe: Recipe, start: tuple[Decoder, Tokenizer], **options: Any) -> Any:
    model = Decoder(SHAPE, len(start[1]), backend="torch")
    model.load_state_dict(start[0].state_dict())
    return train(model, start[1], WORLD, recipe, 0, RunFolder(folder, **options), split="train")


def logged(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


class Stopped(Exception):
    """An interruption."""


def test_a_resumed_run_is_the_whole_one(tmp_path: Path, start: tuple[Decoder, Tokenizer]) -> None:
    whole = run(tmp_path / "whole", RECIPE, start)
    lines = logged(tmp_path / "whole")
    assert [line["hint_fraction"] for line in lines] == [0.75, 0.5, 0.25] and any(line["hinted"] for line in lines)

    def stop(done: int, total: int, note: str) -> None:
        if done == 2:
            raise Stopped

    with pytest.raises(Stopped):
        run(tmp_path / "parts", RECIPE, start, progress=stop, checkpoint_seconds=0.0)
    parts = run(tmp_path / "parts", RECIPE, start)
    assert (parts.tokens, parts.flops) == (whole.tokens, whole.flops)
    for name in ("metrics.jsonl", "groups.jsonl", "checkpoint/state.safetensors"):
        assert (tmp_path / "parts" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_kept_groups_show_the_hint_behind_the_prompt(tmp_path: Path, start: tuple[Decoder, Tokenizer]) -> None:
    run(tmp_path, RECIPE, start)
    groups = [json.loads(line) for line in (tmp_path / "groups.jsonl").read_text().splitlines()]
    prompts = [group["prompt"] for group in groups]
    assert any(": answer" in prompt for prompt in prompts)


def test_without_hints_a_run_is_what_it_was(tmp_path: Path, start: tuple[Decoder, Tokenizer]) -> None:
    assert "hints" not in canonical_json(PLAIN), "recipes without hints keep their digest"
    run(tmp_path, PLAIN, start)
    assert all(not any("hint" in name for name in line) for line in logged(tmp_path))


# ---- What is refused


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"sampling": {"behavior": "start", "hints": "gold_prefix"}}, "behavior must be policy where hints are given"),
        (
            {"sampling": {"hints": "gold_prefix"}, "advantage": "remax"},
            "remax draws its baseline without sampling.hints",
        ),
        ({"sampling": {"hints": {"kind": "gold_prefix", "fraction": 1.0}}}, "less than 1"),
        ({"sampling": {"hints": "oracle"}}, "hints"),
        ({"sampling": {"behavior": {"kind": "gold", "fraction": 0.0}, "samples": 1}}, "greater than 0"),
    ],
)
def test_what_does_not_fit_is_refused(fields: dict[str, Any], wrong: str) -> None:
    with pytest.raises(InputError, match=wrong) as error:
        Recipe.parse(fields, "recipe")
    assert "\n" not in str(error.value)


def test_a_solution_that_the_limit_does_not_hold_is_refused_before_any_work(start: tuple[Decoder, Tokenizer]) -> None:
    short = RECIPE.model_copy(update={"sampling": RECIPE.sampling.model_copy(update={"max_new_tokens": 5})})
    with pytest.raises(InputError, match=r"^max_new_tokens: must hold the longest gold solution \(6 tokens\), is 5"):
        check_first_step(start[1], WORLD, short, 0, "train", 64)
