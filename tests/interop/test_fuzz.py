"""Whatever the bytes, an importer gives a ModelRollouts or an InputError of one line."""

from __future__ import annotations

import gzip
import json
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgewise.core.errors import InputError
from edgewise.interop.ingest.head import list_names
from edgewise.interop.ingest.schema import ALIASES as NAMES
from edgewise.interop.read import read_rollouts
from edgewise.interop.readers import every_eval_ever, lm_eval, nemo_evaluator, nemo_gym, verifiers, verl
from tests.interop.writing import FILES, counts

REAL = sorted(file for kind in ("*.eval", "*.jsonl", "*.parquet", "inspect.json") for file in FILES.rglob(kind))
ALIASES = [name for names in NAMES.values() for name in names]
ROWS: list[dict[str, Any]] = [
    {"problem_id": p, "sample_id": s, "correct": s % 2 == 0, "completion": f"x = {s}", "prompt": f"q {p}", "level": p}
    for p in range(3)
    for s in range(4)
]

fuzzed = settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(["1", "C", "yes", "length", "\ud800", "a\x00", "x" * 300, "step", "attachment://1", 2**70, 1.5]),
)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=3,
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Files of our own formats, beside the real ones of other tools."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "own.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    with gzip.open(folder / "own.jsonl.gz", "wb") as packed:
        packed.write((folder / "own.jsonl").read_bytes())
    pq.write_table(pa.Table.from_pylist(ROWS), folder / "own.parquet")
    (folder / "counts.csv").write_text("problem_id,n,c,level\na,4,1,1\nb,4,4,2\n")
    return [*sorted(folder.iterdir()), *REAL]


def imported_or_refused(path: Path, **options: Any) -> None:
    """Any other exception is a bug."""
    try:
        found = read_rollouts(path, **options)
    except InputError as error:
        line = str(error)
        assert str(path) in line, line
        assert line.isprintable(), line
        return
    assert found
    for imported in found:
        assert (counts(imported).c_P <= counts(imported).n_P).all()


def keyed(names: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.sampled_from(names), anything, max_size=6)


