"""What tuning did to the boundary, as one label.

`verdict` makes the claim; `labels` is the table of labels with their rules and looks, `evidence` is what the rules look
at, `rules` applies them, and `sentences` puts the result into words.
"""
