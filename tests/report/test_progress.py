"""The terminal while a study runs: few lines, the newest numbers, the width of the window; plain lines elsewhere."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from edgewise.core.spec import digest
from edgewise.report.progress import StudyProgress, shortened
from edgewise.study.stages import Stage
from edgewise.study.study import Study
from tests.tiny import BASE_EVALUATION, PRETRAIN, STUDY, TUNED, TUNED_EVALUATION


def seeded(stage: Stage, seed: int) -> Stage:
    return stage.model_copy(update={"seed": seed})


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Screen:
    """A study's progress on a terminal of some width, at a time that stands still until it is moved."""

    def __init__(self, names: dict[str, str], width: int = 80, height: int = 24) -> None:
        self.clock = Clock()
        self.console = Console(
            file=io.StringIO(), width=width, height=height, force_terminal=True, highlight=False, color_system=None
        )
        self.progress = StudyProgress(names, self.console, self.clock)

    def lines(self) -> list[str]:
        """What stands on it now."""
        with self.console.capture() as capture:
            self.console.print(self.progress.shown())
        return [line.rstrip() for line in capture.get().splitlines()]


RL_LINE = {"reward": 0.712, "process_correct": 0.64, "entropy": 0.41, "kl_to_start": 0.0213, "solved": 0.7}


def test_a_stage_shows_its_steps_its_numbers_and_the_time_left() -> None:
    screen = Screen({digest(PRETRAIN): "base/0: pretrain", digest(TUNED): "edge/0: rl", "0" * 16: "edge/0: evaluate"})
    screen.progress.advanced(PRETRAIN, 0, 0, "")
    screen.progress.advanced(TUNED, 0, 0, "")
    for step in range(10):
        screen.progress.logged(PRETRAIN, [{"step": float(step), "loss": 2.345, "tokens": 1000.0 * step}])
        screen.progress.advanced(PRETRAIN, step + 1, 2000, "")
        screen.progress.logged(TUNED, [{"step": float(step), **RL_LINE, "tokens": 3100.0 * step}])
        screen.progress.advanced(TUNED, step + 1, 60, "")
        screen.clock.now += 1
    counts, heading, pretrain, rl = screen.lines()
    assert counts == "0 of 3 stages done; 2 running; 1 waiting; 0:10 elapsed"
    assert heading.split() == ["stage", "step", "left", "loss", "reward", "pass", "entropy", "KL", "tok/s"]
    # 1 step a second, the last of them a second ago.
    assert re.sub(r"[^\w./:% ]", "", pretrain).split() == ["base/0:", "pretrain", "10/2000", "33:09", "2.35", "1k"]
    assert re.sub(r"[^\w./:% ]", "", rl).split() == [
        "edge/0:",
        "rl",
        "10/60",
        "0:49",
        "0.71",
        "64%",
        "0.41",
        "0.021",
        "3.1k",
    ]


def test_what_was_logged_last_stays_where_a_step_does_not_measure_it() -> None:
    screen = Screen({digest(TUNED): "edge: rl"})
    screen.progress.advanced(TUNED, 0, 0, "")
    screen.progress.logged(TUNED, [{"step": 0.0, **RL_LINE}])
    screen.progress.logged(TUNED, [{"step": 1.0, "reward": 0.8}])
    assert "0.80" in screen.lines()[2] and "0.41" in screen.lines()[2]


def many(seeds: int = 5, arms: int = 6) -> tuple[dict[str, str], list[Stage]]:
    """Names and stages of a study of RL arms with evaluations, over training seeds."""
    stages: dict[str, Stage] = {}
    for i in range(seeds):
        stages |= {f"base/{i}: pretrain": seeded(PRETRAIN, i), f"base/{i}: evaluate": seeded(BASE_EVALUATION, i)}
        for j in range(arms):
            stages[f"in-distribution arm {j}/{i}: rl"] = seeded(TUNED, 100 * j + i)
            stages[f"in-distribution arm {j}/{i}: evaluate"] = seeded(TUNED_EVALUATION, 100 * j + i)
    return {digest(stage): name for name, stage in stages.items()}, list(stages.values())


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_study_of_many_seeds_fits_a_screen(width: int) -> None:
    names, stages = many()
    screen = Screen(names, width)
    assert len(screen.lines()) == 1, "nothing runs yet"
    for i, stage in enumerate(stages):
        if i < 40:
            screen.progress.completed(stage, reused=i < 6)
        elif i < 44:
            screen.progress.advanced(stage, 0, 0, "")
            screen.progress.logged(stage, [{"step": 999.0, **RL_LINE, "loss": 1.5, "tokens": 5.0}])
            screen.progress.advanced(stage, 1000, 20000, "")
    lines = screen.lines()
    assert len(lines) == 6 and max(map(len, lines)) <= width
    assert lines[0].startswith("40 of 70 stages done (6 already there)")
    if width > 60:
        assert lines[0].startswith("40 of 70 stages done (6 already there); 4 running; 26 waiting; 0:00 elapsed")
        assert all(re.search(r"/\d: (rl|pretrain|evaluate)\b", line) for line in lines[2:]), "seed and kind stay"
    if width == 120:
        assert lines[0].endswith("done: 3 pretrain, 20 evaluate, 17 rl")
        assert "in-distribution arm" in lines[2]


