"""Weights, gradients and moments divided between two ranks: the numbers of one rank, half of its memory."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from edgewise.cli.loading import study_of
from edgewise.core.distributed import SINGLE_PROCESS, Distributed
from edgewise.core.errors import InputError
from edgewise.model.decoder import Decoder
from edgewise.study.plan import topological_order
from edgewise.study.store import Store
from edgewise.training.checkpoint import Checkpoint, load_checkpoint
from edgewise.training.execution import Execution
from edgewise.training.sharded_tensors import read_rows, rows_of_rank
from edgewise.training.sharding import Trained
from tests import tiny
from tests.cli.test_study import TINY
from tests.core.rank_program import STEPS
from tests.logged import lines
from tests.ranks import on_two_ranks, torchrun
from tests.training.sharded_program import AT, INTERRUPTED, NEXT_TOKEN, RL, bytes_held, run_of

CLOSE = 1e-5


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All runs on one rank and on two."""
    folder = tmp_path_factory.mktemp("runs")
    for name in (*NEXT_TOKEN, *RL):
        run_of(name, folder / "one" / name)
    for name in INTERRUPTED:
        run_of(name, folder / "from whole" / name, at=AT)
    on_two_ranks("tests.training.sharded_program", folder)
    return folder


def checkpoint(folder: Path) -> Checkpoint:
    loaded = load_checkpoint(folder / "checkpoint")
    assert loaded is not None
    return loaded


def check_same(folder: Path, expected: Path, close: float = CLOSE) -> None:
    """Metrics, the weights at the end, and all that the last checkpoint keeps."""
    assert [line["step"] for line in lines(folder)] == list(range(STEPS))
    for logged, line in zip(lines(folder), lines(expected), strict=True):
        assert logged == pytest.approx(line, rel=close, abs=close, nan_ok=True)
    states = (checkpoint(folder).tensors, checkpoint(expected).tensors)
    weights = (load_file(folder / "model.safetensors"), load_file(expected / "model.safetensors"))
    for mine, theirs in (states, weights):
        assert mine.keys() == theirs.keys()
        for name in mine:
            torch.testing.assert_close(mine[name], theirs[name], rtol=close, atol=close)
    assert checkpoint(folder).step == STEPS


@pytest.mark.parametrize("name", ["next token", "without kernels", *RL])
def test_two_ranks_that_share_the_weights_have_the_numbers_of_one(runs: Path, name: str) -> None:
    check_same(runs / "two" / name, runs / "one" / name)


def test_layers_in_bfloat16_have_those_of_one_rank_up_to_its_rounding(runs: Path) -> None:
    check_same(runs / "two" / "bf16", runs / "one" / "bf16", 1e-2)
    first, expected = (lines(runs / ranks / "bf16")[0] for ranks in ("two", "one"))
    assert first["loss"] == pytest.approx(expected["loss"], rel=CLOSE), "before any update they are the same"


def test_a_rank_holds_half_of_weights_gradients_and_moments(runs: Path) -> None:
    whole = bytes_held(SINGLE_PROCESS)
    for rank in (0, 1):
        held = json.loads((runs / f"held-{rank}").read_text())
        assert held == pytest.approx({name: count / 2 for name, count in whole.items()}, rel=0.02)


def test_each_rank_writes_its_rows_and_no_more(runs: Path) -> None:
    for name in ("next token", "critic"):
        folder = runs / "two" / name / "checkpoint"
        shards = [folder / f"shard-{rank}-of-2.safetensors" for rank in (0, 1)]
        assert {path.name for path in folder.iterdir()} == {"state.json", *(path.name for path in shards)}
        whole = (runs / "one" / name / "checkpoint" / "state.safetensors").stat().st_size
        assert all(path.stat().st_size < 0.7 * whole for path in shards)


