"""Statistics of the samples: unscorable and truncated shares, mean length, and entropy of the tokens."""

from __future__ import annotations

from dataclasses import dataclass

from edgewise.boundary.measures.panel import Cell, Column, Panel, PanelRow
from edgewise.boundary.measures.registry import Arm, Measure, Terms
from edgewise.outcomes.counts import Rates
from edgewise.outcomes.outcomes import Outcomes


@dataclass(frozen=True)
class CompletionStatistics:
    """The samples of one model on one set of problems; None where something was not recorded.

    `tokens` is the mean length of a completion and `entropy`, in nats a token, the mean surprise of the sampled tokens
    (minus log-prob over length). `n` is the smallest number of samples of a problem.
    """

    rates: Rates
    tokens: float | None
    entropy: float | None
    n: int


def _completions(arm: Arm, terms: Terms) -> CompletionStatistics:
    samples = arm.samples
    tokens = None if samples is None or samples.tokens_S is None else float(samples.tokens_S.mean())
    return CompletionStatistics(arm.counts.rates(), tokens, _entropy(samples), arm.counts.n)


def _entropy(samples: Outcomes | None) -> float | None:
    if samples is None or samples.logprob_S is None or samples.tokens_S is None or not samples.tokens_S.sum():
        return None
    return float(-samples.logprob_S.sum() / samples.tokens_S.sum())


def _panel(result: CompletionStatistics) -> Panel:
    columns = (
        Column("unscorable", "Unscorable", "percent"),
        Column("truncated", "Truncated", "percent"),
        Column("tokens", "Tokens, mean", "number"),
        Column("entropy", "Entropy, nats a token", "number"),
        Column("n", "n", "count"),
        Column("problems", "Problems", "count"),
    )
    rates = result.rates
    cells = (rates.unscorable, rates.truncated, result.tokens, result.entropy, result.n, rates.problems)
    note = (
        "Shares of samples, averaged over problems; they describe these samples and have no interval. A sample that "
        "could not be verified does not count as right, though it is never called wrong: where the models differ in "
        "how many there are, a difference in pass@k may be no more than that."
    )
    return Panel(columns, (PanelRow(tuple(Cell(value) for value in cells)),), note)


COMPLETIONS = Measure(
    name="completions",
    title="Completions",
    explanation="How many samples were not verified or cut off, how long they are, and how sure the model was.",
    unit="model",
    rank=95,
    compute=_completions,
    panel=_panel,
)
MEASURES = (COMPLETIONS,)
