"""`edgewise audit` and `edgewise edge` as their users meet them: files in, a folder out, one line for bad input."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cli.running import exit_status, refusal


def rollouts(path: Path, rate: float, problems: int = 12, samples: int = 16, **columns: Any) -> str:
    """A JSONL of samples of which `rate` are right, on odd problems only; problems have prompts."""
    rng = np.random.default_rng(problems * samples)
    rows = [
        {
            "problem_id": f"p{i}",
            "prompt": f"what is {i}?",
            "completion": f"<b>{s}</b>",
            "correct": bool(i % 2 and rng.random() < rate),
            **columns,
        }
        for i in range(problems)
        for s in range(samples)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


# Makes the laboratory's libraries look as if they were not installed.
WITHOUT_LAB = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name in ("torch", "tokenizers", "safetensors", "transformers"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
from edgewise.cli import main
"""


def without_lab(*words: str) -> subprocess.CompletedProcess[str]:
    """`edgewise words` in a process that cannot import torch."""
    script = f"{WITHOUT_LAB}sys.argv = {['edgewise', *words]!r}\nmain()"
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    folder = tmp_path_factory.mktemp("rollouts")
    return rollouts(folder / "base.jsonl", 0.3), rollouts(folder / "tuned.jsonl", 0.9)


def test_an_audit_without_torch(pair: tuple[str, str], tmp_path: Path) -> None:
    done = without_lab("audit", *pair, "--out", str(tmp_path / "r"), "--resamples", "200")
    assert done.returncode == 0, done.stderr
    written = {str(one.relative_to(tmp_path / "r")) for one in (tmp_path / "r").rglob("*") if one.is_file()}
    assert {"boundary.json", "report.html", "tables/problems.csv"} <= written
    assert any(name.endswith(".svg") for name in written) and any(name.endswith(".png") for name in written)
    found = json.loads((tmp_path / "r" / "boundary.json").read_text())
    assert found["schema"] == "edgewise.boundary/2"
    assert found["verdict"]["label"] in ("sharpened", "extended", "shrunk", "mixed", "unchanged", "cannot tell")
    assert found["verdict"]["label"] in done.stdout.lower()
    assert "<b>3</b>" not in (tmp_path / "r" / "report.html").read_text()


def test_the_laboratory_asks_for_torch_in_one_line(tmp_path: Path) -> None:
    done = without_lab("demo", "--out", str(tmp_path))
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
    assert "torch" in done.stderr and "edgewise[lab]" in done.stderr


