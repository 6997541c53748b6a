"""Recomputed stages are compared with what was recorded: what is altered is found, and named, before or after."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import load_file, save_file

from edgewise.core.errors import InputError
from edgewise.model.native import build, library
from edgewise.report.folder import write_report
from edgewise.study.context import Context
from edgewise.study.measure import measure
from edgewise.study.outputs import output_digests
from edgewise.study.recompute import recompute, recorded_stages
from edgewise.study.stages import RL, Evaluate, Stage
from edgewise.study.store import Store
from edgewise.training.execution import CPU, Execution
from tests.model.native.present import needs_kernels
from tests.tiny import BASE_EVALUATION, PRETRAIN, STAGES, STUDY, TUNED, TUNED_EVALUATION, Log, identity

from .conftest import Finished
from .other_stages import Shrink

pytestmark = [pytest.mark.usefixtures("in_this_process"), needs_kernels]  # without kernels nothing promises equality


class Untouched(Log):
    """A watcher of what must not compute anything."""

    def advanced(self, stage: Stage, done: int, total: int, note: str) -> None:
        pytest.fail(f"{stage.kind} was computed")


def verified(place: Path, log: Log | None = None, execution: Execution = CPU) -> tuple[bool, str]:
    return recompute(recorded_stages(place), Context(place, workers=1, execution=execution), log or Log())


def name(stage: Stage) -> str:
    return Store(Path()).folder(stage).name


def edit_json(path: Path, **fields: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def record_again(folder: Path) -> None:
    """What somebody does who alters an output and does not want it to be seen."""
    edit_json(folder / "provenance.json", outputs=output_digests(folder))


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.kind)
def test_a_finished_stage_records_the_digests_of_its_outputs(finished: Finished, stage: Stage) -> None:
    found = finished.store.provenance(stage)
    assert found.outputs == output_digests(finished.store.folder(stage))
    expected = {"rollouts.parquet", "outcomes.parquet"}
    if not isinstance(stage, Evaluate):
        expected = {"metrics.jsonl", *(f"model/{file}" for file in MODEL_FILES)}
    if isinstance(stage, RL):
        expected.add("groups.jsonl")
    assert set(found.outputs) == expected


MODEL_FILES = ("config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")


def test_a_whole_store_is_recomputed_from_its_specs_and_nothing_in_it_is_touched(finished: Finished) -> None:
    before = identity(finished.store.root)
    log = Log()
    equal, line = verified(finished.store.root, log)
    assert (equal, line) == (True, "equal: 4 stages, 17 outputs, recomputed from specs alone")
    assert sorted(log.done) == sorted((stage, False) for stage in {step for step, _, _ in log.steps})
    assert len(log.done) == 4 and identity(finished.store.root) == before


def test_a_stage_is_recomputed_from_the_recorded_outputs_of_its_parents(copied: Store) -> None:
    log = Log()
    equal, line = verified(copied.folder(TUNED), log)
    assert equal
    assert line == f"equal: {name(TUNED)}, 7 outputs, recomputed from the recorded outputs of {name(PRETRAIN)}"
    assert [reused for _, reused in log.done] == [True, False]


def test_parents_that_are_not_there_are_recomputed_too(copied: Store) -> None:
    shutil.rmtree(copied.folder(TUNED))
    assert verified(copied.folder(TUNED_EVALUATION)) == (
        True,
        f"equal: {name(TUNED_EVALUATION)}, 2 outputs, recomputed with {name(TUNED)} from the recorded outputs of"
        f" {name(PRETRAIN)}",
    )
    shutil.rmtree(copied.folder(PRETRAIN))
    folder = copied.folder(TUNED_EVALUATION).rename(copied.root / "downloaded")
    assert verified(folder) == (
        True,
        f"equal: {name(TUNED_EVALUATION)}, 2 outputs, recomputed with {name(PRETRAIN)}, {name(TUNED)} from specs alone",
    )


def spoil_weights(path: Path) -> None:
    tensors = load_file(path)
    tensors["model.norm.weight"] = np.nextafter(tensors["model.norm.weight"], np.float32(9))
    save_file(tensors, path)


def spoil_metric(path: Path) -> None:
    lines = path.read_text().splitlines()
    record = json.loads(lines[2])
    lines[2] = json.dumps(record | {"grad_norm": record["grad_norm"] + 1e-9})
    path.write_text("\n".join(lines) + "\n")


def spoil_verdict(path: Path) -> None:
    table = pq.read_table(path)
    answers = table["answer"].to_pylist()
    answers[5] = 1 - answers[5]
    column = table.schema.get_field_index("answer")
    pq.write_table(table.set_column(column, "answer", pa.array(answers, table.schema.field("answer").type)), path)


SPOILED: list[tuple[Stage, str, Callable[[Path], None], str]] = [
    (PRETRAIN, "model/model.safetensors", spoil_weights, "tensor model.norm.weight differs"),
    (TUNED, "metrics.jsonl", spoil_metric, "step 2: grad_norm is "),
    (BASE_EVALUATION, "outcomes.parquet", spoil_verdict, "column answer, rows 1 to "),
]


@pytest.mark.parametrize(("stage", "output", "spoil", "difference"), SPOILED, ids=["weights", "metric", "verdict"])
def test_an_altered_output_is_found_before_anything_is_computed(
    stage: Stage, output: str, spoil: Callable[[Path], None], difference: str, copied: Store
) -> None:
    recorded = copied.provenance(stage).outputs[output]
    spoil(copied.folder(stage) / output)
    found = output_digests(copied.folder(stage))[output]
    expected = f"differs: {name(stage)}: {output} was altered after it was recorded: {found}, recorded {recorded}"
    assert verified(copied.folder(stage), Untouched()) == (False, expected)
    assert verified(copied.root, Untouched()) == (False, expected)


@pytest.mark.parametrize(("stage", "output", "spoil", "difference"), SPOILED, ids=["weights", "metric", "verdict"])
def test_an_altered_output_whose_digest_was_altered_too_is_found_by_recomputing(
    stage: Stage, output: str, spoil: Callable[[Path], None], difference: str, copied: Store
) -> None:
    spoil(copied.folder(stage) / output)
    record_again(copied.folder(stage))
    equal, line = verified(copied.folder(stage))
    assert not equal and line.startswith(f"differs: {name(stage)}: {output}: {difference}")
    assert line.endswith("(same machine, versions and library; equality is promised)") and "\n" not in line


def test_of_a_store_the_first_stage_that_differs_is_named_and_none_after_it_is_computed(copied: Store) -> None:
    spoil_metric(copied.folder(PRETRAIN) / "metrics.jsonl")
    record_again(copied.folder(PRETRAIN))
    log = Log()
    equal, line = verified(copied.root, log)
    assert not equal and line.startswith(f"differs: {name(PRETRAIN)}: metrics.jsonl: step 2: grad_norm is ")
    assert len(log.done) == 1


def test_an_altered_parent_is_not_built_upon(copied: Store) -> None:
    spoil_weights(copied.folder(PRETRAIN) / "model" / "model.safetensors")
    equal, line = verified(copied.folder(TUNED), Untouched())
    assert not equal and line.startswith(f"differs: {name(PRETRAIN)}: model/model.safetensors was altered after")


def test_an_altered_parent_whose_digest_was_altered_too_makes_another_child(copied: Store) -> None:
    path = copied.folder(PRETRAIN) / "model" / "model.safetensors"
    save_file({name: 1.01 * tensor for name, tensor in load_file(path).items()}, path)
    record_again(copied.folder(PRETRAIN))
    equal, line = verified(copied.folder(TUNED))
    assert not equal and line.startswith(f"differs: {name(TUNED)}: metrics.jsonl: step 0: ")


def test_outputs_that_are_lost_or_more_are_named(copied: Store) -> None:
    folder = copied.folder(TUNED)
    (folder / "more.json").write_text("{}")
    assert verified(folder, Untouched()) == (False, f"differs: {name(TUNED)}: more.json is there and is not recorded")
    record_again(folder)
    equal, line = verified(folder)
    assert not equal and line.startswith(f"differs: {name(TUNED)}: more.json is not made (")
    (folder / "more.json").unlink()
    assert verified(folder, Untouched()) == (False, f"differs: {name(TUNED)}: more.json is recorded and is not there")
    (folder / "metrics.jsonl").unlink()
    record_again(folder)
    equal, line = verified(folder)
    assert not equal and line.startswith(f"differs: {name(TUNED)}: metrics.jsonl is made and is not recorded (")


def test_a_difference_says_what_was_otherwise(copied: Store) -> None:
    folder = copied.folder(TUNED)
    spoil_metric(folder / "metrics.jsonl")
    record_again(folder)
    found = copied.provenance(TUNED)
    edit_json(
        folder / "provenance.json",
        machine="arm64 Darwin, 8 cores",
        versions={**found.versions, "torch": "1.0"},
        backend={"name": "torch"},
        other_bits=["backend torch"],
    )
    line = verified(folder)[1]
    assert f"(machine {found.machine}, recorded arm64 Darwin, 8 cores; backend native, recorded torch; " in line
    assert f"; torch {found.versions['torch']}, recorded 1.0; " in line
    assert line.endswith("; equality is not promised: backend torch)")
    assert line.count("numpy") == 0


def test_what_torch_computed_is_marked_and_equality_is_not_promised(tmp_path: Path) -> None:
    store, by_torch = Store(tmp_path), Execution(backend="torch")
    store.compute(PRETRAIN, by_torch)
    assert store.provenance(PRETRAIN).other_bits == ("backend torch",)
    equal, line = verified(store.folder(PRETRAIN))
    assert not equal and "metrics.jsonl: step " in line
    assert "backend native, recorded torch" in line and line.endswith("equality is not promised: backend torch)")
    equal, line = verified(store.folder(PRETRAIN), execution=by_torch)
    assert equal and line.endswith("recomputed from specs alone; elsewhere equality is not promised: backend torch")


COMPUTE = """
import sys
from pathlib import Path
from edgewise.model.native import build
from edgewise.study.store import Store
from tests.tiny import PRETRAIN
build.INSTRUCTION_SETS = (sys.argv[2],)
print(Store(Path(sys.argv[1])).compute(PRETRAIN))
"""


@pytest.mark.parametrize(
    "instruction_set",
    [pytest.param(name, marks=[] if name == "x86-64-v3" else pytest.mark.slow) for name in build.INSTRUCTION_SETS],
)
def test_what_another_library_computed_is_equal_or_marked(instruction_set: str, tmp_path: Path) -> None:
    path, best = build.library_path(instruction_set), library.find_kernels()
    if best is None or not path.exists() or not best.supports(instruction_set):
        pytest.skip("this machine has no such library, or cannot run it")
    same = library.Kernels(path, instruction_set).same_bits
    subprocess.run([sys.executable, "-c", COMPUTE, str(tmp_path), instruction_set], check=True, capture_output=True)
    recorded = Store(tmp_path).provenance(PRETRAIN)
    assert recorded.backend["instruction_set"] == instruction_set
    assert recorded.other_bits == (() if same else (f"{instruction_set} kernels",))
    equal, line = verified(tmp_path)
    if same or best.instruction_set == instruction_set:
        assert equal
    else:
        assert not equal and f"instruction set {best.instruction_set}, recorded {instruction_set}; " in line
        assert line.endswith(f"equality is not promised: {instruction_set} kernels)")


def test_the_folder_of_a_report_names_its_stages_and_their_outputs(copied: Store) -> None:
    findings = measure(STUDY, copied)
    report = copied.root / "tiny"
    write_report(findings.audit, report, examples={}, prompts={}, study=findings)
    stray = PRETRAIN.model_copy(update={"seed": 7})
    (copied.folder(stray)).mkdir()
    (copied.folder(stray) / "provenance.json").write_text("{")
    assert {one.name for one in recorded_stages(report)} == {name(stage) for stage in STAGES}
    assert verified(report)[1] == "equal: 4 stages, 17 outputs, recomputed from specs alone"
    spoil_weights(copied.folder(TUNED) / "model" / "model.safetensors")
    record_again(copied.folder(TUNED))
    assert verified(report, Untouched()) == (
        False,
        f"differs: {name(TUNED)}: provenance.json has other digests of outputs than the report",
    )
    (report / "boundary.json").write_text("{}")
    with pytest.raises(InputError, match=r"boundary\.json: names no stages"):
        recorded_stages(report)


def altered_spec(store: Store) -> None:
    fields = json.loads((store.folder(TUNED) / "spec.json").read_text())
    edit_json(store.folder(TUNED) / "spec.json", recipe={**fields["recipe"], "steps": 5})


def altered_spec_and_record(store: Store) -> None:
    altered_spec(store)
    stage = RL.parse(json.loads((store.folder(TUNED) / "spec.json").read_text()))
    edit_json(store.folder(TUNED) / "provenance.json", digest=name(stage).removeprefix("rl-"))


REFUSED: dict[str, tuple[Callable[[Store], object], str]] = {
    "no provenance": (
        lambda store: (store.folder(TUNED) / "provenance.json").unlink(),
        r"has no provenance\.json, so it is not a finished stage",
    ),
    "no spec": (lambda store: (store.folder(TUNED) / "spec.json").unlink(), r"spec\.json: missing or corrupt"),
    "an altered spec": (altered_spec, r"spec\.json: was altered: its digest is \w{16}, recorded \w{16}$"),
    "an altered spec and digest": (altered_spec_and_record, r"spec\.json: was altered: its digest is "),
    "an unknown kind": (
        lambda store: edit_json(store.folder(TUNED) / "spec.json", kind="dreamt"),
        r"spec\.json: kind: must be one of .*is 'dreamt'; what a study of your own brings is known with it",
    ),
    "an unknown world": (
        lambda store: edit_json(store.folder(TUNED) / "spec.json", world={"world": "dreamt"}),
        r"spec\.json: world: .*'dreamt' is unknown",
    ),
    "no field of a stage": (
        lambda store: edit_json(store.folder(TUNED) / "spec.json", more=1),
        r"spec\.json: more: Extra inputs",
    ),
    "a record of an older version": (
        lambda store: edit_json(store.folder(TUNED) / "provenance.json", outputs={}),
        r"its provenance\.json has no digests of outputs, as edgewise 0\.\S* recorded it; run the study again$",
    ),
    "other code": (
        lambda store: edit_json(store.folder(TUNED) / "provenance.json", own_code={"world": "0" * 16}),
        r"the code of world was edited since; verify it with the code that made it$",
    ),
    "a parent without a record": (
        lambda store: edit_json(store.folder(PRETRAIN) / "provenance.json", outputs={}),
        rf"{name(PRETRAIN)}: its provenance\.json has no digests",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_bad_input_is_one_line_and_computes_nothing(what: str, copied: Store) -> None:
    spoil, message = REFUSED[what]
    spoil(copied)
    with pytest.raises(InputError, match=message) as caught:
        verified(copied.folder(TUNED), Untouched())
    assert "\n" not in str(caught.value)


def test_a_folder_without_stages_is_refused(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "absent"):
        with pytest.raises(InputError, match=r"holds no finished stage; give a stage's folder, a store or"):
            recorded_stages(place)


def test_a_stage_of_one_s_own_is_found_in_its_study_and_its_edited_code_is_refused(tmp_path: Path) -> None:
    """The kind is not registered, so that the spec alone cannot be read."""
    stage, store = Shrink(parent=PRETRAIN, world=PRETRAIN.world), Store(tmp_path)
    store.compute(PRETRAIN)
    store.compute(stage)
    with pytest.raises(InputError, match=r"kind: must be one of .*'shrink'; what a study of your own brings"):
        recorded_stages(store.folder(stage))
    recorded = recorded_stages(tmp_path, [PRETRAIN, stage])
    assert recompute(recorded, Context(tmp_path, workers=1), Log()) == (
        True,
        "equal: 2 stages, 11 outputs, recomputed from specs alone",
    )
    # What its folder is called, and its record, after an edit of the code.
    edited = store.folder(stage).rename(tmp_path / "shrink-0123456789abcdef")
    edit_json(edited / "provenance.json", digest="0123456789abcdef", own_code={"": "0" * 16})
    with pytest.raises(InputError, match=r"shrink-0123456789abcdef: the code of its class was edited since"):
        recorded_stages(tmp_path, [PRETRAIN, stage])
    shutil.rmtree(edited)
    with pytest.raises(InputError, match=rf": has no {name(stage)}, a stage of this study; give its store"):
        recorded_stages(tmp_path, [PRETRAIN, stage])
