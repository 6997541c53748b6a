"""Columns with one value for each problem: ids, levels, sets, clusters, gold answers, sampling settings."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgewise.core.errors import InputError
from edgewise.interop.ingest.cells import INTEGER
from edgewise.interop.ingest.model_rows import NO_NAME, ModelRows
from edgewise.interop.ingest.schema import SAMPLING_SETTINGS
from edgewise.interop.model_rollouts import RecordedSampling
from edgewise.outcomes.counts import LabelArray, StrArray
from edgewise.outcomes.outcomes import MAX_ID_LENGTH

# NumPy gives every string of a column the width of the longest.
_COLUMN_BYTES = 2 * 10**9


def problem_ids(model: ModelRows) -> list[str]:
    """The id of each problem: set/problem_id where there are several sets. InputError where two become equal."""
    values = model.table.encoders["problem"].values()
    ids: list[str] = [values[code] for code in model.table.problems.id_P[model.number_P].tolist()]
    if not model.has_several_sets:
        return ids
    id_P, has_set_P = model.table.problems.id_P[model.number_P], model.set_P >= 0
    if (both_P := ~has_set_P & np.isin(id_P, id_P[has_set_P])).any():
        what = "empty here and given in other rows of this problem; all its rows need it"
        raise model.error_of_problem(int(np.argmax(both_P)), "set", what)
    if without_set := int((~has_set_P).sum()):
        model.notes.append(f"{without_set} problems name no set; theirs is called {NO_NAME}")
    ids = [f"{set_name}/{problem}" for set_name, problem in zip(model.set_names(), ids, strict=True)]
    if max(map(len, ids)) > MAX_ID_LENGTH or len(set(ids)) < len(ids):
        raise InputError(
            f"{model.table.origins.files[0]}: set: ids set/problem_id that are equal, or longer than {MAX_ID_LENGTH} "
            "characters; rename the sets"
        )
    return ids


def problem_levels(model: ModelRows) -> LabelArray:
    """The level of each problem: 0 in a set without levels; whole numbers, or names where one is a name or empty."""
    levels = model.attribute("level")
    if not any(level is not None for level in levels):
        return np.zeros(len(levels), dtype=np.int64)
    has_levels = set(model.set_P[[level is not None for level in levels]].tolist())
    if any(code not in has_levels for code in model.set_P.tolist()):
        model.notes.append("problems of sets without levels are at level 0")
    names = ["0" if code not in has_levels else NO_NAME for code in model.set_P.tolist()]
    labels = [name if level is None else level for level, name in zip(levels, names, strict=True)]
    if NO_NAME in labels:
        model.notes.append(f"{labels.count(NO_NAME)} problems have no level; theirs is called {NO_NAME}")
    if all(INTEGER.fullmatch(label) for label in labels):
        return np.array([int(label) for label in labels], dtype=np.int64)
    return string_column("level", labels)


def problem_sets(model: ModelRows) -> StrArray | None:
    """The set of each problem, None where the files name none."""
    return None if (model.set_P < 0).all() else string_column("set", model.set_names())


def problem_clusters(model: ModelRows, ids: list[str]) -> StrArray | None:
    """The cluster of each problem, None where the files name none.

    Of several sets each has clusters of its own, and a problem of a set without clusters is one by itself.
    """
    clusters = _in_all_or_none_of_a_set(model, "cluster")
    if not any(cluster is not None for cluster in clusters):
        return None
    if model.has_several_sets:
        clusters = [
            problem if cluster is None else f"{set_name}/{cluster}"
            for problem, cluster, set_name in zip(ids, clusters, model.set_names(), strict=True)
        ]
    return string_column("cluster", clusters)


def gold_answers(model: ModelRows) -> StrArray | None:
    """The right answer of each problem, "" where it is not known; None where none is."""
    answers = model.attribute("gold")
    known = any(answer is not None for answer in answers)
    return string_column("gold", [answer or "" for answer in answers]) if known else None


def recorded_sampling(model: ModelRows) -> RecordedSampling:
    """The sampling settings of a model. InputError where problems of one set were sampled with different ones."""
    settings: dict[str, tuple[Any, ...]] = {}
    for name in SAMPLING_SETTINGS:
        setting_of_set: dict[int, Any] = {}
        for place, value in enumerate(model.attribute(name)):
            if value is None:
                continue
            before = setting_of_set.setdefault(int(model.set_P[place]), value)
            if before != value:
                what = f"{value} here and {before} before; samples of one model and set are drawn with one"
                raise model.error_of_problem(place, name, what)
        settings[name] = tuple(sorted(set(setting_of_set.values())))
    seeds = model.table.encoders["seed"]
    if seeds.full:
        model.notes.append(f"only the first {seeds.limit:,} seeds are listed")
    return RecordedSampling(**settings, seeds=tuple(model.used("seed")))


def string_column(name: str, values: list[str]) -> StrArray:
    """The values as an array; InputError where its fixed width would take too much memory."""
    longest = max(map(len, values))
    if 4 * longest * len(values) > _COLUMN_BYTES:
        raise InputError(
            f"{name}: {len(values):,} of up to {longest} characters do not fit in memory; use shorter ones"
        )
    return np.array(values, dtype=np.str_)


def _in_all_or_none_of_a_set(model: ModelRows, name: str) -> list[Any]:
    """An attribute of each problem; InputError where only some problems of a set have it."""
    values = model.attribute(name)
    given_P = np.array([value is not None for value in values])
    for set_code in np.unique(model.set_P).tolist():
        members = np.flatnonzero(model.set_P == set_code)
        if given_P[members].any() and not given_P[members].all():
            place = int(members[np.argmin(given_P[members])])
            what = "empty here and given for other problems; every problem needs it"
            raise model.error_of_problem(place, name, what)
    return values
