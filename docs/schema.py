"""Write docs/boundary.schema.json: what boundary.json holds.

python docs/schema.py
"""

from __future__ import annotations

import json
from pathlib import Path

from edgewise.report.audit.schema import schema

if __name__ == "__main__":
    Path(__file__).with_name("boundary.schema.json").write_text(json.dumps(schema(), indent=1) + "\n", "utf-8")
