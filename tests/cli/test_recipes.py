"""`edgewise recipes` as its users meet it."""

from __future__ import annotations

import json
import re

import pytest
from typer.testing import CliRunner

from edgewise import cli
from edgewise.rl.recipe import Recipe
from edgewise.rl.recipes.published import dotted_fields
from edgewise.rl.recipes.registry import RECIPES, named_recipe
from tests.cli.running import refusal, terminal, without_colors


def run(*words: str) -> str:
    """What `edgewise words` prints on a terminal of 80 columns; an error is raised as it is."""
    done = CliRunner().invoke(cli.app, words, catch_exceptions=False, env=terminal(80))
    assert done.exit_code == 0, done.output
    return without_colors(done.stdout)


def test_the_list_names_all_recipes_with_their_works_within_80_columns() -> None:
    shown = run("recipes")
    words = " ".join(shown.split())
    for one in RECIPES.values():
        assert f" {one.name} " in shown and one.title in words and one.work in words
    assert max(map(len, shown.splitlines())) <= 80
    listed = json.loads(run("recipes", "--json"))
    assert [one["name"] for one in listed] == list(RECIPES)
    assert listed[0] == {"name": "ppo", "version": 1, "title": RECIPES["ppo"].title, "work": RECIPES["ppo"].work}


@pytest.mark.parametrize("name", ["dapo", "grpo-r1", "self-distillation"])
def test_a_recipe_is_shown_field_by_field_with_its_sources(name: str) -> None:
    shown = run("recipes", name)
    rows = {line.split()[0]: line.split()[1] for line in shown.splitlines() if re.match(r" \S+ +\S", line)}
    numbers = dotted_fields(named_recipe(name))
    assert {field: rows[field] for field in numbers} == {
        field: value if isinstance(value, str) else json.dumps(value) for field, value in numbers.items()
    }
    assert max(map(len, shown.splitlines()[2:])) <= 80
    words = " ".join(shown.split())
    assert f"{name} 1 {RECIPES[name].title} {RECIPES[name].work}" in words
    assert all(text in words for text in RECIPES[name].disagreements)
    assert all(field in words for field in RECIPES[name].unstated)
    cells = {line.split()[0]: line.split()[2:] for line in shown.splitlines() if re.match(r" \S+ +\S", line)}
    assert {field for field in numbers if cells[field] == ["default"]} == numbers.keys() - RECIPES[name].sources.keys()
    assert "default: not set by the work" in words


def test_a_small_recipe_says_what_was_published() -> None:
    lines = {line.split()[0]: line.split()[1:] for line in run("recipes", "dapo/small").splitlines() if line.split()}
    assert lines["dapo/small"][0] == "1"
    assert lines["sampling.prompts"] == ["16", "published:", "512"]
    assert lines["optimizer.learning_rate"] == ["0.0001", "published:", "1e-06"]
    assert lines["loss.function.high"] == ["0.28", "section", "4.1:", "0.28"]
    assert lines["optimizer.beta_2"] == ["0.98", "default"]


@pytest.mark.parametrize("name", ["dapo", "brorl/small"])
def test_as_json_it_is_the_explicit_recipe(name: str) -> None:
    assert Recipe.parse(json.loads(run("recipes", name, "--json"))) == named_recipe(name)


def test_what_differs_between_two_recipes_is_shown_with_both_values() -> None:
    lines = [line.split() for line in run("recipes", "diff", "dapo", "grpo-r1").splitlines() if line.split()]
    left, right = dotted_fields(named_recipe("dapo")), dotted_fields(named_recipe("grpo-r1"))
    differing = [field for field in sorted(left | right) if left.get(field) != right.get(field)]
    assert lines[0] == ["field", "dapo", "grpo-r1"]
    assert [row[0] for row in lines[2:]] == differing
    rows = {row[0]: row[1:] for row in lines}
    assert rows["loss.function.high"] == ["0.28", "10.0"]
    assert rows["loss.normalization"] == ["token-mean", "seq-mean-token-mean"]
    assert rows["reward.length.soft"] == ["0.2", "-"]
    assert json.loads(run("recipes", "diff", "dapo", "grpo-r1", "--json"))["loss.function.high"] == [0.28, 10.0]


def test_long_values_are_folded_within_80_columns_and_never_cut() -> None:
    shown = run("recipes", "diff", "prorl-v2", "reinforce++")
    assert max(map(len, shown.splitlines())) <= 80 and "…" not in shown
    (row,) = [line for line in shown.splitlines() if line.strip().startswith("advantage ")]
    assert "reinforce_plus_plus" in row


def test_recipes_that_are_the_same_do_not_differ() -> None:
    assert run("recipes", "diff", "dapo", "dapo") == "dapo and dapo do not differ\n"
    assert json.loads(run("recipes", "diff", "rft", "rft", "--json")) == {}
    assert run("recipes", "diff", "interplay", "interplay-strict").split()[4:] == [
        "reward.function",
        "outcome",
        "process",
    ]


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["recipes", "dapoo"], "error: recipe: 'dapoo' is unknown (did you mean dapo?); there are ppo, orz"),
        (
            ["recipes", "dapo/smal", "--json"],
            "recipe: 'dapo/smal' is unknown (did you mean dapo/small?); there are ppo",
        ),
        (["recipes", "xyz"], "recipe: 'xyz' is unknown; there are ppo, orz"),
        (["recipes", "diff", "dapo"], "recipes: write one name, or diff and two names, not 'diff dapo'"),
        (["recipes", "diff", "dapo", "dapa"], "recipe: 'dapa' is unknown (did you mean dapo?)"),
        (["demo", "rl=dapa"], "override 'rl=dapa': rl: recipe: 'dapa' is unknown (did you mean dapo?); there are ppo"),
        (
            ["demo", "rl=dapo/small", "rl.optimizer.minibatches=17"],
            "optimizer.minibatches must be at most sampling.prompts (16), is 17",
        ),
    ],
)
def test_bad_input_is_one_line_and_status_2(
    words: list[str], named: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert named in refusal(monkeypatch, capsys, *words)
