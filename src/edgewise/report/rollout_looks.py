"""Print what looks at growing samples came to: the verdict, at which look and alpha, and how to audit it."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.text import Text

from edgewise.boundary.audit.looked_at import LookedAt
from edgewise.boundary.verdict.labels import LABELS, shown_label
from edgewise.report import formats
from edgewise.report.concerns import one_line


def print_looks(looked: LookedAt, base: str, out: str, console: Console) -> None:
    """Print the label, its sentence, why drawing stopped, and the command that shows all of it at the same alpha."""
    verdict = looked.verdict
    console.print(
        Text.assemble(("verdict: "), (shown_label(verdict.label, looked.plan.k), LABELS[verdict.label].style))
    )
    console.print(Text(f"  {one_line(verdict.sentence)}"), soft_wrap=True)
    spent = formats.number(looked.look.alpha)
    console.print(
        Text(
            f"  {looked.why} at look {looked.number} of {len(looked.plan.looks)}, n = {looked.look.n} samples of each"
            f" problem; this look spends alpha {spent}"
        ),
        soft_wrap=True,
    )
    console.print(
        Text(f"audit it with: edgewise audit {base} {out} --k {looked.plan.k} --alpha {looked.look.alpha:.6g}"),
        soft_wrap=True,
    )


def looks_record(looked: LookedAt) -> dict[str, Any]:
    """The same as plain values."""
    return {
        "label": looked.verdict.label,
        "sentence": looked.verdict.sentence,
        "k": looked.plan.k,
        "why": looked.why,
        "look": looked.number,
        "looks": looked.plan.looks,
        "alpha": looked.look.alpha,
    }
