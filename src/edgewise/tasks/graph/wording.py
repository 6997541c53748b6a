"""Base class of the wordings of graph arithmetic, which write a graph as prompt and solution."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from edgewise.tasks.graph.graph import Graph


class Wording(ABC):
    """Prompt and gold solution of a graph, and the words that they are made of."""

    @abstractmethod
    def prompt(self, graph: Graph) -> str:
        """Everything that the problem says, and the question."""

    @abstractmethod
    def solution(self, graph: Graph) -> str:
        """The gold completion, answer included."""

    @abstractmethod
    def words(self, settings: Sequence[str]) -> tuple[str, ...]:
        """Every word of prompts and solutions in these settings; InputError if the wording has no list of words."""
