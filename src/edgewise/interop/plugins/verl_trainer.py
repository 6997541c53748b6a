"""verl's synchronous trainer with two additions: what our advantages need of a step, and our look at each validation.

`trainer.v1.trainer_mode=edgewise` chooses it. While verl computes the advantages of a step it knows the step and the
log-probabilities (`STEP`). At each validation it logs, besides verl's own metrics, those of `BoundaryLog` under
`val-boundary/`. verl's `best@k` draws with replacement and is too low; ours is the unbiased estimate.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import transfer_queue
from torch import Tensor
from verl.trainer.ppo.v1.trainer_base import register_trainer
from verl.trainer.ppo.v1.trainer_sync import PPOTrainerSync

from edgewise.interop.plugins.boundary_log import BoundaryLog
from edgewise.interop.plugins.hand_over import HandedOver
from edgewise.interop.plugins.row_advantages import READS_LOGP, RowStep
from edgewise.interop.plugins.verl import FOLDER, STEP, StepInputs, handed_over
from edgewise.outcomes.outcomes import Outcomes

TRAINER = "edgewise"


@register_trainer(TRAINER)
class BoundaryTrainer(PPOTrainerSync):  # type: ignore[misc]
    """verl's synchronous trainer on a run that `edgewise export verl` handed over."""

    def _compute_advantage(self, batch: Any, metrics: dict[str, Any]) -> Any:
        run = handed_over().run
        at = RowStep(self.global_steps - 1, run.recipe.steps, run.seed)
        logp_BT = old_logp(batch) if run.recipe.advantage.kind in READS_LOGP else None
        token = STEP.set(StepInputs(at, logp_BT))
        try:
            return super()._compute_advantage(batch, metrics)
        finally:
            STEP.reset(token)

    def _val_metrics_update(
        self,
        data_sources: Sequence[str],
        sample_uids: Sequence[str],
        reward_extra_infos_dict: Mapping[str, Sequence[Any]],
        *arguments: Any,
        **options: Any,
    ) -> dict[str, float]:
        theirs: dict[str, float] = super()._val_metrics_update(
            data_sources, sample_uids, reward_extra_infos_dict, *arguments, **options
        )
        outcomes = validation_outcomes(handed_over(), reward_extra_infos_dict)
        look = BoundaryLog(Path(os.environ[FOLDER])).look(outcomes, self.global_steps)
        print(f"edgewise: {look.line}")
        return theirs | {f"val-boundary/{name}": value for name, value in look.metrics.items()}


def validation_outcomes(run: HandedOver, infos: Mapping[str, Sequence[Any]]) -> Outcomes:
    """The outcomes of a validation from what `score_of` gave of each sample, by the name of the value.

    A session that failed in verl left no verdict, and no row.
    """
    rows = [row for row, problem in enumerate(infos["problem"]) if problem is not None]
    drawn: dict[str, int] = {}
    sample = []
    for row in rows:
        address = infos["problem"][row]
        sample.append(drawn.get(address, 0))
        drawn[address] = sample[-1] + 1
    unscorable = [bool(infos["unscorable"][row]) for row in rows]

    def verdicts(name: str) -> list[int]:
        return [-1 if nothing else int(infos[name][row]) for row, nothing in zip(rows, unscorable, strict=True)]

    return Outcomes.of(
        problem=[infos["problem"][row] for row in rows],
        sample=sample,
        answer=verdicts("acc"),
        process=verdicts("process"),
        truncated=[bool(infos["truncated"][row]) for row in rows],
        level=[run.problem(infos["problem"][row]).level for row in rows],
    )


def old_logp(batch: Any) -> Tensor:
    """The log-probabilities [B, T] of the policy before the update, in the order of the rows of a batch of verl."""
    data = transfer_queue.kv_batch_get(
        keys=batch.keys, partition_id=batch.partition_id, select_fields=["response_mask", "old_log_probs"]
    )
    padded: Tensor = data.to_padded_tensor()["old_log_probs"]
    return padded