@pytest.mark.parametrize("width", [60, 80, 120])
def test_columns_stand_still_while_stages_go_on(width: int) -> None:
    """Steps gain digits, a small KL is written in another way, a rate is known only after a while."""
    screen = Screen({digest(TUNED): "in-distribution RL/0: rl", digest(BASE_EVALUATION): "base/0: evaluate"}, width)
    screen.progress.advanced(BASE_EVALUATION, 0, 800, "")
    screen.progress.advanced(TUNED, 0, 1000, "")
    headings, names = set(), set()
    for step, kl in enumerate((0.0, 3e-05, 0.0021, 0.4, 12.3)):
        screen.progress.logged(TUNED, [{"step": float(step), **RL_LINE, "kl_to_start": kl, "tokens": 123456.0 * step}])
        screen.progress.advanced(TUNED, 1 + 200 * step, 1000, "")
        screen.progress.advanced(BASE_EVALUATION, 3 * 5**step, 800, "")
        screen.clock.now += 7
        lines = screen.lines()
        assert max(map(len, lines)) <= width
        headings.add(lines[1])
        names |= {line[:24] for line in lines[2:]}
    assert len(headings) == 1 and len(names) == 2
    assert "in-distribution RL/0: rl" in names or width == 60


def test_a_kind_that_has_logged_once_has_its_columns_at_once() -> None:
    screen = Screen({digest(TUNED): "edge/0: rl", digest(seeded(TUNED, 1)): "edge/1: rl"})
    screen.progress.advanced(TUNED, 0, 60, "")
    screen.progress.logged(TUNED, [{"step": 0.0, **RL_LINE, "tokens": 100.0}])
    first = screen.lines()[1]
    screen.progress.completed(TUNED, reused=False)
    screen.progress.advanced(seeded(TUNED, 1), 0, 60, "")
    assert screen.lines()[1] == first


def test_a_narrow_window_leaves_out_columns_and_cuts_no_number() -> None:
    screen = Screen({digest(TUNED): "in-distribution RL/0: rl"}, width=60)
    screen.progress.advanced(TUNED, 0, 60, "")
    for step in range(3):
        screen.progress.logged(TUNED, [{"step": float(step), **RL_LINE, "loss": 2.5, "tokens": 31000.0 * step}])
        screen.progress.advanced(TUNED, step + 1, 60, "")
        screen.clock.now += 1
    heading, row = screen.lines()[1:]
    assert heading.split() == ["stage", "step", "left", "loss", "reward", "pass", "KL"]
    assert row.split() == ["in-distribu\u2026on", "RL/0:", "rl", "3/60", "0:56", "2.50", "0.71", "64%", "0.021"]


@pytest.mark.parametrize(
    ("kl", "text"),
    [(12.34, "12.3"), (1.234, "1.23"), (0.4, "0.40"), (0.0213, "0.021"), (0.00002, "2e-05"), (0, "0.00")],
)
def test_numbers_have_at_most_five_characters_and_are_not_rounded_to_nothing(kl: float, text: str) -> None:
    screen = Screen({digest(TUNED): "edge: rl"})
    screen.progress.advanced(TUNED, 0, 0, "")
    screen.progress.logged(TUNED, [{"step": 0.0, "kl_to_start": kl}])
    assert screen.lines()[2].split()[-1] == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(42, "0:42"), (3599, "59:59"), (3720, "1h02"), (45_000, "12h30"), (183_600, "2d 3h"), (860_000, "9d 22h")],
)
def test_time_stays_short(seconds: int, text: str) -> None:
    screen = Screen({digest(TUNED): "edge: rl"})
    screen.clock.now += seconds
    assert screen.lines() == [f"0 of 1 stage done; 1 waiting; {text} elapsed"]


