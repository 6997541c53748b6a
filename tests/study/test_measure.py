from __future__ import annotations

import shutil
from itertools import combinations
from math import comb
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from edgewise.boundary import boundary_verdict
from edgewise.core.errors import InputError
from edgewise.core.spec import digest, plain
from edgewise.outcomes.io import read_outcomes
from edgewise.study.measure import Findings, examples_of, measure
from edgewise.study.store import Store
from edgewise.study.study import Study
from tests.study.conftest import Finished
from tests.tiny import BASE_EVALUATION, PRETRAIN, STAGES, STUDY, TUNED_EVALUATION, WORLD

SAMPLES = BASE_EVALUATION.samples
WHERE = {"inside": [1], "outside": [2]}


@pytest.fixture(scope="module")
def findings(finished: Finished) -> Findings:
    return measure(finished.study, finished.store)


def rows(finished: Finished, model: str) -> list[dict[str, Any]]:
    """The outcomes as plain rows, read without our own reader."""
    path = finished.store.folder(STUDY.evaluations[model]) / "outcomes.parquet"
    table: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return table


def right_by_problem(table: list[dict[str, Any]], metric: str, levels: list[int]) -> dict[str, int]:
    found: dict[str, int] = {}
    for row in table:
        if row["level"] in levels:
            found[row["problem"]] = found.get(row["problem"], 0) + (row[metric] == 1)
    return found


def test_the_tables_hold_every_sample_of_every_problem(finished: Finished) -> None:
    problems = {model: {row["problem"] for row in rows(finished, model)} for model in ("base", "tuned")}
    assert problems["base"] == problems["tuned"] and len(problems["base"]) == 8
    for model in ("base", "tuned"):
        table = rows(finished, model)
        assert len(table) == 8 * SAMPLES
        assert {(row["problem"], row["sample"]) for row in table} == {
            (problem, sample) for problem in problems[model] for sample in range(SAMPLES)
        }
    assert any(row["process"] == 1 for row in rows(finished, "base")), "the base must solve something"
    assert any(row["process"] != 1 for row in rows(finished, "base")), "and not everything"


def test_every_model_metric_and_region_has_one_curve(findings: Findings) -> None:
    audit = findings.audit
    assert audit.models == ("base", "tuned") and audit.metric == "process"
    assert [one.name for one in audit.sets] == list(STUDY.regions)
    for one in audit.sets:
        assert set(one.whole.curves) == {"base", "tuned"}
        assert all(set(curves) == {"process", "answer"} for curves in one.whole.curves.values())
    assert (findings.title, findings.question) == (STUDY.title, STUDY.question)


def test_curves_are_the_share_of_subsets_with_a_success(finished: Finished, findings: Findings) -> None:
    for one in findings.audit.sets:
        for model, curves in one.whole.curves.items():
            for metric, curve in curves.items():
                right = right_by_problem(rows(finished, model), metric, WHERE[one.name])
                assert curve.problems == len(right) == 4 and curve.n == SAMPLES
                assert curve.k_K.tolist() == [1, 2, 4, 8, 10, 16]
                expected = [
                    np.mean([1 - comb(SAMPLES - c, k) / comb(SAMPLES, k) for c in right.values()])
                    for k in (1, 2, 4, 8, 10, 16)
                ]
                np.testing.assert_allclose(curve.value_K, expected, atol=1e-12)
                assert bool((curve.low_K <= curve.value_K).all() and (curve.value_K <= curve.high_K).all())


def test_pass_at_2_by_enumeration_of_pairs(finished: Finished, findings: Findings) -> None:
    table = rows(finished, "tuned")
    shares = []
    for problem in right_by_problem(table, "process", [1]):
        marks = [row["process"] == 1 for row in table if row["problem"] == problem]
        shares.append(np.mean([a or b for a, b in combinations(marks, 2)]))
    curve = findings.audit.sets[0].whole.curves["tuned"]["process"]
    assert curve.value_K[1] == pytest.approx(np.mean(shares))


def test_levels_of_no_region_are_left_out(finished: Finished, findings: Findings) -> None:
    fewer = Study("s", "q", BASE_EVALUATION, {"tuned": TUNED_EVALUATION}, {"outside": range(2, 3)})
    audit = measure(fewer, finished.store).audit
    assert [one.name for one in audit.sets] == ["outside"]
    assert set(audit.counts["base"].level.tolist()) == {2}
    whole, alone = findings.audit.sets[1].whole, audit.sets[0].whole
    assert alone.verdicts["tuned"].delta_k.value == whole.verdicts["tuned"].delta_k.value


def test_verdicts_are_by_process_on_every_region_of_the_right_arm(finished: Finished, findings: Findings) -> None:
    assert list(findings.audit.verdicts) == ["tuned"]
    parts = findings.audit.verdicts["tuned"].parts
    assert list(parts) == ["inside", "outside"]
    for region, part in parts.items():
        base, tuned = (right_by_problem(rows(finished, m), "process", WHERE[region]) for m in ("base", "tuned"))
        assert part.metric == "process" and part.comparisons == 2 and part.confidence == pytest.approx(0.975)
        assert (part.n, part.problems, part.k) == (SAMPLES, 4, 4)
        assert part.delta_1.value == pytest.approx(np.mean([(tuned[p] - base[p]) / SAMPLES for p in base]))

        def pass_4(c: int) -> float:
            return 1 - comb(SAMPLES - c, 4) / comb(SAMPLES, 4)

        assert part.delta_k.value == pytest.approx(np.mean([pass_4(tuned[p]) - pass_4(base[p]) for p in base]))
        tables = [read_outcomes(finished.store.folder(e) / "outcomes.parquet") for e in STUDY.evaluations.values()]
        counts = [table.select_levels(WHERE[region]).counts("process") for table in tables]
        again = boundary_verdict(counts[0], counts[1], comparisons=2)
        assert (part.label, part.sentence) == (again.label, again.sentence)


