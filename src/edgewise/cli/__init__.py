"""The command line: names what is to be done, applies a.b=c, prints. Thin."""

from edgewise.cli.entry import app, main

__all__ = ["app", "main"]