def test_the_edge(
    pair: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "rl_set.jsonl"
    assert exit_status(monkeypatch, "edge", pair[0], "--out", str(out), "--group", "8") == 0
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    every = json.loads(out.with_suffix(".json").read_text())
    assert {row["problem_id"] for row in rows} == {one["problem"] for one in every["problems"] if one["selected"]}
    assert rows and all(row["prompt"] == f"what is {row['problem_id'][1:]}?" for row in rows)
    assert all(row["reason"] and 0 <= row["rate_low"] <= row["rate"] <= row["rate_high"] <= 1 for row in rows)
    assert f"{len(rows)} of 12 problems selected" in capsys.readouterr().out


@pytest.mark.parametrize("with_base", [False, True])
def test_the_plan(
    with_base: bool, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [pair[0]] if with_base else []
    assert exit_status(monkeypatch, "audit", *words, "--plan", "--k", "4", "--effect", "0.05") == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "+5.0 points of pass@4 with probability 0.80" in shown
    assert ("the base's 12 problems" if with_base else "Beta(0.2, 1.5)") in shown


@pytest.fixture
def seeds(tmp_path: Path) -> str:
    """Three training seeds of one arm, as an argument."""
    return "grpo=" + ",".join(rollouts(tmp_path / f"s{seed}.jsonl", 0.5 + 0.1 * seed, 12, 16) for seed in (1, 2, 3))


def test_several_files_of_one_arm_are_its_training_seeds(
    pair: tuple[str, str],
    seeds: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "report"
    assert exit_status(monkeypatch, "audit", pair[0], seeds, "--out", str(out), "--resamples", "100") == 0
    record = json.loads((out / "boundary.json").read_text())
    assert record["models"] == ["base", "grpo/1", "grpo/2", "grpo/3"]
    assert record["verdict"] == record["recipes"]["grpo"]
    assert "grpo (recipe, 3 training seeds): " in capsys.readouterr().out


def test_the_plan_of_training_seeds_takes_their_scatter_or_measures_it(
    pair: tuple[str, str], seeds: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_status(monkeypatch, "audit", "--plan", "--k", "4", "--seed-scatter", "2.5") == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "Over training seeds that scatter by 2.5 points (given):" in shown and "One more buys: seed: " in shown
    assert exit_status(monkeypatch, "audit", "--plan", "--k", "4", pair[0], seeds) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "points (measured over 3; by so few, " in shown
    # Without seeds the plan speaks of one checkpoint.
    assert exit_status(monkeypatch, "audit", "--plan", "--k", "4", pair[0]) == 0
    assert "training seeds" not in capsys.readouterr().out


def test_plans_of_seeds_that_cannot_be_made_are_refused(
    pair: tuple[str, str], seeds: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = ("audit", "--plan", "--k", "4")
    assert "the tuned arm has one checkpoint" in refusal(monkeypatch, capsys, *plan, *pair)
    assert "leave others out" in refusal(monkeypatch, capsys, *plan, *pair, seeds)
    assert "give it with --plan" in refusal(monkeypatch, capsys, "audit", *pair, "--seed-scatter", "2")
    assert "--k: 64; pass@64 over the seeds needs" in refusal(
        monkeypatch, capsys, "audit", "--plan", "--k", "64", pair[0], seeds
    )


def greedy(path: Path) -> str:
    """Rollouts whose samples of a problem are one text, with a number missing, as greedy decoding repeats them."""
    rows = [
        {"problem_id": f"p{i}", "sample_id": s, "completion": f"text {i}", "correct": i % 3 == 0}
        for i in range(12)
        for s in range(16)
        if s != i
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


@pytest.mark.parametrize("command", ["audit", "edge", "plan", "no reasoning"])
def test_every_command_says_what_is_wrong_with_samples(
    command: str,
    pair: tuple[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = greedy(tmp_path / "greedy.jsonl")
    again = rollouts(tmp_path / "tuned.jsonl", 0.9)
    quick = ["--out", str(tmp_path / "out"), "--resamples", "200"]
    words = {
        "audit": ["audit", file, greedy(tmp_path / "again.jsonl"), *quick],
        "edge": ["edge", file, "--out", str(tmp_path / "set.jsonl")],
        "plan": ["audit", file, "--plan"],
        "no reasoning": ["audit", pair[0], again, "--no-reasoning", file, *quick],
    }[command]
    monkeypatch.setenv("COLUMNS", "300")
    assert exit_status(monkeypatch, *words) == 0
    shown = capsys.readouterr().out
    name, mark = ("--no-reasoning", "take care") if command == "no reasoning" else ("greedy", "no claim")
    who = "" if command == "audit" else f"{name}: "
    assert f"{mark}: {who}In 100% of problems all completions are one text" in shown
    assert f"{mark}: {name}: By their numbers 6.2% of the samples are missing" in shown
    assert shown.index(mark) < shown.index("100%") < shown.index("problems")
    if command == "edge":
        concerns = json.loads((tmp_path / "set.json").read_text())["concerns"]
        assert any("one text" in concern["message"] for concern in concerns)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["audit"], "a base and at least one tuned model"),
        (["audit", "BASE"], "models: 1 given"),
        (["audit", "BASE", "absent.jsonl"], "absent.jsonl: no such file"),
        (["audit", "BASE", "BASE"], "NAME=PATH"),
        (["audit", "BASE", "TUNED", "--k", "9"], "k: 9"),
        (["audit", "BASE", "TUNED", "--by", "luck"], "--by"),
        (["audit", "BASE", "TUNED", "--by", "process"], "--by: the process was not verified in base; use answer"),
        (["audit", "BASE", "--plan", "--by", "process"], "--by: the process was not verified in base; use answer"),
        (["edge", "BASE", "--by", "process"], "--by: the process was not verified in base; use answer"),
        (["audit", "SOLVED", "--plan"], "effect: +5.0 points of pass@16; the base already solves every problem"),
        (["audit", "BASE", "TUNED", "--alpha", "2"], "alpha: 2"),
        (["audit", "BASE", "TUNED", "--margin", "0"], "margin: 0"),
        (["audit", "BASE", "TUNED", "--verifier-fpr", "1/10"], "--verifier-fnr"),
        (["audit", "BASE", "TUNED", "--verifier-fpr", "x", "--verifier-fnr", "1/10"], "--verifier-fpr"),
        (["audit", "BASE", "TUNED", "--verifier-tpr", "9/10"], "--verifier-tpr: now --verifier-fnr"),
        (["audit", "BASE", "TUNED", "--answers", "9", "--no-reasoning", "BASE"], "--no-reasoning"),
        (["audit", "BASE", "TUNED", "--plan"], "--plan"),
        (["audit", "BASE", "OTHER"], "base: lacks 1 of the 13 problems of other (p12, ...)"),
        (["audit", "BASE", "EMPTY"], "empty.jsonl"),
        (["audit", "BASE", "NAN"], "nan.jsonl"),
        (["audit", "BASE", "TWICE"], "twice"),
        (["audit", "BASE", "YES"], "correct"),
        (["edge", "absent.jsonl"], "absent.jsonl: no such file"),
        (["edge", "BASE", "--by", "luck"], "--by"),
    ],
)
def test_bad_input_is_one_line_that_names_it(
    words: list[str],
    named: str,
    pair: tuple[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    row = {"problem_id": "p0", "sample_id": 0, "correct": True}
    bad = {
        "EMPTY": "",
        "NAN": '{"problem_id": NaN, "correct": true}\n',
        "TWICE": 2 * (json.dumps(row) + "\n"),
        "YES": json.dumps(row | {"correct": "perhaps"}) + "\n",
    }
    files = {name: tmp_path / f"{name.lower()}.jsonl" for name in bad}
    for name, text in bad.items():
        files[name].write_text(text)
    files["SOLVED"] = tmp_path / "solved.jsonl"
    files["SOLVED"].write_text("".join(json.dumps(row | {"sample_id": sample}) + "\n" for sample in range(16)))
    files["OTHER"] = Path(rollouts(tmp_path / "other.jsonl", 0.3, problems=13))
    places = {"BASE": pair[0], "TUNED": pair[1]} | {name: str(path) for name, path in files.items()}
    command = [places.get(word, word) for word in words]
    assert named in refusal(monkeypatch, capsys, *command, *_elsewhere(words, tmp_path))
    assert not (tmp_path / "out").exists()


def _elsewhere(words: list[str], folder: Path) -> list[str]:
    return ["--out", str(folder / "out")] if words[0] == "audit" else ["--out", str(folder / "out" / "set.jsonl")]


@pytest.fixture(scope="module")
def two_models(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Models that are right 30% and 90% of the time on odd problems, and never on even ones."""
    folder = tmp_path_factory.mktemp("policy")
    return rollouts(folder / "base.jsonl", 0.3, 60), rollouts(folder / "tuned.jsonl", 0.9, 60)


@pytest.mark.parametrize(
    ("rules", "status"),
    [
        (["surer"], 0),
        (["surer", "pass@1 +10"], 0),
        (["less sure"], 1),
        (["surer", "pass@1 +60"], 1),
        (["pass@1 +30 and surer"], 3),
        (["shrunk@16"], 3),
        (["surer", "less sure", "shrunk@16"], 1),
    ],
)
def test_a_policy_ends_with_its_status_and_a_line_for_each_rule(
    two_models: tuple[str, str],
    rules: list[str],
    status: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    options = [word for rule in rules for word in ("--policy", rule)]
    assert exit_status(monkeypatch, "audit", *two_models, "--out", str(tmp_path), *options) == status
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("policy ")]
    written = json.loads((tmp_path / "boundary.json").read_text())["policy"]
    assert [check["rule"] for check in written] == rules
    assert all(line.startswith(f"policy {c['outcome']}: {c['rule']}: ") for line, c in zip(lines, written, strict=True))


def test_a_policy_file_and_rules_that_are_bad_input(
    two_models: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text('[sets]\n"all problems" = "surer"\n')
    words = ("audit", *two_models, "--out", str(tmp_path / "out"))
    assert exit_status(monkeypatch, *words, "--policy", str(policy), "--markdown") == 0
    assert "| all problems: surer | tuned | all problems | pass |" in capsys.readouterr().out
    assert "did you mean shrunk" in refusal(monkeypatch, capsys, *words, "--policy", "not shrnk@4")
    assert "policy: 'AIME' is unknown" in refusal(monkeypatch, capsys, *words, "--policy", "AIME: surer")
    assert "absent.toml cannot be read" in refusal(monkeypatch, capsys, *words, "--policy", "absent.toml")
