"""Verdicts: one label for what tuning did to the boundary, decided by fixed rules.

`verdict` decides. `labels` is the table of labels, `evidence` computes what the rules compare, `rules` applies them,
and `sentences` writes the result as a sentence.
"""
