"""`edgewise fit` as its users meet it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from edgewise import cli
from tests.cli.running import refusal
from tests.scaling.curves import planted


def run(*words: str) -> str:
    """What `edgewise fit words` prints; an error is raised as it is."""
    done = CliRunner().invoke(cli.app, ["fit", *words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def curve(path: Path, window: float, seeds: int = 3, arms: tuple[str, ...] = ("ours",)) -> str:
    """A CSV of planted curves."""
    lines = ["compute,reward,seed,arm"]
    for place, arm in enumerate(arms):
        points = planted(window, seeds=seeds, points=24, rng=place)
        rows = zip(points.x_N, points.y_N, points.seed_N, strict=True)
        lines += [f"{compute:.6g},{reward:.5f},{seed},{arm}" for compute, reward, seed in rows]
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def test_one_screen_says_law_intervals_window_and_held_out_error(tmp_path: Path) -> None:
    shown = run(curve(tmp_path / "c.csv", 4.6))
    assert "ours: R = start + (ceiling - start) / (1 + (midpoint/C)^steepness); 72 points, 3 training seeds" in shown
    assert "window / C_mid: 4." in shown and "by the published grid: A 0.6" in shown
    assert "sigmoid, half the compute predicts the rest: error 0.0" in shown and "power law: A " in shown
    assert "No ceiling" not in shown and "one training seed" not in shown and len(shown.splitlines()) <= 24


def test_a_short_window_states_no_ceiling_on_the_screen_and_in_json(tmp_path: Path) -> None:
    path = curve(tmp_path / "c.csv", 1.2)
    shown = run(path)
    assert "No ceiling is stated: compute reached 1." in shown and "by the published grid: A not stated" in shown
    (line,) = [line for line in shown.splitlines() if line.strip().startswith("A, ceiling")]
    assert line.split() == ["A,", "ceiling", "not", "stated"]
    arm = json.loads(run(path, "--json"))["arms"]["ours"]
    assert arm["ceiling"]["value"] is None and arm["grid"]["ceiling"] is None
    assert all("ceiling" not in arm["sigmoid"][name] for name in ("estimates", "over_seeds"))
    assert "ceiling" not in arm["sigmoid"]["by_seed"]["0"]


def test_json_holds_what_the_screen_shows(tmp_path: Path) -> None:
    document = json.loads(run(curve(tmp_path / "c.csv", 4.6, arms=("a", "b")), "--json"))
    assert document["kind"] == "curve" and list(document["arms"]) == ["a", "b"]
    sigmoid = document["arms"]["a"]["sigmoid"]
    assert sigmoid["law"] == "sigmoid" and (sigmoid["points"], sigmoid["seeds"]) == (72, 3)
    assert sigmoid["estimates"]["ceiling"]["low"] < 0.645 < sigmoid["estimates"]["ceiling"]["high"]
    common, steepness = document["common_ceiling"]
    assert common == pytest.approx(0.645, abs=0.02) and set(steepness) == {"a", "b"}


def test_one_seed_says_that_it_is_one(tmp_path: Path) -> None:
    assert "one training seed says nothing of the recipe" in run(curve(tmp_path / "c.csv", 4.6, seeds=1))


def test_metrics_of_a_run_are_read_with_their_entropy(tmp_path: Path) -> None:
    points = planted(4.6, points=24)
    rows = [
        {"step": step, "reward": float(reward), "entropy": 0.9 - float(reward), "tokens": 200.0 * (step + 1)}
        for step, reward in enumerate(points.y_N)
    ]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    shown = run(str(tmp_path))
    assert "R = -a e^H + b: a " in shown and "with R_0 0.3" in shown and "fitted" in shown


def test_counts_and_depths_have_their_screens(tmp_path: Path) -> None:
    counts, depths = tmp_path / "n.csv", tmp_path / "d.csv"
    counts.write_text("n,c\n" + "".join(f"32,{c}\n" for c in [0, 0, 1, 1, 2, 3, 5, 9, 16, 30] * 6))
    assert "b of the beta-binomial: " in run(str(counts))
    assert json.loads(run(str(counts), "--json"))["arms"]["all runs"]["problems"] == 60
    depths.write_text(
        "depth,steps,seed\n" + "".join(f"{d},{10 * d * d + s},{s}\n" for s in (0, 1) for d in (1, 2, 4, 8))
    )
    assert "gamma" in run(str(depths)) and "R2 of log T" in run(str(depths))


def test_bad_input_is_one_line_and_status_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "c.csv"

    def refused(text: str, *options: str) -> str:
        path.write_text(text)
        return refusal(monkeypatch, capsys, "fit", str(path), *options)

    assert "reward: 0.5 at every point" in refused("compute,reward\n" + "".join(f"{c},0.5\n" for c in range(9)))
    assert "compute: 2 different values" in refused("compute,reward\n1,0.1\n2,0.2\n")
    assert "reward: 1.2 is above 1" in refused("compute,reward\n" + "".join(f"{c},{0.2 * c}\n" for c in range(7)))
    two = "".join(f"{c},{0.1 * c},{arm}\n" for arm in ("a", "b") for c in range(1, 5))
    assert "a: compute: 4 different values" in refused("compute,reward,arm\n" + two)
    assert "c: 2.5; a whole number" in refused("n,c\n8,2.5\n8,1\n")
    assert "--start: is of reward against compute" in refused("n,c\n8,2\n8,1\n", "--start", "0.3")
    assert "--map: 'compute'; write each COLUMN=NAME once" in refused("compute,reward\n1,1\n", "--map", "compute")
    assert "files: none; give metrics.jsonl" in refusal(monkeypatch, capsys, "fit")
