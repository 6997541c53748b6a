"""verifiers' `traces.jsonl` (versions 0.2 and later), which prime-rl writes of every step: one line an episode.

An episode is a rollout: its traces, one of each agent, or a trace by itself. Of several traces the first one is read
that trains the policy, else the first. Taken are the task (key, hash or idx; prompt; answer), the messages that the
model wrote, rewards, metrics, calls (finish reason, tokens, sampling settings), stop_condition, ok and errors.

The verdict is the weighted sum of the rewards; one reward or metric may be named instead. A rollout that ended in an
error, or that was not scored, is unscorable. In `step_5/train/all/` the rollouts are of the model of step 5;
`step_5/train/effective/` beside it holds those of them that training took, which are no fair draw.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from edgewise.core.errors import InputError
from edgewise.interop.ingest.cells import quote
from edgewise.interop.ingest.records import records
from edgewise.interop.ingest.rows import RowBatcher
from edgewise.interop.ingest.schema import name_list
from edgewise.interop.ingest.table import RolloutTable
from edgewise.interop.readers.base import FileHead, Reader, ReadOptions

_TRACE_KEYS = {"task", "nodes", "rewards", "metrics"}
_EPISODE_KEYS = {"env", "traces", "ok"}
# Limits of the framework that end a rollout; the model was not done.
_LIMITS = ("max_turns", "max_input_tokens", "max_output_tokens", "max_total_tokens", "context_length")


class VerifiersTracesReader(Reader):
    """Reads the episodes of verifiers and prime-rl."""

    name = "verifiers traces"
    listed_as = "verifiers and prime-rl traces"
    sets_are_files = True

    def recognises(self, head: FileHead) -> bool:
        """Records with the fields of an episode, or of a trace by itself."""
        columns = set(head.columns)
        return head.kind == "records" and (columns >= _EPISODE_KEYS or columns >= _TRACE_KEYS)

    def read(self, path: Path, table: RolloutTable, options: ReadOptions) -> None:
        """Add the episodes of a file; `options.score` names the reward or the metric that holds the verdict."""
        table.begin(path, self.name)
        field = options.score or "reward"
        if options.score:
            table.obey("score")
        if path.parent.name == "effective":
            table.warn(
                f"{path.parent.name}/{path.name} holds only the rollouts that training took: which they are depends on "
                "their rewards; the folder `all` beside it holds every one"
            )
        common = {"graded_by": field} | options.names | _model(options.head.rows)
        batcher, untraced = RowBatcher(table, path), 0
        for noun, number, record, length in records(path):
            where = f"{path}: {noun} {number}"
            trace = _trace(record, where, table)
            if trace is None:
                untraced += 1
                continue
            row = common | _row(record, trace, where)
            row["score"] = row["graded"] = _graded(trace, field, where)
            if _failed(record) or _failed(trace):
                table.note("rollouts that ended in an error are unscorable")
                row["graded"] = None
            batcher.add(noun, number, row, length)
        batcher.flush()
        if untraced:
            table.warn(f"{path.name}: {untraced} episodes failed before they had a task: they are left out")

    def copy_of(self, path: Path) -> Path | None:
        """The file of all rollouts, which those that training took are among."""
        return path.parent.with_name("all") / path.name if path.parent.name == "effective" else None

    def problem_of(self, row: Mapping[str, Any], columns: Mapping[str, str]) -> tuple[str, str | None] | None:
        """The task and its prompt."""
        task = next((part["task"] for part in (row, *_traces(row)) if isinstance(part.get("task"), dict)), None)
        if task is None:
            return None
        data = task.get("data")
        return str(_problem(task)), repr(data.get("prompt")) if isinstance(data, dict) else None


def _trace(record: Mapping[str, Any], where: str, table: RolloutTable) -> Mapping[str, Any] | None:
    """The trace that is read of a line: of several the first that trains; None where the episode failed before it."""
    if "traces" not in record:
        traces: list[Mapping[str, Any]] = [record]
    else:
        traces = list(_traces(record))
        if not traces and not isinstance(record.get("task"), dict):
            return None
        if not traces:
            # The whole episode failed; its task is known.
            return {"task": record["task"], "nodes": [], "rewards": {}, "ok": False}
    if len(traces) > 1:
        table.note("episodes have the traces of several agents: the first one that trains the policy is read")
    trained = [trace for trace in traces if _mapping(trace, "agent").get("trainable") is not False]
    trace = (trained or traces)[0]
    if not isinstance(trace.get("task"), dict):
        raise InputError(f"{where}: task: {quote(trace.get('task'))}; a trace has the task that it solves")
    return trace


def _traces(record: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    traces = record.get("traces")
    return (trace for trace in (traces if isinstance(traces, list) else []) if isinstance(trace, dict))


def _row(record: Mapping[str, Any], trace: Mapping[str, Any], where: str) -> dict[str, Any]:
    task = trace["task"]
    data, calls, nodes = _mapping(task, "data"), _dicts(trace, "calls"), _dicts(trace, "nodes")
    problem = _problem(task)
    if problem is None:
        raise InputError(f"{where}: task: no key, hash or data.idx; one of them tells which problem it is")
    said = [node.get("message") for node in nodes if node.get("sampled") is True]
    asked = [node.get("message") for node in nodes[: next((i for i, n in enumerate(nodes) if n.get("sampled")), 0)]]
    row: dict[str, Any] = {
        "problem": problem,
        "prompt": data.get("prompt") or asked or None,
        "completion": said or None,
        "gold": data.get("answer") if isinstance(data.get("answer"), str | int | float) else None,
    }
    environment = _mapping(record, "env")
    for name in (environment.get("name"), environment.get("id"), record.get("env_name")):
        if isinstance(name, str) and name:
            row["set"] = name
            break
    if "calls" in trace:
        answered = [call for call in calls if not call.get("error")]
        # A rollout that never reached the model wrote nothing.
        ended = answered[-1].get("finish_reason") if answered else "error"
        row["finish_reason"] = "length" if trace.get("stop_condition") in _LIMITS else ended
        usages = [_mapping(call, "usage").get("completion_tokens") for call in answered]
        if all(isinstance(count, int) for count in usages):
            row["tokens"] = sum(usages)
    for column in ("temperature", "top_p", "max_tokens"):
        row[column] = _mapping(_agent(trace), "sampling").get(column)
    return row


def _agent(trace: Mapping[str, Any]) -> dict[str, Any]:
    """The agent with its settings, which are in a part of their own from version 0.3 on."""
    agent = _mapping(trace, "agent")
    return agent | _mapping(agent, "config")


def _model(lines: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The model of a file, as its first trained trace names it; none of training, where it changes under one name."""
    for line in lines:
        for trace in _traces(line) if "traces" in line else [line]:
            name, runs = _agent(trace).get("model"), (_mapping(part, "run").get("type") for part in (line, trace))
            if "train" in runs or "policy_version" in line:
                return {}
            if isinstance(name, str) and name and trace.get("agent", {}).get("trainable") is not False:
                return {"model": name}
    return {}


