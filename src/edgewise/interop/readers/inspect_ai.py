"""inspect_ai logs: `.eval` (a zip of JSON files) and `.json`; an epoch is a sample.

The task is the problem set. Scores "C" and 1 are correct; "I", 0 and "P" (partly right) are wrong;
"N" (no answer), no score at all and a sample that ended in an error are unscorable. Other numbers
need a threshold. Nothing is unpacked to disk, and no more than MEMBER_BYTES of a member to memory.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

import pyarrow as pa

from edgewise.core.errors import InputError
from edgewise.interop.ingest.builder import Builder
from edgewise.interop.ingest.lines import brief, lines, parse
from edgewise.interop.ingest.rows import RowWriter
from edgewise.interop.ingest.values import shown
from edgewise.interop.readers.jsonl import listed

MEMBER_BYTES = 256 * 2**20

_SCORES = {"C": 1.0, "I": 0.0, "P": 0.5, "N": None}
_ZSTD = 93
_LOCAL_HEADER = struct.Struct("<4s5H3L2H")
_CHUNK = 2**20
_ATTACHED = "attachment://"


def recognised(log: Any) -> bool:
    """Whether this JSON value is a log, whole or its header."""
    return isinstance(log, dict) and isinstance(log.get("eval"), dict) and "version" in log and "plan" in log


def read_eval(path: Path, builder: Builder, score: str | None) -> None:
    """Add the samples of a `.eval` log; `score` names the scorer that holds the verdict."""
    try:
        with zipfile.ZipFile(path) as log:
            # A member that was written again counts as it was written last.
            members = {info.filename: info for info in log.infolist()}
            header = members.get("header.json") or members.get("_journal/start.json")
            if header is None:
                raise InputError(f"{path}: a zip file, but no inspect_ai log: it has no header.json")
            names = [name for name in members if name.startswith("samples/") and name.endswith(".json")]
            samples = (_member(log, members[name], path) for name in names)
            _read(path, _member(log, header, path), samples, builder, score)
    except (
        OSError,
        EOFError,
        zipfile.BadZipFile,
        zlib.error,
        NotImplementedError,
        RuntimeError,
        pa.ArrowException,
    ) as error:
        raise InputError(f"{path}: not a whole .eval log ({brief(error)}); copy it again") from None


def read_json(path: Path, builder: Builder, score: str | None) -> None:
    """Add the samples of a `.json` log; `score` names the scorer that holds the verdict."""
    parts, size = [], 0
    for _, text in lines(path):
        size += len(text)
        if size > MEMBER_BYTES:
            raise InputError(f"{path}: more than {MEMBER_BYTES:,} bytes of JSON; convert the log to .eval")
        parts.append(text)
    log = parse("".join(parts), str(path))
    samples = log.get("samples") if isinstance(log, dict) else None
    if not isinstance(samples, list):
        raise InputError(f"{path}: samples: not in the log; write it with its samples")
    _read(path, log, iter(samples), builder, score)


def _read(path: Path, log: Any, samples: Iterator[Any], builder: Builder, score: str | None) -> None:
    builder.begin(path, "inspect_ai log")
    if not recognised(log):
        raise InputError(f"{path}: no inspect_ai log: its header has no eval, plan and version")
    common = _common(log)
    if log.get("status") != "success":
        builder.note(f"{path.name}: the run ended with status {shown(log.get('status'))}; it may lack samples")
    writer = RowWriter(builder, path)
    count = 0
    for count, sample in enumerate(samples, 1):
        place = f"{path}: sample {count}"
        if not isinstance(sample, dict) or "id" not in sample or "epoch" not in sample:
            raise InputError(f"{place}: not an object with id and epoch; is the log whole?")
        row = common | _sample(sample, place, builder, score)
        writer.write("sample", count, row, sum(len(one) for one in row.values() if isinstance(one, str)))
    if not count:
        raise InputError(f"{path}: no sample; the log of a finished run has some")
    writer.flush()


def _common(log: dict[str, Any]) -> dict[str, Any]:
    """What all samples of a log share."""
    about = log["eval"]
    common = {"model": about.get("model"), "set": about.get("task")}
    plan = log["plan"].get("config") if isinstance(log["plan"], dict) else None
    for settings in (about.get("model_generate_config"), plan):
        if isinstance(settings, dict):
            for name in ("temperature", "top_p", "max_tokens", "seed"):
                if settings.get(name) is not None:
                    common[name] = settings[name]
    return {name: value for name, value in common.items() if value is not None}


def _sample(sample: dict[str, Any], place: str, builder: Builder, score: str | None) -> dict[str, Any]:
    attached = sample.get("attachments")
    attached = attached if isinstance(attached, dict) else {}
    row: dict[str, Any] = {
        "problem": sample["id"],
        "sample": sample["epoch"],
        "prompt": _resolved(sample.get("input"), attached),
        "gold": sample.get("target"),
        "correct": None,
    }
    metadata = sample.get("metadata")
    if isinstance(metadata, dict):
        row |= {name: metadata[name] for name in ("level", "cluster") if isinstance(metadata.get(name), int | str)}
    output = sample.get("output")
    choices = output.get("choices") if isinstance(output, dict) else None
    if isinstance(choices, list) and choices and isinstance(choices[0], dict):
        row["completion"] = _resolved(choices[0].get("message"), attached)
        row["truncated"] = choices[0].get("stop_reason") in ("max_tokens", "model_length")
    usage = output.get("usage") if isinstance(output, dict) else None
    if isinstance(usage, dict):
        row["tokens"] = usage.get("output_tokens")
    scores = sample.get("scores")
    if sample.get("error") is not None or not isinstance(scores, dict) or not scores:
        builder.note("samples that ended in an error or have no score are unscorable")
        return row
    if score is None and len(scores) > 1:
        raise InputError(f"{place}: score: not named; name one of the scorers {listed(list(scores))}")
    scorer = score or next(iter(scores))
    found = scores.get(scorer)
    if not isinstance(found, dict) or "value" not in found:
        raise InputError(f"{place}: scores: no {shown(scorer)}; there are {listed(list(scores))}")
    return row | {
        "verifier": scorer,
        "answer": found.get("answer"),
        "reason": found.get("explanation"),
        **_verdict(found["value"], f"{place}: scores: {scorer}"),
    }


def _verdict(value: Any, place: str) -> dict[str, Any]:
    """The cells that a score fills."""
    if isinstance(value, str) and value in _SCORES:
        return {"score": _SCORES[value], "correct": None if value == "N" else value == "C"}
    if isinstance(value, bool | int | float):
        return {"score": value, "graded": value}
    raise InputError(f"{place}: {shown(value)}; C, I, P, N or a number is needed")


def _resolved(value: Any, attached: dict[str, Any]) -> Any:
    """Long texts are stored once, beside the sample, and named where they stood."""
    if isinstance(value, str) and value.startswith(_ATTACHED):
        return attached.get(value[len(_ATTACHED) :], value)
    if isinstance(value, list):
        return [_resolved(one, attached) for one in value]
    if isinstance(value, dict):
        return {"content": _resolved(value.get("content", value.get("text")), attached)}
    return value


def _member(log: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> Any:
    """The JSON value of one member."""
    parts, size, check = [], 0, 0
    with _unpacked(log, info, path) as stream:
        while part := stream.read(_CHUNK):
            size, check = size + len(part), zlib.crc32(part, check)
            if size > MEMBER_BYTES:
                raise InputError(f"{path}: {shown(info.filename)} unpacks to more than {MEMBER_BYTES:,} bytes")
            parts.append(part)
    place = f"{path}: {shown(info.filename)}"
    if check != info.CRC:
        raise InputError(f"{place}: its checksum is not that of the log; copy the log again")
    try:
        return parse(b"".join(parts).decode(), place)
    except UnicodeDecodeError:
        raise InputError(f"{place}: not UTF-8; is the log whole?") from None


def _unpacked(log: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> IO[bytes]:
    """A member's content. inspect_ai packs with zstandard, which zipfile does not unpack."""
    if info.compress_type != _ZSTD:
        return log.open(info)
    with path.open("rb") as file:
        file.seek(info.header_offset)
        start = file.read(_LOCAL_HEADER.size)
        if len(start) < _LOCAL_HEADER.size:
            raise EOFError(f"{info.filename} is cut off")
        *_, name_size, extra_size = _LOCAL_HEADER.unpack(start)
        file.seek(name_size + extra_size, 1)
        packed = file.read(min(info.compress_size, MEMBER_BYTES))
    return cast(IO[bytes], pa.input_stream(pa.py_buffer(packed), compression="zstd"))
