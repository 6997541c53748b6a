"""What every world must do: the checks of `edgewise.tasks.conformance`, and texts that are searched for, not listed."""

from __future__ import annotations

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from edgewise.tasks import Problem, Score, Verdict, World
from edgewise.tasks.conformance import CHECKS, check_world
from edgewise.tasks.conformance.base import bare, known_words, splits_with_problems
from edgewise.tasks.conformance.verifier import readable


def conformance(world: World) -> None:
    """Fails where the world breaks the protocol of `edgewise.tasks.base.World`."""
    assert [f"{check.name}: {check.failure}" for check in check_world(world) if check.failure] == []
    check_other_text(world)


def conformance_of_knobs(world: World) -> None:
    """As `conformance`, for a world that conforms as it comes, with other knobs.

    Leaves out what draws thousands of problems or starts a process, and hangs on the kind of world and not on a knob.
    """
    for name in CHECKS.keys() - {"addresses", "splits"}:
        CHECKS[name][1](world)
    check_other_text(world)


def check_other_text(world: World) -> None:
    """Any text whatever gets a verdict, and none but an answer to the problem is right."""
    problems = [world.problem(splits_with_problems(world)[-1], 4, index) for index in range(8)]
    written = [word for p in problems for word in f"{p.prompt} {world.solution(p)}".split()]
    words = st.lists(st.sampled_from(known_words(world) or written), max_size=40).map(" ".join)
    strange = st.text(st.characters(codec=None, categories=("Cs", "Cc", "Nd", "Nl", "No", "Zs", "Sm")), max_size=60)

    @given(st.sampled_from(problems), st.one_of(st.text(), words, strange), st.booleans())
    @settings(deadline=None, max_examples=60)
    def never_right(problem: Problem, text: str, truncated: bool) -> None:
        verdict = world.verify(problem, text, truncated=truncated)
        answers = bare(problem.answer) in bare(text)
        # Where the answer alone is all that is asked, a text with the answer in it may be right.
        assume(not answers or world.verify(problem, problem.answer).process is not Score.CORRECT)
        assert verdict.process is not Score.CORRECT
        check_reason(verdict)
        assume(not answers)
        assert verdict.answer is not Score.CORRECT

    never_right()


def check_reason(verdict: Verdict) -> None:
    """What is not right has a reason of one line, and what could not be read has no mark, step or answer."""
    assert verdict.reason
    assert "\n" not in verdict.reason
    assert len(verdict.reason) < 200
    assert readable(verdict) == (verdict.predicted is not None)
    if not readable(verdict):
        assert verdict.process is Score.UNSCORABLE
        assert verdict.first_wrong_step is None
