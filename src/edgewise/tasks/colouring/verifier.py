"""From the text of a completion to a verdict, by the rule alone: neighbours differ.

A completion is `answer` and one colour for each vertex, in the order of the vertices; the process is
the answer, and its steps are the vertices.
"""

from __future__ import annotations

from edgewise.tasks.base import Score, Verdict, unscorable
from edgewise.tasks.colouring.graph import Graph

MAX_CHARACTERS = 100_000
VERTICES = "abcdefgh"
COLOURS = ("red", "green", "blue", "yellow")


def verify(graph: Graph, completion: str, *, truncated: bool = False) -> Verdict:
    """The verdict on any text. See `edgewise.tasks.base.Verdict` for its fields.

    A text that the caller says was cut off is unscorable, as is anything but `answer` and colours
    that the problem offers. Too many or too few of them are wrong.
    """
    if truncated:
        return unscorable("truncated")
    if len(completion) > MAX_CHARACTERS:
        return unscorable(f"unparsable: over {MAX_CHARACTERS} characters")
    first, *written = completion.split() or [""]
    if first != "answer":
        return unscorable("unparsable: no answer")
    offered = COLOURS[: graph.colours]
    for word in written:
        if word not in offered:
            return unscorable(f"unparsable: {word:.40} is none of the colours")
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
