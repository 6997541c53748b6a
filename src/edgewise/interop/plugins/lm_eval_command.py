"""The command line of lm-evaluation-harness, with checkpoints of ours as the model `edgewise`.

python -m edgewise.interop.plugins.lm_eval_command run --model edgewise --model_args path=runs/... --tasks ...
"""

from __future__ import annotations

import importlib
import sys

from edgewise.core.errors import InputError


def main() -> None:
    """Run the harness; a missing package or bad input ends with one line and status 2."""
    try:
        importlib.import_module("edgewise.interop.plugins.lm_eval")
        importlib.import_module("lm_eval.__main__").cli_evaluate()
    except ModuleNotFoundError as error:
        if error.name not in ("lm_eval", "datasets"):
            raise
        _stop(f"{error.name}: not installed; pip install 'edgewise[lm-eval]'")
    except InputError as error:
        _stop(str(error))


def _stop(message: str) -> None:
    print(f"error: {message}", file=sys.stderr)
    sys.exit(2)


if __name__ == "__main__":
    main()
