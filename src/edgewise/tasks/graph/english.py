"""The English wording of graph arithmetic: the paper's text with spaces between all words, so that a word is a token.

    The number of adult crow in Pine Ridge equals 2 times the number of adult owl in Pine Ridge . ...
    Define adult crow in Pine Ridge as B ; r = k = 1 3 ; so B = 2 * r = 2 * 1 3 = 2 6 . ... Answer : 9 .

Numbers are written digit by digit. Names of quantities keep their accents and hyphens and are several words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from edgewise.tasks.graph import paper
from edgewise.tasks.graph.compact import LETTERS
from edgewise.tasks.graph.graph import Graph
from edgewise.tasks.graph.setting import setting_named
from edgewise.tasks.graph.wording import Wording

_MARKS = ". , ; : ? = + - * / ( )"
_PROBLEM = "The the number of in equals plus times sum and difference between exists its is greater than"
_QUESTION = "How many does have What"
_SOLUTION = "Define as so Answer"
_REVERSE = (
    "question difficult we use equations to solve it don't know value yet but will find out later We "
    "through following steps Simplifying equation Move all terms one side Isolate term with Divide both sides by "
    "Solution"
)

_LOOSE = re.compile(r" (?=[.,;:])|(?<=[0-9]) (?=[0-9])")
_WORD = re.compile(r"[0-9]|[^\W\d](?:[\w'-]*\w)?|[^\w\s]")


class _English(Wording):
    def prompt(self, graph: Graph) -> str:
        """The problem and its question."""
        return paper.problem_text(graph, _SPACED) + paper.question(graph, _SPACED)

    def solution(self, graph: Graph) -> str:
        """The gold solution, answer included."""
        return f"{paper.body(graph, _SPACED)} Answer : {_digits(graph.answer)} ."

    def words(self, settings: Sequence[str]) -> tuple[str, ...]:
        return english_words(settings, LETTERS)


WORDING = _English()


def english_words(settings: Iterable[str], letters: Iterable[str]) -> tuple[str, ...]:
    """Every word of prompts and solutions in these settings with these letters.

    Digits, marks, the words of sentences, "x" and the letters, then the words of names in alphabetical order.
    """
    named: set[str] = set()
    for setting in map(setting_named, settings):
        named.update(" ".join((*setting.place_names, *setting.kind_names, setting.total)).split())
    fixed = f"0 1 2 3 4 5 6 7 8 9 {_MARKS} {_PROBLEM} {_QUESTION} {_SOLUTION} {_REVERSE} x".split()
    return tuple(dict.fromkeys([*fixed, *letters, *sorted(named)]))


def spaced(text: str) -> str:
    """A text in the paper wording with its words apart, as this wording writes it."""
    return " ".join(_WORD.findall(text))


def closed(text: str) -> str:
    """A text in the english wording with its numbers and marks closed up, as the released scorer reads it."""
    return _LOOSE.sub("", text)


@lru_cache(maxsize=4096)
def _digits(number: int) -> str:
    return " ".join(str(number))


_SPACED = paper.TextStyle(
    number=_digits,
    minus="- ",
    times=" * ",
    left="( ",
    right=" )",
    comma=" , ",
    semicolon=" ; ",
    colon=" : ",
    stop=" . ",
    ask=" ?",
)
