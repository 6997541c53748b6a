"""The report of an audit: boundary.json, one page, figures for a paper, tables, and lines in the terminal."""

from edgewise.report.audit.folder import write_report
from edgewise.report.audit.terminal import summary

__all__ = ["summary", "write_report"]
