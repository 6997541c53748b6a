"""A verdict in one sentence of plain language, with its numbers in it."""

from __future__ import annotations

from edgewise.boundary.inference.power import LEAST_POWER
from edgewise.boundary.inference.resampling import Estimate
from edgewise.boundary.verdict.rules import Decision, Evidence
from edgewise.outcomes.counts import Metric


def sentence(decision: Decision, e: Evidence, n: int, metric: Metric) -> str:
    """What was found, what it rests on, and what the design could have seen."""
    k, label = e.k, decision.label
    at_1, at_k = f"pass@1 {_points(e.delta_1)}", f"pass@{k} {_points(e.delta_k)}"
    beyond = "beyond what two draws of the base differ by"
    gains = f"{_number(e.expansion)} problems newly solved {beyond}"
    losses = f"{_number(e.shrinkage)} problems no longer solved {beyond}"
    margin = f"{100 * e.margin:.1f}"
    said = {
        "mixed": f"some problems came and others went: {gains}, {losses}; {at_k}, {at_1}. {decision.rule.rstrip('.')}",
        "extended": f"within {k} samples the tuned model solves more than the base: {at_k}, {gains}; {at_1}. Whether "
        "more samples of the base reach the same problems, larger k and certificates tell",
        "shrunk": f"within {k} samples the tuned model solves less than the base: {at_k}, {losses}; {at_1}",
        "sharpened": f"the tuned model is surer of what the base already solves within {k} samples: {at_1}; {at_k}, "
        f"with {gains}; a net loss of {margin} points of pass@{k}, and an expansion of as many, are excluded",
        "unchanged": f"no difference beyond the margin of {margin} points: {at_1}, {at_k}",
        "cannot tell": f"{at_1}, {at_k}; {gains}, {losses}. {decision.rule.rstrip('.')}",
    }[label]
    if k < 2:
        said = f"{at_1}. {decision.rule.rstrip('.')}"
    seen = f"a change of pass@{k} by {100 * e.detectable:.1f} points" if e.detectable < 1 else f"no change of pass@{k}"
    return (
        f"{label.capitalize()}: {said}. (Points of pass@k, tuned minus base, verified by the {metric}; "
        f"{100 * e.confidence:.4g}% intervals; {e.solved.problems} problems, at least {n} samples each; {seen} is seen "
        f"with power {LEAST_POWER}.)"
    )


def _points(delta: Estimate) -> str:
    return f"{100 * delta.value:+.1f} points [{100 * delta.low:+.1f}, {100 * delta.high:+.1f}]"


def _number(count: Estimate) -> str:
    return f"{count.value:.1f} [{count.low:.1f}, {count.high:.1f}]"
