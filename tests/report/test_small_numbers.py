"""Of small and odd audits, too, no output says "-0.0", "1 problems" or a negative number of problems."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from edgewise.boundary import audit
from edgewise.boundary.audit.result import Audit
from edgewise.boundary.verdict.policy import parse_policy
from edgewise.outcomes.counts import Counts
from edgewise.report.markdown import markdown_of
from edgewise.report.page.page import render_page
from edgewise.report.terminal import print_audit
from tests.report.reading import Reader

WRONG = (
    re.compile(r"[-\u2212+]0\.0+(?![\d])"),
    re.compile(r"(?<![\d.,@])1 (problems|samples|points|models|levels|seeds|sets|files)\b"),
    re.compile(r"[-\u2212][\d.]+ (problems|newly|no longer|lost)"),
    re.compile(r"\bnan\b", re.IGNORECASE),
)
SHAPES = [(1, 2), (1, 16), (2, 64), (7, 10), (30, 16), (40, 128)]


def drawn(problems: int, samples: int, seed: int) -> Audit:
    """Two models that differ little, much or not at all."""
    rng = np.random.default_rng(seed)
    base_P = rng.beta(0.4, 0.8, problems)
    tuned_P = [base_P, np.sqrt(base_P), np.where(base_P < 0.3, 0, base_P)][seed % 3]
    arms = {
        name: Counts.of(samples, rng.binomial(samples, p_P)) for name, p_P in (("base", base_P), ("tuned", tuned_P))
    }
    policy = parse_policy(["not shrunk", "pass@1 +1", "unchanged"])
    return audit(arms, policy=policy, measures=["solved_at_n", "support"], resamples=100)


def assert_clean(text: str) -> None:
    for wrong in WRONG:
        found = wrong.search(text)
        assert not found, text[max(0, found.start() - 80) : found.end() + 40]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("seed", range(3))
def test_terminal_markdown_and_verdicts(
    shape: tuple[int, int], seed: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "500")
    result = drawn(*shape, seed)
    print_audit(result, Path("out"))
    assert_clean(capsys.readouterr().out)
    assert_clean(markdown_of(result, {}))
    for part in result.verdict.parts.values():
        assert_clean(str(part))


@pytest.mark.parametrize("seed", range(3))
def test_page(seed: int) -> None:
    page = render_page(drawn(*SHAPES[2 * seed], seed), examples={}, prompts={})
    assert_clean(re.sub(r"\s+", " ", Reader(page).text))
