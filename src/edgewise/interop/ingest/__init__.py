"""Read files of any size and content into columns within bounds of time and memory; what all readers share.

A reader adds rows to a `RolloutTable` (table.py), one at a time through a `RowBatcher` (rows.py) or as columns
(parquet.py). Cells are checked (cells.py, schema.py) and dictionary-encoded (columns.py), problems are numbered
(problems.py), rows get verdicts (verdicts.py), and some texts are kept (texts.py). At the end `assemble`
(assemble.py) turns the rows of each model (model_rows.py, problem_columns.py) into one `ModelRollouts`.
"""
