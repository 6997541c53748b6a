"""Coverage: how many of the training problems that a run sampled it has ever solved."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from edgewise.core.errors import InputError
from edgewise.core.keyed import key
from edgewise.tasks.base import Problem


class Coverage:
    """Counts the training problems that a run has sampled and solved so far, and the completions spent on them.

    Problems are told apart by a 64-bit key of their id, so that problems that ask the same count once. Two of a million
    different ids share a key with probability 3e-8.
    """

    def __init__(self) -> None:
        # Keys of ids. Dicts keep the order in which they were put in, so that the tensors depend on nothing else.
        self._asked: dict[int, None] = {}
        self._solved: dict[int, None] = {}
        self._draws = 0

    def see(self, problems: Sequence[Problem], solved_PG: Tensor, draws: int) -> None:
        """Count scored groups: `solved_PG` (bool) are their binary outcomes.

        `draws` are all completions that were sampled for these problems, scored in `solved_PG` or not.
        A problem may come twice. InputError on outcomes that are not bool [problems, samples], and
        on fewer draws than outcomes.
        """
        check_outcomes(problems, solved_PG)
        if draws < solved_PG.numel():
            raise InputError(f"draws: must be at least the {solved_PG.numel()} that were scored, is {draws}")
        for problem, solved in zip(problems, solved_PG.any(1).tolist(), strict=True):
            problem_key = key(problem.id)
            self._asked[problem_key] = None
            if solved:
                self._solved[problem_key] = None
        self._draws += draws

    def metrics(self) -> dict[str, float]:
        """The cumulative solve rate, the number of different problems sampled, and the draws for each of them.

        The cumulative solve rate is the share of the problems sampled so far that at least one completion
        solved in training, at whatever step: the name and the measure of PKPO (Walder and Karkhanis
        2025, arXiv 2505.15201), whose denominator is all training problems; the two agree once every
        one has been sampled. It grows with the draws spent, so it says nothing about a boundary unless
        compared at equal draws: a problem of pass rate p is solved at least once in n draws with
        probability 1 - (1 - p)^n. Both ratios are absent until a problem was sampled.
        """
        asked = len(self._asked)
        if not asked:
            return {"problems_asked": 0.0}
        return {
            "cumulative_solve_rate": len(self._solved) / asked,
            "problems_asked": float(asked),
            "draws_per_problem": self._draws / asked,
        }

    def tensors(self) -> dict[str, Tensor]:
        """`asked` and `solved`, int64: the keys of those problems, in the order of their first time; `draws`, int64."""
        return {
            "asked": _signed(self._asked),
            "solved": _signed(self._solved),
            "draws": torch.tensor(self._draws),
        }

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Take back what `tensors` gave, in place of what is there; InputError where it is something else."""
        if {name: t.dtype for name, t in tensors.items()} != dict.fromkeys(("asked", "solved", "draws"), torch.int64):
            raise InputError("checkpoint of another kind of run: it has no coverage")
        self._asked, self._solved = _unsigned(tensors["asked"]), _unsigned(tensors["solved"])
        self._draws = int(tensors["draws"])


def check_outcomes(problems: Sequence[Problem], solved_PG: Tensor) -> None:
    """InputError unless `solved_PG` is bool [problems, samples] with at least one sample of each.

    Only binary outcomes pass: a shaped reward can be high for what is wrong.
    """
    if solved_PG.dtype is not torch.bool:
        raise InputError(f"solved: must be the binary outcomes, bool [problems, samples], is {solved_PG.dtype}")
    if solved_PG.dim() != 2 or len(solved_PG) != len(problems) or (problems and not solved_PG.shape[1]):
        raise InputError(
            f"solved: must be [problems, samples] of {len(problems)} problems with at least one sample each, "
            f"is {tuple(solved_PG.shape)}"
        )


def _signed(keys: dict[int, None]) -> Tensor:
    return torch.from_numpy(np.fromiter(keys, dtype=np.uint64, count=len(keys)).view(np.int64))


def _unsigned(keys: Tensor) -> dict[int, None]:
    return dict.fromkeys(keys.cpu().numpy().view(np.uint64).tolist())
