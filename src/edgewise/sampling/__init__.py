"""Sample completions from a model: parameters, the engine, its two decode loops, power sampling."""