@pytest.mark.parametrize("name", INTERRUPTED)
def test_a_resumed_run_equals_the_whole_one(runs: Path, name: str) -> None:
    """Sharded as it was, bit for bit; by one rank; and sharded what one rank began."""
    left = runs / "left" / name
    assert checkpoint(left).step == AT and not (left / "model.safetensors").exists()
    for file in ("metrics.jsonl", "model.safetensors"):
        assert (runs / "resumed" / name / file).read_bytes() == (runs / "two" / name / file).read_bytes()
    by_one = runs / "by one" / name
    shutil.copytree(left, by_one)
    run_of(name, by_one)
    check_same(by_one, runs / "one" / name)
    check_same(runs / "from whole" / name, runs / "one" / name)


@pytest.mark.parametrize("shard", [0, 1])
def test_a_damaged_shard_costs_the_steps_since_the_checkpoint_before(runs: Path, tmp_path: Path, shard: int) -> None:
    folder = tmp_path / "left"
    shutil.copytree(runs / "left" / "next token", folder)
    path = folder / "checkpoint" / f"shard-{shard}-of-2.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    loaded = checkpoint(folder)
    assert loaded.damaged and loaded.step == AT - 1
    path.unlink()
    assert checkpoint(folder).step == AT - 1


@settings(max_examples=20, deadline=None)
@given(rows=st.integers(0, 9), writers=st.integers(2, 4), readers=st.integers(1, 4))
def test_any_number_of_ranks_reads_what_any_other_wrote(
    tmp_path_factory: pytest.TempPathFactory, rows: int, writers: int, readers: int
) -> None:
    folder = tmp_path_factory.mktemp("shards")
    whole = torch.arange(3 * rows).view(rows, 3)
    paths = [folder / f"{rank}.safetensors" for rank in range(writers)]
    for rank, path in enumerate(paths):
        own = rows_of_rank(rows, rank, writers)
        save_file({"t": whole[own.start : own.stop].clone()} | ({"step": torch.tensor(7)} if rank == 0 else {}), path)
    read = [read_rows(paths, rank, readers) for rank in range(readers)]
    assert torch.equal(torch.cat([of_rank["t"][0] for of_rank in read]), whole)
    assert all(of_rank["t"][1] == whole.shape for of_rank in read)
    assert [len(of_rank["t"][0]) for of_rank in read] == [len(rows_of_rank(rows, r, readers)) for r in range(readers)]
    assert all(of_rank["step"] == (torch.tensor(7), None) for of_rank in read)


def test_what_cannot_be_sharded_is_refused() -> None:
    with pytest.raises(InputError, match=r"^shard: divides a model among ranks, and there is one"):
        Execution(backend="torch", shard=True)
    for backend in ("auto", "native", "inductor"):
        with pytest.raises(InputError, match=f"^backend: must be torch with shard, is {backend}"):
            Execution(backend=backend, distributed=Distributed(0, 2), shard=True)
    model = Decoder(tiny.SHAPE, len(tiny.TOKENIZER), backend="torch")
    model.backend = "native"
    with pytest.raises(InputError, match=r"^backend: native needs whole weights"):
        Trained(model, execution=Execution(backend="torch", distributed=Distributed(0, 2), shard=True))


@pytest.mark.slow
def test_a_sharded_study_leaves_whole_models(tmp_path: Path) -> None:
    done = torchrun("edgewise", "run", "edgewise.study.demo:demo", *TINY, "--shard", "--out", tmp_path / "two")
    assert done.returncode == 0, done.stderr
    two, one = Store(tmp_path / "two"), Store(tmp_path / "one")
    stages = topological_order(study_of("edgewise.study.demo:demo", TINY).evaluations.values())
    base = stages[0]
    one.compute(base, Execution(backend="torch"))
    assert (two.provenance(base).ranks, two.provenance(base).backend) == (2, {"name": "torch"})
    mine, theirs = (load_file(store.folder(base) / "model" / "model.safetensors") for store in (two, one))
    for name, tensor in theirs.items():
        torch.testing.assert_close(mine[name], tensor, rtol=CLOSE, atol=CLOSE)
    assert all(two.is_complete(stage) and not (two.folder(stage) / "checkpoint").exists() for stage in stages)
