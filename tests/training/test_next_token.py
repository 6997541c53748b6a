from __future__ import annotations

import errno
import json
import random
import signal
import subprocess
import sys
import time
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file
from torch import Tensor

from edgewise.core.distributed import Distributed
from edgewise.core.errors import InputError
from edgewise.model.decoder import Decoder, DecoderSpec
from edgewise.model.tensors import save_tensors
from edgewise.tasks.base import Split
from edgewise.training import checkpoint, next_token
from edgewise.training.checkpoint import load_checkpoint, save_checkpoint
from edgewise.training.documents import draw_positions, rows_of_step, worked_document
from edgewise.training.execution import CPU, Execution
from edgewise.training.next_token import NextTokenSpec, check_positions, micro_batches
from edgewise.training.optimizer import Optimizer, OptimizerSpec
from edgewise.training.packing import PackedRows
from edgewise.training.run_folder import RunFolder
from tests.tiny import SPEC, TOKENIZER, WORLD, decoder, traces, train, weights

GOLDEN = [3.631885, 3.176155, 2.906302, 2.665633, 2.636916, 2.572248, 2.44771, 2.387701, 2.385721, 2.39319]


def losses(folder: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (folder / "metrics.jsonl").read_text().splitlines()]


def first_gradient(
    monkeypatch: pytest.MonkeyPatch, folder: Path, spec: NextTokenSpec, tokens_per_micro_batch: int = 10**6
) -> tuple[float, dict[str, Tensor]]:
    """Loss and gradient of the first update, before any clipping."""
    found: dict[str, Tensor] = {}

    def record(self: Optimizer, learning_rate: float) -> float:
        for name, parameter in self.parameters.items():
            assert parameter.grad is not None
            found[name] = parameter.grad.clone()
            parameter.grad = None
        return 0.0

    with monkeypatch.context() as patch:
        patch.setattr(Optimizer, "step", record)
        execution = Execution(tokens_per_micro_batch=tokens_per_micro_batch)
        train(RunFolder(folder), spec.model_copy(update={"steps": 1}), execution=execution)
    return losses(folder)[0], found


def test_loss_falls(tmp_path: Path) -> None:
    spec = SPEC.model_copy(update={"steps": 60})
    train(RunFolder(tmp_path), spec)
    found = losses(tmp_path)
    assert sum(found[-5:]) / 5 < 0.5 * found[0]


