"""Pages and figures of what a study found. Formats what is in `Findings`; computes no statistics."""

from edgewise.report.page import write_page

__all__ = ["write_page"]
