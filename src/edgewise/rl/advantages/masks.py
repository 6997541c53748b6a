"""Masks on advantages: keep positive ones only, or only those of problems without an earlier success."""

from __future__ import annotations

from torch import Tensor

from edgewise.rl.advantages._checks import check_matches


def positive_only(advantage: Tensor) -> Tensor:
    """Set negative advantages to 0, so that only what did better than its baseline is learned from."""
    return advantage.clamp(min=0.0)


def zero_success_gate(advantage_PG: Tensor, earlier_P: Tensor) -> Tensor:
    """Set the advantages of problems that were solved before to 0; `earlier_P` counts their successes so far.

    The remedy of arXiv 2606.15455 against overtraining: update only on problems with no success observed yet. Also
    takes advantages [problems, samples, tokens].
    """
    check_matches("earlier successes", earlier_P, (advantage_PG.shape[0],), "problems")
    solved_P = (earlier_P > 0).reshape(-1, *[1] * (advantage_PG.dim() - 1))
    return advantage_PG.masked_fill(solved_P, 0.0)
