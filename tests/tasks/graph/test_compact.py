"""The compact wording: the texts of the documentation, and every form of expression."""

from __future__ import annotations

from dataclasses import replace

from edgewise.tasks.graph import compact
from edgewise.tasks.graph.compact import WORDING
from edgewise.tasks.graph.graph import TOLD, Graph, Node, Quantity, evaluate

FORWARD_NODES = (Node((), constant=3), Node((0,), "+", "+", 4), Node((0, 1), "+", "*", 2))
FORWARD = Graph(
    setting="zoo",
    nodes=FORWARD_NODES,
    quantities=tuple(Quantity(0, kind) for kind in range(3)),
    values=evaluate(FORWARD_NODES, None),
    sink=2,
    unknown=None,
    answer=20,
    steps=(0, 1, 2),
    order=(0, 2, 1),
    letters=("a", "c", "b"),
)
REVERSE_NODES = (Node(()), Node((0,), "+", "+", 3), Node((0, 1)))
REVERSE = replace(
    FORWARD,
    nodes=REVERSE_NODES,
    values=evaluate(REVERSE_NODES, 0),
    unknown=0,
    answer=5,
    order=(TOLD, 1, 0, 2),
    letters=("a", "b", "c"),
)


def steps(graph: Graph, *nodes: Node) -> list[str]:
    """What the solution says of further nodes after those of `graph`, called d, e and so on."""
    more = (*graph.nodes, *nodes)
    letters = (*graph.letters, *"defghijklmnop"[: len(nodes)])
    longer = replace(
        graph, nodes=more, values=evaluate(more, graph.unknown), steps=tuple(range(len(more))), letters=letters
    )
    return WORDING.solution(longer).split(" ; ")[len(graph.nodes) :][: len(nodes)]


def test_the_documented_texts() -> None:
    assert compact.__doc__
    said = " ".join(compact.__doc__.split())
    texts = {
        "a = 3 ; b = 2 * ( a + c ) ; c = 4 + a ? b :": WORDING.prompt(FORWARD),
        "a = 3 ; c = 4 + a = 4 + 3 = 7 ; b = 2 * ( a + c ) = 2 * ( 3 + 7 ) = 2 0 ; answer 2 0": WORDING.solution(
            FORWARD
        ),
        "c = 1 3 ; b = 3 + a ; a = x ; c = a + b ? a :": WORDING.prompt(REVERSE),
        "a = x ; b = 3 + a = 3 + x = x + 3 ; c = a + b = x + x + 3 = 2 * x + 3 ; 2 * x + 3 = 1 3 ; x = 5 ; "
        "answer 5": WORDING.solution(REVERSE),
    }
    for text, written in texts.items():
        assert written == text
        assert text in said.replace(" the solution 2 * x", " 2 * x")


def test_numbers_are_written_digit_by_digit_and_a_copy_has_its_number_once() -> None:
    assert steps(FORWARD, Node((2,)), Node((2, 0), "-"), Node((2, 1), "-", "*", 3), Node((0, 1, 2), "+", "+", 9)) == [
        "d = b = 2 0",
        "e = b - a = 2 0 - 3 = 1 7",
        "f = 3 * ( b - c ) = 3 * ( 2 0 - 7 ) = 3 9",
        "g = 9 + a + c + b = 9 + 3 + 7 + 2 0 = 3 9",
    ]


def test_linear_forms_stand_in_brackets_where_needed() -> None:
    assert steps(
        REVERSE,
        Node((0,)),
        Node((0,), "+", "*", 4),
        Node((1,), "+", "*", 2),
        Node((2, 1), "-"),
        Node((), constant=40),
        Node((7, 4), "-"),
        Node((8, 1), "-", "*", 3),
        Node((3, 0), "-", "+", 1),
        Node((4,), "+", "*", 3),
    ) == [
        "d = a = x",
        "e = 4 * a = 4 * x",
        "f = 2 * b = 2 * ( x + 3 ) = 2 * x + 6",
        "g = c - b = 2 * x + 3 - ( x + 3 ) = x",
        "h = 4 0",
        "i = h - e = 4 0 - 4 * x",
        "j = 3 * ( i - b ) = 3 * ( 4 0 - 4 * x - ( x + 3 ) ) = 1 1 1 - 1 5 * x",
        "k = 1 + d - a = 1 + x - x = 1",
        "l = 3 * e = 3 * ( 4 * x ) = 1 2 * x",
    ]
    nodes = (*REVERSE_NODES, Node((), constant=2), Node((0, 3), "-"))
    graph = replace(REVERSE, nodes=nodes, values=evaluate(nodes, 0), sink=4, steps=(0, 3, 4), letters=tuple("abcde"))
    assert WORDING.solution(graph) == "a = x ; d = 2 ; e = a - d = x - 2 ; x - 2 = 3 ; x = 5 ; answer 5"


def test_a_sink_that_is_the_unknown_itself_is_told_once() -> None:
    nodes = (Node(()), Node((0,)))
    graph = replace(REVERSE, nodes=nodes, values=evaluate(nodes, 0), sink=1, steps=(0, 1), order=(0, TOLD, 1))
    assert WORDING.prompt(graph) == "a = x ; b = 5 ; b = a ? a :"
    assert WORDING.solution(graph) == "a = x ; b = a = x ; x = 5 ; answer 5"


def test_names_are_the_letters_without_x_and_then_letters_with_a_digit() -> None:
    names = compact.letter_names(120)
    assert names[:3] == ("a", "b", "c") and names[49:52] == ("Z", "a1", "b1") and names[100] == "a2"
    assert len(set(names)) == 120
    assert not {"x", "X", "x1", "X1"} & set(names)
    assert compact.letter_names(50) == compact.LETTERS


def test_words_are_what_the_texts_are_made_of() -> None:
    words = WORDING.words()
    assert len(set(words)) == len(words) == 11 + 10 + 50
    for text in (WORDING.prompt(REVERSE), WORDING.solution(REVERSE), WORDING.prompt(FORWARD)):
        assert set(text.split()) <= set(words)
