r"""Formulas as GitHub writes them ($`...`$ and blocks of ```math) to MathML, which browsers show without a script."""

from __future__ import annotations

import re
from collections.abc import Callable

BLOCK = re.compile(r"^```math\n(.*?)^```$", re.S | re.M)
INLINE = re.compile(r"\$`([^`\n]+)`\$")
# Markdown leaves such a word alone, also in tables and headings.
PLACE = re.compile(r"(?:<p>)?FORMULA(\d+)PLACE(?:</p>)?")


def take_formulas(markdown: str) -> tuple[str, list[tuple[str, str]]]:
    """The page with a word in place of each formula, and the formulas: ("block" or "inline", TeX)."""
    formulas: list[tuple[str, str]] = []

    def take(display: str) -> Callable[[re.Match[str]], str]:
        def place(found: re.Match[str]) -> str:
            formulas.append((display, found[1].strip()))
            return f"FORMULA{len(formulas) - 1}PLACE"

        return place

    return INLINE.sub(take("inline"), BLOCK.sub(take("block"), markdown)), formulas


def put_formulas(html: str, formulas: list[tuple[str, str]], convert: Callable[[str, str], str]) -> str:
    """The page with the formulas in their places, each as `convert(tex, display)` writes it."""

    def formula(place: re.Match[str]) -> str:
        display, tex = formulas[int(place[1])]
        written = convert(tex, display)
        if display == "block":
            return f'<div class="formula">{written}</div>'
        return place[0].replace(f"FORMULA{place[1]}PLACE", written)

    return PLACE.sub(formula, html)