def _problem(task: Mapping[str, Any]) -> Any:
    data = _mapping(task, "data")
    names = (task.get("key"), task.get("hash"), data.get("idx"), data.get("name"))
    return next((name for name in names if name is not None and name != ""), None)


def _graded(trace: Mapping[str, Any], field: str, where: str) -> Any:
    """The verdict of a trace: a reward or metric, or the weighted sum of all rewards; None where it was not scored."""
    rewards, metrics = _mapping(trace, "rewards"), _mapping(trace, "metrics")
    if field in rewards:
        return _score(rewards[field])
    if field in metrics:
        return metrics[field]
    if field != "reward":
        raise InputError(f"{where}: score: no {quote(field)}; there are {name_list(['reward', *rewards, *metrics])}")
    values = [_score(reward, weighted=True) for reward in rewards.values()]
    numbers = [value for value in values if isinstance(value, int | float)]
    return sum(numbers) if numbers and len(numbers) == len(values) else None


def _score(reward: Any, *, weighted: bool = False) -> Any:
    if not isinstance(reward, dict):
        return reward
    score, weight = reward.get("score"), reward.get("weight", 1.0)
    if not weighted or not isinstance(score, int | float) or not isinstance(weight, int | float):
        return score
    return score * weight


def _failed(part: Mapping[str, Any]) -> bool:
    """Whether an episode or a trace ended in an error; a trace of before version 0.3 has no `ok`."""
    return not part["ok"] if "ok" in part else bool(part.get("errors"))


def _mapping(part: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = part.get(name)
    return value if isinstance(value, dict) else {}


def _dicts(part: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    values = part.get(name)
    return [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []


READER = VerifiersTracesReader()
