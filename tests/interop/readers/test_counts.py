"""Counts in columns, in CSV and any other container."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgewise.interop.read import read_rollouts
from tests.interop.ingest.test_roles import CONTAINERS, write
from tests.interop.writing import counts, only, refused, totals


def csv(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_every_column_arrives(tmp_path: Path) -> None:
    text = "set,problem_id,c,n,level,cluster,more\nx,b,1,4,2,t,?\nx,a,0,4,1,t,?\n"
    imported = only(csv(tmp_path / "a.csv", text))
    assert (imported.model, imported.source, imported.outcomes) == (None, "counts CSV", None)
    found = counts(imported)
    assert found.problem.tolist() == ["a", "b"]
    assert found.level.tolist() == [1, 2]
    assert (found.n_P.tolist(), found.c_P.tolist()) == ([4, 4], [0, 1])
    assert found.cluster_P is not None and found.cluster_P.tolist() == [0, 0]
    assert found.set is not None and found.set.tolist() == ["x", "x"]


def test_several_sets_make_ids_unique(tmp_path: Path) -> None:
    imported = only(csv(tmp_path / "a.csv", "id,n,c,set,cluster,level\n1,2,1,y,t,hard\n1,3,0,x,t,easy\n"))
    assert totals(imported) == {"x/1": (3, 0), "y/1": (2, 1)}
    assert counts(imported).cluster_P is not None and counts(imported).cluster_P.tolist() == [0, 1]  # type: ignore[union-attr]
    assert counts(imported).level.tolist() == ["easy", "hard"]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.integers(), st.tuples(st.integers(1, 10**9), st.integers(0, 10**9)), min_size=1))
def test_counts_survive_the_round_trip(tmp_path: Path, table: dict[int, tuple[int, int]]) -> None:
    rows = {str(name): (n, min(n, c)) for name, (n, c) in table.items()}
    text = "problem_id,n,c\r\n" + "".join(f'"{name}", {n} ,{c}\r\n' for name, (n, c) in rows.items())
    assert totals(only(csv(tmp_path / "a", text))) == rows


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ("", "a CSV header without a row"),
        ("a,4,5", "line 2: c: 5 correct of n = 4 samples; n is at least 1 and c at most n"),
        ("a,0,0", "line 2: c: 0 correct of n = 0 samples"),
        ("a,4,2.0", "line 2: c: '2.0'; use a whole number of at least 0"),
        ("a,-4,0", "line 2: n: '-4'; use a whole number"),
        ("a,nan,0", "line 2: n: 'nan'; use a whole number"),
        ("a,4,", "line 2: c: ''; use a whole number"),
        ("a,4", "line 2: 2 cells; the header has 3"),
        ("a,4,1\nb,4,1\na,4,1", "line 4: problem_id: 'a' was on line 2; a problem is one row"),
        (",4,1", "line 2: problem: a name of 0 characters"),
        ('"a,4,1', "line 2: not CSV"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, rows: str, says: str) -> None:
    assert refused(csv(tmp_path / "a.csv", f"problem_id,n,c\n{rows}")).startswith(f"a.csv: {says}")


def test_a_header_without_counts_is_no_counts_file(tmp_path: Path) -> None:
    assert "line 2: no column correct; there are problem_id, n" in refused(
        csv(tmp_path / "a.csv", "problem_id,n\na,4\n")
    )


ROWS = [{"id": problem, "n": 8, "c": problem % 5} for problem in range(12)]


@pytest.mark.parametrize(
    ("n", "c"),
    [
        ("n_samples", "num_correct"),
        ("total", "passed"),
        ("attempts", "correct"),
        ("trials", "passes"),
        ("num_fail", "num_pass"),
        ("num_samples", "correct"),
    ],
)
@pytest.mark.parametrize("container", CONTAINERS)
def test_counts_have_other_names_and_containers(tmp_path: Path, n: str, c: str, container: str) -> None:
    rows = [{"qid": row["id"], c: row["c"], n: row["n"] - row["c"] * (n == "num_fail")} for row in ROWS]
    imported = only(write(tmp_path / "a", rows, container))
    assert imported.outcomes is None
    assert totals(imported) == {str(row["id"]): (8, row["c"]) for row in ROWS}


def test_rows_that_cannot_be_counts_are_samples(tmp_path: Path) -> None:
    for rows in (
        [{"id": 1, "correct": 1, "total": 4}, {"id": 1, "correct": 0, "total": 4}],
        [{"id": problem, "correct": problem > 1, "total": 4} for problem in range(3)],
        [{"id": problem, "correct": 1, "total": 1} for problem in range(3)],
    ):
        assert only(write(tmp_path / "a", rows)).outcomes is not None
    file = write(tmp_path / "b", [{"id": problem, "correct": 1, "total": 4} for problem in range(3)])
    imported = only(file)
    assert set(totals(imported).values()) == {(4, 1)}
    assert imported.warnings == (
        "rows are counts, `correct` correct of `total` samples: --map correct=correct takes a row as one sample",
    )
    assert set(totals(only(file, columns={"correct": "correct"})).values()) == {(1, 1)}


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("with_n", ["n", "n_base"])
def test_two_models_in_one_table_of_counts(tmp_path: Path, container: str, with_n: str) -> None:
    rows = [{"id": row["id"], "c_rl": 8 - row["c"], "c_base": row["c"], "n": 8} for row in ROWS]
    if with_n != "n":
        rows = [{"id": row["id"], "c_rl": row["c_rl"], "c_base": row["c_base"], "n_rl": 8, "n_base": 8} for row in rows]
    base, tuned = read_rollouts(write(tmp_path / "a", rows, container))
    assert (base.model, tuned.model) == ("base", "rl")
    assert totals(base) == {str(row["id"]): (8, row["c"]) for row in ROWS}
    assert totals(tuned) == {str(row["id"]): (8, 8 - row["c"]) for row in ROWS}
    assert base.warnings == ()


def test_two_models_without_a_known_base_are_in_the_order_of_columns(tmp_path: Path) -> None:
    rows = [{"id": row["id"], "n": 8, "c_llama": row["c"], "c_qwen": 8} for row in ROWS]
    models = read_rollouts(write(tmp_path / "a", rows))
    assert [model.model for model in models] == ["llama", "qwen"]
    assert models[0].warnings == ("`c_llama` and `c_qwen` are 2 models, and llama is the base, since it is the first",)


def test_a_column_model_tells_counts_apart(tmp_path: Path) -> None:
    rows = [row | {"model": model} for model in ("base", "rl") for row in ROWS]
    assert [model.model for model in read_rollouts(write(tmp_path / "a", rows))] == ["base", "rl"]


def test_a_map_names_columns_of_counts(tmp_path: Path) -> None:
    rows = [{"ref": row["id"], "n": 8, "c": row["c"], "difficulty": None if row["id"] else 3} for row in ROWS]
    imported = only(write(tmp_path / "a", rows), columns={"problem": "ref"})
    assert totals(imported) == {str(row["id"]): (8, row["c"]) for row in ROWS}


def test_a_row_with_the_sums_of_the_others_is_refused(tmp_path: Path) -> None:
    rows = "problem_id,n,c\na,4,1\nb,4,3\nTOTAL,8,4\n"
    says = "a.csv: problem_id: 'TOTAL' has the sums of the other rows; leave it out"
    assert refused(csv(tmp_path / "a.csv", rows)) == says
