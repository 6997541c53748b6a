"""Write the tables of labels (docs/verdicts.md) and of measures (docs/audit.md), each between its two marks.

python -m tools.pages.boundary_tables
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from edgewise.boundary.measures.registry import measures
from edgewise.boundary.verdict.labels import LABELS
from tools.pages import DOCS


def pages() -> dict[Path, str]:
    """Both pages with their tables as the code has them."""
    return {
        path: with_table(path.read_text("utf-8"), name, table)
        for path, name, table in (
            (DOCS / "verdicts.md", "labels", label_table()),
            (DOCS / "audit.md", "measures", measure_table()),
        )
    }


def with_table(text: str, name: str, table: Iterable[str]) -> str:
    """The text with the lines of `table` between the marks of `name`."""
    start, end = f"<!-- {name}: written by tools.pages -->\n", f"<!-- end of {name} -->"
    before, rest = text.split(start)
    after = rest.split(end)[1]
    return f"{before}{start}\n" + "\n".join(table) + f"\n\n{end}{after}"


def label_table() -> Iterator[str]:
    """A row for each label: its meaning and when it is given."""
    yield "| label | meaning | given when |\n|---|---|---|"
    for label, entry in LABELS.items():
        yield f"| **{label}** | {entry.meaning} | {entry.condition} |"


def measure_table() -> Iterator[str]:
    """A row for each measure: its name in boundary.json, what it says, its file and its source."""
    yield "| measure | what it says | in `edgewise.boundary` | source |\n|---|---|---|---|"
    for measure in measures().values():
        place = measure.compute.__module__.removeprefix("edgewise.boundary.")
        yield f"| `{measure.name}` | {measure.explanation} | `{place}` | {measure.source} |"


def main() -> None:
    for path, text in pages().items():
        path.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
