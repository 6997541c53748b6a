"""`edgewise rollouts` as its users meet it: our models and others', files of questions, and what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from edgewise import cli
from edgewise.cli.rollouts import rollout_world
from edgewise.interop.read import read_rollouts
from edgewise.model.hf import save_pretrained
from edgewise.model.text_tokenizer import load_text_tokenizer
from edgewise.tasks.questions import Questions
from tests import tiny
from tests.cli.running import refusal
from tests.model.decoders import taught
from tests.rollouts.of_models.folders import END, write_folder

KNOBS = ("max_op=2", "modulus=5", "letters=4")


def run(*words: str, command: str = "rollouts") -> str:
    done = CliRunner().invoke(cli.app, [command, *words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A model that has seen what it is asked, and writes right and wrong answers."""
    problems = [tiny.WORLD.problem("test", 0, index) for index in range(6)]
    model, tokenizer = taught(tiny.WORLD, problems, tiny.SHAPE, steps=60)
    folder = tmp_path_factory.mktemp("ours") / "base"
    save_pretrained(model, tokenizer, folder)
    return str(folder)


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_folder(tmp_path_factory.mktemp("llama") / "chat"))


@pytest.fixture
def questions(tmp_path: Path) -> str:
    rows = [{"prompt": f"What is {n} + 1?", "answer": n + 1} for n in range(5)]
    path = tmp_path / "questions.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def rows(path: Path) -> list[dict[str, Any]]:
    table: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return table


def test_an_audit_reads_the_file_without_an_option(ours: str, tmp_path: Path) -> None:
    common = ("modular", *KNOBS, "-n", "8", "--problems", "6", "--max-new-tokens", "30")
    for seed, name in enumerate(("base", "tuned")):
        out = tmp_path / f"{name}.parquet"
        shown = run(ours, *common, "--out", str(out), "--temperature", f"{1 - seed / 2}")
        assert "48 completions of 6 problems" in " ".join(shown.split()) and f"{name}.parquet" in shown
        assert True in {row["correct"] for row in rows(out)}
    files = [f"{name}={tmp_path / name}.parquet" for name in ("base", "tuned")]
    done = CliRunner().invoke(cli.app, ["audit", *files, "--out", str(tmp_path / "report"), "--json"])
    assert done.exit_code == 0, done.exception
    audit = json.loads(done.stdout)
    assert audit["models"] == ["base", "tuned"] and audit["metric"] == "process"


def test_a_model_of_transformers_is_asked_in_its_chat_template(llama: str, questions: str, tmp_path: Path) -> None:
    out = tmp_path / "base.parquet"
    summary = json.loads(
        run(
            llama,
            questions,
            "match=numeric",
            "-n",
            "4",
            "--max-new-tokens",
            "6",
            "--out",
            str(out),
            "--json",
            "--ask",
            "{question}\\nA number.",
        )
    )
    assert summary["completions"] == 20 and summary["problems"] == 5 and summary["rollouts"] == str(out)
    # Nobody looked at the steps, so neither the summary nor an audit of the file may say that the process was verified.
    assert "process" not in summary and "process_correct" not in rows(out)[0]
    (read,) = read_rollouts(out)
    assert read.outcomes is not None and read.outcomes.metrics == ("answer",)
    tokenizer = load_text_tokenizer(Path(llama))
    for row in rows(out):
        assert row["prompt"].startswith("What is ") and row["model"] == "chat" and row["verifier"] == "questions"
        text = tokenizer.tokenizer.decode(row["prompt_ids"])  # type: ignore[attr-defined]
        assert text == f"<|turn|>user\n{row['prompt']}\nA number.{END}<|turn|>assistant\n"
    bare = tmp_path / "bare.parquet"
    run(llama, questions, "-n", "1", "--max-new-tokens", "2", "--no-chat", "--out", str(bare))
    assert tokenizer.decode(rows(bare)[0]["prompt_ids"]) == rows(bare)[0]["prompt"]


def test_the_folder_of_a_stage_is_read_and_named(ours: str, tmp_path: Path) -> None:
    stage = tmp_path / "rl-0123"
    shutil.copytree(ours, stage / "model")
    out = tmp_path / "tuned.parquet"
    run(str(stage), "modular", *KNOBS, "-n", "1", "--problems", "2", "--max-new-tokens", "30", "--out", str(out))
    assert {row["model"] for row in rows(out)} == {"rl-0123"}


