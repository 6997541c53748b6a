"""`python -m tools.pages [NAME...]`: write the computed pages of docs/, all of them or some."""

from __future__ import annotations

import importlib
import sys
import time

from edgewise.core.errors import unknown_name

# Each takes seconds, scaling a minute or two, the last three most of an hour: they simulate or train.
PAGES = (
    "commands",
    "schema",
    "boundary_tables",
    "published",
    "papers",
    "recipes",
    "algorithms",
    "brorl",
    "health",
    "performance",
    "worlds",
    "scaling",
    "calibrate",
    "seeds",
    "interplay",
)


def main(names: list[str]) -> None:
    for name in names:
        if name not in PAGES:
            print(f"error: {unknown_name('page', name, PAGES)}", file=sys.stderr)
            sys.exit(2)
    for name in names or PAGES:
        start = time.monotonic()
        importlib.import_module(f"tools.pages.{name}").main()
        print(f"{name}: written in {time.monotonic() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
