"""The one page of audits and studies: a self-contained HTML file, from an `Audit` and what stands beside it."""
