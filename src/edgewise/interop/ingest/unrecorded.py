"""Find completions that were cut off, or end without a final answer, where no column records it.

Such samples are graded as wrong, and how many there are may differ between models. They are marked as cut off or
unscorable here, so that a verdict must hold whatever they were, and a warning says so. Two signs are looked for, model
by model and set by set:

- *One largest length.* Lengths of completions spread; those of completions that met a limit are one number. A length is
  taken for a limit where it is the recorded one, or where many samples have it, few have one just below, and hardly one
  of them is right.
- *No final answer.* Nearly all right completions hold a mark of a final answer, or an answer is recorded of them, and
  some wrong ones hold none.

Nothing is marked where the files say which samples were cut off, or which could not be read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from edgewise.interop.ingest.columns import MISSING
from edgewise.interop.ingest.model_rows import EMPTY, ModelRows
from edgewise.interop.ingest.texts import ANSWER_MARKS
from edgewise.interop.ingest.verdicts import NOT_VERIFIED
from edgewise.outcomes.counts import IntArray

Mask = npt.NDArray[np.bool_]

# Fewer samples than these are no sign, and move no rate by much.
_LEAST, _LEAST_SHARE = 20, 0.01
# Shorter completions have lengths that repeat: a choice, a number, an answer in a fixed format.
_SHORTEST_LIMIT = 32
# Of the samples at a limit at most this share is right: an answer may stand before the cut.
_RIGHT_AT_LIMIT = 0.05
# At a limit there are so many times more samples than within this share of it below, and two lengths at least.
_PILE, _JUST_BELOW = 2, 0.02
# In so many of the problems with a sample at the limit another one is shorter: lengths do not hang on the problem.
_MIXED = 0.1
# Right completions of a model, of which so many hold a mark.
_RIGHT, _MARKED = 10, 0.95
# Limits that are named.
_NAMED = 3


def mark_unrecorded(model: ModelRows) -> ModelRows:
    """The rows with those marked that seem to be cut off or without a final answer; warnings say so."""
    return _without_answer(_cut_off(model))


def length_limit(tokens_S: IntArray, right_S: Mask, problem_S: npt.NDArray[Any]) -> int | None:
    """The largest length, where it seems to be a limit; None otherwise."""
    limit = int(tokens_S.max())
    at_limit_S = tokens_S == limit
    number = int(at_limit_S.sum())
    if limit < _SHORTEST_LIMIT or number < max(_LEAST, _LEAST_SHARE * tokens_S.size):
        return None
    right, rate = right_S[at_limit_S].mean(), right_S.mean()
    just_below = int(((tokens_S >= limit - max(2, _JUST_BELOW * limit)) & ~at_limit_S).sum())
    met_P = np.bincount(problem_S, weights=at_limit_S)
    mixed = float((met_P < np.bincount(problem_S))[met_P > 0].mean())
    if right > min(_RIGHT_AT_LIMIT, rate / 2) or number < _PILE * just_below or mixed < _MIXED:
        return None
    return limit


def _cut_off(model: ModelRows) -> ModelRows:
    tokens_S = model.columns.get("tokens")
    if tokens_S is None or "truncated" in model.columns or (tokens_S == MISSING).any():
        return model
    right_S = model.columns["verdict"] == 1
    # The recorded limit of each sample; lengths are below the largest number.
    most_P = np.array([MISSING if limit is None else limit for limit in model.attribute("max_tokens")], dtype=np.int64)
    most_S = np.where(most_P == MISSING, np.iinfo(np.int64).max, most_P)[model.problem_S]
    for of_set_S in _sets(model):
        limit = length_limit(tokens_S[of_set_S], right_S[of_set_S], model.problem_S[of_set_S])
        if limit is not None:
            most_S[of_set_S] = np.minimum(most_S[of_set_S], limit)
    cut_off_S = tokens_S >= most_S
    if not cut_off_S.any():
        return model
    limits = np.unique(most_S[cut_off_S]).tolist()
    model.warnings.append(
        f"{cut_off_S.sum():,} of {cut_off_S.size:,} samples seem to be cut off at {_either(limits)} tokens, which no "
        "column says: claims must hold whatever they were, unless a column `truncated` says otherwise"
    )
    return replace(model, columns={**model.columns, "truncated": cut_off_S.astype(np.int8)})


def _without_answer(model: ModelRows) -> ModelRows:
    verdict_S = model.columns["verdict"]
    if model.table.says_unreadable or (verdict_S == -1).any():
        return model
    lacking_S = np.zeros(verdict_S.size, dtype=np.bool_)
    for of_set_S in _sets(model):
        lacking_S[of_set_S] = _lack_answer(model, of_set_S)
    if lacking_S.sum() < max(_LEAST, _LEAST_SHARE * verdict_S.size):
        return model
    model.warnings.append(
        f"{lacking_S.sum():,} of {lacking_S.size:,} samples are wrong and hold no final answer, which nearly all right "
        "ones do: they count as unscorable, and claims must hold whatever they were, unless a column `parse_ok` says "
        "otherwise"
    )
    columns = {**model.columns, "verdict": np.where(lacking_S, -1, verdict_S).astype(verdict_S.dtype)}
    if (process_S := columns.get("process")) is not None:
        columns["process"] = np.where(lacking_S & (process_S != NOT_VERIFIED), -1, process_S).astype(process_S.dtype)
    return replace(model, columns=columns)


def _lack_answer(model: ModelRows, chosen_S: IntArray) -> Mask:
    """Which of these samples are wrong and have no sign of a final answer, where one sign is of nearly all right ones.

    Of samples that were cut off nothing is said here.
    """
    verdict_S = model.columns["verdict"][chosen_S]
    signs = list(_signs(model, chosen_S))
    right_S = verdict_S == 1
    if right_S.sum() < _RIGHT or not any(sign_S[right_S].mean() >= _MARKED for sign_S in signs):
        return np.zeros(chosen_S.size, dtype=np.bool_)
    lacking_S: Mask = (verdict_S == 0) & ~np.any(signs, axis=0)
    if (truncated_S := model.columns.get("truncated")) is not None:
        lacking_S &= truncated_S[chosen_S] != 1
    return lacking_S


def _signs(model: ModelRows, chosen_S: IntArray) -> Iterator[Mask]:
    """For each mark, and for the column of answers, which samples have it; none where it is not known of all."""
    mark_S = model.columns.get("marks")
    if mark_S is not None and (mark_S[chosen_S] != EMPTY["marks"]).all():
        yield from ((mark_S[chosen_S] >> bit) & 1 == 1 for bit in range(len(ANSWER_MARKS)))
    predicted_S = model.columns.get("predicted")
    if predicted_S is not None and not model.table.encoders["answer"].full:
        yield predicted_S[chosen_S] >= 0


def _sets(model: ModelRows) -> Iterator[IntArray]:
    """The rows of each set."""
    set_S = model.set_P[model.problem_S]
    yield from (np.flatnonzero(set_S == code) for code in np.unique(model.set_P).tolist())


def _either(limits: Sequence[int]) -> str:
    shown = [f"{limit:,}" for limit in limits[:_NAMED]]
    return " or ".join([*shown, "more"] if len(limits) > _NAMED else shown)
