"""Completions that were cut off or hold no final answer are found where no column says so; clean ones are not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from edgewise.boundary import audit
from edgewise.interop.arms import read_arms
from edgewise.interop.ingest.unrecorded import length_limit
from edgewise.outcomes.counts import IntArray
from tests.interop.writing import counts, jsonl, only

Lengths = tuple[IntArray, Any, IntArray]


def spread(rng: np.random.Generator, problems: int, n: int) -> Lengths:
    """Lengths of a reasoning model: log-normal, of wrong completions longer; difficulty moves both."""
    rate_P = rng.beta(0.5, 0.8, problems)
    problem_S = np.repeat(np.arange(problems), n)
    right_S = rng.random(problem_S.size) < rate_P[problem_S]
    centre_S = rng.choice([3.0, 5.0, 6.5]) + 0.8 * (1 - rate_P[problem_S]) + 0.5 * ~right_S
    tokens_S = np.exp(rng.normal(centre_S, rng.choice([0.15, 0.4, 0.8]))).astype(np.int64) + 1
    return tokens_S, right_S, problem_S


def fixed(rng: np.random.Generator, problems: int, n: int) -> Lengths:
    """Lengths of a world whose solutions have one length for each level; the last level is never solved."""
    level_P = rng.integers(0, 8, problems)
    problem_S = np.repeat(np.arange(problems), n)
    right_S = rng.random(problem_S.size) < np.where(level_P == 7, 0.0, 0.6)[problem_S]
    return 20 * (1 + level_P)[problem_S], right_S, problem_S


def choices(rng: np.random.Generator, problems: int, n: int) -> Lengths:
    """Short answers of a few lengths, the longest of which is wrong."""
    problem_S = np.repeat(np.arange(problems), n)
    tokens_S = rng.integers(1, 5, problem_S.size)
    return tokens_S, tokens_S < 3, problem_S


@pytest.mark.parametrize("lengths", [spread, fixed, choices])
def test_clean_lengths_are_not_suspected(lengths: Any) -> None:
    rng = np.random.default_rng(1)
    for problems, n in ((30, 64), (200, 16), (1000, 8)) * 20:
        assert length_limit(*lengths(rng, problems, n)) is None


@pytest.mark.parametrize(("problems", "n"), [(30, 64), (200, 16), (1000, 8)])
@pytest.mark.parametrize("share", [0.03, 0.2, 0.6])
def test_lengths_that_meet_a_limit_are_found(problems: int, n: int, share: float) -> None:
    rng = np.random.default_rng(2)
    found = []
    for _ in range(20):
        tokens_S, right_S, problem_S = spread(rng, problems, n)
        limit = max(32, int(np.quantile(tokens_S, 1 - share)))
        cut_off_S = tokens_S >= limit
        found.append(length_limit(np.minimum(tokens_S, limit), right_S & ~cut_off_S, problem_S) == limit)
    # Few completions of lengths that spread by 15% meet a limit far from the others.
    assert sum(found) >= (18 if share > 0.1 else 12)


def rows(rng: np.random.Generator, rate: float, said: float, **columns: Any) -> list[dict[str, Any]]:
    """Samples whose answers are right at this rate; a share `said` of all ends with a boxed answer, and no other is
    right."""
    found = []
    for problem in range(60):
        for sample in range(32):
            has_answer = bool(rng.random() < said)
            right = bool(has_answer and rng.random() < rate)
            text = f"step {rng.integers(10**9)}" + (f", so \\boxed{{{1 if right else 0}}}" if has_answer else "")
            found.append({"id": problem, "sample": sample, "correct": right, "completion": text} | columns)
    return found


def test_wrong_completions_without_a_final_answer_count_as_unscorable(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    failing = rows(rng, 0.5, 0.6)
    none = sum("boxed" not in row["completion"] for row in failing)
    warning = f"{none} of 1920 samples are wrong and hold no final answer".replace("1920", "1,920")
    jsonl(tmp_path / "a.jsonl", failing)
    pq.write_table(pa.Table.from_pylist(failing), tmp_path / "b.parquet")
    for name in ("a.jsonl", "b.parquet"):
        imported = only(tmp_path / name)
        assert [text for text in imported.warnings if text.startswith(warning)], imported.warnings
        assert counts(imported).unscorable_P.sum() == none
    # Nothing is marked where the files say what could not be read, right ones hold no mark either, or all do.
    clean = {
        "said": [row | {"parse_ok": True} for row in failing],
        "lenient": [row | {"completion": str(i)} for i, row in enumerate(failing)],
        "complete": rows(rng, 0.5, 1.0),
        "few": rows(rng, 0.5, 0.998),
    }
    for name, of_file in clean.items():
        imported = only(jsonl(tmp_path / f"{name}.jsonl", of_file))
        assert counts(imported).unscorable_P.sum() == 0 and not imported.warnings, name


def test_answers_that_were_extracted_of_right_completions_alone(tmp_path: Path) -> None:
    failing = rows(np.random.default_rng(4), 0.5, 0.6)
    extracted = [
        row | {"prediction": row["completion"][-2] if "boxed" in row["completion"] else None, "completion": None}
        for row in failing
    ]
    none = sum(row["prediction"] is None for row in extracted)
    assert counts(only(jsonl(tmp_path / "a.jsonl", extracted))).unscorable_P.sum() == none


def test_a_limit_that_is_recorded_tells_what_was_cut_off(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    of_file = [row | {"tokens": 5 + i % 60, "max_tokens": 64} for i, row in enumerate(rows(rng, 0.5, 1.0))]
    imported = only(jsonl(tmp_path / "a.jsonl", of_file))
    assert imported.warnings[0].startswith("32 of 1,920 samples seem to be cut off at 64 tokens, which no column says")
    truncated_P = counts(imported).truncated_P
    assert truncated_P is not None and truncated_P.sum() == 32
    said = [row | {"truncated": False} for row in of_file]
    assert not only(jsonl(tmp_path / "b.jsonl", said)).warnings


def test_no_claim_hangs_on_completions_that_were_cut_off_unseen(tmp_path: Path) -> None:
    """One model twice; the base's limit cuts off a half of its completions."""
    rng = np.random.default_rng(6)
    paths = []
    for name, limit in (("base", 300), ("tuned", 10**6)):
        tokens = np.exp(rng.normal(5.7, 0.6, (100, 32))).astype(int)
        right = (rng.random((100, 32)) < rng.beta(0.8, 0.8, 100)[:, None]) & (tokens < limit)
        of_file = [
            {"id": i, "correct": bool(right[i, j]), "tokens": int(min(tokens[i, j], limit))}
            for i in range(100)
            for j in range(32)
        ]
        paths.append(f"{name}={jsonl(tmp_path / f'{name}.jsonl', of_file)}")
    found = read_arms(paths)
    (said,) = (concern for concern in found.concerns if "cut off" in concern.message)
    assert said.models == ("base",) and "at 300 tokens, which no column says" in said.message and not said.forbids
    assert audit(found.by_arm, measures=[], concerns=found.concerns).verdict.label == "cannot tell"
    unmarked = {name: arm.select(np.ones(100, dtype=np.bool_)) for name, arm in found.samples.items()}
    object.__setattr__(unmarked["base"], "truncated_S", None)
    assert audit(unmarked, measures=[]).verdict.label in ("extended", "more within k")
