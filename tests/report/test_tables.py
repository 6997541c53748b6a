from __future__ import annotations

import csv
import io
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgewise.boundary.audit.result import Audit
from edgewise.report import tables
from tests.report.synthetic import BASE, HARD, MODELS, PROBLEMS, SAMPLES, SETS, WIDE

HEADERS = {
    "curves": (
        "set level model metric k value low high band_low band_high fixed_low fixed_high n problems use confidence"
    ),
    "differences": (
        "set level model metric k value low high band_low band_high fixed_low fixed_high p n problems use confidence"
    ),
    "verdicts": (
        "set level model metric verdict fact_1 fact_k k n problems training_seeds scatter_1 scatter_k "
        "delta_1 delta_1_low delta_1_high "
        "delta_k delta_k_low delta_k_high "
        "p_1 p_k excess_expansion excess_expansion_low excess_expansion_high excess_shrinkage excess_shrinkage_low "
        "excess_shrinkage_high margin confidence_1 confidence_k confidence comparisons detectable rule sentence"
    ),
    "models": "set model measure k tau fpr value low high n problems confidence",
    "comparisons": "set model measure k tau fpr value low high n problems confidence",
    "certificates": (
        "set level problem model kind base_c base_n tuned_c tuned_n base_bound tuned_bound effect bound_alpha"
    ),
}


def read(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / "tables" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("name", HEADERS)
def test_headers_are_stable(folder: Path, name: str) -> None:
    with (folder / "tables" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        assert next(csv.reader(file)) == HEADERS[name].split()


def test_every_point_of_every_curve_in_full_precision(found: Audit, folder: Path) -> None:
    rows = read(folder, "curves")
    for name, scope in [(one.name, scope) for one in found.sets for scope in (one.whole, *one.levels)]:
        for model, by_metric in scope.curves.items():
            for metric, curve in by_metric.items():
                level = "" if scope.level is None else str(scope.level)
                own = [
                    r for r in rows if (r["set"], r["level"], r["model"], r["metric"]) == (name, level, model, metric)
                ]
                assert [int(r["k"]) for r in own] == curve.k_K.tolist()
                assert [float(r["value"]) for r in own] == curve.value_K.tolist()
                for r, high in zip(own, curve.fixed_high_K.tolist(), strict=True):
                    assert r["fixed_high"] == "" if math.isnan(high) else float(r["fixed_high"]) == high
                assert {r["n"] for r in own} == {str(SAMPLES)}


def test_the_use_of_each_k_is_told(folder: Path) -> None:
    uses = {(int(r["k"]), r["use"]) for r in read(folder, "curves")}
    quarter, half = SAMPLES // 4, SAMPLES // 2
    assert uses == {(k, "claim") for k in (1, 2, 4, quarter, 10, half)} | {(SAMPLES, "dotted")}


def test_a_row_for_each_verdict(found: Audit, folder: Path) -> None:
    rows = {(r["set"], r["level"], r["model"]): r for r in read(folder, "verdicts")}
    assert len(rows) == len(SETS) * (1 + 3) * 2
    part = found.verdicts[WIDE].parts[HARD]
    row = rows[HARD, "", WIDE]
    assert (row["verdict"], row["sentence"], float(row["delta_k_high"])) == (
        part.label,
        part.sentence,
        part.delta_k.high,
    )
    assert float(read(folder, "solved")[0]["floor"]) == found.sets[0].whole.verdicts[MODELS[1]].solved.floor.value


def test_a_row_for_each_problem_with_the_counts_of_each_model(found: Audit, folder: Path) -> None:
    rows = read(folder, "problems")
    assert len(rows) == len(SETS) * 3 * PROBLEMS
    counts = found.counts[BASE]
    by_id = {r["problem"]: r for r in rows}
    for id, c, n in zip(counts.problem.tolist(), counts.c_P.tolist(), counts.n_P.tolist(), strict=True):
        assert (by_id[id][f"{BASE} c"], by_id[id][f"{BASE} n"]) == (str(c), str(n))
    changes = found.sets[1].comparisons[WIDE]["changes"]
    assert [float(by_id[str(id)][f"{WIDE} q"]) for id in changes.problem] == changes.q_P.tolist()


def test_every_measure_has_its_row(found: Audit, folder: Path) -> None:
    rows = read(folder, "models")
    one = found.sets[0].models[BASE]

    def values(measure: str) -> list[dict[str, str]]:
        return [r for r in rows if (r["set"], r["model"], r["measure"]) == (found.sets[0].name, BASE, measure)]

    (unreached,) = values("population.unreached")
    assert float(unreached["high"]) == one["population"].unreached.high
    g_pass = values("reliability.g_pass")
    assert len(g_pass) == one["reliability"].g_pass_HK.size
    last = g_pass[-1]
    assert (float(last["tau"]), int(last["k"])) == (one["reliability"].tau_H[-1], one["reliability"].k_K[-1])
    assert float(last["low"]) == one["reliability"].g_pass_low_HK[-1, -1]
    (rate,) = values("completions.rates.unscorable")
    assert float(rate["value"]) == found.sets[0].whole.rates[BASE].unscorable
    assert not [r for r in rows if r["measure"].endswith(("low", "high", "seed", "resamples"))]
    (k_eq,) = [r for r in read(folder, "comparisons") if r["measure"] == "efficiency.k_eq" and r["model"] == WIDE][:1]
    assert float(k_eq["value"]) == found.sets[0].comparisons[WIDE]["efficiency"].k_eq.value


def test_a_table_without_rows_still_has_its_header(found: Audit) -> None:
    one = found.sets[0]
    bare = replace(one, comparisons={m: {**c, "certificates": None} for m, c in one.comparisons.items()})
    text = tables.as_csv(tables.CERTIFICATE_COLUMNS, tables.certificate_table(replace(found, sets=(bare,))))
    assert text.splitlines() == [",".join(HEADERS["certificates"].split())]


def test_a_cell_that_a_spreadsheet_would_execute_is_text_and_numbers_stay_numbers() -> None:
    executed = ["=1+2", "+SUM(A1)", "-1+2", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "=HYPERLINK(1)", "\uff1d1+2"]
    numbers = [-1.5, -2, "-3", "+4", "-1e-5", np.float64(-0.25), np.int64(-1)]
    others = ["a=b", "x-1", "modular-7-1-d27572c021c86155", "'=1", "Δ", True]
    values = [*executed, *numbers, *others]
    names = [f"={i}" for i in range(len(values))]
    header, row = csv.reader(io.StringIO(tables.as_csv(names, [dict(zip(names, values, strict=True))]), newline=""))
    assert header == [f"'{name}" for name in names]
    assert row == [f"'{text}" for text in executed] + [str(value) for value in (*numbers, *others)]
