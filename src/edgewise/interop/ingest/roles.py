"""Choose which columns of a file hold the problem, the verdict, the completion and so on, by names and by content.

`schema.ALIASES` lists the names of each column in order of preference. Where a file has several of them, or a name
that may mean two things, the first rows decide; each rule below is one function, and what it assumes where another
reading is possible becomes a warning with the option that takes the other.

1. A column that is empty in all rows is not chosen where another name of it has cells; nor is one whose cells do not
   convert, unless it has a documented name.
2. The verdict is a verdict before it is a score: `correct`, `passed`, ... before `score`, `reward`.
3. A text (a line break, or three words) is a prompt and no id.
4. The id is the first that repeats and has one prompt for each of its values. An id that every row has for itself
   counts rows: where prompts repeat, problems are the equal prompts. Without any id they are that as well.
5. A set tells problems apart: few values, and never two for one problem.
6. The completion is the first text that differs within a problem; the prompt is the first that does not.
7. An answer that is both right and wrong in one problem is the right answer, and not that of the model.
8. The gold answer and the level are the same in all rows of a problem.
9. The model is as `ingest.models` says.

Names count in any case and with any separator: `Problem ID` and `problemId` are problem_id.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from edgewise.core.errors import InputError
from edgewise.interop.ingest.cells import CellConverter, prompt_id, quote, to_number, to_verdict
from edgewise.interop.ingest.guess import missing_column
from edgewise.interop.ingest.head import Head, Row, comparable, list_names
from edgewise.interop.ingest.models import choose_model
from edgewise.interop.ingest.schema import ALIASES, TRUSTED, name_list


@dataclass
class FileColumns:
    """The name in the file of each column of CONVERTERS that it has, and how the file is read.

    `graded_by` names the column that holds the verdict. `converters` are those that differ from CONVERTERS.
    `row_ids` names an id that no two of the first rows share, so that it may count rows, and the prompt. `first` are
    the names in the first row.
    """

    names: dict[str, str] = field(default_factory=dict)
    graded_by: str = ""
    converters: dict[str, CellConverter] = field(default_factory=dict)
    row_ids: tuple[str, str] | None = None
    first: frozenset[str] = frozenset()
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def choose_columns(
    rows: Sequence[Row], where: str, *, score: str | None, mapped: Mapping[str, str], has_verdict: bool = True
) -> FileColumns:
    """The columns of a file whose first rows are `rows`.

    `score` names the verdict, and `mapped` any column, if they are given. Without `has_verdict` the rows are counts of
    samples. Raises InputError beginning with `where` where a needed column is missing or a given name is not there.
    """
    head = Head(rows)
    for option, name in [("score", score), *(("map", name) for name in mapped.values())]:
        if name is not None and name not in head.names:
            raise InputError(f"{where}: --{option}: no column {quote(name)}; there are {name_list(list(head.names))}")
    columns = FileColumns(first=frozenset(rows[0]))
    columns.names = {column: name for column, name in mapped.items() if column not in ("problem", "correct", "graded")}
    if has_verdict:
        _choose_verdict(head, columns, where, score or mapped.get("correct") or mapped.get("graded"))
    _choose_problem(head, columns, where, mapped.get("problem"))
    problem_S = head.keys(columns.names["problem"])
    _choose_set(head, columns, problem_S)
    if "set" in columns.names:
        sets = head.keys(columns.names["set"])
        problem_S = [None if key is None else (key, name) for key, name in zip(problem_S, sets, strict=True)]
    if not has_verdict:
        _choose_prompt(head, columns, problem_S)
        for column in ("gold", "level", "cluster", "training_seed"):
            _choose(head, columns, column)
        choose_model(head, columns, problem_S)
        return columns
    _choose_completion(head, columns, problem_S)
    _choose_answers(head, columns, problem_S)
    _choose_prompt(head, columns, problem_S)
    rules: dict[str, Callable[[str], bool]] = {
        "level": lambda name: not head.differs_within(problem_S, name),
        "cluster": lambda name: not head.differs_within(problem_S, name),
        "sample": lambda name: head.is_distinct_within(problem_S, name),
    }
    for column in ALIASES:
        if column not in ("problem", "correct", "set", "prompt", "completion", "answer", "gold", "score", "model"):
            _choose(head, columns, column, rules.get(column))
    choose_model(head, columns, problem_S)
    return columns


def verdict_names(score: str | None, mapped: Mapping[str, str]) -> tuple[str, ...]:
    """What a verdict or score may be called in a file, given options first; with the names of lists of them."""
    given = (score, mapped.get("correct"), mapped.get("graded"), mapped.get("score"))
    names = [name for column in ("correct", "score") for name in list_names(column)]
    return tuple(dict.fromkeys(name for name in (*given, *names) if name is not None))


def _choose(head: Head, columns: FileColumns, column: str, rule: Callable[[str], bool] | None = None) -> None:
    """Choose the first usable name of a column; but for documented ones, only one for which the rule holds."""
    if column in columns.names:
        return
    taken = set(columns.names.values())
    usable = [name for name in head.usable(column, taken) if rule is None or name in TRUSTED or rule(name)]
    documented = [name for name in head.named(column, taken) if name in TRUSTED]
    if name := next(iter(usable or documented), None):
        columns.names[column] = name


def _choose_verdict(head: Head, columns: FileColumns, where: str, given: str | None) -> None:
    """Rules 1 and 2. A score needs a threshold, unless its cells are true and false or words such as "pass"."""
    verdicts, scores = head.usable("correct"), head.usable("score")
    named = head.named("correct") + head.named("score")
    if head.named("correct") and not verdicts:
        # Beside an empty verdict, a score that needs a threshold is none.
        scores = [name for name in scores if all(_is_verdict(cell) for cell in head.cells(name))]
    name = given or next(iter(verdicts + scores + named), None)
    if name is None:
        raise missing_column(head, where, "correct")
    columns.graded_by = name
    is_score = not _is_spelled(head.cells(name))
    if given is None and (name in verdicts or head.is_empty(name)):
        is_score = name not in head.named("correct")
    columns.names["graded" if is_score else "correct"] = name
    if "score" not in columns.names and (is_score or scores):
        columns.names["score"] = name if is_score else scores[0]
    if given is not None:
        return
    for other in named[: named.index(name)]:
        if head.is_empty(other):
            what = f"`{other}` is empty in the first rows, and the verdict is read from `{name}`"
            columns.warnings.append(f"{what}: --score {other} takes the other")
    if name not in verdicts:
        return
    binary = [
        other
        for other in scores
        if all(comparable(cell) is None or _verdict(cell) is not None for cell in head.cells(other))
    ]
    for other in scores:
        pairs = zip(head.keys(name), head.keys(other), strict=True)
        if empty := sum(verdict is None is not graded for verdict, graded in pairs):
            what = f"`{name}` is empty in {empty} of the first {head.rows} rows, where `{other}` is not"
            columns.warnings.append(f"{what}: --score {other} takes the other")
            binary = [of_all for of_all in binary if of_all != other]
    for other in (*verdicts, *binary):
        if differing := _differing(head.cells(name), head.cells(other)):
            what = f"`{other}` differs in {differing} of the first {head.rows} rows"
            columns.warnings.append(f"the verdict is read from `{name}`, and {what}: --score {other} takes the other")


def _is_spelled(cells: Sequence[Any]) -> bool:
    """Whether verdicts are written as true and false or in words, rather than in numbers."""
    for cell in cells:
        if isinstance(cell, bool):
            return True
        if isinstance(cell, str):
            try:
                to_number(cell)
            except ValueError:
                return True
    return False


def _is_verdict(cell: Any) -> bool:
    return cell in (-1, "-1") or _verdict(cell) is not None or comparable(cell) is None


def _differing(cells: Sequence[Any], others: Sequence[Any]) -> int:
    return sum(_verdict(cell) != _verdict(other) for cell, other in zip(cells, others, strict=True))


def _verdict(cell: Any) -> int | None:
    try:
        return to_verdict(cell)
    except ValueError:
        return None


def _choose_problem(head: Head, columns: FileColumns, where: str, given: str | None) -> None:
    """Rules 3 and 4."""
    prompts = [name for name in head.usable("prompt") if name != "text" and (name != "problem" or head.is_text(name))]
    if given is not None:
        columns.names["problem"] = given
        if head.is_text(given) or not head.converts("problem", given):
            columns.converters["problem"] = prompt_id
        return
    ids = [name for name in head.usable("problem") if name == "problem_id" or not head.is_text(name)]
    if not ids:
        _problems_are_prompts(head, columns, where, prompts)
        return
    witness_S = _witnesses(head, prompts)
    chosen = ids[0] if ids[0] == "problem_id" else max(ids, key=lambda name: _is_id(head, name, witness_S))
    columns.names["problem"] = chosen
    if not head.repeats(chosen):
        if prompts and _prompts_repeat(head, prompts[0]):
            _ids_count_rows(head, columns, chosen, prompts[0])
        elif chosen != "problem_id" and prompts and 2 * head.number(prompts[0]) > head.rows:
            columns.row_ids = chosen, prompts[0]
    if not prompts and (stems := _numbered_stems(head, chosen)):
        columns.warnings.append(
            f"no two rows have one `{chosen}`, but they are {stems} names with a number each, as of samples: give a "
            "column problem_id where they are samples of the same problems"
        )
    others = [name for name in ids if head.repeats(name) and head.number(name) != head.number(chosen)]
    if others and witness_S is None and chosen != "problem_id":
        columns.warnings.append(
            f"problems are told apart by `{chosen}` ({head.number(chosen)} in the first {head.rows} rows) and not by "
            f"`{others[0]}` ({head.number(others[0])}): --map id={others[0]} takes the other"
        )


def _numbered_stems(head: Head, name: str) -> int:
    """How many names there are when each id is one of them with the number of a sample; 0 where ids are not so made."""
    numbers_of: dict[str, list[str]] = defaultdict(list)
    for key in head.keys(name):
        stem, separator, number = re.sub(r"[^A-Za-z0-9]?([0-9]+)$", r"\n\1", str(key)).partition("\n")
        numbers_of[stem if separator else ""].append(number)
    stems, most = len(numbers_of), max(map(len, numbers_of.values()))
    is_sampled = "" not in numbers_of and most > 1 and len(set(map(tuple, numbers_of.values()))) == 1
    return stems if is_sampled and stems >= most and not head.repeats(name) else 0


def _ids_count_rows(head: Head, columns: FileColumns, name: str, prompt: str) -> None:
    """Problems are equal prompts, and a warning says so; a documented `problem_id` stays, with a warning."""
    prompts = f"prompts repeat ({head.number(prompt)} in the first {head.rows} rows)"
    if name == "problem_id":
        columns.warnings.append(f"no `problem_id` repeats while {prompts}: --map id={prompt} takes equal prompts")
        return
    columns.names["problem"] = prompt
    columns.converters["problem"] = prompt_id
    columns.warnings.append(
        f"`{name}` counts rows while {prompts}, so that problems are equal prompts: --map id={name} takes the other"
    )


def _problems_are_prompts(head: Head, columns: FileColumns, where: str, prompts: Sequence[str]) -> None:
    named = head.named("problem")
    if prompts:
        columns.names["problem"] = prompts[0]
        columns.converters["problem"] = prompt_id
        columns.notes.append("a problem is an equal prompt; its id is a hash of the prompt")
    elif named:
        columns.names["problem"] = named[0]
    else:
        raise missing_column(head, where, "problem_id")


def _witnesses(head: Head, prompts: Sequence[str]) -> list[Hashable] | None:
    """What is asked in each row: the prompt, and the gold answer where there is one; None where neither is known."""
    repeated = [name for name in prompts if head.repeats(name)]
    names = [*repeated[:1], *head.usable("gold")[:1]]
    return list(zip(*(head.keys(name) for name in names), strict=True)) if names else None


def _is_id(head: Head, name: str, witness_S: list[Hashable] | None) -> tuple[bool, bool]:
    """Whether every value of an id has one prompt (or, where none is known, is not the only value); and repeats."""
    if witness_S is None:
        return head.number(name) > 1, head.repeats(name)
    first: dict[Hashable, Hashable] = {}
    pairs = zip(head.keys(name), witness_S, strict=True)
    return all(first.setdefault(key, witness) == witness for key, witness in pairs), head.repeats(name)


def _prompts_repeat(head: Head, prompt: str) -> bool:
    """Whether each prompt is there twice or more on average, and has one gold answer."""
    if 2 * head.number(prompt) > head.rows:
        return False
    golds = head.usable("gold", {prompt})
    return not (golds and head.differs_within(head.keys(prompt), golds[0]))


def _choose_set(head: Head, columns: FileColumns, problem_S: Sequence[Hashable]) -> None:
    """Rule 5."""
    if "set" in columns.names:
        return
    prompts = [name for name in head.named("prompt") if name != "text" and name not in columns.names.values()]
    asked_S = list(zip(problem_S, head.keys(prompts[0]), strict=True)) if prompts else None
    for name in head.usable("set", set(columns.names.values())):
        if head.is_text(name):
            continue
        problems = len(set(zip(problem_S, head.keys(name), strict=True)))
        if asked_S is None and problems > len(set(problem_S)) and not head.usable("gold"):
            columns.warnings.append(
                f"`{name}` tells problems of one id apart ({problems} in the first {head.rows} rows, "
                f"{len(set(problem_S))} without it): leave the column out where an id is one problem"
            )
        if name in TRUSTED:
            columns.names["set"] = name
            return
        few = head.number(name) == 1 or 2 * head.number(name) <= problems
        ids_collide = problems > len(set(problem_S))
        splits = asked_S is not None and head.differs_within(asked_S, name)
        if (few or ids_collide) and not splits:
            columns.names["set"] = name
            return
        if splits:
            what = f"`{name}` differs among samples of one problem and is not read as the set"
            columns.warnings.append(f"{what}: --map set={name} takes the other")
        else:
            columns.notes.append(f"`{name}` is another for most problems and is not read as the set")


def _choose_completion(head: Head, columns: FileColumns, problem_S: Sequence[Hashable]) -> None:
    """Rule 6, the completion."""
    if "completion" in columns.names:
        return
    taken = set(columns.names.values())
    # A completion may be empty.
    names = head.usable("completion", taken) or head.named("completion", taken)
    if differing := [name for name in names if head.differs_within(problem_S, name)]:
        names = differing
    if names:
        columns.names["completion"] = names[0]


def _choose_prompt(head: Head, columns: FileColumns, problem_S: Sequence[Hashable]) -> None:
    """Rule 6, the prompt. It may also be what tells problems apart."""
    if "prompt" in columns.names:
        return
    if "problem" in columns.converters:
        columns.names["prompt"] = columns.names["problem"]
        return
    names = head.usable("prompt", set(columns.names.values()))
    if same := [name for name in names if not head.differs_within(problem_S, name)]:
        names = same
    if names:
        columns.names["prompt"] = names[0]


def _choose_answers(head: Head, columns: FileColumns, problem_S: Sequence[Hashable]) -> None:
    """Rules 7 and 8: the answer of the model, and the right one."""
    taken = set(columns.names.values())
    names = head.usable("answer", taken)
    golds = [name for name in head.usable("gold", taken) if name in TRUSTED or not head.differs_within(problem_S, name)]
    if "answer" in names and (
        _is_right_and_wrong(head, columns, problem_S, "answer") or _is_constant_beside(head, problem_S, names)
    ):
        names.remove("answer")
        golds += [] if head.differs_within(problem_S, "answer") else ["answer"]
        columns.notes.append("`answer` is the right answer and not the model's")
    names = [name for name in names if not _is_right_and_wrong(head, columns, problem_S, name)]
    if "answer" not in columns.names and names:
        differing = [name for name in names if head.differs_within(problem_S, name)]
        columns.names["answer"] = (differing or names)[0]
    if "gold" not in columns.names and golds:
        columns.names["gold"] = golds[0]


def _is_constant_beside(head: Head, problem_S: Sequence[Hashable], names: Sequence[str]) -> bool:
    """Whether `answer` is the same within each problem while there is another name for the model's answer."""
    return len(names) > 1 and not head.differs_within(problem_S, "answer")


def _is_right_and_wrong(head: Head, columns: FileColumns, problem_S: Sequence[Hashable], name: str) -> bool:
    """Whether, in most problems with right and wrong samples, one answer is both."""
    verdicts: dict[Hashable, set[int]] = defaultdict(set)
    of_answer: dict[Hashable, set[int]] = defaultdict(set)
    for problem, answer, cell in zip(problem_S, head.keys(name), head.cells(columns.graded_by or name), strict=True):
        if answer is not None and (verdict := _verdict(cell)) is not None:
            verdicts[problem].add(verdict)
            of_answer[problem, answer].add(verdict)
    mixed = {problem for problem, seen in verdicts.items() if len(seen) == 2}
    both = {key[0] for key, seen in of_answer.items() if len(seen) == 2}  # type: ignore[index]
    return 2 * len(both) > len(mixed) > 0
