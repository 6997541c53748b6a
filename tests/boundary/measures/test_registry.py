"""Measures are found without a list, and every one is shown without knowing it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from typing import Any, get_args

import numpy as np
import pytest

from edgewise.boundary import Audit, Counts, Outcomes, audit
from edgewise.boundary.measures import registry
from edgewise.boundary.measures.panel import Cell, Format, Panel, Series
from edgewise.boundary.measures.registry import (
    NEEDS,
    Measure,
    Need,
    check_names,
    measures,
    of_unit,
    quick,
    register_measure,
)
from edgewise.boundary.measures.verifier_errors import VerifierLabels
from edgewise.core.errors import InputError

PROBLEMS, SAMPLES = 12, 32


def outcomes(seed: int) -> Outcomes:
    """Samples of which everything is recorded."""
    rng = np.random.default_rng(seed)
    answer_S = rng.integers(0, 2, PROBLEMS * SAMPLES)
    return Outcomes(
        problem=np.array([f"{i:02d}" for i in range(PROBLEMS)]),
        level=np.zeros(PROBLEMS, dtype=np.int64),
        problem_S=np.repeat(np.arange(PROBLEMS), SAMPLES).astype(np.int32),
        sample_S=np.tile(np.arange(SAMPLES), PROBLEMS),
        answer_S=answer_S.astype(np.int8),
        process_S=(answer_S * rng.integers(0, 2, answer_S.size)).astype(np.int8),
        truncated_S=rng.random(answer_S.size) < 0.1,
        tokens_S=rng.integers(1, 9, answer_S.size),
        score_S=rng.random(answer_S.size),
        logprob_S=-rng.random(answer_S.size),
        predicted_S=(2 * np.repeat(np.arange(PROBLEMS), SAMPLES) + answer_S).astype(np.int32),
        answers=tuple(str(i) for i in range(2 * PROBLEMS)),
    )


@pytest.fixture(scope="module")
def full() -> Audit:
    models = {"base": outcomes(0), "tuned": outcomes(1)}
    return audit(models, verifier=VerifierLabels(1, 50, 48, 50), resamples=100)


@pytest.fixture(scope="module")
def bare() -> Audit:
    """Counts alone, of problems that no sample solves."""
    nothing = Counts.of(1, [0, 0, 0])
    return audit({"base": nothing, "tuned": nothing}, resamples=100)


def results(found: Audit) -> Iterator[tuple[Measure[Any], Any]]:
    """Every measure with every result."""
    by_unit: dict[str, list[Mapping[str, Any]]] = {
        "set": [part.measures for part in found.sets],
        "model": [measures for part in found.sets for measures in part.models.values()],
        "comparison": [measures for part in found.sets for measures in part.comparisons.values()],
    }
    for measure in measures().values():
        yield from ((measure, measure.result(one)) for one in by_unit[measure.unit])


def test_every_measure_has_its_panel(full: Audit, bare: Audit) -> None:
    for measure, result in (*results(full), *results(bare)):
        if result is None:
            continue
        assert is_dataclass(result) and isinstance(result, measure.result_type), measure.name
        panel = measure.panel(result)
        assert isinstance(panel, Panel) and panel.rows and panel.note.endswith("."), measure.name
        names = [column.name for column in panel.columns]
        assert len(set(names)) == len(names) and {column.format for column in panel.columns} <= set(get_args(Format))
        for row in panel.rows:
            assert len(row.cells) == len(panel.columns), measure.name
            for cell in row.cells:
                assert isinstance(cell, Cell | Series)
                if isinstance(cell, Series):
                    assert cell.at_X.shape == cell.value_X.shape
        assert len(panel.rows) == 1 or all(row.label or row.model for row in panel.rows)


def test_all_are_computed_where_all_is_recorded(full: Audit) -> None:
    assert [measure.name for measure, result in results(full) if result is None] == []


def test_measures_explain_themselves() -> None:
    for measure in measures().values():
        assert measure.explanation.endswith(".") and measure.missing.startswith("Needs ")
        assert set(measure.needs) <= set(get_args(Need))
    assert set(NEEDS) == set(get_args(Need))
    assert "--no-reasoning" in measures()["guessing"].missing
    assert len({measure.rank for measure in measures().values()}) == len(measures())
    assert sum(len(of_unit(unit)) for unit in ("set", "model", "comparison")) == len(measures())


def test_names_are_checked() -> None:
    assert check_names(None) == set(measures()) and check_names(["cover"]) == {"cover"} and quick() < set(measures())
    with pytest.raises(InputError, match="measures: 'corner' is unknown; there are crossover, "):
        check_names(["corner"])


def test_a_measure_from_outside_joins_all_others_and_takes_no_name_of_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_REGISTERED", {})
    ours = measures()
    taken = next(iter(ours.values()))
    mine = Measure("mine", "Mine", "What it says.", "model", -1, lambda arm, terms: None, taken.panel)
    assert register_measure(mine) is mine and register_measure(mine) is mine
    assert list(measures()) == ["mine", *ours] and check_names(["mine"]) == {"mine"} and "mine" in quick()
    for clash in (taken, Measure("mine", "Mine", "Another.", "model", 0, len, taken.panel)):
        with pytest.raises(InputError, match=rf"^measure '{clash.name}': there is one of this name already"):
            register_measure(clash)
