"""The ground floor: specs and digests, keyed randomness, atomic files, errors, threads, distributed."""
