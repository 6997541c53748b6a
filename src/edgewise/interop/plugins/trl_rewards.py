"""The reward and the verdict of a handed-over run as reward functions of TRL's GRPOTrainer.

    rewards = RunRewards(HandedOver(folder), eos)
    GRPOTrainer(reward_funcs=[rewards.recipe_reward, rewards.accuracy_reward], args=GRPOConfig(reward_weights=[1, 0]))

`recipe_reward` is learned from. `accuracy_reward` has no weight: TRL logs it beside, and `edgewise audit` reads it as
the verdict. An unscorable completion earns what the recipe gives it, and has no verdict: None, not 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from edgewise.interop.plugins.hand_over import GradedCompletion, HandedOver


class RunRewards:
    """Reward functions of a run; `eos` is the id of the token that ends a completion.

    The dataset has a column `address` beside `prompt`.
    """

    def __init__(self, run: HandedOver, eos: int) -> None:
        self._run, self._eos = run, eos
        self._graded_for: Sequence[str] | None = None
        self._graded: list[GradedCompletion] = []

    def recipe_reward(
        self,
        completions: Sequence[str],
        completion_ids: Sequence[Sequence[int]],
        address: Sequence[str],
        log_metric: Callable[[str, float], None] | None = None,
        **_: Any,
    ) -> list[float]:
        """What each completion earns by the recipe; logs the shares that are unscorable and truncated."""
        graded = self._grade(completions, completion_ids, address)
        if log_metric is not None:
            log_metric("unscorable", sum(one.verdict.predicted is None for one in graded) / len(graded))
            log_metric("truncated", sum(self._truncated(ids) for ids in completion_ids) / len(graded))
        return [one.reward for one in graded]

    def accuracy_reward(
        self, completions: Sequence[str], completion_ids: Sequence[Sequence[int]], address: Sequence[str], **_: Any
    ) -> list[float | None]:
        """1 for a right answer, 0 for a wrong one, None where none could be read."""
        graded = self._grade(completions, completion_ids, address)
        return [None if one.verdict.predicted is None else float(one.verdict.answer_correct) for one in graded]

    def _truncated(self, ids: Sequence[int]) -> bool:
        return not ids or ids[-1] != self._eos

    def _grade(
        self, completions: Sequence[str], completion_ids: Sequence[Sequence[int]], address: Sequence[str]
    ) -> list[GradedCompletion]:
        # TRL calls one function after the other with the same list.
        if self._graded_for is not completions:
            rows = zip(address, completions, completion_ids, strict=True)
            self._graded = [
                self._run.grade(place, text, len(ids), truncated=self._truncated(ids)) for place, text, ids in rows
            ]
            self._graded_for = completions
        return self._graded
