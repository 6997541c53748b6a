"""Settings of the world that between them reach every branch of every knob."""

from __future__ import annotations

from edgewise.tasks.strings import StringFunctions

STRINGS = {
    "default": StringFunctions(),
    "atoms shown": StringFunctions(max_calls=1, functions="held_out", definitions="shown"),
    "direct": StringFunctions(max_calls=3, format="direct"),
    "everything": StringFunctions(
        min_calls=2, max_calls=8, functions="all", definitions="shown", min_length=5, max_length=12
    ),
}
