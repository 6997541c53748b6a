"""Verdicts: what tuning did at one sample and at k samples, and the label that names the two, decided by fixed rules.

`verdict` decides. `evidence` computes and tests the differences, `facts` says what they show, `labels` is the table of
names, `rules` refuses what something else could explain, and `sentences` writes the result as a sentence.
"""
