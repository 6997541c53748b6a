"""Plug-ins: what other tools import while they run, one tool a file. Each needs its tool, which alone imports it."""
