"""Run the command line as `python -m edgewise`."""

from edgewise.cli import main

main()
