"""One `Audit` over the outcomes of a base and of tuned models: every measure, once."""
