"""Prompts in, completions out; rollouts with their verdicts."""
