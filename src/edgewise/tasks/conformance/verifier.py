"""Checks of a world's verifier: gold and wrong solutions, truncation, steps, and any other text."""

from __future__ import annotations

import time
from itertools import combinations

from edgewise.core.keyed import rng
from edgewise.tasks.base import Problem, World, listed_answers
from edgewise.tasks.conformance.base import Fault, bare, known_words, splits_with_problems, train_problems
from edgewise.tasks.verdict import Score, Verdict


def check_gold(world: World) -> None:
    for problem in train_problems(world, 1, 40):
        verdict = world.verify(problem, world.solution(problem))
        if (verdict.answer, verdict.process) != (Score.CORRECT, Score.CORRECT):
            raise Fault(f"the verifier refuses the gold solution of {problem.id}: {verdict.reason:.80}")
        if (verdict.first_wrong_step, verdict.reason) != (None, ""):
            raise Fault(f"the gold solution of {problem.id} is right and has a reason or a wrong step: {verdict}")
        if verdict.predicted != bare(problem.answer):
            raise Fault(
                f"`predicted` of the gold solution of {problem.id} is {verdict.predicted!r:.40}, not its answer"
                f" without spaces, {bare(problem.answer)!r:.40}"
            )


def check_wrong_answers(world: World) -> None:
    problems = train_problems(world, 1, 40)
    for one, other in combinations(problems[:20], 2):
        # Different questions may have one answer, and then it is right for both.
        solution = world.solution(other)
        if one.id == other.id or solution in right_answers(world, one):
            continue
        if world.verify(one, solution).process is Score.CORRECT:
            raise Fault(f"the verifier accepts the solution of {other.id}, {solution!r:.40}, for {one.id}")
    vocabulary = sorted({word for problem in problems for word in problem.answer.split()})
    for problem in problems[:10]:
        words = world.solution(problem).split()
        places = [i for i, word in enumerate(words) if word in problem.answer.split()]
        for word in vocabulary if places else ():
            text = " ".join([*words[: places[-1]], word, *words[places[-1] + 1 :]])
            if text not in right_answers(world, problem) and world.verify(problem, text).answer is Score.CORRECT:
                raise Fault(f"the verifier accepts {text[-40:]!r} for {problem.id}, not only {problem.answer!r:.40}")


def check_truncation(world: World) -> None:
    for problem in train_problems(world, 1, 10):
        written = world.solution(problem).split()
        for length in range(len(written) + 1):
            text = " ".join(written[:length])
            # What was cut off at a word may have been on its way to another one, even at the end.
            verdict = world.verify(problem, text, truncated=True)
            if (verdict.answer, verdict.process) != (Score.UNSCORABLE, Score.UNSCORABLE):
                raise Fault(f"a completion of {problem.id} that was cut off is graded: {verdict}")
            _check_reason(verdict, text)
            if bare(problem.answer) not in bare(text):
                verdict = world.verify(problem, text)
                if Score.CORRECT in (verdict.answer, verdict.process):
                    raise Fault(f"the verifier accepts {text[-40:]!r} without the answer {problem.answer!r:.40}")


def check_steps(world: World) -> None:
    """A gold solution cut before its last step goes wrong before as many steps as it needs, no part of it later."""
    for problem in train_problems(world, 8, 12):
        steps = world.steps(problem)
        if steps < 1:
            raise Fault(f"steps() of {problem.id} is {steps}, must be at least 1")
        words = world.solution(problem).split()
        end = next(i for i in reversed(range(len(words))) if readable(world.verify(problem, " ".join(words[i:]))))
        for at in range(len(words)):
            cut = words[:at]
            shortened = (([*cut, *words[end:]], steps - 1), (cut, steps), ([*cut, *words[at + 1 :]], steps))
            for left, most in shortened:
                verdict = world.verify(problem, " ".join(left))
                if readable(verdict) and verdict.process is not Score.CORRECT:
                    first = verdict.first_wrong_step
                    if first is None or not 0 <= first <= most:
                        raise Fault(
                            f"first_wrong_step is {first} where a part of the gold solution of {problem.id} is"
                            f" left out, must be 0 to {most}: it needs {steps} steps"
                        )


def check_answers(world: World) -> None:
    """Where a world lists all right answers, each is one, once, and the gold solution is among them."""
    for problem in train_problems(world, 6, 20):
        listed = listed_answers(world, problem)
        if listed is None:
            continue
        if len(set(listed)) < len(listed):
            raise Fault(f"answers() of {problem.id} lists one twice")
        if world.solution(problem) not in listed:
            raise Fault(f"answers() of {problem.id} does not list its gold solution")
        for text in listed:
            if world.verify(problem, text).process is not Score.CORRECT:
                raise Fault(f"answers() of {problem.id} lists {text!r:.40}, which the verifier refuses")


def check_other_text(world: World) -> None:
    problems = [world.problem(splits_with_problems(world)[-1], 4, index) for index in range(8)]
    written = [word for p in problems for word in f"{p.prompt} {world.solution(p)}".split()]
    vocabulary = known_words(world) or tuple(written)
    source = rng("conformance", world.world)
    texts = [" ".join(source.choices(vocabulary, k=source.randrange(40))) for _ in range(60)]
    texts += ["".join(chr(source.randrange(1, 0x3000)) for _ in range(source.randrange(60))) for _ in range(30)]
    for problem in problems:
        for text in texts:
            verdict = world.verify(problem, text)
            answered = bare(problem.answer) in bare(text)
            # Where the answer alone is all that is asked, a text with the answer in it may be right.
            if answered and world.verify(problem, problem.answer).process is Score.CORRECT:
                continue
            if verdict.process is Score.CORRECT or (verdict.answer is Score.CORRECT and not answered):
                raise Fault(f"the verifier accepts {text!r:.60} for {problem.id}")
            _check_reason(verdict, text)
    gold = world.solution(problems[0])
    start = time.process_time()
    strange = ("", " ", "\x00", "\ud800", gold * 2000, "9" * 200_000, "( " * 100_000, "\u0661" * 50)
    for text in (*strange, gold.upper() + "!"):
        verdict = world.verify(problems[0], text)
        if verdict.process is Score.CORRECT:
            raise Fault(f"the verifier accepts {text!r:.60} for {problems[0].id}")
        _check_reason(verdict, text)
    seconds = time.process_time() - start
    if seconds > 2:
        raise Fault(f"long texts take {seconds:.0f} s to verify; must take time linear in their length")


def _check_reason(verdict: Verdict, text: str) -> None:
    """What is not right has a reason of one line; what could not be read has no step or answer."""
    if verdict.process is Score.CORRECT:
        return
    if not verdict.reason or "\n" in verdict.reason or len(verdict.reason) >= 200:
        raise Fault(f"{text!r:.40} needs a reason of one line, fewer than 200 characters; has {verdict.reason!r:.40}")
    if readable(verdict) != (verdict.predicted is not None):
        raise Fault(f"{text!r:.40}: `predicted` must be None exactly where the answer is unscorable: {verdict}")
    if not readable(verdict) and (verdict.process is not Score.UNSCORABLE or verdict.first_wrong_step is not None):
        raise Fault(f"{text!r:.40} is unscorable and has a process or a wrong step: {verdict}")


def readable(verdict: Verdict) -> bool:
    """Whether the answer has a grade."""
    return verdict.answer is not Score.UNSCORABLE


def right_answers(world: World, problem: Problem) -> set[str]:
    """The completions that are known to be right: all of them, where the world lists them in `answers`."""
    listed = listed_answers(world, problem)
    return {world.solution(problem)} if listed is None else set(listed)
