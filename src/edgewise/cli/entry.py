"""The commands of `edgewise`, and the exit status and message of errors."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable

import typer

from edgewise.cli import audit, recipes, study, tasks
from edgewise.cli.interrupt import stopped_by_signals
from edgewise.core.errors import InputError

# Imported only where needed, so that audits work without them.
LAB = ("torch", "safetensors", "tokenizers")

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
COMMANDS: dict[str, Callable[..., None]] = {
    "audit": audit.audit_rollouts,
    "edge": audit.find_training_set,
    "demo": study.run_demo,
    "run": study.run_named,
    "recipes": recipes.recipes,
    "tasks": tasks.list_tasks,
    "problems": tasks.list_problems,
    "verify": tasks.verify,
}
for name, command in COMMANDS.items():
    app.command(name)(command)


# Old name of a command -> its name now; kept for one release.
RENAMED = {"judge": "verify"}


def main(app: typer.Typer = app) -> None:
    """Run a command line; errors of the user end as one line on stderr and status 2, Ctrl-C as one line and 130."""
    # torch reads this when it is first imported, here and in workers. Without it idle threads spin at barriers,
    # which makes everything else on the machine several times slower.
    os.environ.setdefault("GOMP_SPINCOUNT", "0")
    if sys.argv[1:2] and sys.argv[1] in RENAMED:
        typer.echo(
            f"note: `{sys.argv[1]}` is now `{RENAMED[sys.argv[1]]}`; the old name goes with the next release", err=True
        )
        sys.argv[1] = RENAMED[sys.argv[1]]
    try:
        with stopped_by_signals():
            app()
    except InputError as error:
        _stop(str(error))
    except ModuleNotFoundError as error:
        if error.name not in LAB:
            raise
        _stop(f"{error.name}: not installed; the laboratory needs `pip install edgewise[lab]`")
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS):
            raise
        _stop(f"{error.filename or 'output'}: {error.strerror}; what is complete is kept, run again to go on")


def _stop(message: str) -> None:
    typer.echo(f"error: {' '.join(message.split())}", err=True)
    sys.exit(2)
