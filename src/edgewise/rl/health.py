"""Alarms over the metrics of an RL run: length drift, entropy collapse, KL acceleration, reward up while process falls.

Pure functions of the lines of metrics.jsonl, without torch. An alarm reads the lines up to a step alone, so it can be
asked while a run goes on, and what it said stays. Every rule has two parts: the change is large, by the numbers below;
and it is beyond the noise of the run's own series, which is estimated from the differences of neighbours, because a
trend hardly moves these (von Neumann 1941). The numbers were chosen on drawn series, which tests hold to at most one
false alarm in a hundred, and on runs of training seed 100 with planted faults.

Alarms of this kind were found to ring on healthy runs where they look at one series alone (rewardspy on real GRPO
runs), and to tell afterwards rather than before (RHOB, "Audit or Early Warning?"). So entropy is read beside the
answers, and the reward beside the verified process.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgewise.training.metrics_file import Metrics

MetricSeries = NDArray[np.float64]

# Lines that are taken together: of every step, and of the steps that are probed, one in four.
STEPS, PROBES = 10, 3
# A change is beyond noise from so many standard errors on.
ERRORS = 4.0
# Length: change, as a share of that of the first steps.
LENGTH_CHANGE = 0.15
# Entropy: the share that is left of it, and that share over the share that is left of the wrong answers.
ENTROPY_LEFT, ENTROPY_TO_WRONG = 0.25, 0.25
# KL: the rise in nats a token, how many times the rise of before it is, and its standard errors, fewer because a jump
# counts as scatter too.
KL_RISE, KL_FACTOR, KL_ERRORS = 0.08, 3.0, 2.0
# Process: the loss from its best, as a share of the samples; and what the reward may have lost, as a share of that.
PROCESS_LOSS, REWARD_FALL = 0.05, 0.1


@dataclass(frozen=True, slots=True)
class Alarm:
    """What one alarm says of a run: the first step at which it rang, None where it did not, and a sentence.

    `watched` is False where the run has too few lines for it, or logs none of its metrics.
    """

    name: str
    step: int | None
    watched: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class AlarmRule:
    """An alarm: the metrics that it reads, the lines with all of them that it needs, its rule in words, its source.

    `rings` gets a series for each metric and returns the first line at which the alarm rings, with a sentence.
    """

    name: str
    metrics: tuple[str, ...]
    least: int
    words: str
    source: str
    rings: Callable[..., tuple[int, str] | None]

    def asked(self, metrics: Sequence[Metrics]) -> Alarm:
        """What it says of a run."""
        lines = [line for line in metrics if all(math.isfinite(line.get(name, math.nan)) for name in self.metrics)]
        if len(lines) < self.least:
            names = " and ".join(self.metrics)
            return Alarm(self.name, None, False, f"not watched: {len(lines)} of {self.least} lines with {names}")
        rang = self.rings(*(np.array([line[name] for line in lines]) for name in self.metrics))
        if rang is None:
            return Alarm(self.name, None, True, f"silent over {len(lines)} lines with {' and '.join(self.metrics)}")
        at, sentence = rang
        return Alarm(self.name, int(lines[at]["step"]), True, sentence)


def alarms(metrics: Sequence[Metrics]) -> tuple[Alarm, ...]:
    """Every alarm over the lines of one run, in a fixed order; a metric that was not measured is left out or NaN."""
    return tuple(rule.asked(metrics) for rule in RULES)


def is_watched(metrics: Sequence[Metrics]) -> bool:
    """Whether the lines are those of a step with rollouts, which the alarms are for; next-token training has none."""
    return any("reward" in line for line in metrics)


def _length_drift(length_N: MetricSeries) -> tuple[int, str] | None:
    """Completions have LENGTH_CHANGE more or fewer tokens than at first.

    Length is what rewards pay for by accident most often (Singhal et al. 2023, arXiv 2310.03716).
    """
    mean_N = _means(length_N, STEPS)
    first = mean_N[STEPS - 1]
    change_N = np.abs(mean_N - first)
    at = _first((change_N > LENGTH_CHANGE * first) & (change_N > ERRORS * _errors(length_N, STEPS)), 2 * STEPS)
    if at is None:
        return None
    way = "more" if mean_N[at] > first else "fewer"
    return at, (
        f"completions have {mean_N[at]:.0f} tokens, {change_N[at] / first:.0%} {way} than the {first:.0f} of the first"
        f" {STEPS} steps"
    )


def _entropy_collapse(entropy_N: MetricSeries, answer_N: MetricSeries) -> tuple[int, str] | None:
    """Less than ENTROPY_LEFT of the entropy is left, and much less of it than of the wrong answers.

    A run that learns spends entropy too: reward is what it buys by the law R = -a e^H + b (Cui et al. 2025, arXiv
    2505.22617). So entropy that is gone is an alarm only where it was spent on nothing. Answers are verified whatever
    the reward pays; the process is not, in worlds without steps.
    """
    log_N = np.log(np.maximum(entropy_N, 1e-12))
    fall_N = log_N[:PROBES].mean() - _means(log_N, PROBES)
    wrong_N = _means(1 - answer_N, PROBES)
    left_N = np.exp(-fall_N)
    left_wrong_N = wrong_N / max(wrong_N[PROBES - 1], 1e-12)
    rings_N = (left_N < ENTROPY_LEFT) & (left_N < ENTROPY_TO_WRONG * left_wrong_N)
    at = _first(rings_N & (fall_N > ERRORS * _errors(log_N, PROBES)), 2 * PROBES)
    if at is None:
        return None
    return at, f"{left_N[at]:.1%} of the entropy is left, and {left_wrong_N[at]:.0%} of the wrong answers"


def _kl_acceleration(kl_N: MetricSeries) -> tuple[int, str] | None:
    """The KL to the start model rises KL_FACTOR times as fast as before, and by KL_RISE nats a token.

    A median of PROBES probes, which one odd probe cannot move, is compared with the one as many probes ago; that rise
    with the mean of the rises before it. Far from the start is where rewards are over-optimized (Gao et al. 2022, arXiv
    2210.10760).
    """
    median_N = np.full(len(kl_N), math.nan)
    median_N[PROBES - 1 :] = np.median(np.lib.stride_tricks.sliding_window_view(kl_N, PROBES), axis=1)
    ago_N = _ago(median_N, PROBES)
    rise_N = median_N - ago_N
    rises_before_N = np.maximum((np.arange(len(kl_N)) + 1 - 2 * PROBES) / PROBES, 1)
    before_N = np.maximum(ago_N - median_N[PROBES - 1], 0) / rises_before_N
    rings_N = (rise_N > KL_RISE) & (rise_N > KL_FACTOR * before_N)
    at = _first(rings_N & (rise_N > KL_ERRORS * _errors(kl_N, PROBES)), 2 * PROBES)
    if at is None:
        return None
    return at, (
        f"the KL to the start model rose by {rise_N[at]:.3f} nats a token in {PROBES} probes, by {before_N[at]:.3f} on"
        " average before"
    )


def _reward_up_process_down(reward_N: MetricSeries, process_N: MetricSeries) -> tuple[int, str] | None:
    """The verified process has lost PROCESS_LOSS from its best while the reward rose or held: it pays something else.

    What is measured falls while what pays for it rises (Gao et al. 2022, arXiv 2210.10760). The noise is that of reward
    minus process, in which harder and easier steps cancel.
    """
    mean_N, paid_N = _means(process_N, STEPS), _means(reward_N, STEPS)
    # The place of the best mean so far.
    whole_N = np.nan_to_num(mean_N, nan=-math.inf)
    is_best_N = np.concatenate([[True], whole_N[1:] > np.maximum.accumulate(whole_N)[:-1]])
    best_N = np.maximum.accumulate(np.where(is_best_N, np.arange(len(whole_N)), 0))
    loss_N, rise_N = mean_N[best_N] - mean_N, paid_N - paid_N[best_N]
    beyond_noise_N = loss_N + rise_N > ERRORS * _errors(reward_N - process_N, STEPS)
    at = _first((loss_N > PROCESS_LOSS) & (rise_N > -REWARD_FALL * loss_N) & beyond_noise_N, 2 * STEPS)
    if at is None:
        return None
    return at, (
        f"{mean_N[at]:.1%} of the processes are right, {mean_N[best_N[at]]:.1%} were {at - best_N[at]} steps before;"
        f" since then the reward went from {paid_N[best_N[at]]:.3f} to {paid_N[at]:.3f}"
    )


RULES = (
    AlarmRule(
        "length drift",
        ("length",),
        2 * STEPS,
        f"the mean of {STEPS} steps is {LENGTH_CHANGE:.0%} above or below that of the first {STEPS}",
        "length as what is paid by accident: arXiv 2310.03716",
        _length_drift,
    ),
    AlarmRule(
        "entropy collapse",
        ("entropy", "answer_correct"),
        2 * PROBES,
        f"over {PROBES} probes less than {ENTROPY_LEFT:.0%} of the entropy of the first {PROBES} is left, and less than"
        f" {ENTROPY_TO_WRONG:g} times the share that is left of the wrong answers",
        "entropy is what reward is bought with: arXiv 2505.22617",
        _entropy_collapse,
    ),
    AlarmRule(
        "KL acceleration",
        ("kl_to_start",),
        2 * PROBES,
        f"within {PROBES} probes the median of {PROBES} rose by {KL_RISE:g} nats a token, and {KL_FACTOR:g} times as"
        " much as it did on average before",
        "rewards are over-optimized far from the start: arXiv 2210.10760",
        _kl_acceleration,
    ),
    AlarmRule(
        "reward up, process down",
        ("reward", "process_correct"),
        2 * STEPS,
        f"over {STEPS} steps the verified process is {100 * PROCESS_LOSS:g} points below its best so far, and the"
        f" reward has risen since, or has lost less than {REWARD_FALL:.0%} of that",
        "a proxy rises while the gold falls: arXiv 2210.10760",
        _reward_up_process_down,
    ),
)
"""Every alarm, in the order in which `alarms` gives them. All changes must also be ERRORS (KL_ERRORS) standard errors
large."""


def _means(values_N: MetricSeries, width: int) -> MetricSeries:
    """The mean of each value and the `width` - 1 before it; NaN where there are not so many."""
    return np.concatenate([np.full(width - 1, math.nan), np.convolve(values_N, np.full(width, 1 / width), "valid")])


def _errors(values_N: MetricSeries, width: int) -> MetricSeries:
    """The standard error, at each value, of the difference between two means of `width` values, from those up to it."""
    squares_N = np.concatenate([[0.0], np.cumsum(np.diff(values_N) ** 2)])
    # Half the mean square of a difference is the variance of a value.
    return np.sqrt(squares_N / np.maximum(np.arange(len(values_N)), 1) / width)


def _ago(values_N: MetricSeries, places: int) -> MetricSeries:
    return np.concatenate([np.full(places, math.nan), values_N[:-places]])


def _first(rings_N: NDArray[np.bool_], least: int) -> int | None:
    """The first place at which it rings, once there are `least` values."""
    places = np.flatnonzero(rings_N[least - 1 :])
    return int(places[0]) + least - 1 if places.size else None
