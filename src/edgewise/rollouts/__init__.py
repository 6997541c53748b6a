"""Completions with their verdicts: roll out and verify, and the table on disk."""
