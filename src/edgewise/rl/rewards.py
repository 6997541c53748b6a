"""From verdicts, texts' defects and lengths to rewards. Pure functions of plain values; pass@k never sees them.

The first part rewards what is right, the second what controls reward (nothing that is right as such), the third
shapes rewards by length.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import cos, pi

from edgewise.core.errors import InputError
from edgewise.core.keyed import key
from edgewise.tasks.base import Problem, Score, Verdict, World
from edgewise.tasks.graph.paper_compat import Defects

# Other problems that are looked at for an answer that is wrong here.
_TRIES = 100
# They are among the first so many, so that a world of few problems is not shuffled over and over.
_INDICES = 4096


def outcome(verdict: Verdict) -> float:
    """1 for a right answer, else 0. A completion that cannot be scored earns nothing; the trainer
    logs the share of those, so that it is never mistaken for wrong answers."""
    return float(verdict.answer is Score.CORRECT)


def process(verdict: Verdict) -> float:
    """1 where every necessary step and the answer are right, else 0."""
    return float(verdict.process is Score.CORRECT)


def process_share(verdict: Verdict, steps: int) -> float:
    """How much of a solution of `steps` steps is right before its first wrong step: 1 for a correct process, else
    min((first_wrong_step - extra_steps) / steps, 1 - 1 / steps); 0 where nothing could be read.

    The dense process reward of ours. That of arXiv 2512.07783 (its R_pv, the share of gold quantities with the right
    value and parents, wherever they stand) also pays for what comes after a mistake. Steps that the problem does not
    need earn nothing, so that a policy cannot pad its way to a reward.
    """
    if verdict.process is Score.CORRECT:
        return 1.0
    if verdict.process is Score.UNSCORABLE or verdict.first_wrong_step is None:
        return 0.0
    return min(verdict.first_wrong_step - verdict.extra_steps, steps - 1) / steps


def mixture(outcome: float, process: float, alpha: float) -> float:
    """alpha * R_out + (1 - alpha) * R_pv, as arXiv 2512.07783 writes it in its section on rewards."""
    return alpha * outcome + (1 - alpha) * process


def mixture_as_released(defects: Defects, alpha: float) -> float:
    """The mixture as the code of arXiv 2512.07783 computes it: 0 where the answer is wrong, else
    alpha + (1 - alpha) * R_pv with

        R_pv = max(0, 1 - (value + dependency + missing + min(extra, nodes) + [answer wrong]) / nodes).

    So extra quantities cost (in its evaluation they are free), one quantity may cost twice, and no wrong answer
    earns anything, however good its steps. Its R_out compares the text of the answer, ours the number.
    """
    faults = defects.value + defects.dependency + defects.missing + min(defects.extra, defects.nodes)
    process = max(0.0, 1 - (faults + defects.answer_wrong) / defects.nodes)
    return 0.0 if defects.answer_wrong else mixture(1.0, process, alpha)


def strict(outcome: float, process: float) -> float:
    """R_out where R_pv = 1, else 0, as arXiv 2512.07783 writes it."""
    return outcome if process == 1 else 0.0


def strict_as_released(defects: Defects) -> float:
    """The strict reward as its code computes it (weights 1 and 0): 1 where nothing at all differs, extra quantities
    included, else 0."""
    differs = defects.value or defects.dependency or defects.missing or defects.extra or defects.answer_wrong
    return 0.0 if differs else 1.0


def format_only(verdict: Verdict) -> float:
    """1 where an answer could be read, right or wrong, else 0 (the format control of arXiv 2506.10947)."""
    return float(verdict.predicted is not None)


def random(p: float, seed: int, problem_id: str, sample: int) -> float:
    """1 with probability p, else 0, whatever the text (the random control of arXiv 2506.10947).

    A coin keyed by (seed, problem, sample): samples of a group have independent ones, and a problem that is asked
    again under the same seed has the same.
    """
    return float(key("random reward", seed, problem_id, sample) < p * 2**64)


def wrong_label(world: World, problem: Problem, seed: int) -> str:
    """A wrong answer to the problem that stays the same: that of another problem of the same world and level, drawn by
    (seed, problem), which this problem's judge reads and finds wrong. Text as in `Verdict.given`.

    arXiv 2506.10947 (its incorrect labels) takes problems whose majority answer under the base model is wrong, and
    that answer; ours needs no model and can be had for every problem. In a mixture the other problem is of the
    same part. InputError where 100 problems give no such answer, or have no solution to take it from.
    """
    world, problem = world.origin(problem)
    narrow = world if tuple(world.levels) == (problem.level,) else world.at_level(problem.level)
    for attempt in range(_TRIES):
        index = key("wrong label", seed, problem.id, attempt) % _INDICES
        other = narrow.problem(problem.split, seed, index)
        verdict = world.verify(problem, narrow.solution(other))
        if verdict.answer is Score.WRONG and verdict.predicted is not None:
            return verdict.predicted
    raise InputError(
        f"reward: {_TRIES} other problems of the world {world.world} at level {problem.level} give no wrong answer; "
        "wrong_label needs a world with different answers"
    )


def labelled(verdict: Verdict, label: str) -> float:
    """1 where the completion gives this answer, else 0."""
    return float(verdict.predicted == label)


def majority(given_G: Sequence[str | None]) -> list[float]:
    """1 for each sample of a group that gives the most frequent answer, else 0; None (nothing could be read) has no
    vote and earns nothing. Answers that tie for the most frequent all earn 1.

    So a group whose samples all differ teaches nothing, and no order of the samples matters. Votes are those of the
    group itself, as in TTRL (arXiv 2504.16084, 64 votes of the policy); arXiv 2506.10947 labels offline with 64 votes
    of the base model.
    """
    votes = Counter(given for given in given_G if given is not None)
    most = max(votes.values(), default=0)
    return [float(given is not None and votes[given] == most) for given in given_G]


def overlong(length: int, max_tokens: int, soft: int) -> float:
    """What is added for length by DAPO's soft overlong punishment (arXiv 2503.14476, eq. 13): 0 up to
    max_tokens - soft tokens, then falling linearly to -1 at max_tokens, and -1 beyond; `soft` >= 1.

    A truncated completion has max_tokens tokens, so it gets -1.
    """
    return min(0.0, max(-1.0, (max_tokens - soft - length) / soft))


def overlong_scalerl(right: bool, length: int, max_tokens: int, soft: int) -> float:
    """clip((max_tokens - length) / soft - 1, -1, 0) for right completions and 0 for all others: the length penalty
    that ScaleRL (arXiv 2510.13786) compares with interruption. It is `overlong`, for right completions only."""
    return overlong(length, max_tokens, soft) if right else 0.0


def cosine(
    right: bool,
    length: int,
    max_tokens: int,
    *,
    right_short: float,
    right_long: float,
    wrong_short: float,
    wrong_long: float,
    exceeding: float,
) -> float:
    """The cosine reward of Yeo et al. 2025 (arXiv 2502.03373): from `short` at no token to `long` at the limit,

        long + (short - long) * (1 + cos(pi * length / max_tokens)) / 2

    by whether the answer is right, and `exceeding` from max_tokens tokens on. Their code counts as exceeding what is
    within a few tokens of the limit, and takes a repetition penalty off wrong answers; ours does neither.
    """
    if length >= max_tokens:
        return exceeding
    short, long = (right_short, right_long) if right else (wrong_short, wrong_long)
    return long + (short - long) * (1 + cos(pi * length / max_tokens)) / 2


def cycle(step: int, on: int, off: int) -> bool:
    """Whether a schedule that is `on` steps on, then `off` steps off, and so on, is on at `step` (from 0): how
    ProRL v2 cycles its length penalty, e.g. 100 on and 500 off."""
    return step % (on + off) < on