def test_the_first_loss_is_the_mean_over_solution_tokens_of_unpacked_documents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Computed document by document from the texts, without packing, masks or weights."""
    model = decoder()
    total, count = torch.zeros(()), 0
    for index in range(SPEC.documents):
        problem = WORLD.problem("train", 1, index)
        prompt = [TOKENIZER.bos, *TOKENIZER.encode(problem.prompt)]
        ids = torch.tensor([[*prompt, *TOKENIZER.encode(WORLD.solution(problem)), TOKENIZER.eos]])
        logits = model.logits(model(ids, torch.arange(ids.shape[1])[None], torch.zeros_like(ids)))[0]
        logp = torch.log_softmax(logits, -1)[:-1].gather(1, ids[0, 1:, None])[len(prompt) - 1 :]
        total, count = total - logp.sum(), count + len(logp)
    (total / count).backward()
    loss, gradient = first_gradient(monkeypatch, tmp_path, SPEC)
    assert loss == pytest.approx(float(total.detach() / count), abs=1e-6)
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(gradient[name], parameter.grad, atol=1e-6, rtol=1e-5)


def test_worked_documents_end_in_eos_and_weigh_the_solution_alone() -> None:
    problem = WORLD.problem("train", 0, 0)
    document = worked_document(WORLD, problem, TOKENIZER)
    prompt = TOKENIZER.prompt(problem.prompt)
    assert list(document.tokens) == [*prompt, *TOKENIZER.encode(WORLD.solution(problem)), TOKENIZER.eos]
    assert list(document.weights) == [0.0] * len(prompt) + [1.0] * (len(document.tokens) - len(prompt))
    assert TOKENIZER.unk not in document.tokens and TOKENIZER.pad not in document.tokens


@pytest.mark.parametrize(("tokens", "row_length"), [(1, 96), (100, 96), (10**6, 64), (64, 65), (10**6, 512)])
def test_gradient_depends_neither_on_micro_batches_nor_on_row_length(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tokens: int, row_length: int
) -> None:
    whole_loss, whole = first_gradient(monkeypatch, tmp_path / "whole", SPEC)
    spec = SPEC.model_copy(update={"row_length": row_length})
    loss, parts = first_gradient(monkeypatch, tmp_path / "parts", spec, tokens)
    assert loss == pytest.approx(whole_loss, abs=1e-6)
    assert whole.keys() == parts.keys()
    for name, gradient in whole.items():
        torch.testing.assert_close(parts[name], gradient, atol=1e-6, rtol=1e-5)


def test_every_step_sees_fresh_problems_of_the_split_and_another_seed_sees_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, int, int]] = []
    real = type(WORLD).problem

    def watched(self: object, split: Split, seed: int, index: int) -> object:
        seen.append((split, seed, index))
        return real(WORLD, split, seed, index)

    monkeypatch.setattr(type(WORLD), "problem", watched)
    train(RunFolder(tmp_path / "train"), seed=4)
    folder = RunFolder(tmp_path / "held_out")
    next_token.train_next_token(decoder(), TOKENIZER, WORLD, SPEC, 5, folder, split="held_out")
    indices = range(SPEC.steps * SPEC.documents)
    assert seen == [("train", 4, index) for index in indices] + [("held_out", 5, index) for index in indices]


class Interrupted(Exception):
    pass


def interrupt_at(step: int, folder: Path, checkpoint_seconds: float = 0.0) -> RunFolder:
    def progress(done: int, total: int, note: str) -> None:
        if done == step:
            raise Interrupted

    return RunFolder(folder, progress, checkpoint_seconds)


@pytest.mark.parametrize(("step", "checkpoint_seconds"), [(1, 0.0), (5, 0.0), (8, 0.0), (4, 1e9)])
def test_an_interrupted_run_goes_on_bit_for_bit(tmp_path: Path, step: int, checkpoint_seconds: float) -> None:
    whole = train(RunFolder(tmp_path / "whole"))
    run = interrupt_at(step, tmp_path / "parts", checkpoint_seconds)
    with pytest.raises(Interrupted):
        train(run)
    # The step of the interruption has been logged but not saved: it must be done and logged once more.
    assert len(losses(run.path)) == step
    seen: list[int] = []
    again = RunFolder(run.path, progress=lambda done, total, note: seen.append(done))
    resumed = train(again)
    assert seen == list(range(1 if checkpoint_seconds else step, SPEC.steps + 1))
    assert traces(run.path) == traces(tmp_path / "whole")
    assert all(torch.equal(tensor, weights(whole)[name]) for name, tensor in weights(resumed).items())


def test_the_last_checkpoint_holds_weights_and_moments(tmp_path: Path) -> None:
    model = train(RunFolder(tmp_path))
    state = load_file(tmp_path / "checkpoint" / "state.safetensors")
    for name, tensor in weights(model).items():
        assert torch.equal(state[f"model/{name}"], tensor)
        assert float(state[f"optimizer/{name}/step"]) == SPEC.steps
        assert state[f"optimizer/{name}/exp_avg_sq"].shape == tensor.shape


def test_a_finished_run_is_not_done_again(tmp_path: Path) -> None:
    first = train(RunFolder(tmp_path))
    before = traces(tmp_path)
    seen: list[int] = []
    second = train(RunFolder(tmp_path, progress=lambda done, total, note: seen.append(done)))
    assert seen == [] and traces(tmp_path) == before
    assert all(torch.equal(tensor, weights(first)[name]) for name, tensor in weights(second).items())


def test_totals_go_on_after_an_interruption(tmp_path: Path) -> None:
    whole = next_token.train_next_token(decoder(), TOKENIZER, WORLD, SPEC, 1, RunFolder(tmp_path / "whole"))
    run = interrupt_at(5, tmp_path / "parts")
    with pytest.raises(Interrupted):
        train(run)
    parts = next_token.train_next_token(decoder(), TOKENIZER, WORLD, SPEC, 1, RunFolder(run.path))
    assert (parts.tokens, parts.flops) == (whole.tokens, whole.flops)
    lengths = [len(worked_document(WORLD, WORLD.problem("train", 1, i), TOKENIZER).tokens) for i in range(40)]
    assert whole.tokens == sum(lengths)
    assert 0 < whole.seconds < 60


_CHILD = """
import sys
import time
import torch
torch.set_num_threads(1)
from pathlib import Path
from edgewise.model.decoder import Decoder, DecoderSpec
from edgewise.model.tokenizer import Tokenizer
from edgewise.tasks import ModularArithmetic
from edgewise.training import checkpoint, next_token
from edgewise.training.next_token import NextTokenSpec
from edgewise.training.run_folder import RunFolder
folder, world, shape, spec = sys.argv[1:]
world = ModularArithmetic.model_validate_json(world)
tokenizer = Tokenizer(world.words())
model = Decoder(DecoderSpec.model_validate_json(shape), len(tokenizer), seed=3)
def progress(done, total, note):
    print(done, flush=True)
    time.sleep(1000 if done == 75 else 0)  # it is killed here at the latest
