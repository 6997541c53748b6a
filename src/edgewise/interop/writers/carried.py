"""Settings of another trainer that a recipe was turned into, and a line for each thing that they do not say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Carried:
    """`settings` by their name, dotted where the trainer's are nested, and `left`: what was not carried over."""

    settings: dict[str, Any] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)

    def set(self, prefix: str, values: Mapping[str, Any]) -> None:
        """Add settings below a group."""
        self.settings |= {f"{prefix}.{name}": value for name, value in values.items()}
