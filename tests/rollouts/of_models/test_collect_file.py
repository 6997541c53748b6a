"""Files of rollouts: taken up again, divided, grown, and refused where they are of something else."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from edgewise.core.errors import InputError
from edgewise.model.folder_content import text_model_content
from edgewise.model.hf import save_pretrained
from edgewise.rollouts.of_models import collect_file
from edgewise.rollouts.of_models.collect_file import ModelFile, collect
from edgewise.rollouts.of_models.draw import Part, Share, plan_parts
from edgewise.rollouts.of_models.request import RolloutRequest
from edgewise.rollouts.of_models.rollout_file import file_outcomes, read_about
from edgewise.sampling.params import SamplingParams
from tests import tiny

SAMPLES = 6


class Stopped(Exception):
    """Stands for Ctrl-C."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "tiny"
    save_pretrained(tiny.decoder(), tiny.TOKENIZER, folder)
    return folder


@pytest.fixture
def file(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelFile:
    # Parts of two problems.
    monkeypatch.setattr(collect_file, "SAMPLES_OF_A_PART", {"ours": 12})
    return model_file(folder, tmp_path / "base.parquet")


def model_file(folder: Path, out: Path, seed: int = 0) -> ModelFile:
    request = RolloutRequest(
        model=text_model_content(folder),
        sampler="ours",
        world=tiny.WORLD,
        problems=7,
        seed=seed,
        sampling=SamplingParams(max_new_tokens=8),
    )
    return ModelFile(out, folder, "tiny", request, request.drawn_problems())


def nothing(rollouts: int, tokens: int) -> None:
    pass


def stop_after(parts: int) -> Callable[[int, int], None]:
    left = [parts]

    def drawn(rollouts: int, tokens: int) -> None:
        left[0] -= 1
        if not left[0]:
            raise Stopped

    return drawn


def test_parts_hold_every_sample_once_whatever_their_size() -> None:
    for problems, samples, size in ((7, range(6), 12), (3, range(5, 30), 10), (1, range(1), 100), (4, range(8), 3)):
        parts = plan_parts(problems, samples, size)
        places = [(p, g) for part in parts for p in part.problems for g in part.samples]
        assert sorted(places) == [(p, g) for p in range(problems) for g in samples]
        assert max(part.rollouts for part in parts) <= max(size, 1)
    assert plan_parts(3, range(4, 4), 10) == []
    shares = [Share(i, 3).of_parts(plan_parts(10, range(4), 4)) for i in (1, 2, 3)]
    assert sorted(map(len, shares)) == [3, 3, 4] and len({part for share in shares for part in share}) == 10


def test_a_stopped_run_goes_on_and_writes_the_same_file(file: ModelFile) -> None:
    collect(file, SAMPLES, nothing)
    whole = file.out.read_bytes()
    file.out.unlink()
    with pytest.raises(Stopped):
        collect(file, SAMPLES, stop_after(2))
    kept = {path: path.stat().st_mtime_ns for path in file.parts_folder.glob("*.parquet")}
    assert len(kept) == 2 and not file.out.exists()
    told: list[int] = []
    collect(file, SAMPLES, lambda rollouts, tokens: told.append(rollouts))
    assert told == [12, 6], "two of four parts were there"
    assert file.out.read_bytes() == whole and not file.parts_folder.exists()


def test_shares_that_are_put_together_are_the_same_file(file: ModelFile) -> None:
    collect(file, SAMPLES, nothing)
    whole = file.out.read_bytes()
    file.out.unlink()
    for number in (2, 1):
        collect(file, SAMPLES, nothing, Share(number, 2))
        assert not file.out.exists()
    told: list[int] = []
    collect(file, SAMPLES, lambda rollouts, tokens: told.append(rollouts))
    assert file.out.read_bytes() == whole and told == []


@pytest.mark.slow
def test_several_processes_write_the_same_file(file: ModelFile) -> None:
    # Processes that are spawned know nothing of the size of parts that this test sets: all parts are handed to them.
    collect(file, SAMPLES, nothing)
    whole = file.out.read_bytes()
    file.out.unlink()
    told: list[int] = []
    collect(replace(file, workers=2), SAMPLES, lambda rollouts, tokens: told.append(rollouts))
    assert sum(told) == 7 * SAMPLES and file.out.read_bytes() == whole


def test_more_samples_are_added_to_those_that_are_there(file: ModelFile) -> None:
    collect(file, 2 * SAMPLES, nothing)
    whole = pq.read_table(file.out)
    file.out.unlink()
    collect(file, SAMPLES, nothing)
    first = pq.read_table(file.out)
    assert first["sample"].to_pylist() == [*range(SAMPLES)] * 7 and file.samples_there() == SAMPLES
    told: list[int] = []
    collect(file, 2 * SAMPLES, lambda rollouts, tokens: told.append(rollouts))
    assert sum(told) == 7 * SAMPLES
    grown = pq.read_table(file.out)
    assert grown.drop(["logprob"]).equals(whole.drop(["logprob"])), "the same samples in the same order"
    assert grown["logprob"].to_numpy() == pytest.approx(whole["logprob"].to_numpy(), abs=1e-4)
    collect(file, SAMPLES, stop_after(1))  # has them already
    assert pq.read_table(file.out).equals(grown)


def test_the_file_says_what_it_holds(file: ModelFile) -> None:
    collect(file, SAMPLES, nothing)
    about = read_about(file.out)
    assert about is not None and about["samples"] == SAMPLES and about["made_by"]["edgewise"]
    assert about["request"]["model"] == text_model_content(file.folder)
    assert about["request"]["sampling"] == {"max_new_tokens": 8, "precision": "fp32", "temperature": 1.0, "top_p": 1.0}
    table = pq.read_table(file.out).to_pylist()
    tokenizer = tiny.TOKENIZER
    for row in table:
        ids = row["completion_ids"]
        assert row["tokens"] == len(ids) and row["completion"] == tokenizer.decode(ids)
        assert row["finish_reason"] == ("stop" if ids[-1] == tokenizer.eos else "length")
        assert row["prompt_ids"] == tokenizer.prompt(row["prompt"])
        if row["finish_reason"] == "length":
            assert row["correct"] is None and row["reason"] == "truncated"
    outcomes, reasons = file_outcomes(file.out)
    truncated = sum(row["finish_reason"] == "length" for row in table)
    assert outcomes.problem.size == 7 and reasons["truncated"] == truncated > 0


def test_models_share_no_draws_and_seeds_share_none(folder: Path, tmp_path: Path) -> None:
    problem = tiny.WORLD.problem("test", 0, 0)
    one = model_file(folder, tmp_path / "a.parquet").request
    keys = {one.sampling_key(problem), replace_field(one, model="0" * 64).sampling_key(problem)}
    assert len(keys | {replace_field(one, seed=1).sampling_key(problem)}) == 3


def replace_field(request: RolloutRequest, **fields: object) -> RolloutRequest:
    return request.model_copy(update=fields)


def test_a_file_or_parts_of_something_else_are_refused(file: ModelFile, folder: Path) -> None:
    with pytest.raises(Stopped):
        collect(file, SAMPLES, stop_after(1))
    other = model_file(folder, file.out, seed=5)
    with pytest.raises(InputError, match=r"parts: holds rollouts with seed 0, now it is 5; name another --out"):
        collect(other, SAMPLES, nothing)
    collect(file, SAMPLES, nothing)
    with pytest.raises(InputError, match=r"base.parquet: holds rollouts with seed 0, now it is 5"):
        collect(other, SAMPLES, nothing)
    file.out.write_text(json.dumps({"problem_id": 1, "correct": True}))
    with pytest.raises(InputError, match="holds no rollouts of `edgewise rollouts`; name another --out"):
        collect(file, SAMPLES, nothing)


def test_a_damaged_part_is_named(file: ModelFile) -> None:
    with pytest.raises(Stopped):
        collect(file, SAMPLES, stop_after(1))
    part = Part(range(2), range(SAMPLES)).path(file.parts_folder)
    part.write_bytes(part.read_bytes()[:-20])
    with pytest.raises(InputError, match=r"problems-000000-000002-.*damaged.*remove it and run again"):
        collect(file, SAMPLES, nothing)
    part.unlink()
    collect(file, SAMPLES, nothing)
    assert file.samples_there() == SAMPLES


def test_weights_and_template_identify_a_model_and_other_files_do_not(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    (copy / "README.md").write_text("a note")
    (copy / "training_args.bin").write_bytes(b"of a trainer")
    assert text_model_content(copy) == text_model_content(folder)
    (copy / "chat_template.jinja").write_text("{{ messages }}")
    assert text_model_content(copy) != text_model_content(folder)
    (copy / "model.safetensors").unlink()
    with pytest.raises(InputError, match="has no weights"):
        text_model_content(copy)
