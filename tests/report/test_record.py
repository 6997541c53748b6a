from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema  # type: ignore[import-untyped]
import numpy as np
import pytest

from edgewise.boundary.audit.result import Audit
from edgewise.boundary.measures.changes import MOST_NAMED
from edgewise.report.record import as_json, record
from edgewise.report.schema import schema
from tests.report import lab

SCHEMA = Path(__file__).parents[2] / "docs" / "boundary.schema.json"


class Pair(NamedTuple):
    left: int
    right: float


@dataclass(frozen=True)
class Thing:
    k_K: Any
    p_P: Any
    g_PK: Any
    problem: Any
    pair: Pair
    named: Any


def test_numbers_are_written_as_json_allows() -> None:
    thing = Thing(
        k_K=np.array([1, 2]),
        p_P=np.array([0.5]),
        g_PK=np.zeros((2, 2)),
        problem=np.array(["a"]),
        pair=Pair(1, math.nan),
        named={2: np.float64(math.inf), "b": (-math.inf, np.bool_(True), None)},
    )
    assert as_json(thing) == {
        "k_K": [1, 2],
        "pair": {"left": 1, "right": None},
        "named": {"2": "inf", "b": ["-inf", True, None]},
    }


def test_what_has_no_json_form_is_refused() -> None:
    with pytest.raises(TypeError, match="set has no place"):
        as_json({"a": {1, 2}})


def test_the_record_is_what_the_audit_holds(found: Audit, folder: Path) -> None:
    written = json.loads((folder / "boundary.json").read_text("utf-8"))
    assert written == json.loads(json.dumps(record(found)))
    assert written["schema"] == "edgewise.boundary/2"
    assert written["verdict"]["label"] == found.verdict.label
    assert list(written["verdicts"]) == list(found.models[1:])
    first, kept = found.sets[0], written["sets"][0]
    tuned = found.models[1]
    assert kept["whole"]["differences"][tuned]["value_K"] == first.whole.differences[tuned].value_K.tolist()
    expected = first.comparisons[tuned]["efficiency"].k_eq.value
    assert kept["comparisons"][tuned]["efficiency"]["k_eq"]["value"] == ("inf" if math.isinf(expected) else expected)


def test_nothing_has_a_value_for_each_problem(found: Audit) -> None:
    text = json.dumps(record(found))
    assert '"counts"' not in text and '_P"' not in text
    named = set()
    for problem_set in found.sets:
        for results in problem_set.comparisons.values():
            moved, certified = results["changes"], results["certificates"]
            assert max(len(moved.gains), len(moved.losses)) <= MOST_NAMED
            named |= {p.problem for p in (*moved.gains, *moved.losses, *certified.expansions, *certified.shrinkages)}
    ids = set(found.counts[found.models[0]].problem.tolist())
    assert {id for id in ids if json.dumps(id) in text} == named < ids


def test_the_committed_schema_is_current() -> None:
    assert json.loads(SCHEMA.read_text("utf-8")) == schema(), "run `make pages PAGES=schema`"


def test_a_record_fulfils_the_schema_and_another_does_not(found: Audit) -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    checker = jsonschema.Draft202012Validator(schema())
    written = record(found)
    assert list(checker.iter_errors(written)) == []
    assert list(checker.iter_errors(record(replace(found, concerns=())))) == []
    of_study = lab.findings()
    with_stages = record(of_study.audit, of_study.stages, of_study.compute)
    assert list(checker.iter_errors(with_stages)) == []
    assert [(stage["folder"], stage["other_bits"]) for stage in with_stages["stages"]] == [
        ("pretrain-0123456789abcdef", ["backend torch"]),
        ("rl-0123456789abcdef", ["backend torch"]),
        ("evaluate-0123456789abcdef", []),
    ]
    assert (
        with_stages["compute"]["arms"][lab.EDGE]["prompt_tokens"] is None and with_stages["compute"]["equal"] is False
    )
    assert with_stages["stages"][0]["outputs"]["model/model.safetensors"] == "89abcdef01234567"
    for spoiled in (
        {**written, "alpha": "0.05"},
        {**written, "new": 1},
        {**written, "metric": "both"},
        {name: value for name, value in written.items() if name != "seed"},
    ):
        assert list(checker.iter_errors(spoiled)) != []
