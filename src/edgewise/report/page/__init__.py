"""The page of an audit or a study: one self-contained HTML file, made from an `Audit` and its examples."""
