"""Read files of any size and content into columns within bounds of time and memory; what all readers share.

What the columns of a file of rows mean is told from its first rows (head.py): shapes.py flattens rows that hold lists
of samples or two models, roles.py and models.py choose the columns, and guess.py says what --map may name.

A reader adds rows to a `RolloutTable` (table.py), one at a time through a `RowBatcher` (rows.py) or as columns
(parquet.py). Cells are checked (cells.py, schema.py) and dictionary-encoded (columns.py), problems are numbered
(problems.py), rows get verdicts (verdicts.py), and some texts are kept (texts.py). At the end `assemble`
(assemble.py) turns the rows of each model (model_rows.py, problem_columns.py) into one `ModelRollouts`.

pyarrow reads Parquet in record batches and dictionary-encodes each; what lasts from batch to batch are columns of our
own. Measured instead of them, in seconds of one core and GB of peak memory:

- *Parquet: chunked arrays and `unify_dictionaries` at the end.* 10M rows of 10,000 problems: 3.7 s and 0.86 GB without
  any check of a cell, against 4.4 s and 0.92 GB here with all of them; most of both is `Outcomes`. A problem's number
  must be known while rows arrive, to keep the texts of its first rows (`test_texts_are_bounded_and_examples_few`) and
  to name the row that contradicts an earlier one (`test_a_bad_problem_of_a_later_batch_is_named`). The price is paid
  where problems are millions: 5M problems of one row each take 5.5 s and 1.6 GB there, 19 s and 2.8 GB here.
- *JSONL: `pyarrow.json`.* 1M rows of 300 bytes: 1.8 s for parsing, against 2.3 s with `json`, of 7.5 s in all. But it
  refuses ids 1 and "1" in one file (`test_a_whole_number_and_its_digits_are_one_id`), 1 beside true, and a prompt that
  is a text here and a chat there; it takes NaN, turns an id such as 2024-01-01 into a date and rounds 2**53 + 1 beside
  1.5; and its errors name no line (`test_a_bad_row_is_named`).
"""