run = RunFolder(Path(folder), checkpoint_seconds=0.0, progress=progress)
next_token.train_next_token(model, tokenizer, world, NextTokenSpec.model_validate_json(spec), 1, run)
"""


def test_a_killed_process_goes_on_bit_for_bit(tmp_path: Path) -> None:
    """SIGKILL at a random moment: in a step, in a checkpoint, in a line of the log."""
    spec = SPEC.model_copy(update={"steps": 80, "documents": 2})
    folder = tmp_path / "killed"
    texts = [str(folder), WORLD.model_dump_json(), decoder().spec.model_dump_json(), spec.model_dump_json()]
    child = subprocess.Popen([sys.executable, "-c", _CHILD, *texts], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    target = random.randint(3, 40)
    for line in child.stdout:
        if int(line) == target:
            break
    time.sleep(random.uniform(0, 0.03))
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    assert child.returncode == -signal.SIGKILL
    seen: list[int] = []
    train(RunFolder(folder, progress=lambda done, total, note: seen.append(done)), spec)
    assert target - 1 <= seen[0] <= 75 and seen[0] > 1, "it must resume, not start afresh"
    train(RunFolder(tmp_path / "whole"), spec)
    assert traces(folder) == traces(tmp_path / "whole")


def test_a_half_written_last_line_is_dropped(tmp_path: Path) -> None:
    train(RunFolder(tmp_path / "whole"))
    run = interrupt_at(5, tmp_path / "parts")
    with pytest.raises(Interrupted):
        train(run)
    metrics = run.path / "metrics.jsonl"
    metrics.write_bytes(metrics.read_bytes()[:-7])
    train(RunFolder(run.path))
    assert traces(run.path) == traces(tmp_path / "whole")


def test_a_damaged_metrics_line_names_the_file(tmp_path: Path) -> None:
    train(RunFolder(tmp_path))
    metrics = tmp_path / "metrics.jsonl"
    metrics.write_bytes(b"\0\0\0\n" + metrics.read_bytes())
    with pytest.raises(InputError) as caught:
        train(RunFolder(tmp_path))
    assert str(caught.value).startswith(f"{metrics}: ") and "\n" not in str(caught.value)


def test_a_checkpoint_of_another_model_is_refused(tmp_path: Path) -> None:
    place = tmp_path / "checkpoint"
    save_checkpoint(place, 3, {"model/embedding.weight": torch.zeros(2, 2)}, {})
    with pytest.raises(InputError) as caught:
        train(RunFolder(tmp_path))
    assert str(caught.value).startswith(f"{place}: ")


def test_a_full_disk_costs_no_more_than_the_last_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train(RunFolder(tmp_path / "whole"))
    calls, written = 0, save_tensors

    def full_after_three(tensors: dict[str, Tensor], path: Path) -> None:
        nonlocal calls
        calls += 1
        if calls > 3:
            path.write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")
        written(tensors, path)

    folder = tmp_path / "full"
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "save_tensors", full_after_three)
        with pytest.raises(OSError, match="No space"):
            train(RunFolder(folder, checkpoint_seconds=0.0))
    loaded = load_checkpoint(folder / "checkpoint")
    assert loaded is not None and loaded[0] == 3
    train(RunFolder(folder))
    assert traces(folder) == traces(tmp_path / "whole")


def test_a_corrupt_checkpoint_stops_and_removing_it_starts_afresh(tmp_path: Path) -> None:
    train(RunFolder(tmp_path / "whole"))
    folder = tmp_path / "damaged"
    train(RunFolder(folder))
    (folder / "checkpoint" / "state.safetensors").write_bytes(b"nonsense")
    with pytest.raises(InputError, match="remove the folder"):
        train(RunFolder(folder))
    for path in (folder / "checkpoint").iterdir():
        path.unlink()
    (folder / "checkpoint").rmdir()
    train(RunFolder(folder))
    assert traces(folder) == traces(tmp_path / "whole")


def test_a_damaged_checkpoint_costs_the_steps_since_the_one_before_and_is_told(tmp_path: Path) -> None:
    train(RunFolder(tmp_path / "whole"))
    folder = tmp_path / "damaged"

    def stop(done: int, total: int, note: str) -> None:
        if done == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(RunFolder(folder, stop, checkpoint_seconds=0.0))
    state = folder / "checkpoint" / "state.safetensors"
    data = bytearray(state.read_bytes())
    data[-5] ^= 64
    state.write_bytes(bytes(data))
    seen: list[tuple[int, str]] = []
    train(RunFolder(folder, lambda done, total, note: seen.append((done, note)), checkpoint_seconds=0.0))
    assert seen[0] == (5, "newest checkpoint damaged, went on from step 4")
    assert traces(folder) == traces(tmp_path / "whole")


def test_golden_losses(tmp_path: Path) -> None:
    """A run of ten steps: any silent change of worlds, model, packing, loss or optimizer shows here."""
    spec = NextTokenSpec(steps=10, documents=8, row_length=96, optimizer=OptimizerSpec(learning_rate=1e-2))
    train(RunFolder(tmp_path), spec)
    assert losses(tmp_path) == pytest.approx(GOLDEN, abs=1e-4)


def test_documents_beyond_the_positions_name_the_field(tmp_path: Path) -> None:
    spec = DecoderSpec(**{**decoder().spec.model_dump(), "max_positions": 20})
    with pytest.raises(InputError, match=r": step 0: max_positions: must be at least \d+ .* is 20$"):
        next_token.train_next_token(Decoder(spec, len(TOKENIZER)), TOKENIZER, WORLD, SPEC, 0, RunFolder(tmp_path))


@given(st.integers(1, 40), st.integers(0, 50), st.integers(0, 2**32))
@settings(max_examples=200, deadline=None)
def test_drawn_positions_rise_and_skip_no_more_than_allowed(length: int, randomized_positions: int, seed: int) -> None:
    positions = draw_positions(random.Random(seed), length, randomized_positions)
    assert len(positions) == length and positions[0] >= 0
    assert all(left < right for left, right in pairwise(positions))
    assert positions[-1] <= length - 1 + randomized_positions


def test_randomized_positions_move_tokens_apart_and_nothing_else() -> None:
    problem = WORLD.problem("train", 0, 0)
    plain, stretched = (
        worked_document(WORLD, problem, TOKENIZER),
        worked_document(WORLD, problem, TOKENIZER, randomized_positions=30),
    )
    assert stretched == worked_document(WORLD, problem, TOKENIZER, randomized_positions=30)
    assert (stretched.tokens, stretched.weights) == (plain.tokens, plain.weights)
    found = [
        worked_document(WORLD, WORLD.problem("train", 0, i), TOKENIZER, randomized_positions=30).positions
        for i in range(20)
    ]
    assert all(positions is not None for positions in found)
    ends = [positions[-1] - len(positions) + 1 for positions in found if positions is not None]
    assert len(set(ends)) > 5 and max(ends) > 10
    assert plain.positions is None


def test_runs_with_randomized_positions_differ_and_resume(tmp_path: Path) -> None:
    spec = SPEC.model_copy(update={"randomized_positions": 20})
    train(RunFolder(tmp_path / "whole"), spec)
    train(RunFolder(tmp_path / "plain"))
    assert losses(tmp_path / "whole") != losses(tmp_path / "plain")
    run = interrupt_at(5, tmp_path / "parts")
    with pytest.raises(Interrupted):
        train(run, spec)
    train(RunFolder(run.path), spec)
    assert traces(run.path) == traces(tmp_path / "whole")


def test_bf16_stays_near_fp32(tmp_path: Path) -> None:
    train(RunFolder(tmp_path / "fp32"))
    train(RunFolder(tmp_path / "bf16"), SPEC.model_copy(update={"precision": "bf16"}))
    exact, rounded = losses(tmp_path / "fp32"), losses(tmp_path / "bf16")
    assert rounded == pytest.approx(exact, abs=0.05)
    assert rounded != exact


def test_ranks_make_the_rows_of_their_own_problems_and_some_have_none() -> None:
    made = partial(rows_of_step, WORLD, "train", TOKENIZER, 2, 96, 0, 1, 3)
    whole, shares = made(), [made(distributed=Distributed(rank, 3)) for rank in range(3)]
    assert [int((share.document_RT >= 0).any()) for share in shares] == [0, 1, 1]
    assert sum(int((share.document_RT >= 0).sum()) for share in shares) == int((whole.document_RT >= 0).sum())
    empty = PackedRows.of(shares[0])
    check_positions(empty.positions_RT, 1)
    assert micro_batches(empty, CPU) == [] and len(micro_batches(PackedRows.of(shares[1]), CPU)) == 1
