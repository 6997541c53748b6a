"""Measures of the boundary, one subject a file: formula, interval, source, and the panel that shows it.

A file registers its measures in its constant `MEASURES` (see registry); pages, tables and the terminal show their
panels (see panel).
"""
