"""Rollouts: sample completions and verify them; their table on disk."""
