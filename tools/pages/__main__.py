"""`python -m tools.pages [NAME...]`: write the computed pages of docs/, all of them or some."""

from __future__ import annotations

import importlib
import sys
import time

# In seconds each, but for the last two, which simulate or train for most of an hour.
PAGES = (
    "commands",
    "schema",
    "boundary_tables",
    "published",
    "recipes",
    "algorithms",
    "brorl",
    "performance",
    "worlds",
    "calibrate",
    "seeds",
)


def main(names: list[str]) -> None:
    unknown = [name for name in names if name not in PAGES]
    if unknown:
        sys.exit(f"error: page: must be one of {', '.join(PAGES)}, is {unknown[0]!r}")
    for name in names or PAGES:
        start = time.monotonic()
        importlib.import_module(f"tools.pages.{name}").main()
        print(f"{name}: written in {time.monotonic() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
