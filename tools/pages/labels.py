"""Write the table of labels in docs/verdicts.md, between its two marks.

python -m tools.pages.labels
"""

from __future__ import annotations

from collections.abc import Iterator

from edgewise.boundary.verdict.labels import LABELS
from tools.pages import DOCS

PAGE = DOCS / "verdicts.md"
START, END = "<!-- labels: written by tools.pages -->\n", "<!-- end of labels -->"


def page() -> str:
    """docs/verdicts.md with its table as `LABELS` has it."""
    before, rest = PAGE.read_text("utf-8").split(START)
    after = rest.split(END)[1]
    return f"{before}{START}\n" + "\n".join(table()) + f"\n\n{END}{after}"


def table() -> Iterator[str]:
    """A row for each label: its meaning and when it is given."""
    yield "| label | meaning | given when |\n|---|---|---|"
    for label, entry in LABELS.items():
        yield f"| **{label}** | {entry.meaning} | {entry.condition} |"


def main() -> None:
    PAGE.write_text(page(), "utf-8")


if __name__ == "__main__":
    main()
