"""Advantages of rows: the numbers of the specs themselves and of verl, in any order of rows, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from edgewise.core.errors import InputError
from edgewise.core.keyed import key
from edgewise.interop.plugins.row_advantages import DRAWS, READS_LOGP, RowStep, reads_step, row_advantages
from edgewise.rl.advantages.base import ADVANTAGES, AdvantageInputs, AdvantageSpec
from edgewise.rl.advantages.k_schedule import KSchedule
from edgewise.rl.advantages.pkpo import Pkpo

PROBLEMS, SAMPLES, TOKENS = 3, 8, 6
GENERATOR = torch.Generator().manual_seed(0)
REWARD_PG = (torch.rand(PROBLEMS, SAMPLES, generator=GENERATOR) < 0.4).float()
LENGTH_PG = torch.randint(1, TOKENS + 1, (PROBLEMS, SAMPLES), generator=GENERATOR)
REAL_PGT = torch.arange(TOKENS) < LENGTH_PG.unsqueeze(-1)
LOGP_PGT = -torch.rand(PROBLEMS, SAMPLES, TOKENS, generator=GENERATOR) * REAL_PGT
GREEDY_P = torch.tensor([1.0, 0.0, 1.0])
AT = RowStep(3, 10, seed=7)
BY_NAME: dict[str, Any] = {
    name: kind for name, kind in ADVANTAGES.specs().items() if kind.__module__.startswith("edgewise.")
}
# A critic's values are no part of rows.
OF_ROWS = sorted(set(BY_NAME) - {"gae"})


def inputs(**changed: object) -> AdvantageInputs:
    values = {
        "reward_PG": REWARD_PG,
        "outcome_PG": REWARD_PG > 0,
        "length_PG": LENGTH_PG,
        "logp_PG": LOGP_PGT.sum(-1) / LENGTH_PG,
        "step": AT.step,
        "steps": AT.steps,
        "seed": key("rl", AT.seed, AT.step),
        "greedy_P": GREEDY_P,
    }
    return AdvantageInputs(**{**values, **changed})  # type: ignore[arg-type]


def flat(table: torch.Tensor) -> torch.Tensor:
    rows: torch.Tensor = table.flatten(0, 1)
    return rows


def on_last_token(reward_PG: torch.Tensor) -> torch.Tensor:
    return torch.zeros(PROBLEMS, SAMPLES, TOKENS).scatter(-1, (LENGTH_PG - 1).unsqueeze(-1), reward_PG.unsqueeze(-1))


def of_rows(spec: AdvantageSpec, reward_PGT: torch.Tensor, order: torch.Tensor) -> torch.Tensor:
    """The advantages [P, G, T] of rows that stand in another order, behind two that pad the batch."""
    problem = [f"problem {row // SAMPLES}" for row in range(PROBLEMS * SAMPLES)]
    padding = torch.zeros(2, TOKENS)
    found = row_advantages(
        spec,
        torch.cat([padding + 9, flat(reward_PGT)[order]]),
        torch.cat([padding, flat(REAL_PGT)[order].float()]),
        ["padding", "padding", *(problem[row] for row in order.tolist())],
        at=AT,
        logp_BT=torch.cat([padding, flat(LOGP_PGT)[order]]),
        greedy_B=torch.cat([torch.zeros(2), GREEDY_P.repeat_interleave(SAMPLES)[order]]),
    )
    assert not found[:2].any()
    restored = torch.empty(PROBLEMS * SAMPLES, TOKENS)
    restored[order] = found[2:]
    table: torch.Tensor = restored.unflatten(0, (PROBLEMS, SAMPLES))
    return table


@pytest.mark.parametrize("name", OF_ROWS)
def test_rows_get_the_numbers_of_the_spec(name: str) -> None:
    spec = BY_NAME[name]()
    expected = spec.compute(inputs()).float()
    expected_PGT = (expected if expected.dim() == 3 else expected.unsqueeze(-1)) * REAL_PGT
    as_here = torch.arange(PROBLEMS * SAMPLES)
    torch.testing.assert_close(of_rows(spec, on_last_token(REWARD_PG), as_here), expected_PGT, atol=1e-6, rtol=1e-6)
    if name not in DRAWS:
        shuffled = torch.randperm(PROBLEMS * SAMPLES, generator=torch.Generator().manual_seed(1))
        found = of_rows(spec, on_last_token(REWARD_PG), shuffled)
        torch.testing.assert_close(found, expected_PGT, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("name", ["rloo", "reinforce_plus_plus", "grpo"])
def test_a_kl_in_the_reward_costs_each_token(name: str) -> None:
    penalty_PGT = 0.1 * torch.rand(PROBLEMS, SAMPLES, TOKENS, generator=torch.Generator().manual_seed(2)) * REAL_PGT
    spec = BY_NAME[name]()
    expected = spec.compute(inputs(penalty_PGT=penalty_PGT)).float()
    expected_PGT = (expected if expected.dim() == 3 else expected.unsqueeze(-1)) * REAL_PGT
    found = of_rows(spec, on_last_token(REWARD_PG) - penalty_PGT, torch.arange(PROBLEMS * SAMPLES))
    torch.testing.assert_close(found, expected_PGT, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize(
    "name", ["grpo", "rloo", "opo", "reinforce_plus_plus", "reinforce_plus_plus_baseline", "remax"]
)
def test_rows_get_the_numbers_of_verl(name: str) -> None:
    path = Path(__file__).parents[2] / "rl/advantages/data/verl.json"
    verl = {k: torch.tensor(v) for k, v in json.loads(path.read_text()).items() if k != "verl"}
    reward_PG, length_PG = verl["reward"].float(), verl["length"]
    real_PGT = torch.arange(5) < length_PG.unsqueeze(-1)
    reward_PGT = torch.zeros(real_PGT.shape).scatter(-1, (length_PG - 1).unsqueeze(-1), reward_PG.unsqueeze(-1))
    found = row_advantages(
        BY_NAME[name](),
        flat(reward_PGT),
        flat(real_PGT),
        [row // reward_PG.shape[1] for row in range(reward_PG.numel())],
        greedy_B=verl["greedy"].float().repeat_interleave(reward_PG.shape[1]),
    )
    expected_PGT = verl[name].float()
    torch.testing.assert_close(found.unflatten(0, reward_PG.shape)[real_PGT], expected_PGT[real_PGT], atol=2e-6, rtol=0)


@pytest.mark.parametrize("name", OF_ROWS)
def test_what_an_advantage_looks_at_is_known(name: str) -> None:
    """Another log-probability, step or seed changes those alone that are said to look at it."""
    spec = BY_NAME[name]()
    here = spec.compute(inputs())
    other_logp = spec.compute(inputs(logp_PG=(LOGP_PGT.sum(-1) / LENGTH_PG).flip(0, 1) * 3))
    other_step = spec.compute(inputs(step=9, seed=1))
    assert torch.equal(here, other_logp) == (name not in READS_LOGP)
    assert torch.equal(here, other_step) == (not reads_step(spec))


def test_a_k_that_changes_on_the_way_reads_the_step() -> None:
    assert reads_step(Pkpo(k=KSchedule(first=8, then=1))) and not reads_step(Pkpo(k=KSchedule(first=8)))


def refused(spec: AdvantageSpec, *, mask: torch.Tensor | None = None, problem: list[int] | None = None) -> str:
    rows = torch.ones(4, 2) if mask is None else mask
    with pytest.raises(InputError) as error:
        row_advantages(spec, torch.zeros(rows.shape), rows, problem or [0, 0, 1, 1])
    return str(error.value)


def test_what_rows_do_not_bring_is_refused_by_name() -> None:
    assert "gae needs the values of a critic" in refused(BY_NAME["gae"]())
    assert "remax needs the reward of a greedy completion" in refused(BY_NAME["remax"]())
    assert "unlikeliness needs the log-probabilities" in refused(BY_NAME["unlikeliness"]())
    assert "depends on the step" in refused(BY_NAME["pass_at_k_bootstrap"]())
    assert "1 has 3 completions and 0 has" not in refused(BY_NAME["rloo"](), problem=[0, 1, 1, 1])
    assert "0 has 1 completions and 1 has 3" in refused(BY_NAME["rloo"](), problem=[0, 1, 1, 1])
    assert "without a gap" in refused(BY_NAME["rloo"](), mask=torch.tensor([[0.0, 1.0]] * 4))
    assert "no row has a token" in refused(BY_NAME["rloo"](), mask=torch.zeros(4, 2))