def test_every_row_of_a_file_is_asked_in_whatever_split(questions: str) -> None:
    world = rollout_world(questions, ["match=numeric"], "validation")
    assert isinstance(world, Questions) and world.split == "validation"
    assert {world.problem("validation", 0, i).answer for i in range(5)} == set("12345")
    kept = rollout_world(questions, ["split=train"], "validation")
    assert isinstance(kept, Questions) and kept.split == "train"


def test_it_grows_until_decided(ours: str, tmp_path: Path) -> None:
    base = tmp_path / "base.parquet"
    common = ("modular", *KNOBS, "--problems", "4", "--max-new-tokens", "30")
    run(ours, *common, "-n", "16", "--out", str(base))
    out = tmp_path / "tuned.parquet"
    shown = run(
        ours,
        *common,
        "--seed",
        "0",
        "-n",
        "16",
        "--out",
        str(out),
        "--until",
        "decided",
        "--against",
        str(base),
        "--json",
    )
    until = json.loads(shown)["until"]
    assert until["k"] == 1 and until["looks"][-1]["n"] == 16 and until["why"]
    # The file was looked at while it grew: an audit that knows nothing of it would err more often than it says.
    audited = json.loads(run(str(base), str(out), "--out", str(tmp_path / "report"), "--json", command="audit"))
    assert any("Drawn until a verdict was decided" in concern["message"] for concern in audited["concerns"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["MODEL", "modulr", "--out", "a.parquet"], "TASK: 'modulr' is unknown (did you mean modular?)"),
        (["MODEL", "missing.jsonl"], "cannot read missing.jsonl"),
        (["nowhere/at/all", "modular"], "MODEL: nowhere/at/all: no such folder"),
        (["MODEL", "modular", "--out", "a.jsonl"], "--out: a.jsonl must be a .parquet file"),
        (["MODEL", "modular", "--sampler", "vlm"], "--sampler: 'vlm' is unknown (did you mean vllm?)"),
        (["MODEL", "modular", "--chat"], "--chat: "),
        (["MODEL", "modular", "--shard", "3/2"], "--shard: '3/2'; write I/N"),
        (["MODEL", "modular", "--until", "decided"], "--until: write --until decided --against BASE.parquet"),
        (["MODEL", "modular", "--until", "sure", "--against", "b.parquet"], "--until: write --until decided"),
        (["MODEL", "modular", "--until", "decided", "--against", "b.parquet"], "--against: b.parquet: no such file"),
        (["MODEL", "modular", "--k", "4"], "--k: is the k of --until decided"),
        (["MODEL", "modular", "--split", "all"], "split: must be one of train"),
        (["MODEL", "modular", "--ask", "hello"], "ask: must contain {question}"),
        (["MODEL", "modular", "--top-p", "0"], "sampling: top_p"),
        (["MODEL", "modular", "--device", "cuda:99"], "device: 'cuda:99' cannot be used"),
        (["MODEL", "modular", *KNOBS, "--max-new-tokens", "4000"], "exceed the model's 96 positions"),
    ],
)
def test_bad_input_is_one_line(
    words: list[str],
    message: str,
    ours: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    named = [ours if word == "MODEL" else word for word in words]
    assert message in refusal(monkeypatch, capsys, "rollouts", *named)


def test_a_folder_without_a_model_is_one_line(
    llama: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    assert "./empty: has no config.json, nor has its model/" in refusal(
        monkeypatch, capsys, "rollouts", "./empty", "modular"
    )
    config = json.loads(Path(llama, "config.json").read_text())
    broken = tmp_path / "broken"
    broken.mkdir()
    for name in ("tokenizer.json", "tokenizer_config.json", "model.safetensors"):
        (broken / name).write_bytes(Path(llama, name).read_bytes())
    (broken / "config.json").write_text(json.dumps(config | {"model_type": "no_such_kind"}))
    assert "error: " in refusal(monkeypatch, capsys, "rollouts", str(broken), "modular")
