"""Write docs/boundary.schema.json: what boundary.json holds.

python -m tools.pages.schema
"""

from __future__ import annotations

import json

from edgewise.report.schema import schema
from tools.pages import DOCS

PAGE = DOCS / "boundary.schema.json"


def main() -> None:
    PAGE.write_text(json.dumps(schema(), indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
