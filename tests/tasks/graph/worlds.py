"""Settings of the world that between them reach every branch of every knob."""

from __future__ import annotations

from edgewise.tasks.graph.world import GraphArithmetic

GRAPHS = {
    "english": GraphArithmetic(),
    "compact": GraphArithmetic(wording="compact"),
    "compact, one level": GraphArithmetic(wording="compact", min_op=6, max_op=6, modes=("forward",)),
    "long": GraphArithmetic(min_op=11, max_op=30, settings=("school",)),
    "long and compact": GraphArithmetic(wording="compact", min_op=11, max_op=30),
    "crowded": GraphArithmetic(min_op=2, max_op=14, min_distractors=5, max_distractors=14),
    "as in the paper": GraphArithmetic(
        wording="paper", max_op=20, constants=4, unknowns=4, min_distractors=0, max_distractors=7
    ),
    "reverse": GraphArithmetic(wording="compact", max_op=8, modes=("reverse",), unknowns=50, constants=20),
    "small numbers": GraphArithmetic(min_op=3, max_op=12, settings=("zoo", "film"), largest=60),
}
