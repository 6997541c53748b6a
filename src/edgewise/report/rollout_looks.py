"""Print what looks at growing samples came to: the verdict, at which look and alpha, and how to audit it."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.text import Text

from edgewise.boundary.audit.looked_at import LookedAt
from edgewise.boundary.verdict.labels import LABELS, shown_label
from edgewise.report import formats
from edgewise.report.concerns import one_line
from edgewise.report.prose import print_prose


def print_looks(looked: LookedAt, base: str, out: str, console: Console) -> None:
    """Print the label, its sentence, why drawing stopped, and the command that shows all of it at the same alpha."""
    verdict = looked.verdict
    label = (shown_label(verdict.label, looked.plan.k), LABELS[verdict.label].style)
    print_prose(Text.assemble("verdict: ", label), console)
    print_prose(one_line(verdict.sentence), console, indent=2)
    spent = formats.number(looked.look.alpha)
    print_prose(
        f"{looked.why} at look {looked.number} of {len(looked.plan.looks)}, n = {looked.look.n} samples of each"
        f" problem; this look spends alpha {spent}",
        console,
        indent=2,
    )
    command = f"edgewise audit {base} {out} --k {looked.plan.k} --alpha {looked.look.alpha:.6g}"
    console.print(Text(f"audit it with: {command}"), soft_wrap=True)  # whole, so that it can be copied


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
