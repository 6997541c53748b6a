"""Recipes stand first on the terminal, the page, in the tables and the record; their seeds stand beside them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import numpy as np
import pytest

from edgewise.boundary import Audit, Counts, audit
from edgewise.report.folder import write_report
from edgewise.report.schema import schema
from edgewise.report.terminal import print_audit


@pytest.fixture(scope="module")
def found() -> Audit:
    """Two recipes of three seeds, each of which has a base of its own."""
    rng = np.random.default_rng(0)
    p_P = rng.beta(0.6, 1.5, 80)
    surer_P = 3 * p_P / (1 + 2 * p_P)
    sets = [Counts.of(16, rng.binomial(16, p)) for p in (*[p_P] * 3, *[surer_P] * 3, *[p_P] * 3)]
    return audit({"base": sets[:3], "grpo": sets[3:6], "sft": sets[6:]}, resamples=100)


@pytest.fixture(scope="module")
def folder(found: Audit, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("seeds") / "report"
    write_report(found, out, examples={}, prompts={})
    return out


def test_the_terminal_answers_for_each_arm(
    found: Audit, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    print_audit(found, Path("out"))
    text = capsys.readouterr().out
    assert list(found.answers) == ["grpo", "sft"]
    for arm, verdict in found.answers.items():
        assert f"{arm} (recipe, 3 training seeds): " in text and verdict.sentence in text
        assert found.sets[0].whole.recipes[arm].sentence in text
    assert found.verdicts["grpo/1"].sentence not in text, "a seed has a line of the table"
    lines = [line.split()[0] for line in text.splitlines() if line.startswith("  ") and line.strip()]
    rows = [line for line in lines if line in (*found.answers, *found.models)]
    assert rows == ["grpo", "sft", *found.models]


def test_the_page_has_the_recipe_first_and_its_seeds_in_a_table(found: Audit, folder: Path) -> None:
    page = (folder / "report.html").read_text("utf-8")
    first, evidence = page.split('<section id="verdict">')
    assert first.count("recipe, 3 training seeds") == 2
    assert found.sets[0].whole.recipes["grpo"].sentence in first
    assert evidence.count('data-seed="3"') == 2 and evidence.count('data-seed="scatter"') == 2
    assert "Each seed is compared with a base of its own." in evidence
    assert "From model to model" not in evidence, "seeds are in no order"
    assert "<title>" in page and "grpo, sft against" in page


def test_the_problems_of_a_page_are_compared_with_the_base_of_their_seed(found: Audit, folder: Path) -> None:
    page = (folder / "report.html").read_text("utf-8")
    data = json.loads(page.split('id="problem-data">')[1].split("</script>")[0])
    assert data["models"] == list(found.models)
    assert data["bases"] == [0, 1, 2, 0, 1, 2, 0, 1, 2]
    q_values = [of_tuned for row in data["rows"] for of_tuned in [row[4]]]
    assert all(len(of_tuned) == len(found.models) - 1 for of_tuned in q_values)
    assert all(of_tuned[0] == [None, "none"] and of_tuned[2][0] is not None for of_tuned in q_values)


def test_tables_hold_recipes_before_their_seeds(found: Audit, folder: Path) -> None:
    with (folder / "tables" / "verdicts.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["model"] for row in rows] == ["grpo", "sft", *found.verdicts]
    assert [row["training_seeds"] for row in rows] == ["3"] * 2 + ["1"] * 6
    recipe = found.sets[0].whole.recipes["grpo"]
    assert float(rows[0]["scatter_k"]) == recipe.scatter_k and rows[2]["scatter_k"] == ""
    assert float(rows[0]["delta_1_low"]) == recipe.verdict.delta_1.low
    with (folder / "tables" / "solved.csv").open(encoding="utf-8", newline="") as file:
        assert next(csv.DictReader(file))["model"] == "grpo"


def test_the_record_holds_them_and_fulfils_the_schema(found: Audit, folder: Path) -> None:
    record = json.loads((folder / "boundary.json").read_text("utf-8"))
    jsonschema.validate(record, schema())
    assert record["verdict"] == record["recipes"]["sft"]
    assert record["bases"]["sft/2"] == "base/2" and record["seeds"]["grpo"]["1"] == "grpo/1"
    of_set = record["sets"][0]["whole"]["recipes"]["grpo"]
    assert of_set["own_bases"] and sum(of_set["shares"].values()) == pytest.approx(1)
    assert of_set["seeds"]["1"]["delta_1"] == record["sets"][0]["whole"]["verdicts"]["grpo/1"]["delta_1"]
