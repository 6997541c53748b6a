"""Keep track of what a solution has worked out, and check each of its steps.

The rule: the first expression of a quantity, with intermediate letters replaced by what they stand for, must be the
same linear combination of other quantities as in the problem. Everything after a further equals sign must have the
right value, as a linear form of the unknown. A letter means what the solution last assigned to it, so names are free.
"""

from __future__ import annotations

import string
from collections.abc import Sequence

from edgewise.tasks.graph.expression import Combination, Wrong, read_combination
from edgewise.tasks.graph.graph import Graph, Linear

FOREIGN = -2
"""The index of every quantity that the problem does not have."""

# Coefficients by quantity; that of the number is under _NUMBER.
_Meaning = dict[int, int]
_NUMBER = -1
_LETTERS = frozenset(letter + digit for letter in string.ascii_letters for digit in ("", *string.digits))

# Intermediate results of a hostile text grow without bound; larger numbers are not quoted.
_WRITTEN = 10**12


class Working:
    """What the letters of one solution stand for, and which quantities it has worked out.

    All text comes without whitespace, and every method raises `Wrong` if its text is wrong. `form` is the letter that
    values are linear forms of, "" before there is one. `position` counts the steps that were right so far (the reader
    of the steps keeps it), and `extra` those among them that the question does not need.
    """

    def __init__(self, graph: Graph) -> None:
        self.position = 0
        self.extra = 0
        self._graph = graph
        self._needed = frozenset(graph.steps)
        self._done: set[int] = set()
        self._meaning: dict[str, _Meaning] = {}
        self.form = ""
        self._numeric: tuple[str, ...] = ("",)

    @property
    def missing(self) -> int | None:
        """The first necessary quantity that is not worked out yet."""
        return next((i for i in self._graph.steps if i not in self._done), None)

    def unknown(self, node: int, letter: str, form: str) -> None:
        """Name the unknown `letter`; from now on values are linear forms of `form`, which is often the same letter."""
        self._begin(node, letter)
        self.form = form
        self._numeric = ("", form)
        self._meaning[form] = self._meaning[letter] = {node: 1}

    def step(self, node: int, letter: str, clauses: Sequence[str]) -> None:
        """Check the equations that work out one quantity, e.g. "r=k=3" and "B=2*r=2*3=6".

        Equations of a quantity that the question does not need are not checked; only its letter is kept.
        """
        self._begin(node, letter)
        if node in self._needed:
            self._work_out(node, letter, clauses)
        else:
            self.extra += 1
            for clause in clauses:
                head, equals, _ = clause.partition("=")
                if equals:
                    self._forget(head)
        self._meaning[letter] = {node: 1}

    def told(self, text: str) -> None:
        """Check the number that the problem gives for the last quantity, e.g. "h=8"."""
        letter, _, number = text.partition("=")
        if self._meaning.get(letter) != {self._graph.sink: 1} or self._form(number) != (0, self._graph.told):
            raise Wrong(f"{text:.40} is not told")

    def stated(self, text: str) -> None:
        """Check the equation to solve: the last quantity's form on the left, its number on the right."""
        if self._sides(text) != (self._graph.values[self._graph.sink], (0, self._graph.told)):
            raise Wrong(f"{text:.40} is not the equation to solve")

    def equation(self, text: str) -> tuple[int, int]:
        """Check an equation, whose only solution must be the answer; returns a and b if it says a*x + b = 0."""
        (a, b), (c, d) = self._sides(text)
        if a == c or (a - c) * self._graph.answer + b - d:
            raise Wrong(f"{text:.40} is not solved by {self._graph.answer} alone")
        return a - c, b - d

    def solved(self, text: str) -> None:
        """Check the last equation, e.g. "x=3"."""
        self.equation(text)
        left, _, right = text.partition("=")
        if left != self.form or not read_combination(right).plain:
            raise Wrong(f"{text:.40} is not the solution")

    def _begin(self, node: int, letter: str) -> None:
        if node in self._done:
            raise Wrong(f"{letter:.40} is worked out twice")
        if node in self._needed:
            self._done.add(node)
        self._forget(letter)

    def _forget(self, letter: str) -> None:
        # The letter of the unknown is never free: values are written with it.
        if letter == self.form:
            raise Wrong(f"{letter} stands for the unknown")
        self._meaning.pop(letter, None)

    def _work_out(self, node: int, letter: str, clauses: Sequence[str]) -> None:
        worked_out = False
        for clause in clauses:
            head, *segments = clause.split("=")
            if not segments or head not in _LETTERS:
                raise Wrong(f"cannot read {clause:.40}")
            self._forget(head)
            first = read_combination(segments[0])
            meaning = self._expanded(first)
            if head != letter:
                self._check(first, segments, meaning, self._value(meaning))
                self._meaning[head] = meaning
                continue
            if worked_out:
                raise Wrong(f"{letter:.40} is worked out twice")
            worked_out = True
            if meaning != self._rule(node):
                raise Wrong(f"{head} = {segments[0]:.40} is not what the problem says")
            last = self._check(first, segments, meaning, self._graph.values[node])
            if not last.plain or last.letter not in self._numeric or last.form != self._graph.values[node]:
                raise Wrong(f"{letter} has no value")
        if not worked_out:
            raise Wrong(f"{letter} is not worked out")

    def _check(self, last: Combination, segments: list[str], meaning: _Meaning, value: Linear | None) -> Combination:
        """The last segment; `Wrong` unless all after the first have this meaning or, without letters, this value."""
        for text in segments[1:]:
            last = read_combination(text)
            if last.letter in self._numeric:
                if value is not None and last.form != value:
                    raise Wrong(f"{text:.40} is not {_written(value)}")
            elif self._expanded(last) != meaning:
                raise Wrong(f"{text:.40} is not {segments[0]:.40}")
        return last

    def _expanded(self, combination: Combination) -> _Meaning:
        meaning = {_NUMBER: combination.number}
        for letter, coefficient in combination.letters:
            if letter not in self._meaning:
                raise Wrong(f"{letter} stands for nothing yet")
            for node, inner in self._meaning[letter].items():
                meaning[node] = meaning.get(node, 0) + coefficient * inner
        return meaning

    def _rule(self, node: int) -> _Meaning:
        parents, combine, operator, constant = self._graph.nodes[node]
        scale = constant if operator == "*" else 1
        rule = dict.fromkeys(parents, scale)
        if combine == "-":
            rule[parents[1]] = -scale
        rule[_NUMBER] = constant if operator == "+" or not parents else 0
        return rule

    def _value(self, meaning: _Meaning) -> Linear | None:
        if FOREIGN in meaning:
            return None
        a, b = 0, meaning[_NUMBER]
        for node, coefficient in meaning.items():
            if node != _NUMBER:
                value = self._graph.values[node]
                a += coefficient * value.a
                b += coefficient * value.b
        return Linear(a, b)

    def _form(self, text: str) -> Linear:
        combination = read_combination(text)
        if combination.letter not in self._numeric:
            raise Wrong(f"{text:.40} has more letters than the unknown")
        return combination.form

    def _sides(self, text: str) -> tuple[Linear, Linear]:
        left, _, right = text.partition("=")
        return self._form(left), self._form(right)


def _written(value: Linear) -> str:
    if max(map(abs, value)) > _WRITTEN:
        return "its value"
    return f"{value.a}*x {'+' if value.b >= 0 else '-'} {abs(value.b)}" if value.a else str(value.b)
