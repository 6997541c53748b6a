"""inspect_ai: the task of any world with its scorer, and our checkpoints as its model."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edgewise.boundary import pass_at_k
from edgewise.interop.read import read_rollouts
from edgewise.model.hf import load_pretrained
from edgewise.rollouts.collect import roll_out
from edgewise.sampling.engine import Engine
from edgewise.sampling.params import SamplingParams
from edgewise.tasks.named import world_of
from tests.interop.plugins.written import UNREADABLE, expected, problems_of, save_random_model, written
from tests.interop.writing import counts

pytestmark = pytest.mark.slow

SAMPLES, PROBLEMS = 8, 4


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    pytest.importorskip("inspect_ai")
    monkeypatch.setenv("INSPECT_DISABLE_GIT", "1")
    monkeypatch.chdir(tmp_path)
    yield tmp_path


def run(task: Any, model: Any, **options: Any) -> Any:
    """The log of an evaluation."""
    from inspect_ai import eval

    (log,) = eval(task, model=model, display="none", log_dir="logs", score_display=False, **options)
    assert log.status == "success", log.error
    return log


def metrics(log: Any) -> dict[tuple[str, str], float]:
    """By reducer and by what was graded: the mean over problems."""
    return {(score.reducer, score.name): score.metrics["mean"].value for score in log.results.scores}


def test_its_numbers_are_ours_on_the_same_samples(here: Path) -> None:
    from inspect_ai.model import ModelAPI, ModelOutput, modelapi

    from edgewise.interop.plugins.inspect_ai import world_task

    world = world_of("modular", ["max_op=4"])
    problems = problems_of(world, PROBLEMS)
    texts = written(world, problems, SAMPLES)
    left = {prompt: list(some) for prompt, some in texts.items()}

    @modelapi("scripted")
    class Scripted(ModelAPI):  # type: ignore[misc]
        async def generate(self, input: Any, tools: Any, tool_choice: Any, config: Any) -> ModelOutput:
            text, finished = left[input[-1].text].pop(0)
            return ModelOutput.from_content("scripted/model", text, "stop" if finished else "max_tokens")

    assert callable(Scripted)
    log = run(world_task("modular", samples=SAMPLES, problems=PROBLEMS, max_op=4), "scripted/model")
    ours, theirs = expected(world, problems, texts), metrics(log)
    assert (log.eval.task, log.eval.metadata["world"]["max_op"]) == ("edgewise_modular", 4)
    for k in (1, 2, 4, 8):
        for name in ("answer", "process"):
            mean = pass_at_k(SAMPLES, ours[name].c_P, k).mean()
            assert theirs[f"pass_at_{k}", name] == pytest.approx(mean, abs=1e-9)
    (imported,) = read_rollouts(here / "logs")
    assert imported.outcomes is not None and not imported.warnings
    ids = sorted(problem.id for problem in problems)
    for metric in ("answer", "process"):
        back = imported.outcomes.counts(metric)
        assert back.problem.tolist() == ids
        assert back.c_P.tolist() == ours[metric].c_P.tolist()
        assert back.n_P.tolist() == ours[metric].n_P.tolist()
    unscorable = sum(not finished or text == UNREADABLE for some in texts.values() for text, finished in some)
    assert counts(imported).unscorable_P.sum() == unscorable
    truncated_P = counts(imported).truncated_P
    assert truncated_P is not None
    assert truncated_P.sum() == sum(not finished for some in texts.values() for _, finished in some)


@pytest.mark.parametrize("draws", [SAMPLES, 3])
def test_a_checkpoint_of_ours_is_a_model(here: Path, draws: int) -> None:
    """With as many draws as epochs the samples are those of our own stages; with fewer, draws that all differ."""
    from edgewise.interop.plugins.inspect_ai import world_task

    world = world_of("modular", ["max_op=4"])
    folder = save_random_model(world, here / "rl-0123" / "model")
    task = world_task("modular", samples=SAMPLES, problems=PROBLEMS, max_new_tokens=24, max_op=4)
    log = run(task, f"edgewise/{folder.parent}", model_args={"draws": draws, "seed": 3})
    model, tokenizer = load_pretrained(folder)
    problems = problems_of(world, PROBLEMS)
    params = SamplingParams(max_new_tokens=24)
    rollouts = roll_out(Engine(model, tokenizer.eos), tokenizer, world, problems, SAMPLES, params, seed=3)
    drawn: dict[str, list[tuple[str, str]]] = {}
    for sample in log.samples:
        drawn.setdefault(sample.id, []).append((sample.output.completion, str(sample.output.stop_reason)))
    for p, problem in enumerate(problems):
        ended = rollouts.completions.finished_PG[p].tolist()
        ours = [(text, "stop" if end else "max_tokens") for text, end in zip(rollouts.text_PG[p], ended, strict=True)]
        if draws == SAMPLES:
            assert sorted(drawn[problem.id]) == sorted(ours)
        else:
            # Short texts of a random model come again by chance.
            long = [text for text, _ in drawn[problem.id] if len(text.split()) > 4]
            assert len(set(long)) == len(long) > draws
            assert set(ours[:draws]) <= set(drawn[problem.id])
    (imported,) = read_rollouts(here / "logs")
    assert imported.sampling.max_tokens == (24,)
    assert (counts(imported).n_P == SAMPLES).all()


def test_what_is_wrong_is_named(here: Path) -> None:
    from edgewise.core.errors import InputError
    from edgewise.interop.plugins.inspect_ai import EdgewiseAPI, world_task

    for options, says in (
        ({"task": "nosuch"}, "TASK"),
        ({"max_opp": 3}, "no knob 'max_opp'"),
        ({"split": "x"}, "split"),
    ):
        with pytest.raises(InputError, match=says):
            world_task(**options)
    with pytest.raises(InputError, match="absent: no such folder"):
        EdgewiseAPI(os.fspath(here / "absent"))


def test_the_registry_finds_it_by_its_entry_point() -> None:
    """What `inspect eval edgewise/world` looks for."""
    import tomllib

    pyproject = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())
    named = pyproject["project"]["entry-points"]["inspect_ai"]["edgewise"]
    assert named == "edgewise.interop.plugins.inspect_ai"
    pytest.importorskip("inspect_ai")
    import importlib

    from inspect_ai._util.registry import registry_info

    module = importlib.import_module(named)
    # With the name of the package before it where this is installed.
    names = [registry_info(of).name for of in (module.world_task, module.verdict, module.EdgewiseAPI)]
    assert [name.removeprefix("edgewise/") for name in names] == ["world", "verdict", "edgewise"]
