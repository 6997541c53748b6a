"""`edgewise recipes` as its users meet it."""

from __future__ import annotations

import json
import re
import sys

import pytest
from typer.testing import CliRunner

from edgewise import cli
from edgewise.rl.presets.base import fields
from edgewise.rl.recipe import Recipe
from edgewise.rl.recipes import PRESETS, recipe


def run(*words: str) -> str:
    """What `edgewise words` prints; an error is raised as it is."""
    done = CliRunner().invoke(cli.app, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_list_names_all_recipes_with_their_works_within_80_columns() -> None:
    shown = run("recipes")
    words = " ".join(shown.split())
    for one in PRESETS.values():
        assert f" {one.name} " in shown and one.title in words and one.work in words
    assert max(map(len, shown.splitlines())) <= 80
    listed = json.loads(run("recipes", "--json"))
    assert [one["name"] for one in listed] == list(PRESETS)
    assert listed[0] == {"name": "ppo", "version": 1, "title": PRESETS["ppo"].title, "work": PRESETS["ppo"].work}


@pytest.mark.parametrize("name", ["dapo", "grpo-r1", "self-distillation"])
def test_a_recipe_is_shown_field_by_field_with_its_sources(name: str) -> None:
    shown = run("recipes", name)
    rows = {line.split()[0]: line.split()[1] for line in shown.splitlines() if re.match(r" \S+ +\S", line)}
    numbers = fields(recipe(name))
    assert {field: rows[field] for field in numbers} == {
        field: value if isinstance(value, str) else json.dumps(value) for field, value in numbers.items()
    }
    assert max(map(len, shown.splitlines()[2:])) <= 80
    words = " ".join(shown.split())
    assert f"{name} 1 {PRESETS[name].title} {PRESETS[name].work}" in words
    assert all(text in words for text in PRESETS[name].disagreements)
    assert all(field in words for field in PRESETS[name].unstated)


def test_a_small_recipe_says_what_was_published() -> None:
    lines = {line.split()[0]: line.split()[1:] for line in run("recipes", "dapo/small").splitlines() if line.split()}
    assert lines["dapo/small"][0] == "1"
    assert lines["prompts"] == ["16", "published:", "512"]
    assert lines["optimizer.learning_rate"] == ["0.0001", "published:", "1e-06"]
    assert lines["loss.high"] == ["0.28", "section", "4.1:", "0.28"]
    assert lines["optimizer.beta_2"] == ["0.98"]


@pytest.mark.parametrize("name", ["dapo", "brorl/small"])
def test_as_json_it_is_the_explicit_recipe(name: str) -> None:
    assert Recipe.parse(json.loads(run("recipes", name, "--json"))) == recipe(name)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["recipes", "dapa"], "recipe: must be one of ppo, orz"),
        (["recipes", "dapo/smal", "--json"], "is 'dapo/smal'"),
        (["demo", "rl=dapa"], "override 'rl=dapa': rl: recipe: must be one of ppo, orz"),
        (["demo", "rl=dapo/small", "rl.updates=17"], "updates must be at most prompts (16), is 17"),
    ],
)
def test_bad_input_is_one_line_and_status_2(
    words: list[str], named: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["edgewise", *words])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    shown = capsys.readouterr()
    assert (stop.value.code, shown.out) == (2, "")
    lines = [line for line in shown.err.splitlines() if line.strip()]
    assert len(lines) == 1 and lines[0].startswith("error: ") and named in lines[0], lines
