"""Worker process that runs reasoning_gym: its items by seed, and its scores.

Some of its scorers pass the completion to Python's `eval`, or to sympy's parser, which uses `eval`. Here only plain
literals and plain formulas are let through; for a scorer any other text is an error, like text that does not parse.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import json
import random
import re
import sys
from copy import deepcopy
from difflib import get_close_matches
from functools import cache, lru_cache
from importlib.metadata import version
from typing import Any

# Imported with this module, not at the first call: the start of the process is not timed, a call is.
_GYM = importlib.import_module("reasoning_gym") if importlib.util.find_spec("reasoning_gym") else None
_FORMULA = re.compile(r"[A-Za-z0-9\s.,+\-*/%^()\[\]=<>!&|~]*")
_NUMBER = re.compile(r"(?<![A-Za-z0-9])(?:0[xX][0-9A-Fa-f]+|[0-9.]+[eE][0-9]+)(?![A-Za-z0-9])")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*")
# Where an item has many answers and so none of its own, some tasks keep one here.
_EXAMPLES = ("example_answer", "possible_answer", "example_correct_answer")
_FUNCTIONS = re.compile("a?(sin|cos|tan|cot)|(sin|cos|tan)h|sec|csc|sqrt|exp|log|ln|[aA]bs|pi|[A-Za-z]")


def ask(release: str, task: str, config: dict[str, Any], seed: int, answer: str | None = None) -> dict[str, Any]:
    """The item of a seed as {"question", "answer"}; for an answer also its "score" and whether it is "surrounded".

    {"fault": one line} if the package, the task or its configuration is not the one that was asked for.
    """
    fault = _fault(release, task)
    if fault:
        return {"fault": fault}
    written = json.dumps(config)
    try:
        dataset = _dataset(task, written, seed)
    except Exception as error:
        return {"fault": f"config: {task} refuses it: {' '.join(str(error).split())!r:.120}"}
    entry = _entry(task, written, seed)
    item = {"question": entry["question"], "answer": _own_answer(entry)}
    if answer is None:
        return item
    score = _score(dataset, entry, answer)
    return {**item, "score": score, "surrounded": score >= 1 and _surrounded(dataset, entry, answer)}


@cache
def _fault(release: str, task: str) -> str:
    if _GYM is None:
        return "reasoning_gym is not installed; pip install 'edgewise[gym]'"
    installed = version("reasoning_gym")
    if installed != release:
        return (
            f"release: must be {installed}, the reasoning_gym that is installed, is {release} "
            "(another release draws other problems)"
        )
    known = importlib.import_module("reasoning_gym.factory").DATASETS
    if task not in known:
        close = ", ".join(get_close_matches(task, known, 5, 0.4)) or "none; see reasoning_gym's gallery"
        return f"task: must be a task of reasoning_gym, is {task!r:.40}; close names: {close}"
    return ""


@lru_cache(maxsize=1)
def _dataset(task: str, config: str, seed: int) -> Any:
    # One item of a data set of its own: some tasks draw things for a whole data set when it is made.
    assert _GYM is not None
    # A few tasks draw from the generators that everybody shares.
    random.seed(seed)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(seed)
    return _GYM.create_dataset(task, **json.loads(config), seed=seed, size=1)


@lru_cache(maxsize=256)
def _entry(task: str, config: str, seed: int) -> dict[str, Any]:
    entry: dict[str, Any] = _dataset(task, config, seed)[0]
    return entry


def _own_answer(entry: dict[str, Any]) -> str | None:
    answers = [entry["answer"], *(entry["metadata"].get(name) for name in _EXAMPLES)]
    first = next((answer for answer in answers if answer is not None), None)
    return first if first is None or isinstance(first, str) else json.dumps(first)


def _score(dataset: Any, entry: dict[str, Any], answer: str) -> float:
    with _Fence(answer):
        return float(dataset.score_answer(answer=answer, entry=deepcopy(entry)))


def _surrounded(dataset: Any, entry: dict[str, Any], answer: str) -> bool:
    """Whether the answer keeps its score without its first or its last word, which was then no part of it."""
    if len(answer.split()) < 2:
        return False
    shorter = (answer.split(None, 1)[1], answer.rsplit(None, 1)[0])
    return any(_score(dataset, entry, text) >= 1 for text in shorter)


class _Fence:
    """While an answer is scored, nothing is compiled but plain literals and formulas."""

    scored: str | None = None
    raised = False

    def __init__(self, answer: str) -> None:
        self.answer = answer

    def __enter__(self) -> None:
        if not _Fence.raised:
            sys.addaudithook(_audit)
            _Fence.raised = True
        _Fence.scored = self.answer

    def __exit__(self, *_: object) -> None:
        _Fence.scored = None


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "compile" or _Fence.scored is None:
        return
    source, name = arguments
    # Modules are compiled under the names of their files; literal_eval, which runs nothing, as <unknown>.
    if str(name).endswith(".py") or name == "<unknown>":
        return
    text = source.decode(errors="replace") if isinstance(source, bytes) else source
    harmless = isinstance(text, str) and (_is_literal(text) or _is_formula(text))
    if not (harmless or _is_formula(_Fence.scored)):
        raise ValueError("text of a completion is not run")


def _is_literal(text: str) -> bool:
    try:
        ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return False
    return True


def _is_formula(text: str) -> bool:
    # No quotes, so that no string comes out of it that is run in its turn; no attributes, no names but mathematics.
    plain = _NUMBER.sub("0", text)
    return (
        _FORMULA.fullmatch(text) is not None
        and re.search(r"\.\s*[A-Za-z]", plain) is None
        and all(_FUNCTIONS.fullmatch(name) for name in _NAME.findall(plain))
    )
