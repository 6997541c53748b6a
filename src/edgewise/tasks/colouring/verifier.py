"""From the text of a completion to a verdict, by the rule alone: neighbours differ.

A completion is `answer` and one colour for each vertex, in the order of the vertices; the process is
the answer, and its steps are the vertices.
"""

from __future__ import annotations

from edgewise.tasks.base import Score, Unscorable, Verdict, unscorable
from edgewise.tasks.colouring.graph import Graph

VERTICES = "abcdefgh"
COLOURS = ("red", "green", "blue", "yellow")


def check(graph: Graph, text: str) -> Verdict:
    """The verdict on any text. See `edgewise.tasks.base.Verdict` for its fields.

    A text that the caller says was cut off is unscorable, as is anything but `answer` and colours
    that the problem offers. Too many or too few of them are wrong.
    """
    first, *written = text.split() or [""]
    if first != "answer":
        return unscorable(Unscorable.NO_ANSWER)
    offered = COLOURS[: graph.colours]
    for word in written:
        if word not in offered:
            return unscorable(Unscorable.NO_COLOUR, f"{word:.40}")
    wrong = _first_wrong_vertex(graph, written)
    predicted = "".join(written)
    if wrong is None:
        return Verdict(Score.CORRECT, Score.CORRECT, predicted=predicted)
    return Verdict(Score.WRONG, Score.WRONG, *wrong, predicted)


def _first_wrong_vertex(graph: Graph, written: list[str]) -> tuple[int, str] | None:
    alike = [(v, u) for u, v in graph.edges if v < len(written) and written[u] == written[v]]
    if alike:
        # By the later vertex: it is there that a colour first is impossible.
        v, u = min(alike)
        return v, f"{VERTICES[u]} and {VERTICES[v]} are neighbours and both {written[v]}"
    if len(written) != graph.vertices:
        return min(len(written), graph.vertices), f"{len(written)} colours for {graph.vertices} vertices"
    return None
