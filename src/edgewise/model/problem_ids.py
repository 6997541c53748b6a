"""Token ids of problems and gold solutions, for training, RL and evaluation; a word that is missing is an error.

`Tokenizer.encode` turns an unknown word into unk, as transformers does. A problem with such a word could be learned and
verified without ever being seen whole.
"""

from __future__ import annotations

from edgewise.core.errors import InputError
from edgewise.model.tokenizer import SPECIAL, Tokenizer
from edgewise.tasks.base import Problem, World


def prompt_ids(tokenizer: Tokenizer, problem: Problem) -> list[int]:
    """bos and the words of a problem's prompt; InputError names a word that the tokenizer lacks, and the problem."""
    return [tokenizer.bos, *_known(tokenizer, problem, "prompt", problem.prompt)]


def solution_ids(tokenizer: Tokenizer, world: World, problem: Problem) -> list[int]:
    """The words of a problem's gold solution, and eos; InputError names a word that the tokenizer lacks."""
    return answer_ids(tokenizer, problem, world.solution(problem))


def answer_ids(tokenizer: Tokenizer, problem: Problem, text: str) -> list[int]:
    """The words of a right completion of a problem, and eos; InputError as `solution_ids`."""
    return [*_known(tokenizer, problem, "solution", text), tokenizer.eos]


def _known(tokenizer: Tokenizer, problem: Problem, part: str, text: str) -> list[int]:
    ids = tokenizer.encode(text)
    if ids and min(ids) < len(SPECIAL):
        word = next(word for word, i in zip(text.split(), ids, strict=True) if i < len(SPECIAL))
        raise InputError(
            f"world {problem.world!r}: the {part} of problem {problem.id} has the word {word!r:.40}, which is not among"
            " the model's words; add it to words() of the world"
        )
    return ids
