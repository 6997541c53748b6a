"""Settings of the worlds that between them reach every branch of every knob."""

from __future__ import annotations

from edgewise.tasks import ModularArithmetic

MODULAR = {
    "chains": ModularArithmetic(max_op=4),
    "one level": ModularArithmetic(min_op=5, max_op=5),
    "leaves": ModularArithmetic(min_op=2, max_op=5, leaves=4, letters=14),
    "reuse": ModularArithmetic(min_op=2, max_op=6, reuse=0.7),
    "disorder": ModularArithmetic(min_op=2, max_op=4, leaves=2, disorder=3.0),
    "distractors": ModularArithmetic(min_op=2, max_op=4, distractors=5),
    "integers": ModularArithmetic(min_op=2, max_op=6, leaves=2, reuse=0.5, modulus=0),
    "everything": ModularArithmetic(
        min_op=3, max_op=8, leaves=3, reuse=0.5, disorder=2.0, distractors=6, modulus=97, letters=40
    ),
}
