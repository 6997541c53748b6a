"""Write rollouts as records of Every Eval Ever (schema 0.3): a result file for each model and set, and its samples.

    DIR/data/COLLECTION/DEVELOPER/MODEL/UUID.json           pass@k with its interval at each k, by answer and process
    DIR/data/COLLECTION/DEVELOPER/MODEL/UUID_samples.jsonl  one line a completion

A sample's line stands for the verdict on its answer; the one on its process is in its metadata. The schema needs a
verdict in each line: completions without one have `error`, so that no reader takes them for wrong. Files are named by
their content, so that writing twice gives the same files.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgewise import __version__
from edgewise.boundary.inference.means import Estimate
from edgewise.boundary.inference.supported_k import k_grid
from edgewise.boundary.measures.curves import curve
from edgewise.core.atomic import atomic_write
from edgewise.core.errors import InputError
from edgewise.interop.ingest.cells import quote, to_text
from edgewise.interop.ingest.columns import Array
from edgewise.interop.ingest.finish_reasons import is_cut_off, to_finish_reason
from edgewise.interop.model_rollouts import ModelRollouts
from edgewise.interop.read import read_source, require_followed
from edgewise.outcomes.counts import Counts, Metric

SCHEMA = "0.3.0"

_UNSAFE = re.compile(r"[^A-Za-z0-9._+-]+")
_NO_VERDICT = "no verdict: the completion could not be graded"
_CUT_OFF = "no verdict: the completion was cut off at its limit"


def write_every_eval_ever(path: str | Path, folder: Path, *, model_id: str | None = None, **options: Any) -> list[Path]:
    """Write the rollouts of a file or folder of any format that audits read; returns the result files.

    `model_id` is DEVELOPER/NAME, as Hugging Face names models; without it the files must state one. `options` are those
    of `read_rollouts`. Raises InputError as that does, and where the rollouts are counts without samples, are of
    several models, or hold copies.
    """
    samples = _Samples()
    read = read_source(path, listener=samples, **options)
    require_followed(str(path), [read], options.get("threshold"))
    if len(read.models) > 1:
        raise InputError(f"{path}: holds {len(read.models)} models; give the rollouts of one")
    (model,) = read.models
    name = model_id or model.model or ""
    if not re.fullmatch(r"[^/\s]+(/[^/\s]+)+", name):
        raise InputError(f"--model: {quote(name)}; DEVELOPER/NAME is needed, as Hugging Face names models")
    if model.outcomes is None:
        raise InputError(f"{path}: counts without samples; records need the samples")
    rows = len(samples.rows)
    if rows != model.outcomes.answer_S.size:
        raise InputError(f"{path}: {rows - model.outcomes.answer_S.size} rows are copies of others; leave them out")
    return [_write_set(folder, name, set_name, some, model) for set_name, some in samples.by_set().items()]


@dataclass
class _Samples:
    """The rows of all files as they are read, with their verdicts."""

    rows: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, rows: Sequence[Mapping[str, Any]], verdict_S: Array, process_S: Array | None) -> None:
        marks = [-1] * len(rows) if process_S is None else process_S.tolist()
        for row, verdict, process in zip(rows, verdict_S.tolist(), marks, strict=True):
            self.rows.append({**row, "verdict": verdict, "process": None if process_S is None else process})

    def by_set(self) -> dict[str, list[dict[str, Any]]]:
        """The rows of each problem set; those that name none are of "rollouts"."""
        sets: dict[str, list[dict[str, Any]]] = {}
        for row in self.rows:
            sets.setdefault(str(row.get("set") or "rollouts"), []).append(row)
        return sets


def _write_set(folder: Path, model_id: str, set_name: str, rows: list[dict[str, Any]], model: ModelRollouts) -> Path:
    asked = {str(row["problem"]): row for row in reversed(rows)}
    lines = [_instance(row, asked[str(row["problem"])], model_id, set_name) for row in rows]
    # What identifies the evaluation: the same rollouts have the same ids.
    content = hashlib.sha256(json.dumps([SCHEMA, model_id, set_name, lines], sort_keys=True).encode()).digest()
    name = str(uuid.UUID(bytes=content[:16], version=4))
    evaluation_id = f"{set_name}/{model_id}/{content[:8].hex()}"
    developer, _, rest = model_id.partition("/")
    place = Path("data", *(_component(part) for part in (set_name, developer, rest)))
    text = "".join(json.dumps(line | {"evaluation_id": evaluation_id}, ensure_ascii=False) + "\n" for line in lines)
    results = _results(set_name, model, rows)
    record = {
        "schema_version": SCHEMA,
        "evaluation_id": evaluation_id,
        "retrieved_timestamp": str(int(max((_modified(file) for file in model.files), default=0))),
        "source_metadata": {
            "source_type": "evaluation_run",
            "source_organization_name": developer,
            "evaluator_relationship": "other",
            "additional_details": {"read_from": model.source},
        },
        "eval_library": {"name": "edgewise", "version": __version__},
        "model_info": {
            "name": rest,
            "id": model_id,
            "developer": developer,
            "additional_details": {"deployment_type": "unknown", "model_availability": "unknown"},
        },
        "evaluation_results": results,
        "detailed_evaluation_results": {
            "format": "jsonl",
            "file_path": (place / f"{name}_samples.jsonl").as_posix(),
            "hash_algorithm": "sha256",
            "checksum": hashlib.sha256(text.encode()).hexdigest(),
            "total_rows": len(lines),
        },
    }
    (folder / place).mkdir(parents=True, exist_ok=True)
    for file, written in (
        (f"{name}_samples.jsonl", text),
        (f"{name}.json", json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False) + "\n"),
    ):
        with atomic_write(folder / place / file) as unfinished:
            unfinished.write_text(written, encoding="utf-8", newline="\n")
    return folder / place / f"{name}.json"


def _instance(row: Mapping[str, Any], first: Mapping[str, Any], model_id: str, set_name: str) -> dict[str, Any]:
    """The line of a completion, without the id of its evaluation; what its problem asks is in the first row of it."""
    prompt = to_text(row.get("prompt", first.get("prompt"))) or ""
    gold = to_text(row.get("gold", first.get("gold")))
    reference = [] if gold is None else [gold]
    completion, answer = to_text(row.get("completion")), to_text(row.get("answer"))
    hashed = json.dumps({"raw": prompt, "reference": reference}, sort_keys=True, separators=(",", ":"))
    reason = to_finish_reason(row.get("finish_reason"))
    cut = row.get("truncated") is True or bool(reason and is_cut_off(reason))
    metadata = {
        "stop_reason": "max_tokens" if cut else reason,
        "epoch": row.get("sample"),
        "level": row.get("level"),
        "reason": to_text(row.get("reason")),
        "process_correct": {1: "true", 0: "false"}.get(row["process"]),
    }
    line = {
        "schema_version": SCHEMA,
        "model_id": model_id,
        "evaluation_name": set_name,
        "evaluation_result_id": _result_id(set_name, "answer", 1),
        "sample_id": str(row["problem"]),
        "sample_hash": hashlib.sha256(hashed.encode()).hexdigest(),
        "interaction_type": "single_turn",
        "input": {"raw": prompt, "reference": reference},
        "output": {"raw": [] if completion is None else [completion]},
        "answer_attribution": []
        if answer is None
        else [
            {
                "turn_idx": 0,
                "source": "output.raw",
                "extracted_value": answer,
                "extraction_method": str(row.get("verifier") or "custom"),
                "is_terminal": True,
            }
        ],
        "evaluation": {"score": float(row["verdict"] == 1), "is_correct": row["verdict"] == 1},
        "metadata": {name: str(value) for name, value in metadata.items() if value is not None and value != ""},
    }
    return line if row["verdict"] != -1 else line | {"error": _CUT_OFF if cut else _NO_VERDICT}


def _results(set_name: str, model: ModelRollouts, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """pass@k of a set by each metric, at the k that its samples support, each with its interval."""
    assert model.outcomes is not None
    sampling = model.sampling
    settings = {
        name: values[0]
        for name, values in (
            ("temperature", sampling.temperature),
            ("top_p", sampling.top_p),
            ("max_tokens", sampling.max_tokens),
        )
        if len(values) == 1
    }
    results = []
    for metric in model.outcomes.metrics:
        counts = model.outcomes.counts(metric)
        if counts.set is not None:
            counts = counts.select(counts.set == set_name)
        of_curve = curve(counts, k_grid(counts.n))
        for k in of_curve.k_K.tolist():
            results.append(
                _result(set_name, metric, k, counts, of_curve.at(k), of_curve.bootstrap.confidence, settings)
            )
    return results


def _result(
    set_name: str,
    metric: Metric,
    k: int,
    counts: Counts,
    estimate: Estimate,
    confidence: float,
    settings: dict[str, Any],
) -> dict[str, Any]:
    return {
        "evaluation_result_id": _result_id(set_name, metric, k),
        "evaluation_name": set_name,
        "source_data": {"dataset_name": set_name, "source_type": "other"},
        "metric_config": {
            "evaluation_description": f"Unbiased pass@{k} by the {metric}, the mean over problems",
            "metric_id": "pass_at_k",
            "metric_name": f"pass@{k}" if metric == "answer" else f"pass@{k} by process",
            "metric_kind": "pass_rate",
            "metric_unit": "proportion",
            "metric_parameters": {"k": k, "n": counts.n, "graded_by": metric},
            "lower_is_better": False,
            "score_type": "continuous",
            "min_score": 0.0,
            "max_score": 1.0,
        },
        "score_details": {
            "score": estimate.value,
            "details": {
                "samples_without_verdict": str(int(counts.unscorable_P.sum())),
                "samples": str(int(counts.n_P.sum())),
            },
            # Of one problem there is no interval.
            **({"uncertainty": _uncertainty(counts, estimate, confidence)} if math.isfinite(estimate.low) else {}),
        },
        **({"generation_config": {"generation_args": settings}} if settings else {}),
    }


def _uncertainty(counts: Counts, estimate: Estimate, confidence: float) -> dict[str, Any]:
    return {
        "confidence_interval": {
            "lower": estimate.low,
            "upper": estimate.high,
            "confidence_level": confidence,
            "method": "bootstrap over problems (studentised)",
        },
        "num_samples": counts.problems,
    }


def _result_id(set_name: str, metric: str, k: int) -> str:
    return f"{set_name}/{metric}/pass@{k}"


def _component(name: str) -> str:
    """A name as a folder of the datastore."""
    return _UNSAFE.sub("_", name).strip("._") or "unnamed"


def _modified(file: Path) -> float:
    return file.stat().st_mtime if file.is_file() else 0.0
