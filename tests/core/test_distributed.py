"""Two ranks on this machine beside one: the same numbers, each file written once, and nobody waits for ever."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from edgewise.core.distributed import SINGLE_PROCESS, Distributed, process_group
from edgewise.core.errors import InputError
from edgewise.study.store import Store
from tests.cli.test_study import TINY
from tests.core.rank_program import RECIPES, STEPS, run_of
from tests.logged import lines
from tests.ranks import on_two_ranks, torchrun
from tests.tiny import BASE_EVALUATION, PRETRAIN, STAGES, TUNED, TUNED_EVALUATION, identity, results

PROGRAM = "tests.core.rank_program"
CLOSE = 1e-5


def check_same(two: Path, one: Path) -> None:
    """Each step logged once; all metrics, weights and moments as near as `CLOSE`."""
    assert [line["step"] for line in lines(two)] == list(range(STEPS))
    for logged, expected in zip(lines(two), lines(one), strict=True):
        assert logged == pytest.approx(expected, rel=CLOSE, abs=CLOSE, nan_ok=True)
    kept = {"groups.jsonl"} if (one / "groups.jsonl").exists() else set()  # of RL
    assert {path.name for path in two.iterdir()} - {"checkpoint.old"} == {"checkpoint", "metrics.jsonl", *kept}
    mine, theirs = (load_file(folder / "checkpoint" / "state.safetensors") for folder in (two, one))
    assert mine.keys() == theirs.keys()
    for name in mine:
        torch.testing.assert_close(mine[name], theirs[name], rtol=CLOSE, atol=CLOSE)


@given(st.lists(st.integers(), max_size=20), st.integers(1, 6))
def test_shares_are_the_items_in_their_order_and_as_equal_as_can_be(items: list[int], size: int) -> None:
    shares = [list(Distributed(rank, size).shard(items)) for rank in range(size)]
    assert [item for share in shares for item in share] == items
    lengths = [len(share) for share in shares]
    assert max(lengths) - min(lengths) <= 1


def test_a_process_that_torchrun_did_not_start_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with process_group("cpu") as distributed:
        assert distributed == SINGLE_PROCESS
    tensor = torch.ones(2)
    distributed.all_reduce_([tensor])
    assert (
        distributed.is_rank_zero,
        distributed.all_gather((1, 2)),
        distributed.on_rank_zero(lambda: 3),
        tensor.tolist(),
    ) == (True, [1, 2], 3, [1, 1])


@pytest.mark.parametrize(("device", "named"), [("cuda:1", "must be cuda, is 'cuda:1'"), ("cuda", "there are 2")])
def test_a_rank_without_a_gpu_of_its_own_is_refused(monkeypatch: pytest.MonkeyPatch, device: str, named: str) -> None:
    monkeypatch.setenv("WORLD_SIZE", "3")
    monkeypatch.setenv("LOCAL_RANK", "2")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(InputError, match=named), process_group(device):
        pass


def test_two_ranks_have_the_numbers_of_one(tmp_path: Path) -> None:
    names = ("next token", "grpo")
    on_two_ranks(PROGRAM, tmp_path / "two", *names)
    for name in names:
        run_of(name, tmp_path / "one" / name)
        check_same(tmp_path / "two" / name, tmp_path / "one" / name)


@pytest.mark.slow
def test_each_rank_makes_verifies_and_scores_its_own_problems_alone(tmp_path: Path) -> None:
    """Five problems a step on two ranks: two and three, and none twice."""
    on_two_ranks(PROGRAM, tmp_path, "own share")
    made = [json.loads((tmp_path / f"made-{rank}").read_text()) for rank in (0, 1)]
    assert made == [[0, 1, 5, 6, 10, 11], [2, 3, 4, 7, 8, 9, 12, 13, 14]]
    for name in ("grpo", "gold"):
        (verified, scored), (others, scored_there) = (
            json.loads((tmp_path / f"{name}-{rank}").read_text()) for rank in (0, 1)
        )
        assert not set(verified) & set(others) and len(verified) + len(others) == 5 * STEPS
        assert (scored, scored_there) == (2 * STEPS, 3 * STEPS)


@pytest.mark.slow
def test_two_ranks_have_the_numbers_of_one_whatever_the_recipe(tmp_path: Path) -> None:
    on_two_ranks(PROGRAM, tmp_path / "two", *RECIPES)
    for name in RECIPES:
        run_of(name, tmp_path / "one" / name)
        check_same(tmp_path / "two" / name, tmp_path / "one" / name)
    assert lines(tmp_path / "two" / "one problem")[0]["grad_norm"] > 0
    assert lines(tmp_path / "two" / "no signal")[0]["grad_norm"] == 0


@pytest.mark.slow
def test_two_ranks_go_on_where_one_was_interrupted(tmp_path: Path) -> None:
    names = ("next token", "critic")
    for name in names:
        run_of(name, tmp_path / "one" / name)
        with pytest.raises(KeyboardInterrupt):
            run_of(name, tmp_path / "two" / name, steps=1, checkpoint_seconds=0.0)
        assert len(lines(tmp_path / "two" / name)) == 2, "the second step has no checkpoint and is done again"
    on_two_ranks(PROGRAM, tmp_path / "two", *names)
    for name in names:
        check_same(tmp_path / "two" / name, tmp_path / "one" / name)


@pytest.mark.slow
def test_a_study_is_computed_once_by_both_and_then_reused(tmp_path: Path) -> None:
    """From the weights of one rank's pre-training the evaluation has its bits, RL its numbers until a draw flips."""
    one, two = Store(tmp_path / "one"), Store(tmp_path / "two")
    one.compute(PRETRAIN)
    shutil.copytree(one.root, two.root)
    one.compute(BASE_EVALUATION)
    one.compute(TUNED)
    made = []
    for _ in range(2):
        on_two_ranks(PROGRAM, two.root, "study")
        assert [(two.root / f"completed-{rank}").read_text() for rank in (0, 1)] == [str(len(STAGES)), "0"]
        made.append({name: seen for name, seen in identity(two.root).items() if not name.startswith("completed-")})
    assert made[0] == made[1]
    assert results(two.folder(BASE_EVALUATION)) == results(one.folder(BASE_EVALUATION))
    assert [two.provenance(stage).ranks for stage in (PRETRAIN, TUNED, TUNED_EVALUATION)] == [1, 2, 2]
    assert [line["step"] for line in two.metrics(TUNED)] == list(range(TUNED.recipe.steps))
    for mine, theirs in zip(two.metrics(TUNED)[:2], one.metrics(TUNED)[:2], strict=True):
        assert mine == pytest.approx(theirs, rel=CLOSE, abs=CLOSE)
    assert {path.name for path in two.root.iterdir() if path.is_dir()} == {two.folder(s).name for s in STAGES}


@pytest.mark.slow
def test_the_demonstration_on_two_ranks_speaks_once(tmp_path: Path) -> None:
    done = torchrun("edgewise", "demo", *TINY, "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    said = ("base: pretrain: begun", "base: pretrain: done", "edge RL: evaluate: done", "report: ")
    assert [done.stdout.count(text) for text in said] == [1, 1, 1, 1]
    [report] = tmp_path.glob("demo*/report.html")
    assert report.stat().st_size > 100_000


@pytest.mark.slow
def test_a_rank_whose_other_has_ended_does_not_wait_for_it(tmp_path: Path) -> None:
    on_two_ranks(PROGRAM, tmp_path, "others end")
    assert (tmp_path / "error").read_text().startswith("ranks: another one ended")
