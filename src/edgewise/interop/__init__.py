"""Rollouts of other tools, and of this one, read into the tables that the boundary part works on."""
