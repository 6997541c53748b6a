"""Leave out rows that are there twice, and number samples on where their numbers repeat over files.

Two ranks that wrote the same samples, a file beside its copy or a log that was joined to itself are no new draws. What
is left out is certain to be a copy:

- rows whose sample number was there before with the same content, where this holds of all such rows of a file;
- rows of which every one is there g >= 2 times with one content. A model that repeats itself has such rows by chance
  with probability g ** -(distinct rows - problems), by which it is told apart. Where all completions of a problem are
  one text, it may as well have been sampled greedily, and nothing is left out.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from edgewise.interop.ingest.columns import MISSING
from edgewise.interop.ingest.model_rows import ModelRows
from edgewise.interop.ingest.texts import row_hashes
from edgewise.outcomes.counts import IntArray

# The chance that rows are taken for copies that are none: 2 ** -this.
_SURE_BITS = 40
# The chance from which on they are pointed out.
_LIKELY_BITS = 7


def leave_out_copies(model: ModelRows) -> ModelRows:
    """The rows without copies, and without sample numbers where these repeat over files; warnings and notes say so.

    Sample numbers that repeat within a file, with other content, are left as they are.
    """
    return _without_repeated_rows(_without_repeated_samples(model))


def _without_repeated_samples(model: ModelRows) -> ModelRows:
    sample_S, content_S = model.columns.get("sample"), _contents(model)
    if sample_S is None or (content_S is None and len(model.table.origins.files) == 1) or (sample_S == MISSING).any():
        return model
    order = np.lexsort((sample_S, model.problem_S))
    same = (np.diff(model.problem_S[order]) == 0) & (np.diff(sample_S[order]) == 0)
    if not same.any():
        return model
    # Each row's first row with its problem and number.
    first = order[np.maximum.accumulate(np.where(np.concatenate(([True], ~same)), np.arange(order.size), 0))]
    later, earlier = order[1:][same], first[1:][same]
    is_equal = np.zeros(later.size, dtype=np.bool_)
    if content_S is not None:
        is_equal = (content_S[later] == content_S[earlier]) & (content_S[later] != 0)
    file_S = model.file_of_rows()
    copies = np.zeros(sample_S.size, dtype=np.bool_)
    goes_on = False
    for file in np.unique(file_S[later]).tolist():
        of_file = file_S[later] == file
        if is_equal[of_file].all():
            copies[later[of_file]] = True
        elif (file_S[earlier[of_file]] == file).any():
            return model
        else:
            goes_on = True
    if goes_on:
        model.notes.append("sample numbers repeat over files: samples are numbered on, in the order of the files")
        columns = {name: column for name, column in model.columns.items() if name != "sample"}
        model = replace(model, columns=columns)
    return _without(model, copies, f"{copies.sum():,} rows have the number and the content of a sample before them")


def _without_repeated_rows(model: ModelRows) -> ModelRows:
    content_S = _contents(model)
    if content_S is None or (content_S == 0).any():
        return model
    order = np.lexsort((content_S, model.problem_S))
    starts = np.flatnonzero(
        np.concatenate(([True], (np.diff(model.problem_S[order]) != 0) | (np.diff(content_S[order]) != 0)))
    )
    times = np.diff(np.append(starts, order.size))
    factor = int(np.gcd.reduce(times))
    distinct_beyond_one = starts.size - model.number_P.size
    bits = distinct_beyond_one * np.log2(factor)
    if bits < _SURE_BITS:
        if bits >= _LIKELY_BITS:
            model.warnings.append(
                f"every row is there {factor} times with one content, in rows too few to be sure that they are copies: "
                "leave these out where they are no draws"
            )
        return model
    # lexsort is stable, so that the first rows of each content are kept.
    place = np.arange(order.size) - np.repeat(starts, times)
    copies = np.zeros(order.size, dtype=np.bool_)
    copies[order[place >= np.repeat(times // factor, times)]] = True
    columns = {name: column for name, column in model.columns.items() if name != "sample"}
    return _without(replace(model, columns=columns), copies, f"every row is there {factor} times with one content")


def _contents(model: ModelRows) -> IntArray | None:
    """A hash of each row's text and verdict, 0 where it has no text; None where the files have no texts."""
    text_S = model.columns.get("text")
    return None if text_S is None else row_hashes(text_S, model.columns["verdict"])


def _without(model: ModelRows, copies: npt.NDArray[np.bool_], why: str) -> ModelRows:
    """The model without these rows, and a warning with the number of samples of a problem before and after."""
    if not copies.any():
        return model
    before, after = _least_samples(model.problem_S), _least_samples(model.problem_S[~copies])
    what = f"n stays {after}" if after == before else f"n is {after} and not {before}"
    model.warnings.append(f"{why}: {copies.sum():,} copies are left out, so that {what}")
    rows = np.flatnonzero(~copies)
    return replace(
        model,
        row_S=rows if model.row_S is None else model.row_S[rows],
        problem_S=model.problem_S[rows],
        columns={name: column[rows] for name, column in model.columns.items()},
    )


def _least_samples(problem_S: npt.NDArray[np.int32] | IntArray) -> int:
    return int(np.bincount(problem_S).min())
