"""Metrics of runs and tables of compute, reward, seed and arm are read; what is ambiguous is refused in one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgewise.core.errors import InputError
from edgewise.interop.scaling_table import ONLY_ARM, read_scaling_table


def write(path: Path, text: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return str(path)


def run_folder(path: Path, seed: int, spec: dict[str, Any] | None = None) -> str:
    """A folder of a run with three steps."""
    rows = [
        {"step": s, "reward": 0.1 * s + 0.01 * seed, "entropy": 1.0 - 0.1 * s, "tokens": 100.0 * (s + 1)}
        for s in range(3)
    ]
    write(path / "metrics.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    write(path / "spec.json", json.dumps({"kind": "rl", "seed": seed, "parent": {"seed": seed}} | (spec or {})))
    return str(path)


def test_a_csv_gives_arms_and_seeds(tmp_path: Path) -> None:
    text = "compute,reward,seed,arm\n1,0.1,7,a\n2,0.2,7,a\n1,0.3,x,b\n1,0.15,8,a\n"
    table = read_scaling_table([write(tmp_path / "c.csv", text)])
    assert table.kind == "curve" and list(table.arms) == ["a", "b"] and table.notes == ()
    assert table.arms["a"].first_N.tolist() == [1, 2, 1] and table.arms["a"].seed_N.tolist() == [7, 7, 8]
    assert table.arms["b"].seed_N.tolist() == [0] and table.arms["b"].entropy_N is None


def test_the_reward_of_a_step_goes_with_the_tokens_before_it(tmp_path: Path) -> None:
    table = read_scaling_table([run_folder(tmp_path / "a", 0), run_folder(tmp_path / "b", 1)])
    columns = table.arms[ONLY_ARM]
    assert columns.first_N.tolist() == [0, 100, 200] * 2 and columns.seed_N.tolist() == [0] * 3 + [1] * 3
    assert columns.second_N == pytest.approx([0, 0.1, 0.2, 0.01, 0.11, 0.21])
    assert columns.entropy_N is not None and columns.entropy_N[:3] == pytest.approx([1.0, 0.9, 0.8])
    assert any("tokens sampled before the step" in note for note in table.notes)


def test_runs_of_another_spec_are_no_seeds_of_one_arm(tmp_path: Path) -> None:
    folders = [run_folder(tmp_path / "a", 0), run_folder(tmp_path / "b", 1, {"recipe": "dapo"})]
    with pytest.raises(
        InputError, match=r"b/metrics.jsonl: a run of another spec than .*a/metrics.jsonl .recipe is 'dapo', not null.,"
    ):
        read_scaling_table(folders)


def test_cells_that_are_empty_are_left_out_and_counted(tmp_path: Path) -> None:
    text = "compute,reward\n1,0.1\n2,\n3,NaN\n4,0.4\n"
    table = read_scaling_table([write(tmp_path / "c.csv", text)])
    assert table.arms[ONLY_ARM].first_N.tolist() == [1, 4]
    assert table.notes[0] == "2 of 4 rows in c.csv are left out, where a cell is empty."
    rows = '{"compute": 1, "reward": 0.1}\n{"compute": 2, "reward": null}\n{"compute": 3, "reward": NaN}\n'
    assert read_scaling_table([write(tmp_path / "c.jsonl", rows)]).arms[ONLY_ARM].first_N.tolist() == [1]


def test_rows_of_training_and_of_evaluation_may_take_turns(tmp_path: Path) -> None:
    rows = [{"loss": 1.0, "compute": 1}, {"compute": 1, "reward": 0.1}, {"loss": 0.9, "compute": 2}]
    rows += [{"compute": 2, "reward": 0.2}]
    table = read_scaling_table([write(tmp_path / "c.jsonl", "".join(json.dumps(row) + "\n" for row in rows))])
    assert table.arms[ONLY_ARM].second_N.tolist() == [0.1, 0.2]


def test_two_runs_in_one_file_of_metrics_are_refused(tmp_path: Path) -> None:
    rows = [{"step": step, "tokens": 10.0 * (step + 1), "reward": 0.1 * step} for step in (0, 1, 0, 1)]
    path = write(tmp_path / "metrics.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(InputError, match=r"line 3: tokens fall from 20 to 10; a file holds one run"):
        read_scaling_table([path])
    rows[1]["tokens"] = float("nan")
    path = write(tmp_path / "gap.jsonl", "".join(json.dumps(row) + "\n" for row in rows[:2]))
    assert read_scaling_table([path]).arms[ONLY_ARM].first_N.tolist() == [0, 10]


def test_names_of_columns_are_mapped(tmp_path: Path) -> None:
    path = write(
        tmp_path / "c.jsonl", '{"flops": 1e15, "pass": 0.1, "run": "s1"}\n{"flops": 2e15, "pass": 0.2, "run": "s1"}\n'
    )
    table = read_scaling_table([path], {"compute": "flops", "reward": "pass", "seed": "run"})
    assert table.arms[ONLY_ARM].first_N.tolist() == [1e15, 2e15]


def test_steps_that_were_not_reached_are_kept_as_such(tmp_path: Path) -> None:
    table = read_scaling_table([write(tmp_path / "d.csv", "depth,steps,seed\n1,10,0\n2,,0\n")])
    assert table.kind == "depth" and np.isnan(table.arms[ONLY_ARM].second_N).tolist() == [False, True]


def test_counts_are_read(tmp_path: Path) -> None:
    table = read_scaling_table([write(tmp_path / "n.csv", "problem,n,c\np1,8,2\np2,8,0\n")])
    assert table.kind == "counts" and table.arms[ONLY_ARM].second_N.tolist() == [2, 0]


CURVE = "compute,reward,seed\n1,0.1,0\n2,0.2,0\n"
REFUSED = {
    "columns": ("a,b\n1,2\n", "columns 'a', 'b'; compute and reward, n and c, or depth and steps are needed"),
    "text": ("compute,reward\n1,high\n", "line 2: reward: 'high'; use a finite number"),
    "infinite": ("compute,reward\n1,inf\n", "line 2: reward: 'inf'; use a finite number"),
    "some seeds": (CURVE + "3,0.3,\n", "line 4: seed: empty in some rows; every row of a file needs it, or none"),
    "some arms": ("compute,reward,arm\n1,0.1,a\n2,0.2,\n", "line 3: arm: empty in some rows"),
    "twice": (CURVE + "2,0.3,0\n", "line 4: compute 2 is there twice for one seed; two runs are two seeds"),
    "a copy": (CURVE + "1,0.1,1\n2,0.2,1\n", "all runs: seed 1 has the numbers of seed 0; a copy is no second seed"),
    "no row": ("compute,reward\n", "no row"),
    "no reward": ("compute,reward\n1,\n2,\n", "no row has both compute and reward"),
    "no table": ("hello\n", "neither JSONL nor CSV with a header"),
    "empty": ("", "neither JSONL nor CSV with a header"),
    "broken": ('{"compute": 1, "reward": 0.1}\n{"compute": 2 "reward": 0.2}\n', "line 2: not JSON"),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=list(REFUSED))
def test_what_is_no_table_is_refused_by_its_place(case: tuple[str, str], tmp_path: Path) -> None:
    text, message = case
    path = write(tmp_path / "c.csv", text)
    with pytest.raises(InputError) as refused:
        read_scaling_table([path])
    assert message in str(refused.value)


def test_files_that_are_not_there_or_twice_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "c.csv", CURVE)
    depth = write(tmp_path / "d.csv", "depth,steps\n1,10\n")
    for paths, message in (
        ([], "files: none"),
        ([str(tmp_path / "nothing.csv")], "nothing.csv: no such file"),
        ([str(tmp_path)], "no metrics.jsonl in it"),
        ([path, path], "c.csv: given twice"),
        ([path, depth], "d.csv: another kind of table than"),
    ):
        with pytest.raises(InputError, match=message):
            read_scaling_table(paths)
    with pytest.raises(InputError, match=r"--map: 'computes' is unknown .did you mean compute"):
        read_scaling_table([path], {"computes": "x"})
    with pytest.raises(InputError, match="--map compute: 'flop' is unknown"):
        read_scaling_table([path], {"compute": "flop"})
