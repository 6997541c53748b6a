"""The page of what a study found, from its `Findings`."""
