"""inspect_ai: real logs, with the scores that its own reader finds in them."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from edgewise.interop.ingest import lines
from edgewise.interop.readers import inspect_ai
from tests.interop.writing import FILES, counts, only, refused, totals

EXPECTED = json.loads((FILES / "expected_inspect.json").read_text())


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_epochs_are_samples_with_the_tools_counts(name: str) -> None:
    imported = only(FILES / name)
    assert totals(imported) == {problem: (n, c) for problem, (n, c, _) in EXPECTED[name].items()}
    found = counts(imported)
    assert dict(zip(found.problem.tolist(), found.unscorable_P.tolist(), strict=True)) == {
        problem: unscorable for problem, (_, _, unscorable) in EXPECTED[name].items()
    }
    assert (imported.model, imported.source) == ("scripted/tiny", "inspect_ai log")
    assert imported.sampling.temperature == (0.7,)
    assert (imported.sampling.top_p, imported.sampling.max_tokens, imported.sampling.seeds) == ((0.9,), (16,), (5,))
    assert imported.verifiers == ("shades",) if "shades" in name else ("match",)


def test_texts_answers_and_levels_arrive() -> None:
    imported = only(FILES / "inspect.eval")
    assert imported.prompts["add-1"] == "What is 2 + 2?"
    assert ("add-1", "5", "wrong") in {
        (example.problem_id, example.text, example.answer) for example in imported.examples
    }
    assert imported.outcomes is not None
    assert imported.outcomes.level.tolist() == [2, 1, 2]
    assert imported.outcomes.gold is not None and imported.outcomes.gold.tolist() == ["9", "4", "10"]
    assert imported.outcomes.set is not None and set(imported.outcomes.set.tolist()) == {"sums"}
    assert imported.outcomes.tokens_S is not None and imported.outcomes.tokens_S.max() == 3
    assert sorted(imported.outcomes.sample_S.tolist()) == [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]


HEADER = {"version": 2, "status": "success", "eval": {"model": "m", "task": "t"}, "plan": {}}


def sample(value: Any = "C", **changed: Any) -> dict[str, Any]:
    return {"id": 1, "epoch": 1, "scores": {"match": {"value": value}}, "input": "q"} | changed


def archive(path: Path, *samples: Any, header: Mapping[str, Any] = HEADER, packing: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", packing) as log:
        log.writestr("header.json", json.dumps(header))
        for i, sample in enumerate(samples):
            log.writestr(f"samples/{i}.json", json.dumps(sample))
    return path


def test_numbers_attachments_and_errors(tmp_path: Path) -> None:
    said = {
        "choices": [{"message": {"content": [{"type": "text", "text": "attachment://h"}]}, "stop_reason": "max_tokens"}]
    }
    samples = [
        sample(1, output=said, attachments={"h": "long text", "q": "long question"}, input="attachment://q"),
        sample(0.0, epoch=2),
        sample(True, epoch=3, error={"message": "time is out"}),
        sample(epoch=4, scores={}),
    ]
    imported = only(archive(tmp_path / "a.eval", *samples))
    assert totals(imported) == {"1": (4, 1)}
    assert counts(imported).unscorable_P.tolist() == [2]
    assert imported.examples[0].text == "long text"
    assert imported.prompts == {"1": "long question"}
    assert imported.outcomes is not None
    assert "samples that ended in an error or have no score are unscorable" in imported.notes


def test_a_sample_that_was_written_again_counts_as_written_last(tmp_path: Path) -> None:
    file = archive(tmp_path / "a.eval", sample("I"))
    with zipfile.ZipFile(file, "a") as log, pytest.warns(UserWarning, match="Duplicate name"):
        log.writestr("samples/0.json", json.dumps(sample("C")))
    assert totals(only(file)) == {"1": (1, 1)}


def test_an_unfinished_log_says_so(tmp_path: Path) -> None:
    imported = only(archive(tmp_path / "a.eval", sample(), header=HEADER | {"status": "cancelled"}))
    assert "a.eval: the run ended with status 'cancelled'; it may lack samples" in imported.warnings


def test_of_several_scorers_one_must_be_named(tmp_path: Path) -> None:
    both = {"exact": {"value": "I"}, "loose": {"value": "C"}}
    file = archive(tmp_path / "a.eval", sample(scores=both))
    assert refused(file) == "a.eval: sample 1: score: not named; name one of the scorers exact, loose"
    assert totals(only(file, score="loose")) == {"1": (1, 1)}
    assert refused(file, score="x").startswith("a.eval: sample 1: scores: no 'x'; there are exact, loose")


@pytest.mark.parametrize(
    ("samples", "says"),
    [
        ([], "no sample; the log of a finished run has some"),
        ([sample(), sample()], "sample 2: sample_id: problem '1' had this sample before; a sample is one row"),
        ([sample("maybe")], "sample 1: scores: match: 'maybe'; C, I, P, N or a number is needed"),
        ([sample([1])], "sample 1: scores: match: a list; C, I, P, N or a number is needed"),
        ([sample(0.5)], "sample 1: score: 0.5 is graded; give a threshold for correct"),
        ([sample(epoch="one two")], None),
        ([{"id": 1}], "sample 1: not an object with id and epoch; is the log whole?"),
        ([[]], "sample 1: not an object with id and epoch"),
    ],
)
def test_a_bad_sample_is_named(tmp_path: Path, samples: list[Any], says: str | None) -> None:
    file = archive(tmp_path / "a.eval", *samples)
    document = tmp_path / "a.json"
    document.write_text(json.dumps(HEADER | {"samples": samples}, indent=2))
    for path in (file, document):
        if says is None:
            assert totals(only(path)) == {"1": (1, 1)}
        else:
            assert refused(path).startswith(f"{path.name}: {says}")


def test_bombs_and_foreign_zips_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspect_ai, "MEMBER_BYTES", 10_000)
    big = archive(tmp_path / "a.eval", sample(input="x" * 20_000))
    assert refused(big) == "a.eval: 'samples/0.json' unpacks to more than 10,000 bytes"
    monkeypatch.setattr(lines, "DOCUMENT_BYTES", 10_000)
    document = tmp_path / "a.json"
    document.write_text(json.dumps(HEADER | {"samples": [sample(input="x" * 6_000)] * 2}, indent=2))
    assert refused(document) == "a.json: more than 10,000 bytes of JSON; write JSONL, one row a line"
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as other:
        other.writestr("../../escape.json", "{}")
    assert refused(tmp_path / "b.zip") == "b.zip: a zip file, but no inspect_ai log: it has no header.json"
    assert not list(tmp_path.rglob("escape.json"))


def test_a_zstandard_bomb_is_refused(tmp_path: Path) -> None:
    packed = pa.compress(b" " * (inspect_ai.MEMBER_BYTES + 1), codec="zstd", asbytes=True)
    file = archive(tmp_path / "a.eval", packing=zipfile.ZIP_STORED)
    with zipfile.ZipFile(file, "a", zipfile.ZIP_STORED) as log:
        log.writestr("samples/0.json", packed)
    # The method of the member, in its own header and in the directory at the end, becomes zstandard.
    content = bytearray(file.read_bytes())
    local, listed = content.index(b"PK\x03\x04", 10), content.rindex(b"PK\x01\x02")
    content[local + 8 : local + 10] = content[listed + 10 : listed + 12] = (93).to_bytes(2, "little")
    file.write_bytes(content)
    assert len(packed) < 100_000
    assert refused(file) == f"a.eval: 'samples/0.json' unpacks to more than {inspect_ai.MEMBER_BYTES:,} bytes"


def test_a_damaged_log_is_refused(tmp_path: Path) -> None:
    content = (FILES / "inspect.eval").read_bytes()
    (tmp_path / "cut.eval").write_bytes(content[: len(content) // 2])
    assert refused(tmp_path / "cut.eval").startswith("cut.eval: not a whole .eval log (")
    # A letter of a sample changes, in a log that is not packed: only the checksum can tell.
    plain = archive(tmp_path / "odd.eval", sample(input="abc"), packing=zipfile.ZIP_STORED)
    plain.write_bytes(plain.read_bytes().replace(b'"abc"', b'"abd"'))
    assert refused(plain).startswith("odd.eval: not a whole .eval log (Bad CRC-32 for file 'samples/0.json')")


def test_a_checksum_is_looked_at_also_where_the_archive_packs_with_zstandard(tmp_path: Path) -> None:
    content = bytearray((FILES / "inspect.eval").read_bytes())
    with zipfile.ZipFile(FILES / "inspect.eval") as log:
        info = next(member for member in log.infolist() if member.filename.startswith("samples/"))
    listed = content.rindex(b"PK\x01\x02", 0, content.rindex(info.filename.encode()))
    content[listed + 16] ^= 1
    (tmp_path / "a.eval").write_bytes(content)
    assert refused(tmp_path / "a.eval").endswith("its checksum is not that of the log; copy the log again")


NAN = float("nan")


def test_nan_is_the_tools_mark_for_a_sample_that_was_not_scored(tmp_path: Path) -> None:
    header = HEADER | {"results": {"scores": [{"metrics": {"accuracy": {"value": NAN}}}]}}
    values = ["C", NAN, None, 0.0]
    samples = [sample(value, epoch=epoch) for epoch, value in enumerate(values, 1)]
    document = tmp_path / "a.json"
    document.write_text(json.dumps(header | {"samples": samples}, indent=2))
    for file in (archive(tmp_path / "a.eval", *samples, header=header), document):
        imported = only(file)
        assert totals(imported) == {"1": (4, 1)}
        assert counts(imported).unscorable_P.tolist() == [2]


def test_a_log_without_a_score_is_refused(tmp_path: Path) -> None:
    bare = [sample(scores={}), sample(epoch=2, scores=None)]
    lines = [refused(archive(tmp_path / "a.eval", *bare)), refused(archive(tmp_path / "b.eval", sample(NAN)))]
    says = "scores: no sample has one; grade the log with `inspect score`"
    assert lines == [f"a.eval: {says}", f"b.eval: {says}"]


def test_a_value_of_several_is_named(tmp_path: Path) -> None:
    whole = [sample({"answer": 1, "format": 0}), sample({"answer": 0, "format": 1}, epoch=2)]
    # One value for all marks a sample that was not scored; a missing one is a null.
    unscored = [sample(NAN, epoch=3), sample({"answer": None, "format": 1}, epoch=4)]
    file = archive(tmp_path / "a.eval", *whole, *unscored)
    assert refused(file).endswith("sample 1: score: not named; name one of the scorers match.answer, match.format")
    for name in ("answer", "match.answer"):
        imported = only(file, score=name)
        assert totals(imported) == {"1": (4, 1)}
        assert counts(imported).unscorable_P.tolist() == [2]
        assert (imported.graded_by, imported.verifiers) == (("match.answer",), ("match",))
    assert refused(file, score="x").endswith("sample 1: scores: no 'x'; there are match.answer, match.format")
    one = archive(tmp_path / "b.eval", sample({"answer": "C"}))
    assert totals(only(one)) == totals(only(one, score="match")) == {"1": (1, 1)}


def test_a_threshold_decides_what_partly_right_is(tmp_path: Path) -> None:
    file = archive(tmp_path / "a.eval", *(sample(value, epoch=epoch) for epoch, value in enumerate("CPIN")))
    imported = only(file)
    assert totals(imported) == {"1": (4, 1)}
    assert imported.warnings == ("partly right answers (P) count as wrong: --threshold 0.5 takes them as correct",)
    partly = only(file, threshold=0.4)
    assert totals(partly) == {"1": (4, 2)}
    assert not partly.warnings
    assert counts(partly).unscorable_P.tolist() == [1]
    assert totals(only(file, threshold=0.6)) == {"1": (4, 1)}


def test_a_sample_that_a_limit_ended_was_cut_off(tmp_path: Path) -> None:
    said = {"choices": [{"message": {"content": "x"}, "stop_reason": "model_length"}]}
    ended = {"choices": [{"message": {"content": "x"}, "stop_reason": "stop"}]}
    file = archive(
        tmp_path / "a.eval",
        sample(output=ended),
        sample(output=said, epoch=2),
        sample(output=ended, epoch=3, limit={"type": "token", "limit": 10}),
    )
    imported = only(file)
    assert imported.outcomes is not None and imported.outcomes.truncated_S is not None
    assert imported.outcomes.truncated_S.tolist() == [False, True, True]


def test_logs_of_one_epoch_and_a_log_with_its_retry(tmp_path: Path) -> None:
    """Epochs begin at 1 in every log: other samples are counted on, and what a retry took over is counted once."""
    logs, retries = tmp_path / "logs", tmp_path / "retries"
    logs.mkdir()
    retries.mkdir()
    for number, value in enumerate("CIC"):
        output = {"choices": [{"message": {"content": f"text {number}"}, "stop_reason": "stop"}]}
        archive(logs / f"{number}.eval", sample(value, output=output))
    assert totals(only(logs)) == {"1": (3, 2)}
    done = sample("C", output={"choices": [{"message": {"content": "done"}, "stop_reason": "stop"}]})
    archive(retries / "a.eval", done, header=HEADER | {"status": "error"})
    archive(retries / "b.eval", done, done | {"id": 2})
    assert totals(only(retries)) == {"1": (1, 1), "2": (1, 1)}
