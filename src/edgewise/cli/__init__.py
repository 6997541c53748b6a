"""The command line `edgewise`: parse arguments, apply settings a.b=c, call the library, print."""

from edgewise.cli.entry import app, main

__all__ = ["app", "main"]
