"""Alarms on planted series, and on healthy noisy ones over many keyed draws."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest

from edgewise.core.keyed import key
from edgewise.rl.health import Alarm, alarms, is_watched

Lines = list[dict[str, float]]

STEPS, SAMPLES = 120, 256
NAMES = ("length drift", "entropy collapse", "KL acceleration", "reward up, process down")


def healthy(draw: int, steps: int = STEPS) -> Lines:
    """A run that learns: what is solved rises to 85%, entropy falls as the unsolved do, the KL rises and slows down."""
    rng = np.random.default_rng(key("healthy", draw))
    step_N = np.arange(steps)
    rate_N = 0.2 + 0.65 * (1 - np.exp(-step_N / 25))
    # Problems differ: the scatter of a step is twice the binomial.
    process_N = np.clip(rate_N + 2 * np.sqrt(rate_N * (1 - rate_N) / SAMPLES) * rng.normal(size=steps), 0, 1)
    answer_N = np.clip(process_N + 0.1 * (1 - process_N) + 0.01 * rng.normal(size=steps), 0, 1)
    length_N = 72 + 1.2 * rng.normal(size=steps)
    entropy_N = 0.1 * (1 - rate_N) * np.exp(0.3 * rng.normal(size=steps))
    kl_N = 0.07 * (1 - np.exp(-step_N / 25)) * np.exp(0.3 * rng.normal(size=steps))
    lines: Lines = []
    for i in range(steps):
        line = {"step": float(i), "reward": answer_N[i], "process_correct": process_N[i], "length": length_N[i]}
        line |= {"answer_correct": answer_N[i]}
        if i % 4 == 0 or i == steps - 1:
            line |= {"entropy": entropy_N[i], "kl_to_start": kl_N[i]}
        lines.append({name: float(value) for name, value in line.items()})
    return lines


def longer(lines: Lines, i: int) -> None:
    lines[i]["length"] += i - 60


def shorter(lines: Lines, i: int) -> None:
    lines[i]["length"] -= i - 60


def frozen(lines: Lines, i: int) -> None:
    """Nothing is learned any more, and entropy goes on falling."""
    lines[i]["answer_correct"] = lines[i]["reward"] = lines[i]["process_correct"] = lines[60]["answer_correct"]
    if "entropy" in lines[i]:
        lines[i]["entropy"] *= float(np.exp(-(i - 60) / 6))


def far_away(lines: Lines, i: int) -> None:
    if "kl_to_start" in lines[i]:
        lines[i]["kl_to_start"] += ((i - 60) / 20) ** 2


def hacked(lines: Lines, i: int) -> None:
    """What is paid goes on rising, and from step 60 on ever fewer processes are right."""
    lines[i]["reward"] = lines[i]["answer_correct"] = 0.85 + 0.002 * (i - 60)
    lines[i]["process_correct"] = max(0.0, lines[i]["process_correct"] - 0.02 * (i - 60))


PLANTED: dict[str, tuple[str, Callable[[Lines, int], None]]] = {
    "longer": ("length drift", longer),
    "shorter": ("length drift", shorter),
    "frozen": ("entropy collapse", frozen),
    "far away": ("KL acceleration", far_away),
    "hacked": ("reward up, process down", hacked),
}


def planted(fault: str, draw: int) -> Lines:
    """A healthy run until step 60, and from then on one with a fault."""
    lines = healthy(draw)
    for i in range(61, STEPS):
        PLANTED[fault][1](lines, i)
    return lines


def by_name(lines: Lines) -> dict[str, Alarm]:
    return {alarm.name: alarm for alarm in alarms(lines)}


@pytest.mark.parametrize("fault", PLANTED)
def test_an_alarm_rings_after_its_fault_began(fault: str) -> None:
    name = PLANTED[fault][0]
    for draw in range(40):
        rang = by_name(planted(fault, draw))[name].step
        assert rang is not None and 60 < rang < 110, (fault, draw, rang)


def test_healthy_runs_ring_rarely() -> None:
    """At most 1% of the draws for each alarm."""
    draws = 300
    rang = dict.fromkeys(NAMES, 0)
    for draw in range(draws):
        for alarm in alarms(healthy(draw)):
            assert alarm.watched
            rang[alarm.name] += alarm.step is not None
    assert all(count <= 0.01 * draws for count in rang.values()), rang


@pytest.mark.parametrize("fault", PLANTED)
def test_an_alarm_knows_no_later_line_and_takes_nothing_back(fault: str) -> None:
    name, lines = PLANTED[fault][0], planted(fault, 7)
    whole = by_name(lines)[name]
    assert whole.step is not None
    for end in (*range(1, STEPS, 9), whole.step, whole.step + 1, STEPS):
        so_far = by_name(lines[:end])[name]
        assert so_far.step == (whole.step if end > whole.step else None)
        if so_far.step is not None:
            assert so_far == whole


def test_entropy_that_buys_reward_is_no_alarm() -> None:
    """Entropy falls to a tenth in both; in the second the wrong answers do not."""
    lines = healthy(3)
    for i, line in enumerate(lines):
        left = 0.1 ** min(1.0, i / 60)
        line["answer_correct"] = 1 - 0.8 * left
        if "entropy" in line:
            line["entropy"] *= 0.1 * left / line["entropy"]
    assert by_name(lines)["entropy collapse"].step is None
    for line in lines:
        line["answer_correct"] = 0.2
    assert by_name(lines)["entropy collapse"].step is not None


def test_one_odd_probe_moves_no_alarm() -> None:
    """A run of few nats whose probe once meets a strange completion, as happens in distribution."""
    lines = healthy(5)
    for line in lines:
        if "kl_to_start" in line:
            line["kl_to_start"] = 3.0 if line["step"] == 80 else 1e-4
    assert by_name(lines)["KL acceleration"].step is None


def test_a_process_reward_that_falls_is_not_a_reward_that_pays_something_else() -> None:
    lines = healthy(1)
    for i in range(60, STEPS):
        lines[i]["reward"] = lines[i]["process_correct"] = max(0.0, 0.8 - 0.02 * (i - 60))
    assert by_name(lines)["reward up, process down"].step is None


def test_a_sentence_has_the_numbers() -> None:
    lines = healthy(0)
    for i, line in enumerate(lines):
        line["length"] = 70.0 if i < 50 else 91.0
    alarm = by_name(lines)["length drift"]
    assert alarm.step == 55 and alarm.watched
    assert alarm.sentence == "completions have 83 tokens, 18% more than the 70 of the first 10 steps"


def test_what_is_not_logged_is_not_watched() -> None:
    short = by_name(healthy(0)[:19])
    assert tuple(short) == NAMES
    assert [alarm.watched for alarm in short.values()] == [False, False, False, False]
    assert short["length drift"].sentence == "not watched: 19 of 20 lines with length"
    without = [{name: value for name, value in line.items() if name != "length"} for line in healthy(0)]
    assert [alarm.watched for alarm in alarms(without)] == [False, True, True, True]
    nothing = [{**line, "length": float("nan")} for line in healthy(0)]
    assert not by_name(nothing)["length drift"].watched


def test_lines_of_next_token_training_are_not_for_alarms() -> None:
    assert is_watched(healthy(0)) and not is_watched([{"step": 0.0, "loss": 2.0}]) and not is_watched([])


def test_nothing_here_needs_torch() -> None:
    code = "import sys, edgewise.rl.health; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
