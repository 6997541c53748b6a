"""`edgewise --version`, and completion of commands in the shells that typer knows."""

from __future__ import annotations

from typing import Annotated

import typer
from typer.completion import get_completion_inspect_parameters, install_callback, show_callback

from edgewise import __version__
from edgewise.core.errors import unknown_name

# What a shell asks for completions with; typer makes the name from that of the program.
ASKED_BY_SHELL = "_EDGEWISE_COMPLETE"
# typer's installation for PowerShell changes who may run scripts; its users copy the script themselves.
_INSTALLED = ("bash", "zsh", "fish")
_SHELLS = (*_INSTALLED, "powershell", "pwsh")


def know_shells() -> None:
    """Make typer know its shells, as it does by itself only for an app that has typer's own two options."""
    get_completion_inspect_parameters()


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"edgewise {__version__}")
        raise typer.Exit


def _show(context: typer.Context, parameter: typer.CallbackParam, shell: str | None) -> None:
    if shell is not None and shell not in _SHELLS:
        raise unknown_name("--show-completion", shell, _SHELLS)
    show_callback(context, parameter, shell)


def _install(context: typer.Context, parameter: typer.CallbackParam, shell: str | None) -> None:
    if shell is not None and shell not in _INSTALLED:
        raise unknown_name("--install-completion", shell, _INSTALLED)
    install_callback(context, parameter, shell)


def about_the_program(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version, and stop.")
    ] = False,
    show_completion: Annotated[
        str | None,
        typer.Option(
            "--show-completion",
            metavar="SHELL",
            callback=_show,
            is_eager=True,
            help=f"Print the script that completes commands in {', '.join(_SHELLS[:-1])} or {_SHELLS[-1]}, and stop.",
        ),
    ] = None,
    install_completion: Annotated[
        str | None,
        typer.Option(
            "--install-completion",
            metavar="SHELL",
            callback=_install,
            is_eager=True,
            help="Install that script for bash, zsh or fish in your home folder, and stop.",
        ),
    ] = None,
) -> None:
    """Does RL teach a language model something new, or only make it surer of what it could already do?"""
