"""Problems of one template are told by prompts and ids, and become clusters where they change together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgewise.interop.arms import Arms, read_arms
from edgewise.interop.templates import candidates
from tests.interop.writing import jsonl

GROUPS, SIZE, N = 20, 5, 16
NAMES = ("Ann", "Bob", "Carol", "Dave", "Eve")
SUBJECTS = ("apples", "pears", "boats", "coins", "dogs", "hats", "keys", "cups", "pens", "maps")


def prompt(group: int, place: int) -> str:
    thing = SUBJECTS[group % 10] + "s" * (group // 10)
    return f"{NAMES[place]} has {3 + place} {thing} and buys {17 * place + 1}.5 more. How many {thing} are there?"


def arms(folder: Path, ids: str, moving: bool, **columns: Any) -> Arms:
    rng = np.random.default_rng(1)
    shift = np.repeat(rng.normal(0, 0.25, GROUPS), SIZE) * moving
    paths = []
    for name, rates in (("base", np.full(GROUPS * SIZE, 0.5)), ("tuned", np.clip(0.5 + shift, 0.02, 0.98))):
        rows = [
            {"id": ids.format(group=place // SIZE, place=place % SIZE, number=place), "correct": bool(right)}
            | {column: of(place // SIZE, place % SIZE) for column, of in columns.items()}
            for place, rate in enumerate(rates)
            for right in rng.random(N) < rate
        ]
        paths.append(f"{name}={jsonl(folder / f'{name}.jsonl', rows)}")
    return read_arms(paths)


@pytest.mark.parametrize(
    ("ids", "columns", "told_by"),
    [
        ("gsm_{group}_{place}", {}, "ids with a common stem"),
        ("q{group}/variant-{place}", {}, "ids with a common stem"),
        ("{number}", {"prompt": prompt}, "prompts that are equal but for numbers and names"),
    ],
)
def test_templates_that_move_together_become_clusters(
    tmp_path: Path, ids: str, columns: dict[str, Any], told_by: str
) -> None:
    moving = arms(tmp_path, ids, True, **columns)
    (said,) = (concern for concern in moving.concerns if "template" in concern.message)
    assert f"compared as 20 clusters, told by {told_by}: a column `cluster`" in said.message and not said.forbids
    for name in ("base", "tuned"):
        cluster_P = moving.counts(name).cluster_P
        assert cluster_P is not None and np.bincount(cluster_P).tolist() == [SIZE] * GROUPS
    still = arms(tmp_path, ids, False, **columns)
    assert still.counts("base").cluster_P is None and not any("template" in c.message for c in still.concerns)


def test_clusters_that_the_files_give_are_taken(tmp_path: Path) -> None:
    own = arms(tmp_path, "gsm_{group}_{place}", True, cluster=lambda group, place: f"{group} {place}")
    assert not any("template" in concern.message for concern in own.concerns)
    cluster_P = own.counts("base").cluster_P
    assert cluster_P is not None and cluster_P.max() == GROUPS * SIZE - 1


def test_parts_of_a_benchmark_are_no_templates() -> None:
    subjects = [f"{subject}_{number}" for subject in ("algebra", "geometry", "logic") for number in range(30)]
    assert candidates(subjects, {}) == []
    assert candidates([str(number) for number in range(100)], {}) == []
    years = [f"{year}-{number}" for year in range(1983, 2003) for number in range(15)]
    different = {id: " ".join(f"w{hash((id, word)) % 10_000}" for word in range(20)) for id in years}
    assert len(candidates(years, {})) == 1 and candidates(years, different) == []
