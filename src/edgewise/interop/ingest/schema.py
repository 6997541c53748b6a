"""Documented columns of rollouts: their names in files, and the conversion of their cells."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set
from typing import Any

from edgewise.core.errors import InputError
from edgewise.interop.ingest import cells
from edgewise.interop.ingest.cells import CellConverter, quote
from edgewise.interop.ingest.finish_reasons import to_finish_reason

CONVERTERS: dict[str, CellConverter] = {
    "model": cells.to_name,
    "training_seed": cells.to_name,
    "set": cells.to_group_name,
    "problem": cells.to_name,
    "level": cells.to_group_name,
    "cluster": cells.to_group_name,
    "gold": cells.to_label,
    "temperature": cells.to_number,
    "top_p": cells.to_number,
    "max_tokens": cells.to_integer,
    "top_k": cells.to_number,
    "min_p": cells.to_number,
    "repetition_penalty": cells.to_number,
    "frequency_penalty": cells.to_number,
    "presence_penalty": cells.to_number,
    "seed": cells.to_integer,
    "verifier": cells.to_name,
    # What the verdict was read from: the name of a field, metric or reward.
    "graded_by": cells.to_name,
    "sample": cells.to_sample_number,
    "correct": cells.to_verdict,
    "process": cells.to_verdict,
    "parse_ok": cells.to_flag,
    "truncated": cells.to_flag,
    "finish_reason": to_finish_reason,
    "tokens": cells.to_integer,
    "score": cells.to_number,
    # The score that is the verdict; it may be the same cell as `score`.
    "graded": cells.to_number,
    "logprob": cells.to_number,
    "answer": cells.to_label,
    "prompt": cells.to_text,
    "completion": cells.to_text,
    # A completion that is only compared with others of its problem, since it is not known which verdict is its own.
    "compared": cells.to_text,
    "first_wrong_step": cells.to_integer,
    "reason": cells.to_text,
}
# How samples were drawn: the same for all of a model and set.
SAMPLING_SETTINGS = (
    *("temperature", "top_p", "max_tokens", "top_k", "min_p"),
    *("repetition_penalty", "frequency_penalty", "presence_penalty"),
)
# The same in all rows of a problem.
PROBLEM_ATTRIBUTES = ("level", "cluster", "gold", *SAMPLING_SETTINGS)
# Converted only in the rows whose texts are kept.
TEXT_COLUMNS = ("prompt", "completion", "compared", "first_wrong_step", "reason")

# What columns are called in files, in order of preference, where they have more than their own name.
_NAMES = {
    "problem": "problem_id question_id doc_id task_id example_id unique_id qid instance_id question_index "
    "problem_index problem_idx question_idx _ng_task_index uid problem id idx index",
    "correct": "correct is_correct answer_correct passed is_passed resolved solved success acc accuracy exact_match "
    "plus_status base_status",
    "score": "score reward answer_reward total_reward",
    "sample": "sample_id sample sample_index sample_idx rollout_id rollout_index rollout_idx _ng_rollout_index "
    "completion_id completion_index attempt repeat trial",
    "process": "process_correct",
    "answer": "answer predicted_answer prediction pred extracted_answer model_answer parsed_answer",
    "gold": "gold expected_answer gold_answer ground_truth gt gts target reference_answer correct_answer reference",
    "prompt": "prompt question problem input instruction query question_content text",
    "completion": "completion response output generation generated_text model_output model_response code text",
    "truncated": "truncated is_truncated",
    "finish_reason": "finish_reason stop_reason finish_reasons done_reason stop_type incomplete_details",
    "tokens": "tokens num_tokens n_tokens completion_tokens output_tokens num_generated_tokens",
    "logprob": "logprob logprob_sum cumulative_logprob",
    "set": "set task benchmark dataset data_source dataset_name source subset",
    "level": "level group difficulty op math_level difficulty_level",
    "cluster": "cluster template",
    "model": "model model_name model_id model_path model_name_or_path policy policy_name checkpoint checkpoint_name "
    "ckpt global_step training_step train_step arm agent system generator variant method algorithm phase stage",
    "verifier": "verifier grader",
}
# The names of each column; the first is the documented one. Among those that a file has, roles.py chooses by content.
ALIASES: dict[str, tuple[str, ...]] = {
    column: tuple(_NAMES.get(column, column).split())
    for column in CONVERTERS
    if column not in ("graded", "graded_by", "compared")
}
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SEPARATOR = re.compile(r"[-\s_]+")
# Names whose cells are read, or refused with the row, whatever they hold.
TRUSTED = frozenset(names[0] for names in ALIASES.values()) | {
    *("sample", "task", "benchmark", "template", "grader", "is_correct", "answer_correct")
}
PROBLEM_NAMES = frozenset((*ALIASES["problem"], *ALIASES["prompt"])) - {"text"}
VERDICT_NAMES = frozenset((*ALIASES["correct"], *ALIASES["score"]))


def names_in_file(present: Sequence[str]) -> dict[str, str]:
    """The first name of each column among the names `present` in a file, whatever their cells."""
    first = {column: next((alias for alias in aliases if alias in present), "") for column, aliases in ALIASES.items()}
    return {column: name for column, name in first.items() if name}


def has_needed_columns(present: Sequence[str]) -> bool:
    """Whether these names hold the problem of a row, or its prompt, and its verdict or score."""
    names = set(map(plain_name, present))
    return not names.isdisjoint(PROBLEM_NAMES) and not names.isdisjoint(VERDICT_NAMES)


def plain_name(name: str) -> str:
    """The name in small letters, with _ between words: problem_id for `Problem ID` and `problemId`."""
    if name.isascii() and name.islower() and name.isidentifier():
        return name
    return _SEPARATOR.sub("_", _CAMEL.sub("_", name.strip())).lower()


def require_keys(record: Mapping[str, Any], keys: Set[str], where: str) -> None:
    """InputError, which begins with `where`, where a record lacks some of the keys."""
    if absent := sorted(keys - set(record)):
        raise InputError(f"{where}: no {name_list(absent)}; there are {name_list(list(record))}")


def name_list(names: Sequence[str]) -> str:
    """Column names, as messages list them."""
    return ", ".join(quote(name)[1:-1] for name in names[:20]) + (", ..." if len(names) > 20 else "")