def test_the_verdict_of_swapped_models_is_reversed(finished: Finished, findings: Findings, tmp_path: Path) -> None:
    """Guards the direction: tuned minus base, not the reverse."""
    swapped = Store(shutil.copytree(finished.store.root, tmp_path / "swapped"))
    base, tuned = (swapped.folder(evaluation) for evaluation in STUDY.evaluations.values())
    base.rename(tmp_path / "aside")
    tuned.rename(base)
    (tmp_path / "aside").rename(tuned)
    back = measure(STUDY, swapped).audit.verdicts["tuned"].parts
    moved = 0
    for region, part in findings.audit.verdicts["tuned"].parts.items():
        assert back[region].delta_1.value == pytest.approx(-part.delta_1.value)
        moved += part.delta_1.value != 0
    assert moved, "models that do not differ would hide a swap"


def test_rates_are_shares_of_samples(finished: Finished, findings: Findings) -> None:
    for one in findings.audit.sets:
        for model, rates in one.whole.rates.items():
            table = [row for row in rows(finished, model) if row["level"] in WHERE[one.name]]
            assert rates.unscorable == pytest.approx(np.mean([row["process"] == -1 for row in table]))
            assert rates.truncated == pytest.approx(np.mean([row["truncated"] for row in table]))


def test_problems_count_each_model_and_have_their_prompts(finished: Finished, findings: Findings) -> None:
    for model, counts in findings.audit.counts.items():
        right = right_by_problem(rows(finished, model), "process", [1, 2])
        assert dict(zip(counts.problem.tolist(), counts.c_P.tolist(), strict=True)) == right and len(right) == 8
        assert set(counts.n_P.tolist()) == {SAMPLES}
        for id, level in zip(counts.problem.tolist(), counts.level.tolist(), strict=True):
            # An id stands for all wordings of one question; the first one drawn was asked.
            drawn = (WORLD.at_level(level).problem("test", 0, index) for index in range(200))
            assert findings.prompts[id] == next(p.prompt for p in drawn if p.id == id)


def test_examples_are_completions_that_were_drawn(finished: Finished, findings: Findings) -> None:
    assert set(findings.examples) == {"base", "tuned"}
    comparisons = [results["changes"] for one in findings.audit.sets for results in one.comparisons.values()]
    moved = {p.problem for changes in comparisons for p in (*changes.losses, *changes.gains)}
    levels = {id: level for c in findings.audit.counts.values() for id, level in zip(c.problem, c.level, strict=True)}
    for model, evaluation in STUDY.evaluations.items():
        table = pq.read_table(finished.store.folder(evaluation) / "rollouts.parquet").to_pylist()
        mine = findings.examples[model]
        assert {example.model for example in mine} == {model}
        for level in (1, 2):
            for right in (True, False):
                found = [e for e in mine if levels[e.problem_id] == level and (e.process == "correct") == right]
                drawn = [r for r in table if r["level"] == level and (r["process"] == "correct") == right]
                assert bool(found) == bool(drawn)
                assert {e.problem_id for e in found[1:]} <= moved
                if found:
                    kept = (found[0].problem_id, found[0].text, found[0].answer, found[0].reason)
                    assert kept == tuple(drawn[0][name] for name in ("problem_id", "text", "answer", "reason"))
                    assert found[0].first_wrong_step == drawn[0]["first_wrong_step"]


def test_problems_that_moved_have_a_completion_of_each_kind_that_was_drawn(finished: Finished) -> None:
    path = finished.store.folder(STUDY.evaluations["tuned"]) / "rollouts.parquet"
    rows = pq.read_table(path).to_pylist()
    problem = max({row["problem_id"] for row in rows})
    mine = {(e.process == "correct") for e in examples_of("tuned", path, [problem]) if e.problem_id == problem}
    assert mine == {row["process"] == "correct" for row in rows if row["problem_id"] == problem}


def test_stage_cards_show_every_stage_parents_first(finished: Finished, findings: Findings) -> None:
    assert [card.name for card in findings.stages] == [
        "base: pretrain",
        "base: evaluate",
        "tuned: rl",
        "tuned: evaluate",
    ]
    by_folder = {finished.store.folder(stage).name: stage for stage in STAGES}
    for card in findings.stages:
        stage = by_folder[card.folder]
        assert card.spec == plain(stage) and card.provenance["digest"] == digest(stage)
        assert len(card.metrics) == {"pretrain": 150, "rl": 4, "evaluate": 0}[stage.kind]


@pytest.mark.parametrize("name", ["outcomes.parquet", "rollouts.parquet", "provenance.json"])
def test_a_damaged_result_names_the_file(finished: Finished, tmp_path: Path, name: str) -> None:
    shutil.copytree(finished.store.root, tmp_path / "copied")
    store = Store(tmp_path / "copied")
    path = store.folder(BASE_EVALUATION) / name
    for damage in (lambda: path.write_bytes(path.read_bytes()[:30]), path.unlink):
        damage()
        with pytest.raises(InputError) as caught:
            measure(STUDY, store)
        assert str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value)
    assert store.is_complete(PRETRAIN)
