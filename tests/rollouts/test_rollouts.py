"""Rollouts: verdicts belong to the text that was drawn, and the tables hold what was verified."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from edgewise.model.tokenizer import Tokenizer
from edgewise.rollouts.collect import roll_out
from edgewise.rollouts.rollouts import Rollouts
from edgewise.rollouts.table import rollout_table, table_outcomes, write_rollout_table
from edgewise.sampling.completions import Completions
from edgewise.sampling.engine import Engine
from edgewise.sampling.params import SamplingParams
from edgewise.tasks import ModularArithmetic, Problem, Score
from tests.model.decoders import SHAPES, sharp

WORLD = ModularArithmetic(min_op=2, max_op=3, modulus=11, letters=8)
TOKENIZER = Tokenizer(WORLD.words())
PROBLEMS = [WORLD.problem("test", 0, index) for index in range(5)]
SOLUTIONS = {tuple(TOKENIZER.prompt(p.prompt)): WORLD.solution(p) for p in PROBLEMS}
PARAMS = SamplingParams(max_new_tokens=80)


@dataclass
class Scripted:
    """A sampler that writes the solution, a wrong answer, a wrong step, nothing, a cut text and half a text."""

    keys: list[int] = field(default_factory=list)

    def sample(
        self, prompts: Sequence[Sequence[int]], keys_P: Sequence[int], samples: int, params: SamplingParams
    ) -> Completions:
        self.keys += keys_P
        shape = (len(prompts), samples, params.max_new_tokens)
        tokens, logp = np.full(shape, -1, np.int32), np.zeros(shape, np.float32)
        finished = np.zeros(shape[:2], np.bool_)
        for p, prompt in enumerate(prompts):
            gold = TOKENIZER.encode(SOLUTIONS[tuple(prompt)])
            zero, one = TOKENIZER.encode("0 1")
            wrong = one if gold[-1] == zero else zero
            scripts = [gold, [*gold[:-1], wrong], [gold[0], *gold], [], gold[:-1], gold[:-1]]
            for g in range(samples):
                finished[p, g] = g != 4
                ids = [*scripts[g % 6], *([TOKENIZER.eos] if finished[p, g] else [])]
                tokens[p, g, : len(ids)] = ids
                logp[p, g, : len(ids)] = -np.arange(1, len(ids) + 1) / 64
        return Completions(tokens, logp, (tokens >= 0).sum(-1, dtype=np.int32), finished)


EXPECTED = [
    (Score.CORRECT, Score.CORRECT),
    (Score.WRONG, Score.WRONG),
    (Score.CORRECT, Score.WRONG),
    (Score.UNSCORABLE, Score.UNSCORABLE),
    (Score.UNSCORABLE, Score.UNSCORABLE),
    (Score.UNSCORABLE, Score.UNSCORABLE),
]


@pytest.fixture(scope="module")
def scripted() -> Rollouts:
    return roll_out(Scripted(), TOKENIZER, WORLD, PROBLEMS, 6, PARAMS, seed=3)


@pytest.fixture(scope="module")
def sampled() -> Rollouts:
    model = sharp(SHAPES["tied, grouped"], len(TOKENIZER))
    return roll_out(
        Engine(model, TOKENIZER.eos), TOKENIZER, WORLD, PROBLEMS, 4, SamplingParams(max_new_tokens=50), seed=3
    )


def test_verdicts_are_those_of_the_text(scripted: Rollouts, sampled: Rollouts) -> None:
    for rollouts in (scripted, sampled):
        for p, problem in enumerate(PROBLEMS):
            for g in range(rollouts.samples):
                text = TOKENIZER.decode(rollouts.completions.ids(p, g))
                assert rollouts.text_PG[p][g] == text
                cut = not rollouts.completions.finished_PG[p, g]
                assert rollouts.verdict_PG[p][g] == WORLD.verify(problem, text, truncated=cut)


def test_scripted_verdicts_are_what_was_written(scripted: Rollouts) -> None:
    for row in scripted.verdict_PG:
        assert [(v.answer, v.process) for v in row] == EXPECTED
        # The same text, once cut by the limit and once ended by the model.
        assert row[4].reason == "truncated"
        assert row[5].reason.startswith("unparsable")
        assert row[2].first_wrong_step == 0


def test_counts_of_samples_and_tokens(scripted: Rollouts) -> None:
    assert scripted.samples == 6
    assert scripted.sampled_tokens == sum(
        len(scripted.completions.ids(p, g)) for p in range(len(PROBLEMS)) for g in range(6)
    )
    assert [list(prompt) for prompt in scripted.prompts] == [TOKENIZER.prompt(p.prompt) for p in PROBLEMS]


def test_outcomes_hold_the_verdicts_row_by_row(scripted: Rollouts) -> None:
    table = table_outcomes(rollout_table(scripted))
    assert table.process_S is not None and table.truncated_S is not None and table.tokens_S is not None
    rows = zip(
        table.problem[table.problem_S].tolist(), table.level[table.problem_S].tolist(), table.sample_S.tolist(),
        table.answer_S.tolist(), table.process_S.tolist(), table.truncated_S.tolist(), table.tokens_S.tolist(),
        strict=True,
    )  # fmt: skip
    assert list(rows) == [
        (problem.id, problem.level, g, *EXPECTED[g], g == 4, len(scripted.completions.ids(p, g)))
        for p, problem in enumerate(PROBLEMS)
        for g in range(6)
    ]
    counts = table.counts("answer")
    assert counts.c_P.tolist() == [2] * len(PROBLEMS)
    assert counts.n_P.tolist() == [6] * len(PROBLEMS)
    assert counts.unscorable_P.tolist() == [3] * len(PROBLEMS)
    assert table.counts("process").c_P.tolist() == [1] * len(PROBLEMS)


def test_the_table_on_disk_holds_everything(scripted: Rollouts, sampled: Rollouts, tmp_path: Path) -> None:
    for name, rollouts in (("scripted", scripted), ("sampled", sampled)):
        path = tmp_path / f"{name}.parquet"
        write_rollout_table(rollout_table(rollouts), path)
        rows = pq.read_table(path).to_pylist()
        assert len(rows) == len(PROBLEMS) * rollouts.samples
        for at, row in enumerate(rows):
            p, g = divmod(at, rollouts.samples)
            verdict = rollouts.verdict_PG[p][g]
            ids = rollouts.completions.ids(p, g)
            logprob = float(rollouts.completions.logp_PGT[p, g].astype(np.float64).sum())
            assert row.pop("logprob") == pytest.approx(logprob, abs=1e-9)
            assert row == {
                "problem_id": PROBLEMS[p].id,
                "level": PROBLEMS[p].level,
                "sample": g,
                "prompt": PROBLEMS[p].prompt,
                "prompt_ids": TOKENIZER.prompt(PROBLEMS[p].prompt),
                "completion_ids": ids,
                "text": TOKENIZER.decode(ids),
                "extra_tokens": 0,
                "finish_reason": "stop" if rollouts.completions.finished_PG[p, g] else "length",
                "answer": verdict.answer.name.lower(),
                "process": verdict.process.name.lower(),
                "first_wrong_step": verdict.first_wrong_step,
                "reason": verdict.reason,
            }


def keys_of(problems: Sequence[Problem], seed: int) -> list[int]:
    sampler = Scripted()
    roll_out(sampler, TOKENIZER, WORLD, problems, 1, PARAMS, seed)
    return sampler.keys


def test_draws_are_keyed_by_seed_and_prompt_alone() -> None:
    keys = keys_of(PROBLEMS, 3)
    assert len(set(keys)) == len(PROBLEMS)
    assert keys_of(PROBLEMS[::-1], 3) == keys[::-1]
    assert keys_of(PROBLEMS[2:3], 3) == keys[2:3]
    assert not set(keys) & set(keys_of(PROBLEMS, 4))


def test_a_problem_is_rolled_out_alike_in_any_company(sampled: Rollouts) -> None:
    model = sharp(SHAPES["tied, grouped"], len(TOKENIZER))
    params = SamplingParams(max_new_tokens=50)
    part = roll_out(Engine(model, TOKENIZER.eos), TOKENIZER, WORLD, [PROBLEMS[3], PROBLEMS[0]], 2, params, seed=3)
    assert part.text_PG == [sampled.text_PG[3][:2], sampled.text_PG[0][:2]]
    other = roll_out(Engine(model, TOKENIZER.eos), TOKENIZER, WORLD, [PROBLEMS[3]], 2, params, seed=4)
    assert other.text_PG != part.text_PG[:1]
