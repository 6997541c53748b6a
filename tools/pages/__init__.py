"""What writes pages of docs/: one module a page, each with `main()`; `make pages` runs those that take seconds."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
FIGURES = DOCS / "figures"
