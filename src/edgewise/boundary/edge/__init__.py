"""The edge: problems that a model solves rarely but not never, and the signal that RL would get from them."""
