"""Grade a solution of graph arithmetic step by step, against the graph of the problem.

Each step must follow the rule of `edgewise.tasks.graph.working`. Whitespace is ignored, so `check_english` reads the
english and the paper wording. Time is linear in the length of the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, lru_cache

from edgewise.tasks.graph.compact import UNKNOWN
from edgewise.tasks.graph.expression import LETTER, Wrong, read_combination
from edgewise.tasks.graph.graph import Graph, Quantity
from edgewise.tasks.graph.paper import quantity_names
from edgewise.tasks.graph.working import FOREIGN, Working
from edgewise.tasks.verdict import Score, Unscorable, Verdict, unscorable

# The fixed words of the released data (arXiv 2512.07783, appendix A.1), without their spaces.
_INTRODUCTION = "Thequestionisdifficult,soweuseequationstosolveit."
_KNOWN = "Weknow"
_EQUATION = ",sowehave"
_STEPS = "andwesolveitthroughthefollowingsteps:"
_DIVIDE = "Dividebothsidesby"

_DEFINED = re.compile(rf"(.+)as({LETTER})", re.DOTALL)
_NUMBER = r"(-?[0-9]+(?:\.[0-9]+)?)"


def check_english(graph: Graph, text: str) -> Verdict:
    """Grade a text in the english or the paper wording.

    The process is correct if every necessary quantity is worked out once, after its parents, by the expression of the
    problem; if every equation is right; if in reverse mode the equation is stated and solved; and if the only answer
    stands at the end and is right. Letters, the order of sums and brackets are free, and intermediate results may have
    letters or not. Steps about other quantities are free. A text without a single answer at its end is unscorable.
    """
    return _check(graph, text, _ENGLISH_ANSWERS, _english)


def check_compact(graph: Graph, text: str) -> Verdict:
    """Grade a text in the compact wording by the rules of `check_english`; letters are those of the problem."""
    return _check(graph, text, _COMPACT_ANSWERS, _compact)


# What an answer begins with, and the pattern of the whole answer.
_ENGLISH_ANSWERS = {
    "Answer:": re.compile(rf"Answer:{_NUMBER}\."),
    "<answer>": re.compile(rf"<answer>{_NUMBER}</answer>"),
}
_COMPACT_ANSWERS = {"answer": re.compile(rf"answer{_NUMBER}")}


def _check(
    graph: Graph,
    text: str,
    answers: dict[str, re.Pattern[str]],
    steps: Callable[[Graph, Working, str], None],
) -> Verdict:
    text = _without_spaces(text)
    if sum(map(text.count, answers)) > 1:
        return unscorable(Unscorable.SEVERAL_ANSWERS)
    matches = [match for mark, whole in answers.items() if (match := whole.fullmatch(text, text.find(mark)))]
    if not matches:
        return unscorable(Unscorable.NO_FINAL_ANSWER)
    written, answer = matches[0][1], str(graph.answer)
    predicted = answer if written == answer else _canonical(written)
    right = predicted == answer
    working = Working(graph)
    try:
        steps(graph, working, text[: matches[0].start()])
        if not right:
            raise Wrong(f"the answer is {graph.answer}, not {written:.20}")
    except Wrong as wrong:
        return Verdict(Score(right), Score.WRONG, working.position, str(wrong), predicted, working.extra)
    return _right(predicted)


def _without_spaces(text: str) -> str:
    # Removing the many spaces from bytes is ten times as fast as from text; other white space is rare.
    few = text.encode(errors="surrogatepass").translate(None, b" ").decode(errors="surrogatepass")
    return "".join(few.split())


@lru_cache(maxsize=1 << 12)  # making a verdict costs more than looking it up
def _right(predicted: str) -> Verdict:
    return Verdict(Score.CORRECT, Score.CORRECT, predicted=predicted)


def _canonical(number: str) -> str:
    # As text: int() of a very long digit string is slow and, past a limit, an error.
    sign = "-" if number[0] == "-" else ""
    whole, point, fraction = number.removeprefix("-").partition(".")
    return f"{sign}{whole.lstrip('0') or '0'}{point}{fraction}"


def _english(graph: Graph, working: Working, text: str) -> None:
    text, known, tail = text.removesuffix("</solution>").partition(_KNOWN)
    introduction, *steps = text.split("Define")
    if introduction not in ("", _INTRODUCTION):
        raise Wrong(f"cannot read {introduction:.40}")
    quantities = _quantities(graph.setting)
    index = {quantity: i for i, quantity in enumerate(graph.quantities)}
    for step in steps:
        defined, *clauses = step.split(";")
        match = _DEFINED.fullmatch(defined)
        if match is None or not clauses or clauses[-1][-1:] != ".":
            raise Wrong(f"cannot read {step:.40}")
        name, letter = match.groups()
        clauses[-1] = clauses[-1][:-1]
        node = index.get(quantities[name], FOREIGN) if name in quantities else FOREIGN
        if node != graph.unknown:
            working.step(node, letter, [clause.removeprefix("so") for clause in clauses])
        elif len(clauses) == 1 and "=" not in clauses[0]:  # "we don't know its value yet", in whatever words
            working.unknown(node, letter, letter)
        else:
            raise Wrong(f"cannot read {step:.40}")
        working.position += 1
    if working.missing is not None:
        raise Wrong(f"{quantity_names(graph.setting)[graph.quantities[working.missing]]} is never worked out")
    if graph.unknown is not None:
        _solve(working, tail)
        working.position += 1
    elif known:
        raise Wrong("there is no equation to solve")


@cache
def _quantities(setting: str) -> dict[str, Quantity]:
    return {"".join(name.split()): quantity for quantity, name in quantity_names(setting).items()}


def _solve(working: Working, text: str) -> None:
    given_value, known, rest = text.partition(_EQUATION)
    equation, steps, rest = rest.partition(_STEPS)
    *sentences, end = rest.split(".")
    if not known or not steps or not sentences or end:
        raise Wrong(f"cannot read {text:.40}" if text else "the equation is never stated")
    working.told(given_value)
    working.stated(equation)
    before = working.equation(equation)
    form = working.form
    labels = {"Simplifyingtheequation", "Movealltermstooneside", f"Isolatethetermwith{form}"}
    for sentence in sentences[:-1]:
        label, _, equation = sentence.partition(":")
        now = working.equation(equation)
        if label.startswith(_DIVIDE):
            scale = read_combination(label.removeprefix(_DIVIDE))
            if scale.letters or before != (scale.number * now[0], scale.number * now[1]):
                raise Wrong(f"{label:.40} does not give {equation:.40}")
        elif label not in labels:
            raise Wrong(f"cannot read {sentence:.40}")
        before = now
    label, _, equation = sentences[-1].partition(":")
    if label != "Solution":
        raise Wrong(f"cannot read {sentences[-1]:.40}")
    working.solved(equation)


def _compact(graph: Graph, working: Working, text: str) -> None:
    index = {letter: i for i, letter in enumerate(graph.letters[: len(graph.nodes)])}
    *clauses, end = text.split(";")
    if end:
        raise Wrong(f"cannot read {end:.40}")
    heads = [clause.partition("=")[0] for clause in clauses]
    # Equations stand last, after all letters; letters that the problem does not have are intermediate results.
    last = max((i for i, head in enumerate(heads) if head in index), default=-1)
    begun = 0
    for i, head in enumerate(heads[: last + 1]):
        if head not in index:
            continue
        node = index[head]
        if node != graph.unknown:
            working.step(node, head, clauses[begun : i + 1])
        elif clauses[begun : i + 1] == [f"{head}={UNKNOWN}"]:
            working.unknown(node, head, UNKNOWN)
        else:
            raise Wrong(f"cannot read {clauses[i]:.40}")
        working.extra += i - begun  # intermediate results, each a step of its own here
        working.position = begun = i + 1
    if working.missing is not None:
        raise Wrong(f"{graph.letters[working.missing]} is never worked out")
    equations = clauses[begun:]
    if graph.unknown is None:
        if equations:
            raise Wrong(f"cannot read {equations[0]:.40}")
        return
    if not equations:
        raise Wrong("the equation is never stated")
    working.stated(equations[0])
    for equation in equations:
        working.equation(equation)
        working.position += 1
    working.solved(equations[-1])
