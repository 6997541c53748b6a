"""Refuse what stands under one name and is not one: an id of two prompts, a model in two folders or of two verdicts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgewise.core.errors import InputError
from edgewise.interop.ingest.cells import quote
from edgewise.interop.ingest.model_rows import ModelRows
from edgewise.interop.model_names import without_numbers

# From this share of the problems on, and so many of them, ids are those of several data sets.
_MANY_SHARE, _MANY = 0.1, 5


def refuse_collisions(model: ModelRows, ids: Sequence[str]) -> None:
    """Refuse what stands under one name and is not one; a few ids with two prompts are warned of.

    InputError where many ids stand for two problems, one model is in two folders, or its verdicts are of two fields.
    """
    _check_fields(model)
    _check_prompts(model, ids)
    _check_folders(model)


def _check_fields(model: ModelRows) -> None:
    """Fields that hold the verdict, of which a set has one."""
    fields_of_set: dict[int, list[str]] = {}
    fields = model.table.encoders["graded_by"].values()
    for code, set_code, field in sorted(model.table.graded):
        if code == model.code and field >= 0:
            fields_of_set.setdefault(set_code, []).append(fields[field])
    for names in fields_of_set.values():
        if len(names) > 1:
            raise InputError(
                f"{model.table.origins.files[0]}: verdicts of one model are read from {' and from '.join(names)} in "
                "different rows; --score names one that all rows have"
            )


def _check_prompts(model: ModelRows, ids: Sequence[str]) -> None:
    """Problems whose samples have different prompts; equal right answers say that the problem is one all the same."""
    differs_P = model.table.prompt_texts.differ(model.table.problems.count)[model.number_P]
    differing = int(differs_P.sum())
    if not differing:
        return
    gold = np.array([answer is not None for answer in model.attribute("gold")])
    if differing < max(_MANY, _MANY_SHARE * differs_P.size) or gold[differs_P].all():
        model.warnings.append(f"{differing} problems have samples with different prompts")
        return
    raise InputError(
        f"{model.table.origins.files[0]}: problem: {differing} of {differs_P.size} ids have several prompts"
        f"{_two_prompts(model, ids)}; give a column set where they are of several data sets, --map id=prompt where the "
        "prompt tells problems apart, or leave the prompts out where they ask the same"
    )


def _two_prompts(model: ModelRows, ids: Sequence[str]) -> str:
    """The two prompts of the first id that has two, where they are known."""
    second = model.table.second_prompt
    place = None if second is None else model.places([second[0]])[0]
    if second is None or place is None:
        return ""
    problem = int(model.problem_S[place])
    first = model.table.texts.prompts.get(int(model.table.problems.first_row_P[model.number_P[problem]]))
    return "" if first is None else f" ({quote(ids[problem])}: {quote(first)} and {quote(second[1])})"


def _check_folders(model: ModelRows) -> None:
    """Folders whose names differ in words are no repeats, so that one model with the same problems in both is two."""
    files = model.table.origins.files
    folders = {without_numbers(str(file.parent)): place for place, file in reversed(list(enumerate(files)))}
    if len(folders) < 2:
        return
    folder_of_file = np.array([folders[without_numbers(str(file.parent))] for file in files])
    folder_S = folder_of_file[model.file_of_rows() - 1]
    first_P = np.full(model.number_P.size, -1)
    first_P[model.problem_S[::-1]] = folder_S[::-1]
    differs_S = folder_S != first_P[model.problem_S]
    if differs_S.any() and model.table.files_are_samples:
        model.table.obey("files")
    elif differs_S.any():
        place = int(np.argmax(differs_S))
        one, other = files[first_P[model.problem_S[place]]], files[folder_S[place]]
        name = "one model" if model.name is None else f"the model {quote(model.name)}"
        raise InputError(
            f"{one.parent}, {other.parent}: both hold {name} with the same problems; give each folder as an argument, "
            "or --files samples where both are draws of one model"
        )
