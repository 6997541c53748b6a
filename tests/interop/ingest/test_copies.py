"""Rows that are there twice are no new draws; samples that are numbered alike in several files are."""

from __future__ import annotations

import gzip
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from edgewise.interop.model_rollouts import ModelRollouts
from edgewise.interop.read import read_rollouts
from tests.interop.writing import counts, jsonl, only, refused

Rows = list[dict[str, Any]]


def rows(seed: int, problems: int = 20, samples: int = 4, texts: int = 10**6, numbered: bool = False) -> Rows:
    """Samples with one of so many texts each, right where the text is even."""
    random = Random(seed)
    found = []
    for problem in range(problems):
        for sample in range(samples):
            text = random.randrange(texts)
            number = {"sample_id": sample} if numbered else {}
            found.append({"id": problem, "correct": text % 2 == 0, "completion": f"text {text}"} | number)
    return found


def samples(imported: ModelRollouts) -> set[int]:
    return set(counts(imported).n_P.tolist())


TWICE = "every row is there 2 times with one content: 80 copies are left out, so that n is 4 and not 8"


def test_a_log_that_was_joined_to_itself_is_read_once(tmp_path: Path) -> None:
    once = only(jsonl(tmp_path / "a.jsonl", rows(1)))
    twice = only(jsonl(tmp_path / "b.jsonl", rows(1) * 2))
    assert TWICE in twice.warnings
    assert once.warnings == ()
    assert counts(twice).n_P.tolist() == counts(once).n_P.tolist()
    assert counts(twice).c_P.tolist() == counts(once).c_P.tolist()
    assert once.outcomes is not None and twice.outcomes is not None
    assert twice.outcomes.sample_S.tolist() == once.outcomes.sample_S.tolist()
    assert twice.duplicates == once.duplicates
    assert twice.examples == once.examples


@pytest.mark.parametrize("names", [("rank_0", "rank_1"), ("a-0-of-2", "a-1-of-2"), ("seed_1", "seed_2")])
def test_two_files_with_the_same_rows_are_one(tmp_path: Path, names: tuple[str, str]) -> None:
    jsonl(tmp_path / f"{names[0]}.jsonl", rows(1))
    shuffled = rows(1)
    Random(0).shuffle(shuffled)
    pq.write_table(pa.Table.from_pylist(shuffled), tmp_path / f"{names[1]}.parquet")
    imported = only(tmp_path)
    assert samples(imported) == {4}
    assert TWICE in imported.warnings


def test_numbered_copies_are_left_out_whatever_their_number(tmp_path: Path) -> None:
    jsonl(tmp_path / "rank_0.jsonl", rows(1, problems=3, numbered=True))
    (tmp_path / "rank_1.jsonl.gz").write_bytes(gzip.compress((tmp_path / "rank_0.jsonl").read_bytes()))
    imported = only(tmp_path)
    assert samples(imported) == {4}
    assert imported.warnings == (
        "12 rows have the number and the content of a sample before them: 12 copies are left out, "
        "so that n is 4 and not 8",
    )


def test_a_resumed_log_repeats_some_of_its_samples(tmp_path: Path) -> None:
    first = rows(1, numbered=True)
    imported = only(jsonl(tmp_path / "a.jsonl", first[:50] + first[40:]))
    assert samples(imported) == {4}
    assert imported.warnings == (
        "10 rows have the number and the content of a sample before them: 10 copies are left out, so that n stays 4",
    )


def test_samples_with_the_same_numbers_in_several_files_are_numbered_on(tmp_path: Path) -> None:
    for seed in (1, 2):
        jsonl(tmp_path / f"rank_{seed}.jsonl", rows(seed, numbered=True))
    imported = only(tmp_path)
    assert samples(imported) == {8}
    assert imported.warnings == ()
    assert "sample numbers repeat over files: samples are numbered on, in the order of the files" in imported.notes
    assert imported.outcomes is not None
    assert set(imported.outcomes.sample_S.tolist()) == set(range(8))


def test_a_text_that_two_files_share_is_left_out_of_neither(tmp_path: Path) -> None:
    """Short answers agree often; only where all do, one file is a copy of the other."""
    for seed in (1, 2):
        jsonl(tmp_path / f"rank_{seed}.jsonl", rows(seed, texts=3, numbered=True))
    assert samples(only(tmp_path)) == {8}


def test_a_sample_number_with_two_contents_in_one_file_is_refused(tmp_path: Path) -> None:
    whole = rows(1, numbered=True)
    whole[1]["sample_id"] = 0
    assert "line 2: sample_id: problem '0' had this sample before" in refused(jsonl(tmp_path / "a.jsonl", whole))


@pytest.mark.parametrize("texts", [1, 2, 3])
def test_a_model_that_repeats_itself_loses_nothing(tmp_path: Path, texts: int) -> None:
    for seed in range(5):
        imported = only(jsonl(tmp_path / f"{seed}.jsonl", rows(seed, problems=200, samples=8, texts=texts)))
        assert samples(imported) == {8}
        assert imported.warnings == ()


def test_rows_without_a_completion_are_never_copies(tmp_path: Path) -> None:
    bare = [{"id": row["id"], "correct": row["correct"]} for row in rows(1)]
    assert samples(only(jsonl(tmp_path / "a.jsonl", bare * 2))) == {8}


def test_a_copy_of_one_model_is_no_copy_of_another(tmp_path: Path) -> None:
    two = [row | {"model": model} for model in ("base", "rl") for row in rows(1)]
    assert [samples(model) for model in read_rollouts(jsonl(tmp_path / "a.jsonl", two))] == [{4}, {4}]
    base, tuned = read_rollouts(jsonl(tmp_path / "b.jsonl", two + two[80:]))
    assert (samples(base), samples(tuned)) == ({4}, {4})
    assert (base.warnings, tuned.warnings) == ((), (TWICE,))


def test_copies_of_a_few_rows_are_pointed_out(tmp_path: Path) -> None:
    imported = only(jsonl(tmp_path / "a.jsonl", rows(1, problems=5) * 2))
    assert samples(imported) == {8}
    (says,) = imported.warnings
    assert says.startswith("every row is there 2 times with one content, in rows too few to be sure")
    assert only(jsonl(tmp_path / "a.jsonl", rows(1, problems=5))).warnings == ()