def as_lines(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def test_the_real_files_are_there() -> None:
    assert len(REAL) >= 11


@fuzzed
@given(st.binary(max_size=400), st.sampled_from(["", "{", "PAR1", "PK\x03\x04", "\x1f\x8b", "problem_id,n,c\n"]))
def test_arbitrary_bytes(tmp_path: Path, content: bytes, start: str) -> None:
    file = tmp_path / "any"
    file.write_bytes(start.encode("latin-1") + content)
    imported_or_refused(file)


@fuzzed
@given(st.lists(keyed(ALIASES), max_size=3))
def test_arbitrary_documented_rows(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    file = tmp_path / "own.jsonl"
    file.write_text(as_lines([{"problem_id": 1, "correct": True} | row for row in rows]))
    imported_or_refused(file)
    file.write_text(as_lines([{"problem_id": i, "correct": True} for i in range(3)] + rows))
    imported_or_refused(file)


nested_names = [
    *ALIASES,
    *(name for column in NAMES for name in list_names(column)),
    "rollouts",
    "base_correct",
    "rl_correct",
]
nested = st.dictionaries(
    st.sampled_from(nested_names),
    anything | st.lists(keyed(ALIASES), max_size=3) | st.lists(scalars, max_size=3),
    max_size=6,
)


@fuzzed
@given(st.lists(nested, max_size=4), st.sampled_from(["rollouts", "scores", "base_correct"]))
def test_arbitrary_rows_of_samples(tmp_path: Path, rows: list[dict[str, Any]], kind: str) -> None:
    samples_of: dict[str, dict[str, Any]] = {
        "rollouts": {"rollouts": [{"correct": True}, {"correct": 0}]},
        "scores": {"scores": [1, 0], "responses": ["a", "b"]},
        "base_correct": {"base_correct": 1, "rl_correct": 0, "rl_text": "a"},
    }
    samples = samples_of[kind]
    whole = [{"id": place, **samples} for place in range(3)]
    file = tmp_path / "own"
    for content in (whole + rows, [samples | row for row in rows]):
        file.write_text(as_lines(content))
        imported_or_refused(file)
        file.write_text(json.dumps(content, indent=1))
        imported_or_refused(file)


@fuzzed
@given(
    anything, st.dictionaries(st.text(max_size=3), st.lists(keyed(ALIASES), max_size=2) | nested | anything, max_size=3)
)
def test_arbitrary_documents(tmp_path: Path, value: Any, keyed_rows: dict[str, Any]) -> None:
    file = tmp_path / "own.json"
    rows: dict[str, Any] = {"a": [{"correct": 1}], "b": {"passed": [True, False]}}
    listed = {"results": [{"id": 1, "correct": 1}], **keyed_rows}
    for document in (value, keyed_rows, rows | keyed_rows, listed, {"x": rows | keyed_rows}):
        for indent in (None, 1):
            file.write_text(json.dumps(document, indent=indent))
            imported_or_refused(file)


@fuzzed
@given(st.lists(keyed(ALIASES), min_size=1, max_size=4), keyed(ALIASES), st.sampled_from(ALIASES))
def test_arbitrary_options(tmp_path: Path, rows: list[dict[str, Any]], row: dict[str, Any], score: str) -> None:
    file = tmp_path / "own.jsonl"
    file.write_text(as_lines([{"problem_id": 1, "correct": True} | row for row in rows]))
    mapped = dict(zip(NAMES, row, strict=False))
    imported_or_refused(file, score=score)
    imported_or_refused(file, columns=mapped)
    imported_or_refused(file, score=score, columns=mapped)


@fuzzed
@given(
    st.lists(
        keyed(sorted(verl.KEYS | {"acc", "gts", "pred", "data_source", "uid", "images", "request_id"})), max_size=6
    )
)
def test_arbitrary_verl_rows(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    file = tmp_path / "1.jsonl"
    file.write_text(as_lines([{"input": "q", "output": "a", "score": 1.0, "step": 1} | row for row in rows]))
    imported_or_refused(file)


@fuzzed
@given(
    st.lists(
        keyed(sorted(lm_eval.KEYS | {"doc", "arguments", "filter", "metrics", "exact_match", "acc", "target"})),
        max_size=6,
    )
)
def test_arbitrary_harness_rows(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    file = tmp_path / "samples_t_2026-01-01T00-00-00.0.jsonl"
    whole = {"doc_id": 1, "resps": [["a"]], "filtered_resps": ["a"], "exact_match": 1.0, "metrics": ["exact_match"]}
    file.write_text(as_lines([whole | row for row in rows]))
    imported_or_refused(file)


_SOLUTION = {"solution": "x", "base_status": "pass", "plus_status": "fail"}


@fuzzed
@given(
    st.lists(keyed(["base_status", "plus_status", "solution"]), max_size=3),
    st.dictionaries(st.text(max_size=3), anything, max_size=2),
)
def test_arbitrary_evalplus_results(tmp_path: Path, solutions: list[dict[str, Any]], others: dict[str, Any]) -> None:
    file = tmp_path / "eval_results.json"
    whole = [_SOLUTION | solution for solution in solutions]
    file.write_text(json.dumps({"eval": {"HumanEval/0": [_SOLUTION, *whole]} | others}))
    imported_or_refused(file)


@fuzzed
@given(
    st.lists(keyed(sorted(verifiers.KEYS | {"answer", "error", "metrics", "token_usage", "task"})), max_size=3),
    st.lists(
        keyed(sorted(nemo_gym.KEYS | {"response", "responses_create_params", "mask_sample", "expected_answer"})),
        max_size=3,
    ),
    st.lists(
        keyed(
            sorted(
                every_eval_ever.KEYS
                | {"input", "output", "token_usage", "answer_attribution", "error", "model_id", "evaluation_name"}
            )
        ),
        max_size=3,
    ),
)
def test_arbitrary_rows_of_environments(
    tmp_path: Path, results: list[dict[str, Any]], rollouts: list[dict[str, Any]], instances: list[dict[str, Any]]
) -> None:
    wholes: list[tuple[dict[str, Any], list[dict[str, Any]]]] = [
        ({"example_id": 0, "prompt": "q", "completion": "a", "reward": 1.0}, results),
        ({"_ng_task_index": 0, "_ng_rollout_index": 0, "reward": 1.0, "response": {"output": []}}, rollouts),
        (
            {"evaluation_id": "e", "sample_id": "a", "interaction_type": "x", "evaluation": {"is_correct": True}},
            instances,
        ),
    ]
    for whole, rows in wholes:
        file = tmp_path / "results.jsonl"
        file.write_text(as_lines([whole, *(whole | row for row in rows)]))
        imported_or_refused(file)


trace_keys = [
    "task",
    "nodes",
    "rewards",
    "metrics",
    "agent",
    "calls",
    "ok",
    "errors",
    "stop_condition",
    "run",
    "traces",
]
inner = keyed(["data", "key", "idx", "prompt", "answer", "config", "sampling", "trainable", "right", "score", "weight"])


@fuzzed
@given(
    st.lists(st.dictionaries(st.sampled_from(trace_keys), anything | inner | st.lists(inner), max_size=6), max_size=3),
    st.lists(
        keyed(sorted(nemo_evaluator.KEYS | {"step_id", "scoring_metadata", "model", "scorer_rewards", "prompt"})),
        max_size=3,
    ),
)
def test_arbitrary_episodes(tmp_path: Path, traces: list[dict[str, Any]], repeats: list[dict[str, Any]]) -> None:
    task = {"type": "t", "key": "k", "data": {"idx": 0, "prompt": "q"}}
    trace = {"task": task, "nodes": [], "rewards": {"right": {"score": 1.0}}, "metrics": {}, "ok": True}
    episode = {"env": {"id": "e"}, "ok": True, "traces": [trace]}
    repeat = {"problem_idx": 0, "repeat": 0, "reward": 1.0, "scoring_details": {}}
    changed = [trace | given for given in traces]
    wholes: list[tuple[dict[str, Any], list[dict[str, Any]]]] = [
        (trace, changed),
        (episode, [episode | {"traces": [given]} for given in changed]),
        (episode, [episode | {"traces": traces}]),
        (repeat, [repeat | given for given in repeats]),
        (repeat | {"step_id": "a", "seed_metadata": {}, "model": {}}, [repeat | given for given in repeats]),
    ]
    for whole, rows in wholes:
        file = tmp_path / "traces.jsonl"
        file.write_text(as_lines([whole, *rows]))
        imported_or_refused(file)


sample_keys = ["id", "epoch", "input", "target", "output", "scores", "metadata", "error", "attachments"]
header_keys = ["eval", "plan", "version", "status", "samples", "results"]


@fuzzed
@given(
    keyed(header_keys),
    st.lists(keyed(sample_keys), max_size=4),
    keyed(["model", "task", "model_generate_config"]),
    anything,
)
def test_arbitrary_inspect_logs(
    tmp_path: Path, header: dict[str, Any], samples: list[dict[str, Any]], about: dict[str, Any], value: Any
) -> None:
    score = {"match": {"value": value, "answer": "4"}}
    whole = {"id": 1, "epoch": 1, "scores": score, "output": {"choices": [{"message": {"content": "4"}}]}}
    made = [whole | sample for sample in samples]
    log = {"version": 2, "status": "success", "plan": {"config": about}, "eval": about} | header
    file = tmp_path / "log.json"
    file.write_text(json.dumps({"samples": made} | log, indent=1))
    imported_or_refused(file)
    packed = tmp_path / "log.eval"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("header.json", json.dumps(log))
        for i, sample in enumerate(made):
            archive.writestr(f"samples/{i}.json", json.dumps(sample))
    imported_or_refused(packed)


columns = st.one_of(
    st.lists(st.one_of(st.none(), st.text(max_size=4)), min_size=4, max_size=4),
    st.lists(st.one_of(st.none(), st.integers(-2, 2)), min_size=4, max_size=4),
    st.lists(st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)), min_size=4, max_size=4),
    st.lists(st.one_of(st.none(), st.floats()), min_size=4, max_size=4),
    st.lists(st.one_of(st.none(), st.booleans()), min_size=4, max_size=4),
    st.lists(st.one_of(st.none(), st.binary(max_size=3)), min_size=4, max_size=4),
    st.lists(st.lists(st.integers(0, 3), max_size=2), min_size=4, max_size=4),
    st.lists(st.dictionaries(st.sampled_from(["role", "content"]), st.text(max_size=3)), min_size=4, max_size=4),
    st.lists(st.dates(), min_size=4, max_size=4),
)


@fuzzed
@given(
    st.dictionaries(
        st.sampled_from([*ALIASES, "step", "advantage", "process", "completion_ids"]),
        columns,
        max_size=8,
    ),
    st.booleans(),
)
def test_arbitrary_parquet_columns(tmp_path: Path, table: dict[str, list[Any]], whole: bool) -> None:
    start = {"problem_id": ["a", "a", "b", "b"], "correct": [True, False, True, False]} if whole else {}
    file = tmp_path / "own.parquet"
    for coded in (False, True):
        arrays = {}
        for name, cells in (start | table).items():
            try:
                array = pa.array(cells)
                arrays[name] = array.dictionary_encode() if coded else array
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError, UnicodeEncodeError):
                continue
        try:
            pq.write_table(pa.table(arrays), file)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            continue
        imported_or_refused(file)


@pytest.mark.parametrize("depth", range(300, 1000, 23))
def test_deep_values(tmp_path: Path, depth: int) -> None:
    deep = "[" * depth + "]" * depth
    starts = (
        '{"id": 1, "correct": 1, "prompt": ',
        '{"id": 1, "correct": 1, "level": ',
        '{"step": 1, "output": "a", "score": 1, "input": ',
        '{"version": 2, "plan": {}, "eval": {}, "samples": [{"id": 1, "epoch": 1, "input": ',
        '{"doc_id": 1, "filtered_resps": ["a"], "exact_match": 1, "resps": ',
    )
    for start in starts:
        (tmp_path / "a").write_text(start + deep + ("}]}" if "samples" in start else "}"))
        imported_or_refused(tmp_path / "a")


@fuzzed
@given(st.lists(st.lists(st.text("ab1,2 \"'-.\n", max_size=4) | st.integers(-1, 9).map(str), max_size=5), max_size=5))
def test_arbitrary_counts(tmp_path: Path, rows: list[list[str]]) -> None:
    file = tmp_path / "counts.csv"
    file.write_text("problem_id,n,c\n" + "\n".join(",".join(row) for row in rows))
    imported_or_refused(file)
    file.write_text("\n".join(",".join(["problem_id", *row, "n", "c"]) for row in rows) + "\r\na,1,1,1")
    imported_or_refused(file)


@settings(fuzzed, max_examples=150)
@given(st.data())
def test_damaged_files(tmp_path: Path, made: list[Path], data: st.DataObject) -> None:
    source = data.draw(st.sampled_from(made))
    content = bytearray(source.read_bytes())
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content))) :]
    for _ in range(data.draw(st.integers(0, 4))):
        if content:
            place = data.draw(st.integers(0, len(content) - 1))
            content[place] = data.draw(st.integers(0, 255))
    # Some readers look at the file beside theirs, which must not be the damaged one of an earlier example.
    file = tmp_path / source.stem / source.name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(content)
    imported_or_refused(file)
