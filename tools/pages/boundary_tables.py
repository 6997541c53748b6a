"""Write the tables of labels (docs/verdicts.md) and of measures (docs/numbers.md), each between its two marks.

python -m tools.pages.boundary_tables
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, product
from pathlib import Path

from edgewise.boundary.measures.registry import measures
from edgewise.boundary.verdict.facts import FACTS_1, FACTS_K, Facts
from edgewise.boundary.verdict.labels import LABELS, label_of, shown_label
from tools.pages import DOCS


def pages() -> dict[Path, str]:
    """Both pages with their tables as the code has them."""
    return {
        path: with_table(path.read_text("utf-8"), name, table)
        for path, name, table in (
            (DOCS / "verdicts.md", "labels", chain(label_table(), [""], fact_table())),
            (DOCS / "numbers.md", "measures", measure_table()),
        )
    }


def with_table(text: str, name: str, table: Iterable[str]) -> str:
    """The text with the lines of `table` between the marks of `name`."""
    start, end = f"<!-- {name}: written by tools.pages -->\n", f"<!-- end of {name} -->"
    before, rest = text.split(start)
    after = rest.split(end)[1]
    return f"{before}{start}\n" + "\n".join(table) + f"\n\n{end}{after}"


def label_table() -> Iterator[str]:
    """A row for each label: the facts that it names, and its meaning."""
    yield "| label | at one sample | at k | meaning |\n|---|---|---|---|"
    for label, entry in LABELS.items():
        pairs = [facts for facts in map(Facts._make, product(FACTS_1, FACTS_K)) if label_of(facts) == label]
        at_1, at_k = ({pair[place] for pair in pairs} for place in (0, 1))
        cells = [
            "any" if names == set(entries) else ", ".join(name for name in entries if name in names)
            for names, entries in ((at_1, FACTS_1), (at_k, FACTS_K))
        ]
        yield f"| **{shown_label(label, 'k')}** | {' | '.join(cells)} | {entry.meaning} |"


def fact_table() -> Iterator[str]:
    """A row for each fact: its rule."""
    yield "| at | fact | holds when |\n|---|---|---|"
    for at, entries in (("one sample", FACTS_1), ("k samples", FACTS_K)):
        for fact, entry in entries.items():
            yield f"| {at} | {fact} | {entry.rule} |"


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
