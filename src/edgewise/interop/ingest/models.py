"""Choose the column of a file that tells models apart, also where it is not called `model`.

A factor is a column of a few values, each of which every problem has equally often, such as a policy or a checkpoint.
A factor of a known name is the model, and so is a column of a known name one of whose values says that it is the base.
A known name that is neither, and a factor of another name, are not read, and a warning says so.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from edgewise.interop.ingest.head import Head
from edgewise.interop.ingest.schema import TRUSTED, name_list
from edgewise.interop.model_names import known_base, words_of

if TYPE_CHECKING:
    from edgewise.interop.ingest.roles import FileColumns

# Names that are the model's wherever a file has them.
_STATED = TRUSTED | {"model_name", "model_id"}
_MOST_VALUES = 20
# So many columns are looked at.
_MOST_NAMES = 500
# A column of an unknown name is a factor by chance where there are fewer problems.
_FEWEST_PROBLEMS = 4
# What numbers or describes samples of one model.
_NO_MODEL = frozenset(
    (
        *("seed", "epoch", "run", "repeat", "rep", "trial", "attempt", "round", "sample", "rollout", "replica", "fold"),
        *("rank", "worker", "shard", "batch", "gpu"),
    )
)


def choose_model(head: Head, columns: FileColumns, problem_S: Sequence[Hashable]) -> None:
    """Choose the column of the models, and warn of one that may be it and is not read."""
    taken = set(columns.names.values())
    if "model" not in columns.names:
        for name in head.usable("model", taken):
            values = {str(key) for key in head.keys(name)} - {"None"}
            if name in _STATED or (len(values) == 1 and None not in head.keys(name)):
                columns.names["model"] = name
                break
            if len(values) > _MOST_VALUES or not head.differs_within(problem_S, name):
                continue
            models = name_list(sorted(values))
            if known_base(sorted(values)) is None and not _is_factor(head, problem_S, name, 1, 1):
                columns.warnings.append(
                    f"`{name}` ({models}) is not read as the model: --map model={name} takes it as that"
                )
                continue
            columns.names["model"] = name
            columns.warnings.append(
                f"`{name}` tells {len(values)} models apart ({models}): leave the column out where they are one"
            )
            break
    taken = set(columns.names.values())
    for name in islice(head.names, _MOST_NAMES):
        said = any(f"`{name}`" in warning for warning in columns.warnings)
        if said or name in taken or _NO_MODEL & set(words_of(name)) or not 2 <= head.number(name) <= _MOST_VALUES:
            continue
        if head.converts("model", name) and _is_factor(head, problem_S, name, 2, _FEWEST_PROBLEMS):
            columns.warnings.append(
                f"every problem has samples with each of the {head.number(name)} values of `{name}`, which is not "
                f"read: --map model={name} takes them as models"
            )


def _is_factor(head: Head, problem_S: Sequence[Hashable], name: str, fewest: int, problems: int) -> bool:
    """Whether each problem has every value equally often, `fewest` times or more. The last may be cut off."""
    counts_of: dict[Hashable, Counter[Hashable]] = defaultdict(Counter)
    for problem, key in zip(problem_S, head.keys(name), strict=True):
        counts_of[problem][key] += 1
    if len(counts_of) > 1:
        del counts_of[problem_S[-1]]
    patterns = list(counts_of.values())
    first = patterns[0]
    return (
        len(patterns) >= problems
        and len(first) > 1
        and None not in first
        and min(first.values()) >= fewest
        and all(pattern == first for pattern in patterns)
    )
