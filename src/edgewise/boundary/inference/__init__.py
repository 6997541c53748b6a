"""Statistics that several measures share. numpy and scipy only.

estimators (pass@k), supported_k (which k n samples support), resampling (bootstrap, bands, sign flips), power,
multiple_testing (Fisher, Holm, Benjamini-Hochberg), betabinomial (the fit) and posterior.
"""
