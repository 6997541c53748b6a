"""Rewards: pure functions of verdicts, texts and lengths, each with its spec; pass@k never sees them.

    correctness         the answer, the process, a mixture, one that the world offers itself
    graded              a number each for right, wrong and unreadable
    controls            format, coin flips, wrong labels, majority votes
    verifier_errors     a verifier that errs: at random, or by a pattern
    likelihood          a completion's own likelihood under the start model
    length              shaping by length

The specs register themselves (see `base`); a new file in this package is found by itself and needs no line here. These
functions have short names; any other is imported from its module.
"""

from edgewise.rl.rewards.controls import format_only, labelled, majority, random, wrong_label
from edgewise.rl.rewards.correctness import mixture, outcome, process, process_share
from edgewise.rl.rewards.graded import graded
from edgewise.rl.rewards.length import cosine, cycle, overlong, overlong_scalerl
from edgewise.rl.rewards.likelihood import own_likelihood
from edgewise.rl.rewards.verifier_errors import misread, youden

__all__ = [
    "cosine",
    "cycle",
    "format_only",
    "graded",
    "labelled",
    "majority",
    "misread",
    "mixture",
    "outcome",
    "overlong",
    "overlong_scalerl",
    "own_likelihood",
    "process",
    "process_share",
    "random",
    "wrong_label",
    "youden",
]
