"""Documented columns of rollouts: their names in files, and the conversion of their cells."""

from __future__ import annotations

from collections.abc import Sequence

from edgewise.core.errors import InputError
from edgewise.interop.ingest import cells
from edgewise.interop.ingest.cells import CellConverter, quote
from edgewise.interop.ingest.finish_reasons import to_finish_reason

CONVERTERS: dict[str, CellConverter] = {
    "model": cells.to_name,
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

# The names of each column in files of edgewise's own format; the first is the documented one.
ALIASES: dict[str, tuple[str, ...]] = {
    **{name: (name,) for name in CONVERTERS if name not in ("graded", "graded_by", "compared")},
    "problem": ("problem_id", "problem", "id", "doc_id", "question_id"),
    "correct": ("correct", "is_correct", "answer_correct"),
    "sample": ("sample_id", "sample"),
    "process": ("process_correct",),
    "completion": ("completion", "text", "output", "response"),
    "level": ("level", "group", "difficulty", "op"),
    "set": ("set", "task", "benchmark"),
    "cluster": ("cluster", "template"),
    "verifier": ("verifier", "grader"),
}


def names_in_file(present: Sequence[str]) -> dict[str, str]:
    """The name that each column has among the names `present` in a file, for the columns that are there."""
    names = {
        column: next(alias for alias in aliases if alias in present)
        for column, aliases in ALIASES.items()
        if any(alias in present for alias in aliases)
    }
    if "correct" not in names and "score" in names:
        names["graded"] = names["score"]
    return names


def has_needed_columns(present: Sequence[str]) -> bool:
    """Whether these names hold the problem of a row and its verdict or score."""
    names = names_in_file(present)
    return "problem" in names and ("correct" in names or "score" in names)


def has_a_needed_column(present: Sequence[str]) -> bool:
    """Whether the problem or the verdict is there, so that an error can name the missing one."""
    names = names_in_file(present)
    return "problem" in names or "correct" in names


def require_columns(present: Sequence[str], where: str) -> dict[str, str]:
    """`names_in_file`, or InputError naming the needed column that is missing."""
    names = names_in_file(present)
    for column, needed in (("problem", "problem_id"), ("correct", "correct")):
        if column not in names and not (column == "correct" and "score" in names):
            raise InputError(f"{where}: no column {needed}; there are {name_list(present)}")
    return names


def name_list(names: Sequence[str]) -> str:
    """Column names, as messages list them."""
    return ", ".join(quote(name)[1:-1] for name in names[:20]) + (", ..." if len(names) > 20 else "")