def test_more_running_than_rows_are_counted() -> None:
    names, stages = many()
    screen = Screen(names, height=12)
    for stage in stages:
        screen.progress.advanced(stage, 0, 0, "")
    lines = screen.lines()
    assert len(lines) < 12 and lines[-1] == "and 63 stages more under way"


def test_a_stage_that_begins_again_from_a_checkpoint_counts_its_time_anew() -> None:
    screen = Screen({digest(TUNED): "edge: rl"})
    for done in (0, 10, 20):
        screen.progress.advanced(TUNED, done, 60, "")
        screen.clock.now += 10
    assert "0:30" in screen.lines()[2]
    screen.progress.advanced(TUNED, 12, 60, "")
    assert "12/60" in screen.lines()[2] and not re.search(r"\d:\d\d", screen.lines()[2])


def test_a_late_word_of_a_complete_stage_does_not_bring_it_back() -> None:
    screen = Screen({digest(TUNED): "edge: rl"})
    screen.progress.advanced(TUNED, 3, 4, "")
    screen.progress.completed(TUNED, reused=False)
    screen.progress.advanced(TUNED, 4, 4, "")
    assert screen.lines() == ["1 of 1 stage done; 0:00 elapsed; done: 1 rl"]


def plain(names: dict[str, str]) -> tuple[StudyProgress, io.StringIO, Clock]:
    file, clock = io.StringIO(), Clock()
    return StudyProgress(names, Console(file=file, width=40), clock), file, clock


def test_where_there_is_no_terminal_a_line_tells_of_each_begin_and_end() -> None:
    names = {digest(PRETRAIN): "base: pretrain", digest(TUNED): "a very long name of an arm/12: rl"}
    progress, file, clock = plain(names)
    with progress:
        progress.completed(PRETRAIN, reused=True)
        progress.advanced(TUNED, 0, 0, "")
        for step in range(4):
            progress.logged(TUNED, [{"step": float(step), **RL_LINE}])
            progress.advanced(TUNED, step + 1, 4, "newest checkpoint damaged, went on from step 0")
        clock.now += 75
        progress.completed(TUNED, reused=False)
    assert file.getvalue().splitlines() == [
        "a very long name of an arm/12: rl: begun",
        "a very long name of an arm/12: rl: newest checkpoint damaged, went on from step 0",
        "a very long name of an arm/12: rl: done in 1 min 15 s; reward 0.71, pass 64%, entropy 0.41, KL 0.021",
        "2 of 2 stages done (1 already there); 1:15 elapsed; done: 1 pretrain, 1 rl",
    ]


def test_no_name_and_no_note_controls_a_terminal() -> None:
    progress, file, _ = plain({digest(TUNED): "\x1b[2J[bold]evil[/bold]\r"})
    progress.advanced(TUNED, 0, 0, "\x1b]0;evil\x07")
    assert "\x1b" not in file.getvalue() and "\r" not in file.getvalue() and "[bold]evil" in file.getvalue()


def test_an_error_is_not_followed_by_counts() -> None:
    progress, file, _ = plain({digest(TUNED): "edge: rl"})
    with pytest.raises(ValueError), progress:
        raise ValueError
    assert file.getvalue() == ""


@pytest.mark.parametrize(
    ("width", "expected"),
    [
        (40, "in-distribution RL/0: evaluate"),
        (20, "in-dist\u2026/0: evaluate"),
        (12, "i\u2026: evaluate"),
        (3, "i\u2026e"),
    ],
)
def test_a_long_name_is_cut_in_its_middle(width: int, expected: str) -> None:
    name = shortened("in-distribution RL/0: evaluate", width)
    assert name == expected and len(name) <= width


def test_names_of_two_stages_of_one_kind_in_an_arm_differ() -> None:
    again = type(TUNED).parse({**TUNED.model_dump(), "parent": TUNED, "seed": 3})
    twice = TUNED_EVALUATION.model_copy(update={"parent": again})
    study = Study(STUDY.title, STUDY.question, STUDY.base, {"edge": twice}, STUDY.regions)
    assert list(study.names().values()) == [
        "base: pretrain",
        "base: evaluate",
        "edge: rl",
        "edge: rl 2",
        "edge: evaluate",
    ]
