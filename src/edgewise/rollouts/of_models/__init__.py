"""Rollouts of language models on any world: drawn in parts that survive an interruption, kept as one Parquet file."""
