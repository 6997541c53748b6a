"""Edgewise: does RL teach a language model something new, or only make it surer of what it could do?

`edgewise.boundary` measures, `edgewise.tasks` makes problems whose every step is known; neither
needs torch. Everything else is the laboratory: `pip install edgewise[lab]`.
"""

__version__ = "0.1.0"
