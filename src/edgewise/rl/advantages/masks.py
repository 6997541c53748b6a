"""Masks on advantages: keep positive ones only, or only those of problems without an earlier success."""

from __future__ import annotations

from torch import Tensor

from edgewise.rl.advantages._checks import check_matches
from edgewise.rl.description import Description


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


DESCRIPTIONS = (
    Description(
        title="Positive only",
        function=positive_only,
        recipe="advantage.positive_only=true",
        source="the masked arm of e3, arXiv 2506.09026; online rejection fine-tuning",
        formula=r"A_i \leftarrow \max(A_i, 0)",
        assumes="Any advantage.",
        update=(
            "Not the gradient of the mean reward. On RLOO with 0/1 rewards w(p) = 1 - p (exact), half that of pass@2."
        ),
        use="As a control, to measure what the negative gradient adds.",
    ),
    Description(
        title="Zero-success gate",
        function=zero_success_gate,
        recipe="sampling.filters.zero_success_gate=16",
        source="arXiv 2606.15455",
        formula=r"A_i \leftarrow A_i \cdot [\text{no success among earlier draws}]",
        assumes="In a recipe the earlier draws are this many samples of the start model; they are not trained on.",
        update=(
            "Multiplies w(p) by (1 - q)^gate, with q the start model's pass rate. Only problems that it fails are"
            " trained."
        ),
        use="Against overtraining on problems that were solved before, which costs breadth.",
    ),
)
