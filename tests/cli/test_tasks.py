"""`edgewise tasks`, `problems` and `verify` as their users meet them."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from edgewise import cli
from edgewise.core.errors import InputError
from edgewise.interop.read import read_rollouts
from edgewise.tasks import SPLITS, ModularArithmetic, Questions, world_named
from edgewise.tasks.presets import preset_names
from edgewise.tasks.registry import world_names
from tests.cli.running import refusal, terminal, without_colors
from tests.tasks.graph.rows import all_rows

MIXED = 'parts=[{"share":3,"world":{"world":"modular"}},{"share":1,"world":{"world":"modular","modulus":97}}]'
MINE = """
from edgewise.tasks import ModularArithmetic

class Mine(ModularArithmetic):
    "Sums of my own; the level is the number of operations."

    world: str = "mine"

ready = Mine(modulus=5)
"""


def run(*words: str) -> str:
    """What `edgewise words` prints on a terminal of 80 columns; an error is raised as it is."""
    done = CliRunner().invoke(cli.app, words, catch_exceptions=False, env=terminal(80))
    assert done.exit_code == 0, done.output
    return without_colors(done.stdout)


def rows(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def write(path: Path, some: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in some))
    return str(path)


def test_the_list_names_all_worlds_and_presets_within_80_columns() -> None:
    shown = run("tasks")
    assert all(name in shown for name in (*world_names(), *preset_names()))
    assert "the level is the number of operators" in " ".join(shown.split())
    assert "min_op=1 max_op=4 leaves=1" in shown, "knobs with their defaults"
    assert max(map(len, shown.splitlines())) <= 80
    listed = json.loads(run("tasks", "--json"))
    assert [one["name"] for one in listed["worlds"]] == list(world_names())
    assert sorted(name for names in listed["presets"].values() for name in names) == sorted(preset_names())


@pytest.mark.parametrize("name", world_names())
def test_the_knobs_of_every_world(name: str) -> None:
    described = json.loads(run("tasks", name, "--json"))
    fields = world_named(name).model_fields
    assert [knob["name"] for knob in described["knobs"]] == [
        field for field in fields if field not in ("world", "version")
    ]
    for knob in described["knobs"]:
        assert knob["required"] == fields[knob["name"]].is_required()
        assert knob["type"]
    assert described["version"] == fields["version"].default
    shown = run("tasks", name)
    assert all(knob["name"] in shown for knob in described["knobs"])
    assert max(map(len, shown.splitlines())) <= 80
    assert ("no example:" in shown) == (described["example"] is None)


def test_a_knob_says_its_type_default_and_bounds() -> None:
    knobs = {knob["name"]: knob for knob in json.loads(run("tasks", "modular", "--json"))["knobs"]}
    assert (knobs["reuse"]["type"], knobs["reuse"]["default"], knobs["reuse"]["bounds"]) == ("float", 0.0, ">= 0, <= 1")
    assert (knobs["letters"]["type"], knobs["letters"]["bounds"]) == ("int", ">= 2, <= 52")
    knobs = {knob["name"]: knob for knob in json.loads(run("tasks", "mixture", "--json"))["knobs"]}
    assert (knobs["of"]["type"], knobs["of"]["meaning"]) == ("tokens | problems", "what the shares are shares of")
    assert (knobs["parts"]["type"], knobs["parts"]["required"]) == ("list of {share, world}", True)


def test_a_preset_says_what_it_is_made_of() -> None:
    shown = run("tasks", "interplay/op11-14_uniform_0.9zoo_0.1teacher")
    assert "% of problems" in shown
    lines = [line for line in shown.splitlines() if " graph " in line]
    parts = [(zoo, str(op), setting) for zoo, setting in (("22.5", "zoo"), ("2.5", "school")) for op in range(11, 15)]
    for line, (share, op, setting) in zip(lines, parts, strict=True):
        assert line.split()[:3] == [share, op, "graph"]
        assert f'settings=["{setting}"]' in line
    assert shown.count("settings=") == 8


def test_problems_are_those_at_their_addresses() -> None:
    found = rows(run("problems", "modular", "max_op=9", "letters=20", "--count", "4", "--seed", "5", "--json"))
    world = ModularArithmetic(max_op=9, letters=20)
    for index, row in enumerate(found):
        problem = world.problem("train", 5, index)
        assert (row["split"], row["seed"], row["index"]) == ("train", 5, index)
        expected = (problem.id, problem.level, problem.prompt, problem.answer, world.solution(problem))
        assert tuple(row[name] for name in ("id", "level", "prompt", "answer", "solution")) == expected
        assert ModularArithmetic.parse(row["world"]) == world
    assert len(found) == 4


def test_problems_as_they_are_read_on_a_terminal() -> None:
    problem = ModularArithmetic().at_level(4).problem("test", 0, 1)
    shown = run("problems", "modular", "--level", "4", "--count", "2", "--split", "test")
    assert f"test 0 1  level 4  {problem.id}" in shown
    assert max(map(len, shown.splitlines())) <= 80
    assert problem.prompt in " ".join(shown.split())
    assert ModularArithmetic().solution(problem) in " ".join(shown.split())
    assert "\x1b" not in shown


def test_settings_are_applied_all_at_once_and_to_the_parts_of_a_mixture() -> None:
    (row,) = rows(run("problems", "modular", "min_op=6", "max_op=7", "--count", "1", "--json"))
    assert (row["world"]["min_op"], row["world"]["max_op"]) == (6, 7)
    (row,) = rows(run("problems", "mixture", MIXED, "disorder=2", "of=problems", "--count", "1", "--json"))
    assert [part["world"]["disorder"] for part in row["world"]["parts"]] == [2, 2]
    assert [part["share"] for part in row["world"]["parts"]] == [0.75, 0.25]
    assert row["world"]["of"] == "problems"
    (row,) = rows(run("problems", "interplay/op7-10_uniform", "wording=compact", "--count", "1", "--json"))
    assert {part["world"]["wording"] for part in row["world"]["parts"]} == {"compact"}


def test_a_world_of_one_s_own_file(tmp_path: Path) -> None:
    file = tmp_path / "mine_of_tests.py"
    file.write_text(MINE)
    (by_class,) = rows(run("problems", f"{file}:Mine", "modulus=5", "--count", "1", "--json"))
    (ready,) = rows(run("problems", f"{file}:ready", "--count", "1", "--json"))
    assert by_class == ready
    assert ready["world"]["world"] == "mine"
    completions = write(tmp_path / "c.jsonl", [ready | {"completion": ready["solution"]}])
    (verdict,) = rows(run("verify", f"{file}:Mine", completions))
    assert verdict["process_correct"] is True


@pytest.mark.parametrize(
    "words",
    [
        ["modular", "max_op=3"],
        ["mixture", MIXED],
        ["graph", "max_op=4"],
        ["graph", "max_op=4", "wording=compact"],
        ["graph", "max_op=4", "wording=paper"],
        ["interplay/op7-10_uniform", "wording=paper"],
        ["strings"],
        ["countdown"],
        ["colouring"],
        ["paths"],
        ["paths", "graph=star"],
    ],
    ids=" ".join,
)
def test_gold_solutions_are_verified_correct_and_read_by_an_audit(words: list[str], tmp_path: Path) -> None:
    """problems --json -> a completion each -> verify -> what an audit sees."""
    task, settings = words[0], words[1:]
    asked = rows(run("problems", task, *settings, "--count", "6", "--split", "test", "--json"))
    done = [row | {"completion": [row["solution"], "?"]} for row in asked]
    completions, out = write(tmp_path / "done.jsonl", done), tmp_path / "new" / "verdicts.jsonl"
    shown = run("verify", task, completions, *settings, "--out", str(out))
    assert f"12 completions of {len({row['id'] for row in asked})} problems" in shown
    for name in ("answer", "process"):
        (line,) = [line for line in shown.splitlines() if line.split()[:1] == [name]]
        assert line.split()[1:5] == ["6", "0", "6", "50.0"]
    assert max(map(len, shown.replace(str(out), "").splitlines())) <= 80
    (found,) = read_rollouts(out)
    outcomes = found.outcomes
    assert outcomes is not None
    assert sorted(outcomes.problem) == sorted({row["id"] for row in asked})
    assert outcomes.process_S is not None
    assert outcomes.answer_S.tolist().count(1) == outcomes.process_S.tolist().count(1) == 6
    assert outcomes.answer_S.tolist().count(-1) == outcomes.process_S.tolist().count(-1) == 6
    assert dict(zip(outcomes.problem.tolist(), outcomes.level.tolist(), strict=True)) == {
        r["id"]: r["level"] for r in asked
    }


def test_verdicts_say_why(tmp_path: Path) -> None:
    (asked,) = rows(run("problems", "modular", "--level", "3", "--count", "1", "--json"))
    gold = asked["solution"]
    texts = [gold, gold.replace("=", "+", 1), "\ud800 hm \x1b[31m", gold]
    row = asked | {
        "completion": texts,
        "finish_reason": ["stop", "stop", "stop", "length"],
        "tokens": [9, 8, 7, 6],
        "temperature": 0.7,
        "answer_key": "not a column",
    }
    found = rows(run("verify", "modular", write(tmp_path / "c.jsonl", [row])))
    assert [one["sample"] for one in found] == [0, 1, 2, 3]
    assert [one["completion"] for one in found] == texts
    assert [one["correct"] for one in found] == [True, True, None, None]
    assert [one["process_correct"] for one in found] == [True, False, None, None]
    assert found[1]["first_wrong_step"] == 0 and found[1]["reason"].startswith("unreadable step")
    assert found[3]["reason"] == "truncated"
    assert [one["tokens"] for one in found] == [9, 8, 7, 6]
    assert {(one["problem_id"], one["level"], one["gold"], one["temperature"], one["verifier"]) for one in found} == {
        (asked["id"], 3, asked["answer"], 0.7, "edgewise modular 1 verified")
    }
    assert all("seed" not in one for one in found), "the seed of a problem is not that of its samples"


def test_verify_says_what_an_audit_will_say(tmp_path: Path) -> None:
    asked = rows(run("problems", "modular", "--count", "3", "--json"))
    greedy = [row | {"completion": [row["solution"]] * 4, "finish_reason": "budget_spent"} for row in asked]
    shown = run("verify", "modular", write(tmp_path / "c.jsonl", greedy), "--out", str(tmp_path / "v.jsonl"))
    shown = " ".join(shown.split())
    for said in (
        "no claim: c: In 100% of problems all completions are one text",
        "take care: c: The finish_reason 'budget_spent' is of no known spelling",
        "take care: c: Every sample is right",
    ):
        assert said in shown
    hot = [row | {"completion": row["solution"], "temperature": place} for place, row in enumerate(asked)]
    shown = run("verify", "modular", write(tmp_path / "hot.jsonl", hot), "--out", str(tmp_path / "v.jsonl"))
    assert "take care: `edgewise audit` will refuse these verdicts: line 2: temperature" in " ".join(shown.split())


def test_rows_without_a_world_are_of_the_command_s(tmp_path: Path) -> None:
    world = ModularArithmetic(max_op=3, modulus=11)
    problems = [world.problem("test", 2, index) for index in (4, 4, 9)]
    bare = [{"split": "test", "seed": 2, "index": p.index, "completion": world.solution(p)} for p in problems]
    packed = tmp_path / "c.jsonl.gz"
    packed.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in bare).encode()))
    found = rows(run("verify", "modular", str(packed), "max_op=3", "modulus=11"))
    assert [one["problem_id"] for one in found] == [problem.id for problem in problems]
    assert [one["sample"] for one in found] == [0, 1, 0]
    assert all(one["process_correct"] for one in found)
    other = rows(run("verify", "modular", str(packed)))
    assert {one["problem_id"] for one in other}.isdisjoint(problem.id for problem in problems)


def test_of_questions_only_the_answer_is_called_verified(tmp_path: Path) -> None:
    questions = write(tmp_path / "q.jsonl", [{"prompt": f"{n} + 1 =", "answer": str(n + 1)} for n in range(3)])
    words = ["questions", f"path={questions}", "split=train"]
    asked = rows(run("problems", *words, "--count", "3", "--json"))
    completions = write(tmp_path / "c.jsonl", [row | {"completion": row["solution"]} for row in asked])
    out = tmp_path / "verdicts.jsonl"
    summary = json.loads(run("verify", words[0], completions, *words[1:], "--out", str(out), "--json"))
    assert summary["answer"]["correct"] == 3 and "process" not in summary
    assert all(row["correct"] and "process_correct" not in row for row in map(json.loads, out.open(encoding="utf-8")))
    assert not Questions(path=questions).verifies_process and ModularArithmetic().verifies_process


@pytest.mark.parametrize("mode", ["verified", "paper_compat"])
def test_rows_of_the_released_data(mode: str, tmp_path: Path) -> None:
    released = all_rows()[:12]
    done = [row | {"completion": row["solution"]} for row in released]
    found = rows(run("verify", "graph", write(tmp_path / "c.jsonl", done), "--mode", mode))
    assert [one["level"] for one in found] == [row["op"] for row in released]
    assert all(one["correct"] and one["process_correct"] for one in found)
    assert {one["verifier"] for one in found} == {f"edgewise graph 1 {mode}"}
    wrong = [row | {"completion": "Answer: 0."} for row in released]
    found = rows(run("verify", "graph", write(tmp_path / "w.jsonl", wrong), "--mode", mode))
    assert not any(one["process_correct"] for one in found)
    cut = [row | {"completion": row["solution"], "truncated": True} for row in released]
    found = rows(run("verify", "graph", write(tmp_path / "t.jsonl", cut), "--mode", mode))
    assert {one["correct"] for one in found} == ({None} if mode == "verified" else {True})


def test_the_paper_s_wording_is_graded_as_the_released_scorer_does(tmp_path: Path) -> None:
    words = ["interplay/op7-10_uniform", "wording=paper"]
    asked = rows(run("problems", *words, "--count", "4", "--json"))
    completions = write(tmp_path / "c.jsonl", [row | {"completion": row["solution"]} for row in asked])
    found = rows(run("verify", words[0], completions, *words[1:], "--mode", "paper_compat"))
    assert all(one["process_correct"] for one in found)
    released = [row["released"] | {"completion": row["solution"]} for row in asked]
    again = rows(run("verify", "graph", write(tmp_path / "r.jsonl", released)))
    assert [one["problem_id"] for one in again] == [row["id"] for row in asked]
    assert all(one["process_correct"] for one in again)


GOOD = {"split": "test", "seed": 0, "index": 0, "completion": "answer 1"}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"completion": None}, "completion: null"),
        ({"completion": 7}, "completion: 7"),
        ({"completion": []}, "completion: a list"),
        ({"completion": ["a", 7]}, "completion: a list"),
        ({"split": "dev"}, f"split: 'dev'; must be one of {', '.join(SPLITS)}"),
        ({"split": ["test"]}, "split: a list"),
        ({"seed": -1}, "seed: -1"),
        ({"seed": True}, "seed: true"),
        ({"index": "0"}, "index: '0'"),
        ({"index": None}, "index: null"),
        ({"world": "graph"}, "world: 'graph'; must be 'modular'"),
        ({"world": {"max_op": 3}}, "world: null; must be 'modular'"),
        ({"world": {"world": "modular", "max_op": 0}}, "world: max_op"),
        ({"world": {"world": "modular", "knob": 1}}, "world: knob"),
        ({"world": 7}, "world: 7"),
        ({"id": "modular-7-1-0"}, "id: 'modular-7-1-0', but the problem at this address is modular-7-"),
        ({"truncated": "perhaps"}, "truncated: 'perhaps'"),
        ({"truncated": [True, False]}, "truncated: 2 items for 1 completions"),
        ({"temperature": "hot"}, "temperature: 'hot'"),
        ({"model": "other"}, "model: 'other' after null"),
        ("not json", "not JSON"),
        ("[1]", "not an object"),
    ],
)
def test_a_bad_row_is_named_and_nothing_is_written(change: Any, named: str, tmp_path: Path) -> None:
    bad = change if isinstance(change, str) else json.dumps(GOOD | change)
    file, out = tmp_path / "c.jsonl", tmp_path / "out" / "v.jsonl"
    file.write_text(f"{json.dumps(GOOD)}\n\n{bad}\n")
    words = ["verify", "modular", str(file), "--out", str(out)]
    with pytest.raises(InputError) as error:
        run(*words)
    assert str(error.value).startswith(f"{file}: line 3: ")
    assert named in str(error.value)
    assert not out.parent.exists()


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["tasks", "abacus"], "TASK: 'abacus' is unknown; `edgewise tasks` lists the worlds"),
        (
            ["problems", "modlar"],
            "TASK: 'modlar' is unknown (did you mean modular?); `edgewise tasks` lists the worlds",
        ),
        (["problems", "absent.py:World"], "absent.py: not found"),
        (["problems", "edgewise.absent:World"], "edgewise.absent: not found"),
        (["problems", "edgewise.core.keyed:absent"], "has no class 'absent'"),
        (["problems", "edgewise.core.keyed:key"], "must be a subclass of edgewise.tasks.World"),
        (["problems", "modular", "max_op"], "'max_op': write knob=value"),
        (["problems", "modular", "max_opp=3"], "there is no knob 'max_opp'; there are min_op, max_op"),
        (["problems", "modular", "max_op=many"], "modular: max_op"),
        (["problems", "modular", "a.b=3"], "'a.b=3': there is no group 'a'"),
        (["problems", "modular", "letters=3"], "letters must be at least 5"),
        (["problems", "mixture"], "mixture: parts: must be given"),
        (["problems", "mixture", MIXED, "knob=3"], "there is no knob 'knob'"),
        (["problems", "interplay/op7-10_uniform", "wording=welsh"], "wording"),
        (["problems", "interplay/op7-10_uniform", "--level", "3"], "level: must be one of 7, 8, 9, 10, is 3"),
        (["problems", "modular", "--level", "0"], "min_op"),
        (["problems", "modular", "--split", "dev"], "split: must be one of train"),
        (["verify", "modular", "absent.jsonl"], "absent.jsonl: no such file"),
        (["verify", "modular", "EMPTY"], "no row"),
        (["verify", "modular", "GOOD", "--mode", "kind"], "--mode: 'kind'"),
        (["verify", "modular", "GOOD", "--mode", "paper_compat"], "line 1: mode: paper_compat grades graph arithmetic"),
        (["verify", "modular", "WORLD", "max_op=3"], "line 1: world.max_op: 9, but the command says 3"),
        (["verify", "mixture", "GOOD"], "parts"),
        (["verify", "modular", "GOOD", "--out", "."], "--out"),
        (["verify", "graph", "RELEASED"], "line 1: template"),
    ],
)
def test_bad_input_is_one_line_and_status_2(
    words: list[str],
    named: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "EMPTY", [])
    write(tmp_path / "GOOD", [GOOD])
    write(tmp_path / "WORLD", [GOOD | {"world": {"world": "modular", "max_op": 9}}])
    write(
        tmp_path / "RELEASED", [{"problem": "?", "question": "?", "solution": "?", "template": "?", "completion": "x"}]
    )
    assert named in refusal(monkeypatch, capsys, *words)


def test_the_old_name_of_verify_still_works_and_says_the_new_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["edgewise", "judge", "modular", "absent.jsonl"])
    with pytest.raises(SystemExit):
        cli.main()
    shown = capsys.readouterr().err.splitlines()
    assert shown[0].startswith("note: `judge` is now `verify`") and "absent.jsonl: no such file" in shown[1]


def test_as_a_process_without_torch(tmp_path: Path) -> None:
    """Rows on stdout, the summary on stderr, status 0; no library of the laboratory is imported."""
    write(tmp_path / "c.jsonl", [GOOD])
    program = (
        "import sys; from edgewise.cli import main\n"
        "try: main()\n"
        "finally: print(*(m for m in ('torch', 'tokenizers', 'reasoning_gym') if m in sys.modules), file=sys.stderr)"
    )
    for words in (["verify", "modular", "c.jsonl"], ["tasks"]):
        command = [sys.executable, "-c", program, *words]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=True)
        assert done.stderr.splitlines()[-1] == ""
        assert done.stdout
        if words[0] == "verify":
            assert "1 completions of 1 problems" in done.stderr
            assert len(rows(done.stdout)) == 1
