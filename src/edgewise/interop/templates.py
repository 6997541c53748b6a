"""Tell which problems seem to be of one template, by prompts or ids; those that change together become clusters."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from edgewise.boundary.audit.result import Concern
from edgewise.boundary.dependence.templates import MOVING_TOGETHER, Moving, moving_together
from edgewise.outcomes.counts import Counts, IntArray
from edgewise.outcomes.outcomes import Outcomes

# Fewer groups are parts of a benchmark, such as its subjects, rather than templates.
_LEAST_GROUPS = 8
# The share of problems that must be in a group with others.
_GROUPED = 0.5
# Ids with a common stem are of one template if their prompts share so many of their words.
_SHARED_WORDS = 0.5
# What differs between the problems of a template: numbers, and names with a capital letter.
_FILLED_IN = re.compile(r"\d+(?:[.,]\d+)*|\b[A-Z][a-z]+\b")
# What follows the stem of an id: a letter after a digit, or the last part with its number.
_AFTER_STEM = re.compile(r"(?<=\d)[A-Za-z]$|[_\-./#: ]+[A-Za-z]*\d*$")


def with_templates(
    samples: Mapping[str, Outcomes | Counts], prompts: Mapping[str, str]
) -> tuple[dict[str, Outcomes | Counts], list[Concern]]:
    """The samples with clusters, and a concern that says so, where none are given and templates move together."""
    unchanged = dict(samples)
    counts = [_counts(arm) for arm in samples.values()]
    base, *tuned = counts
    if not tuned or any(arm.cluster_P is not None for arm in counts):
        return unchanged, []
    if len({arm.metric for arm in counts}) > 1 or any(arm.problems != base.problems for arm in counts):
        return unchanged, []
    for group_P, told_by in candidates(base.problem.tolist(), prompts):
        found = [moving_together(base, arm, group_P) for arm in tuned]
        strongest = min(found, key=lambda moving: moving.p)
        if strongest.p * len(found) <= MOVING_TOGETHER:
            clustered = {name: _clustered(arm, group_P) for name, arm in samples.items()}
            return clustered, [_concern(group_P, told_by, strongest)]
    return unchanged, []


def candidates(ids: Sequence[str], prompts: Mapping[str, str]) -> list[tuple[IntArray, str]]:
    """Groups of problems that may be of one template: the number of each problem's, and what tells so."""
    texts = [prompts.get(id) for id in ids]
    found = []
    if all(text is not None for text in texts):
        skeletons = [_FILLED_IN.sub("#", text or "") for text in texts]
        found.append((_numbers(skeletons), "prompts that are equal but for numbers and names"))
    stems = _numbers([_AFTER_STEM.sub("", id) for id in ids])
    if all(text is None for text in texts) or _share_words(stems, texts):
        found.append((stems, "ids with a common stem"))
    return [(group_P, told_by) for group_P, told_by in found if _are_templates(group_P)]


def _concern(group_P: IntArray, told_by: str, moving: Moving) -> Concern:
    groups = int(group_P.max()) + 1
    return Concern(
        f"Problems of one template change together (correlation {moving.correlation:.2f}, p = {moving.p:.1g}), so that "
        f"the {group_P.size} problems are compared as {groups} clusters, told by {told_by}: a column `cluster` gives "
        "others."
    )


def _counts(samples: Outcomes | Counts) -> Counts:
    if isinstance(samples, Counts):
        return samples
    return samples.counts("answer" if samples.process_S is None else "process")


def _clustered(samples: Outcomes | Counts, group_P: IntArray) -> Outcomes | Counts:
    if isinstance(samples, Counts):
        return replace(samples, cluster_P=group_P)
    return replace(samples, cluster=group_P.astype(np.str_))


def _numbers(names: Sequence[str]) -> IntArray:
    return np.unique(np.array(names), return_inverse=True)[1]


def _are_templates(group_P: IntArray) -> bool:
    size_G = np.bincount(group_P)
    return size_G.size >= _LEAST_GROUPS and int(size_G[size_G > 1].sum()) >= _GROUPED * group_P.size


def _share_words(group_P: IntArray, texts: Sequence[str | None]) -> bool:
    """Whether neighbours of one group have most of their words in common, on average."""
    words = [set((text or "").split()) for text in texts]
    order = np.argsort(group_P, kind="stable")
    pairs = [(a, b) for a, b in zip(order[:-1].tolist(), order[1:].tolist(), strict=True) if group_P[a] == group_P[b]]
    shared = [len(words[a] & words[b]) / max(1, len(words[a] | words[b])) for a, b in pairs]
    return bool(shared) and sum(shared) >= _SHARED_WORDS * len(shared)
