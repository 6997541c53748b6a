"""Flatten the records of a file into one row a sample: lists inside a row, two models in a row, JSON objects of rows.

What people commit beside one row a sample, as `tests/interop/ingest/test_shapes.py` shows:

- one row a problem with a list of objects (`rollouts`, `samples`, `items`, ...), or with lists of one value a sample
  (`pred`, `score`, `code`); in CSV such a cell holds a JSON array;
- one row for several models (`base_correct`, `rl_correct`; `c_base`, `c_rl`);
- a JSON object keyed by problem id, or an object with one list of rows in it.

The shape is told from the first rows. A row of another shape later on is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any

from edgewise.core.errors import InputError
from edgewise.interop.file_names import SameProblems, by_words
from edgewise.interop.ingest.cells import quote, to_verdict
from edgewise.interop.ingest.head import Row, list_names
from edgewise.interop.ingest.schema import ALIASES, PROBLEM_NAMES, name_list
from edgewise.interop.model_names import known_base, words_of

# So many columns with names of their own are looked at.
_MOST_NAMES = 500
# So many samples of each of the first rows are looked at.
_HEAD_SAMPLES = 16
# Python's way to write a list of verdicts, which pandas puts into a CSV cell.
_PYTHON_LIST = re.compile(r"\[[\w\s.,+-]*\]")
_PYTHON_WORDS = {"True": "true", "False": "false", "None": "null", "nan": "null"}
# What grades or counts, and is no model, in names such as strict_correct or n_correct.
_NO_MODEL = (
    "is answer process strict flexible lenient soft hard format symbolic judge llm rule math exact final first last "
    "any all plus extra num total count avg mean max min best majority maj vote pass code test tests public private "
    "hidden unit length style language normalized norm raw outcome step verifier model reward score acc partial full "
    "human auto weighted"
)
_PER_MODEL = ("c", "n", *ALIASES["correct"], *ALIASES["score"])


@dataclass(frozen=True)
class RowShape:
    """How the records of a file become rows.

    `models` holds, for each model of a row, its columns: the name in the file and the name without the model.
    `items` names the list of objects of a row, `lists` the lists of one value a sample. `beside` names a verdict of
    the whole row, which is not read; `counted` are the ids of objects that number the samples of a row.
    """

    models: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    items: str = ""
    lists: tuple[str, ...] = ()
    beside: str = ""
    warnings: tuple[str, ...] = ()
    counted: frozenset[str] = frozenset()

    @property
    def is_flat(self) -> bool:
        """Whether a record is a row."""
        return not (self.models or self.items or self.lists)

    def rows(self, record: Row, where: str) -> Iterator[dict[str, Any]]:
        """The rows of a record. InputError beginning with `where` where it is not of this shape."""
        for row in self._of_models(record):
            if self.items:
                yield from _of_items(row, self, where)
            elif self.lists:
                yield from _of_lists(row, self.lists, where)
            else:
                yield row

    def _of_models(self, record: Row) -> Iterator[dict[str, Any]]:
        if not self.models:
            yield dict(record)
            return
        of_models = {name for names in self.models.values() for name in names}
        shared = {name: cell for name, cell in record.items() if name not in of_models}
        for model, names in self.models.items():
            yield {**shared, **{plain: record[name] for name, plain in names.items() if name in record}, "model": model}


def shape_of(records: Sequence[Row], where: str, verdicts: Sequence[str], given: Sequence[str]) -> RowShape:
    """The shape of a file with these first records.

    `verdicts` are the names that a verdict may have; the columns that options name are `given`. Raises InputError
    beginning with `where` where columns may be models or graders.
    """
    models, warnings = _models_of(_names(records), where, verdicts, given)
    rows = [row for record in records for row in RowShape(models)._of_models(record)]
    names = _names(rows)
    verdict = next((name for name in verdicts if name in names and _are_verdicts(rows, name)), "")
    if any(name in given and name in verdicts and not any(_list_in(row.get(name)) for row in rows) for name in names):
        return RowShape(models, warnings=warnings)
    known = [name for name in names if name in _ITEMS]
    items = next((name for name in (known if verdict else names) if _holds_samples(rows, name, verdicts)), "")
    if items and verdict:
        what = f"samples are those in `{items}`, and `{verdict}` beside it is not read"
        warnings = (*warnings, f"{what}: --score {verdict} takes the other")
    lists = () if items or verdict else _parallel_lists(rows, names, verdicts)
    text = next((name for name in names if name in _ONE_COMPLETION and _are_texts(rows, name)), "")
    if len(lists) == 1 and text and any(len(_list_in(row.get(lists[0])) or ()) > 1 for row in rows):
        raise InputError(
            f"{where}: {lists[0]}: several verdicts of one `{text}`, as of its tests; give one verdict a sample, or as "
            "many completions as verdicts"
        )
    counted = _sample_ids(rows, items) if items else frozenset[str]()
    return RowShape(models, items, lists, verdict if items else "", warnings, counted)


def head_rows(shape: RowShape, records: Sequence[Row], where: str) -> list[dict[str, Any]]:
    """The first samples of each of the first records."""
    return [row for record in records for row in islice(shape.rows(record, where), _HEAD_SAMPLES)]


def document_rows(document: Any, verdicts: Sequence[str]) -> tuple[list[dict[str, Any]], str] | None:
    """The rows of a JSON value over a whole file, and a warning where several parts of it hold rows; None for no rows.

    They are the values of an object keyed by problem id, or lists of rows in an object; or one level further in. Parts
    are models or problem sets, as files of these names would be.
    """
    if not isinstance(document, dict) or is_row(document, verdicts):
        return None
    parts = _lists_of_rows(document, verdicts)
    if not parts and (rows := _keyed_rows(document, verdicts)):
        return rows, ""
    if not parts:
        inner = {name: part for name, part in document.items() if isinstance(part, dict)}
        lists = {name: _lists_of_rows(part, verdicts) for name, part in inner.items()}
        rows_of = {name: [*chain(*lists[name].values())] or _keyed_rows(part, verdicts) for name, part in inner.items()}
        parts = {name: rows for name, rows in rows_of.items() if rows}
        if len(parts) == 1:
            parts = lists[next(iter(parts))] or parts
    if len(parts) < 2:
        return next(((rows, "") for rows in parts.values()), None)
    taken, _ = by_words(list(parts), _same_problems(list(parts.values())))
    column, what = ("model", "a model") if taken == "models" else ("set", "a problem set")
    base = known_base(list(parts))
    models = sorted(parts, key=lambda name: name != base)
    return (
        [{column: name, **row} for name in models for row in parts[name]],
        f"{name_list(list(parts))} in one object are read as {what} each: a file for each takes another reading",
    )


def _same_problems(parts: Sequence[Sequence[Row]]) -> SameProblems:
    """Whether parts hold the same problems, by the ids and prompts of their rows."""
    prompts_of: dict[str, list[set[str]]] = {}
    for rows in parts:
        of_part: dict[str, set[str]] = {}
        for row in rows:
            id = next((row[name] for name in ALIASES["problem"] if row.get(name) is not None), None)
            prompt = next((row[name] for name in ALIASES["prompt"] if row.get(name) is not None), None)
            of_part.setdefault(str(prompt if id is None else id), set()).update([] if prompt is None else [str(prompt)])
        for id, prompts in of_part.items():
            prompts_of.setdefault(id, []).append(prompts)
    shared = [prompts for prompts in prompts_of.values() if len(prompts) > 1]
    if not shared:
        return "disjoint"
    if not all(all(prompts) for prompts in shared):
        return "unknown"
    return "same" if all(prompts[0] == other for prompts in shared for other in prompts) else "different"


def names_models(names: Sequence[str], stems: Sequence[str] = _PER_MODEL) -> bool:
    """Whether verdicts or counts of two models may stand in one row: base_correct and rl_correct for a stem correct."""
    few = names[:_MOST_NAMES]
    return any(len(found(few, stem)) > 1 for stem in stems for found in (_models_before, _models_after))


def _names(rows: Sequence[Row]) -> list[str]:
    """The names of columns: the known ones, and of others at most _MOST_NAMES."""
    names = dict.fromkeys(name for row in rows for name in row)
    others = (name for name in names if name not in _COLUMN_NAMES)
    return [*(name for name in names if name in _COLUMN_NAMES), *islice(others, _MOST_NAMES)]


def _are_verdicts(rows: Sequence[Row], name: str) -> bool:
    """Whether a column has a verdict in some rows, and nothing else in any."""
    try:
        return any([to_verdict(row.get(name)) is not None for row in rows])
    except ValueError:
        return False


def _lists_of_rows(document: Row, verdicts: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    return {
        name: value
        for name, value in document.items()
        if isinstance(value, list) and value and all(is_row(row, verdicts) for row in value)
    }


def _keyed_rows(document: Row, verdicts: Sequence[str]) -> list[dict[str, Any]] | None:
    rows: list[dict[str, Any]] = []
    if len(document) < 2:
        return None
    for problem, value in document.items():
        for item in value if _is_list_of_objects(value) else [value]:
            if isinstance(item, list) and _are_verdicts([{"correct": cell} for cell in item], "correct"):
                item = {"correct": item}
            if not isinstance(item, dict):
                return None
            row = item if not item.keys().isdisjoint(_IDS) else {"problem_id": problem, **item}
            if not is_row(row, verdicts):
                return None
            rows.append(row)
    return rows


def is_row(row: Any, verdicts: Sequence[str]) -> bool:
    """Whether this is an object that names a problem, or asks one, and has a verdict or a list of samples with one."""
    if not isinstance(row, dict) or PROBLEM_NAMES.isdisjoint(row):
        return False
    return any(name in row for name in verdicts) or any(_holds_samples([row], name, verdicts) for name in row)


def _is_list_of_objects(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)


def _holds_samples(rows: Sequence[Row], name: str, verdicts: Sequence[str]) -> bool:
    """Whether a column holds lists of objects with verdicts."""
    lists = [_list_in(row[name]) for row in rows if row.get(name) is not None]
    if any(items is None or not (_is_list_of_objects(items) or items == []) for items in lists):
        return False
    return any(verdict in item for items in lists for item in items or () for verdict in verdicts)


def _parallel_lists(rows: Sequence[Row], names: Sequence[str], verdicts: Sequence[str]) -> tuple[str, ...]:
    """The verdict that is a list in every row, and the other columns that hold lists of the same lengths."""
    lists: dict[str, list[list[Any] | None]] = {}
    for name in names:
        if name in verdicts or name in _COLUMN_NAMES:
            lists[name] = [_list_in(row.get(name)) for row in rows]
    verdict = next((name for name in verdicts if name in lists and _are_all_lists(rows, name, lists[name])), None)
    if verdict is None:
        return ()
    others = [
        name
        for name, cells in lists.items()
        if name != verdict
        and _are_all_lists(rows, name, cells)
        and all(
            cell is None or len(cell) == len(graded or ()) for cell, graded in zip(cells, lists[verdict], strict=True)
        )
        and not (name in ALIASES["prompt"] and any(isinstance(part, dict) for cell in cells for part in cell or ()))
    ]
    return (verdict, *others)


def _are_all_lists(rows: Sequence[Row], name: str, lists: Sequence[list[Any] | None]) -> bool:
    """Whether all cells of a column that are not empty are lists, and one is not an empty one."""
    return any(lists) and all(cell is not None or row.get(name) is None for cell, row in zip(lists, rows, strict=True))


def _list_in(cell: Any) -> list[Any] | None:
    """The list in a cell, which may be written as a JSON array; None where there is none."""
    if isinstance(cell, list):
        return cell
    if not (isinstance(cell, str) and cell.startswith("[") and cell.endswith("]")):
        return None
    if _PYTHON_LIST.fullmatch(cell):
        cell = re.sub(r"\b(True|False|None|nan)\b", lambda word: _PYTHON_WORDS[word[0]], cell)
    try:
        value = json.loads(cell)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, list) else None


def _of_items(row: Row, shape: RowShape, where: str) -> Iterator[dict[str, Any]]:
    name = shape.items
    items = [] if row.get(name) is None else _list_in(row[name])
    if items is None or not all(isinstance(item, dict) for item in items):
        raise InputError(f"{where}: {name}: {quote(row[name])}; a row holds a list of samples, each an object")
    outer = {key: cell for key, cell in row.items() if key not in (name, shape.beside)}
    ids = {key: cell for key, cell in outer.items() if key in _IDS}
    for item in items:
        if shape.counted:
            item = {key: cell for key, cell in item.items() if key not in shape.counted}
        yield {**outer, **item, **ids}


def _sample_ids(rows: Sequence[Row], items: str) -> frozenset[str]:
    """The ids in lists of objects that repeat from row to row, while the rows ask another question each."""
    asked = [{str(row[name]) for row in rows if row.get(name) is not None} for name in ALIASES["prompt"]]
    if any(not _IDS.isdisjoint(row) for row in rows) or max(map(len, asked)) < len(rows):
        return frozenset()
    seen: dict[str, list[set[str]]] = {}
    for row in rows:
        samples = _list_in(row.get(items)) or []
        for name in _IDS.intersection(*samples) if samples else ():
            seen.setdefault(name, []).append({str(sample[name]) for sample in samples})
    return frozenset(name for name, ids in seen.items() if len(ids) > 1 and len(set().union(*ids)) < sum(map(len, ids)))


def _are_texts(rows: Sequence[Row], name: str) -> bool:
    """Whether every cell of a column is a text, and none a list."""
    return all(isinstance(row.get(name), str) and _list_in(row[name]) is None for row in rows)


def _of_lists(row: Row, names: Sequence[str], where: str) -> Iterator[dict[str, Any]]:
    lists = {name: [] if row.get(name) is None else _list_in(row[name]) for name in names}
    outer = {key: cell for key, cell in row.items() if key not in lists}
    length = len(lists[names[0]] or ())
    for name, cells in lists.items():
        if cells is None or (len(cells) != length and row.get(name) is not None):
            what = quote(row[name]) if cells is None else f"{len(cells)} values where {names[0]} has {length}"
            raise InputError(f"{where}: {name}: {what}; a row holds a list with one value a sample")
    given = [(name, cells) for name, cells in lists.items() if cells]
    for place in range(length):
        yield {**outer, **{name: cells[place] for name, cells in given}}


def _models_of(
    names: Sequence[str], where: str, verdicts: Sequence[str], given: Sequence[str]
) -> tuple[Mapping[str, Mapping[str, str]], tuple[str, ...]]:
    """The columns of each model, the base first, where verdicts or counts of two models stand in one row."""
    if "c" in names or any(name in names for name in verdicts):
        return {}, ()
    for stem in _PER_MODEL:
        for graded in (_models_before(names, stem), _models_after(names, stem)):
            if len(graded) < 2 or set(graded.values()) & set(given):
                continue
            base = known_base(list(graded))
            models = sorted(graded, key=lambda model: model != base)
            columns = _columns_by_model(names, models)
            listed = " and ".join(f"`{name}`" for name in graded.values())
            if base is None and stem != "c" and all(len(own) == 1 for own in columns.values()):
                raise InputError(
                    f"{where}: {listed} may be models or graders: --score {graded[models[0]]} reads one; models "
                    f"are read where a name says which is the base, as in base_{stem}"
                )
            order = f"{models[0]} is the base" + ("" if base else ", since it is the first")
            reads = f": --score {graded[models[0]]} reads one" if stem != "c" else ""
            is_sure = base is not None and stem == "c"
            return columns, () if is_sure else (f"{listed} are {len(models)} models, and {order}{reads}",)
    return {}, ()


def _models_before(names: Sequence[str], stem: str) -> dict[str, str]:
    found = {name[: -len(stem) - 1]: name for name in names if re.search(rf"[-_. /]{re.escape(stem)}$", name)}
    return {model: name for model, name in found.items() if _may_be_model(model)}


def _models_after(names: Sequence[str], stem: str) -> dict[str, str]:
    found = {name[len(stem) + 1 :]: name for name in names if re.match(rf"{re.escape(stem)}[-_. /]", name)}
    return {model: name for model, name in found.items() if _may_be_model(model)}


def _may_be_model(name: str) -> bool:
    words = set(words_of(name))
    return bool(words) and words.isdisjoint(_NO_MODEL.split())


def _columns_by_model(names: Sequence[str], models: Sequence[str]) -> dict[str, dict[str, str]]:
    """For each model the names of its columns, and what they are called without it."""
    columns: dict[str, dict[str, str]] = {model: {} for model in models}
    for name in names:
        # A model's name may begin with another's.
        for model in sorted(models, key=len, reverse=True):
            if name.startswith(model) and name[len(model) : len(model) + 1] in tuple("-_. /"):
                columns[model][name] = name[len(model) + 1 :]
                break
            if name.endswith(model) and name[: -len(model)][-1:] in tuple("-_. /"):
                columns[model][name] = name[: -len(model) - 1]
                break
    return columns


# The lists of samples that people commit; beside a verdict of the whole row only these are read.
_ITEMS = frozenset(("rollouts", "samples", "completions", "generations", "responses", "outputs", "attempts", "trials"))
_ONE_COMPLETION = frozenset(ALIASES["completion"]) - {"text", "code", "output"}
_IDS = frozenset(ALIASES["problem"]) - frozenset(ALIASES["prompt"])
_COLUMN_NAMES = frozenset(name for column in ALIASES for name in list_names(column))
