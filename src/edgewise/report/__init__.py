"""Pages, tables, figures and what commands print. A report formats what was measured and computes no statistics.

`folder.write_report` writes all that an audit or a study leaves: the page (`page`), boundary.json (`record`, `schema`),
CSV tables (`tables`) and figures for papers (`paper`). Charts are made in one file a subject. Only
`progress` needs torch.
"""
