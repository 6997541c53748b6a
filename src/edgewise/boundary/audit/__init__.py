"""One `Audit` of a base and tuned models: audit computes it, result holds its parts as frozen dataclasses."""
