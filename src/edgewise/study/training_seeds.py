"""Training seeds of a study: what `--seeds` says, and the evaluation of an arm at each of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from edgewise.core.errors import InputError
from edgewise.core.spec import digest
from edgewise.study.stages import Evaluate

# The evaluation of a model as a function of the training seed; or one evaluation, of a model that all seeds share.
ByTrainingSeed = Evaluate | Callable[[int], Evaluate]

# More seeds than anybody trains, so that a slip of the hand does not fill the memory with specs.
MOST_SEEDS = 10_000


def parse_seeds(text: str) -> tuple[int, ...]:
    """The seeds that `--seeds` names: "5" is 0 to 4, "5-9" is 5 to 9, "0,3,7" those; InputError where it is none."""
    if re.fullmatch(r"\d{1,9}", text):
        first, last = 0, int(text) - 1
    elif match := re.fullmatch(r"(\d{1,9})-(\d{1,9})", text):
        first, last = (int(number) for number in match.groups())
    elif re.fullmatch(r"\d{1,9}(,\d{1,9})+", text):
        return checked_seeds([int(number) for number in text.split(",")])
    else:
        raise InputError(f"--seeds: {text!r}; write 5 for the seeds 0 to 4, 5-9 for a range, or a list as 0,3,7")
    if last < first:
        raise InputError(f"--seeds: {text!r} holds no seed; write 5 for the seeds 0 to 4, or 5-9")
    if last - first >= MOST_SEEDS:
        raise InputError(f"--seeds: {text!r} holds {last - first + 1:,} seeds; at most {MOST_SEEDS:,} can be given")
    return tuple(range(first, last + 1))


def seeds_text(seeds: Sequence[int]) -> str:
    """Seeds as `--seeds` takes them: (0, 1, 2) -> "0-2", (0, 3, 7) -> "0,3,7"."""
    if tuple(seeds) == tuple(range(seeds[0], seeds[-1] + 1)):
        return f"{seeds[0]}-{seeds[-1]}"
    return ",".join(map(str, seeds))


def checked_seeds(seeds: Sequence[int]) -> tuple[int, ...]:
    """These seeds; InputError unless they are different whole numbers from 0 on, at least one."""
    if isinstance(seeds, str) or not all(type(seed) is int and seed >= 0 for seed in seeds) or not len(seeds):
        raise InputError(f"seeds: must be whole numbers from 0 on, at least one, are {seeds!r:.80}")
    twice = next((seed for i, seed in enumerate(seeds) if seed in seeds[:i]), None)
    if twice is not None:
        raise InputError(f"seeds: {twice} is given twice; every training seed counts once")
    return tuple(seeds)


def evaluations_by_seed(name: str, arm: ByTrainingSeed, seeds: Sequence[int]) -> Mapping[str | None, Evaluate]:
    """Training seed -> the evaluation of an arm; under None one alone: of one seed, or the same at all.

    InputError where it is no evaluation.
    """
    if not callable(arm):
        return {None: _evaluation(name, arm)}
    at_seed: dict[str | None, Evaluate] = {str(seed): _evaluation(name, arm(seed)) for seed in seeds}
    if len({digest(evaluation) for evaluation in at_seed.values()}) == 1:
        return {None: next(iter(at_seed.values()))}
    return at_seed


def _evaluation(name: str, value: Evaluate) -> Evaluate:
    if not isinstance(value, Evaluate):
        raise InputError(
            f"arm {name!r}: must be an Evaluate, is a {type(value).__name__}; wrap it as Evaluate(parent=...)"
        )
    return value
