"""Specs and digests, keyed randomness, atomic files, errors, threads, distributed, provenance. No torch at import."""
