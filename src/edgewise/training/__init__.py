"""Packing, optimizer, checkpoints, and the one next-token loop."""
