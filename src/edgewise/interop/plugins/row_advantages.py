"""Compute our advantages in a trainer that keeps completions as rows, as verl and TRL do.

Ours take problems x samples (`AdvantageInputs`); a trainer has one row for each completion, a reward for each token,
and the problem of each row. What a trainer does not know is refused in one line, never guessed.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from edgewise.core.errors import InputError
from edgewise.core.keyed import key
from edgewise.rl.advantages.base import AdvantageInputs, AdvantageSpec
from edgewise.rl.advantages.k_schedule import KSchedule

# Those that look at the log-probability of a completion under the policy that wrote it.
READS_LOGP = frozenset({"pass_at_k_adaptive", "unlikeliness"})
# Those that draw at random, keyed by the step.
DRAWS = frozenset({"pass_at_k_bootstrap"})


@dataclass(frozen=True, slots=True)
class RowStep:
    """Which update it is: `step` (from 0) of `steps`, of a run with this seed of draws."""

    step: int
    steps: int
    seed: int = 0


def check_rows(spec: AdvantageSpec, *, logp: bool, greedy: bool) -> None:
    """InputError where an advantage needs what the trainer does not have: a critic, log-probabilities, greedy rewards.

    `logp` and `greedy` say whether it has the latter two.
    """
    if spec.critic_spec is not None:
        raise InputError(f"advantage: {spec.kind} needs the values of a critic, which rows of rewards do not bring")
    if spec.needs_greedy and not greedy:
        raise InputError(
            f"advantage: {spec.kind} needs the reward of a greedy completion, which the trainer does not draw; use rloo"
        )
    if spec.kind in READS_LOGP and not logp:
        raise InputError(
            f"advantage: {spec.kind} needs the log-probabilities of the policy that wrote, which the trainer does not"
            " pass on; use grpo"
        )


def reads_step(spec: AdvantageSpec) -> bool:
    """Whether an advantage depends on the step: its k changes on the way, or it draws at random."""
    k = getattr(spec, "k", None)
    return spec.kind in DRAWS or (isinstance(k, KSchedule) and k.then is not None)


def row_advantages(
    spec: AdvantageSpec,
    reward_BT: Tensor,
    mask_BT: Tensor,
    problem_B: Sequence[Hashable],
    *,
    at: RowStep | None = None,
    logp_BT: Tensor | None = None,
    greedy_B: Tensor | None = None,
) -> Tensor:
    """The advantage of each token [B, T], 0 outside the completions: float32.

    `reward_BT` is what each token earns: the reward of the completion on its last token, and before it, below 0, what a
    KL in the reward costs. `mask_BT` marks the tokens of the completion, which stand first in a row; a row without any
    pads the batch and is left out. `problem_B` names the problem of each row; every problem must have equally many.
    `logp_BT` are the log-probabilities of the policy that wrote, `greedy_B` the reward of the greedy completion.

    The numbers are those of `AdvantageSpec.compute`, in whatever order the rows stand. The binary outcome, which
    `indicator_correct` alone looks at, is a reward above 0. InputError where the batch or `at` lacks what the
    advantage needs.
    """
    check_rows(spec, logp=logp_BT is not None, greedy=greedy_B is not None)
    if at is None and reads_step(spec):
        raise InputError(
            f"advantage: {spec.kind} with these numbers depends on the step, which the trainer did not say"
        )
    mask_BT = mask_BT.bool()
    length_B = mask_BT.sum(-1)
    if not torch.equal(mask_BT, torch.arange(mask_BT.shape[1], device=mask_BT.device) < length_B.unsqueeze(-1)):
        raise InputError("response_mask: the tokens of a completion must stand first in its row, without a gap")
    row_PG = _rows_by_problem(problem_B, (length_B > 0).tolist()).to(mask_BT.device)

    length_PG = length_B[row_PG]
    reward_PGT = (reward_BT.float() * mask_BT)[row_PG]
    last_PG1 = (length_PG - 1).unsqueeze(-1)
    paid_PGT = reward_PGT.scatter(-1, last_PG1, 0.0)
    reward_PG = reward_PGT.gather(-1, last_PG1).squeeze(-1)
    logp_PG = torch.zeros_like(reward_PG)
    if logp_BT is not None:
        logp_PG = (logp_BT.float() * mask_BT)[row_PG].sum(-1) / length_PG
    at = at or RowStep(0, 1)
    inputs = AdvantageInputs(
        reward_PG=reward_PG,
        outcome_PG=reward_PG > 0,
        length_PG=length_PG,
        logp_PG=logp_PG,
        step=at.step,
        steps=at.steps,
        seed=key("rl", at.seed, at.step),
        penalty_PGT=-paid_PGT if paid_PGT.any() else None,
        greedy_P=None if greedy_B is None else greedy_B.float()[row_PG[:, 0]],
    )
    advantage = spec.compute(inputs).float()
    advantage_BT = torch.zeros_like(mask_BT, dtype=torch.float32)
    advantage_BT[row_PG] = advantage if advantage.dim() == 3 else advantage.unsqueeze(-1).expand_as(paid_PGT)
    return advantage_BT * mask_BT


def _rows_by_problem(problem_B: Sequence[Hashable], real_B: Sequence[bool]) -> Tensor:
    """The numbers of the rows of each problem, [problems, samples]; problems in the order in which they first come."""
    rows: dict[Hashable, list[int]] = {}
    for row, (problem, real) in enumerate(zip(problem_B, real_B, strict=True)):
        if real:
            rows.setdefault(problem, []).append(row)
    if not rows:
        raise InputError("response_mask: no row has a token; there is nothing to learn from")
    counts = {problem: len(of_problem) for problem, of_problem in rows.items()}
    least, most = min(counts, key=counts.__getitem__), max(counts, key=counts.__getitem__)
    if counts[least] != counts[most]:
        raise InputError(
            f"problems: {least!s:.40} has {counts[least]} completions and {most!s:.40} has {counts[most]};"
            " every problem of a batch must have equally many"
        )
    return torch.tensor(list(rows.values()))
