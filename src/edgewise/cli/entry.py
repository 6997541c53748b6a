"""The commands of `edgewise`, and the exit status and message of errors."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Callable
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from edgewise.cli import (
    audit,
    claims,
    export,
    export_evaluations,
    fit,
    plan,
    recipes,
    rollouts,
    runs,
    study,
    tasks,
    watch,
)
from edgewise.cli.completion import ASKED_BY_SHELL, about_the_program, know_shells
from edgewise.cli.examples import epilog
from edgewise.cli.interrupt import stopped_by_signals
from edgewise.core.errors import InputError, unknown_name

# Imported only where needed, so that audits work without them.
LAB = ("torch", "safetensors", "tokenizers")

# What typer raises for a command line that does not parse. typer names only some of its subclasses.
UsageError: type[Exception] = typer.BadParameter.__bases__[0]

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
COMMANDS: dict[str, Callable[..., None]] = {
    "audit": audit.audit_rollouts,
    "edge": audit.find_training_set,
    "demo": study.run_demo,
    "run": study.run_named,
    "plan": plan.plan_study,
    "runs": runs.list_runs,
    "watch": watch.watch_study,
    "fit": fit.fit_scaling,
    "rollouts": rollouts.collect_rollouts,
    "recipes": recipes.recipes,
    "tasks": tasks.list_tasks,
    "problems": tasks.list_problems,
    "verify": tasks.verify,
}
app.callback()(about_the_program)
for name, command in COMMANDS.items():
    app.command(name, epilog=epilog(name))(command)
app.add_typer(claims.claims_app, name="claims", epilog=epilog("claims"))
export.export_app.command("lm-eval", epilog=epilog("export lm-eval"))(export_evaluations.export_lm_eval)
export.export_app.command("eval-ever", epilog=epilog("export eval-ever"))(export_evaluations.export_eval_ever)
app.add_typer(export.export_app, name="export", epilog=epilog("export"))


# Old name of a command -> its name now; kept for one release.
RENAMED = {"judge": "verify"}
# Old option -> what is given in its place; for one release.
RENAMED_OPTIONS = {"--verifier-tpr": "--verifier-fnr, the refused of the right ones: 3/60 in place of 57/60"}


def main(app: typer.Typer = app, program: str | None = "edgewise") -> None:
    """Run a command line; errors of the user end as one line on stderr and status 2, Ctrl-C as one line and 130.

    `program` is what it is called, in messages and by the shell that completes it, however it was started; None: as it
    was started.
    """
    # torch reads this when it is first imported, here and in workers. Without it idle threads spin at barriers,
    # which makes everything else on the machine several times slower.
    os.environ.setdefault("GOMP_SPINCOUNT", "0")
    if isinstance(sys.stdout, io.TextIOWrapper):
        # On Windows what is written to a file or a pipe has few letters: an arrow must not end a command.
        sys.stdout.reconfigure(errors="replace")
    if sys.argv[1:2] and sys.argv[1] in RENAMED:
        _say(f"note: `{sys.argv[1]}` is now `{RENAMED[sys.argv[1]]}`; the old name goes with the next release")
        sys.argv[1] = RENAMED[sys.argv[1]]
    if ASKED_BY_SHELL in os.environ:
        know_shells()
    arguments = sys.argv[1:] or ["--help"]
    try:
        _check_command(app, arguments[0])
        with stopped_by_signals():
            exit_status = app(arguments, prog_name=program, standalone_mode=False)
    except UsageError as error:
        _stop(_usage(error, arguments[0]))
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
    sys.exit(exit_status or 0)


def _check_command(app: typer.Typer, name: str) -> None:
    """Raise InputError, with the name that is near, where this is no command of the app."""
    group = typer.main.get_command(app)
    if isinstance(group, TyperGroup) and not name.startswith("-") and name not in group.commands:
        raise unknown_name("COMMAND", name, group.commands)


def _usage(error: Any, name: str) -> str:
    """What is wrong with a command line, the option that is near, and where all are listed."""
    command = f"`{error.ctx.command_path if error.ctx else f'edgewise {name}'} --help`"
    if option := getattr(error, "option_name", None) if type(error).__name__ == "NoSuchOption" else None:
        if option in RENAMED_OPTIONS:
            return f"{option}: now {RENAMED_OPTIONS[option]}"
        known = [name for parameter in error.ctx.command.params for name in parameter.opts if name.startswith("--")]
        return str(unknown_name("option", option, known, f"{command} lists them"))
    message = " ".join(error.format_message().split()).rstrip(".")
    return f"{message[:1].lower()}{message[1:]}; {command} says what is needed"


def _stop(message: str) -> NoReturn:
    _say(f"error: {' '.join(message.split())}")
    sys.exit(2)


def _say(line: str) -> None:
    from edgewise.report.prose import print_aside

    print_aside(line)
