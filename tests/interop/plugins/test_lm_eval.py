"""lm-evaluation-harness: tasks of worlds that it finds and runs, and our checkpoints as its model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgewise.boundary import pass_at_k
from edgewise.interop.read import read_rollouts
from edgewise.interop.writers.lm_eval import write_lm_eval_task
from edgewise.model.hf import load_pretrained
from edgewise.rollouts.collect import roll_out
from edgewise.sampling.engine import Engine
from edgewise.sampling.params import SamplingParams
from edgewise.tasks.named import world_of
from tests.interop.plugins.written import expected, problems_of, save_random_model, written
from tests.interop.writing import counts

pytestmark = pytest.mark.slow

KNOBS = ["max_op=4"]
SAMPLES, PROBLEMS = 8, 4


def run(model: Any, folder: Path, tasks: Path, name: str) -> tuple[dict[str, Any], Path]:
    """The results of a task, and the folder with the log that the harness writes."""
    harness = pytest.importorskip("lm_eval")
    from lm_eval.loggers import EvaluationTracker
    from lm_eval.tasks import TaskManager

    tracker = EvaluationTracker(output_path=str(folder / "out"))
    tracker.general_config_tracker.log_experiment_args(
        model_source="edgewise", model_args="", system_instruction=None, chat_template=None, fewshot_as_multiturn=False
    )
    manager = TaskManager(include_path=str(tasks), include_defaults=False)
    results = harness.simple_evaluate(
        model=model, tasks=[name], task_manager=manager, log_samples=True, bootstrap_iters=0
    )
    samples = results.pop("samples")
    tracker.save_results_aggregated(results={"results": results["results"], "configs": {}}, samples=samples)
    tracker.save_results_samples(task_name=name, samples=samples[name])
    return results["results"][name], folder / "out"


def test_its_numbers_are_ours_on_the_same_samples(tmp_path: Path) -> None:
    pytest.importorskip("lm_eval")
    from lm_eval.api.model import LM

    from edgewise.interop.plugins.lm_eval import CUT_OFF

    world = world_of("modular", KNOBS)
    problems = problems_of(world, PROBLEMS)
    texts = written(world, problems, SAMPLES)

    class Scripted(LM):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.left = {prompt: list(some) for prompt, some in texts.items()}

        def generate_until(self, requests: Any, **_: Any) -> list[str]:
            draws = [self.left[request.args[0]].pop(0) for request in requests]
            return [text if finished else f"{text} {CUT_OFF}" for text, finished in draws]

        def loglikelihood(self, requests: Any, **_: Any) -> Any:
            raise NotImplementedError

        def loglikelihood_rolling(self, requests: Any, **_: Any) -> Any:
            raise NotImplementedError

    file = write_lm_eval_task(tmp_path / "tasks", "modular", KNOBS, samples=SAMPLES, problems=PROBLEMS)
    assert file.name == "edgewise_modular_max-op-4.yaml"
    results, log = run(Scripted(), tmp_path, file.parent, file.stem)
    ours = expected(world, problems, texts)
    for k in (1, 2, 4, 8):
        for name, metric in (("answer", f"pass@{k}"), ("process", f"process_pass@{k}")):
            assert results[f"{metric},all"] == pytest.approx(pass_at_k(SAMPLES, ours[name].c_P, k).mean(), abs=1e-12)
    assert results["exact_match,all"] == pytest.approx(ours["answer"].c_P.mean() / SAMPLES, abs=1e-12)

    # What it logged is read back with the same counts, by both metrics and without a word.
    (imported,) = read_rollouts(log)
    assert imported.outcomes is not None and not imported.warnings
    for metric in ("answer", "process"):
        back = imported.outcomes.counts(metric)  # type: ignore[arg-type]
        assert sorted(zip(back.n_P.tolist(), back.c_P.tolist(), strict=True)) == sorted(
            zip(ours[metric].n_P.tolist(), ours[metric].c_P.tolist(), strict=True)
        )
    unscorable = sum(not finished or text == "no answer at all" for some in texts.values() for text, finished in some)
    assert counts(imported).unscorable_P.sum() == unscorable


def test_a_checkpoint_of_ours_draws_what_our_stages_draw(tmp_path: Path) -> None:
    pytest.importorskip("lm_eval")
    from edgewise.interop.plugins.lm_eval import CUT_OFF, EdgewiseLM

    world = world_of("modular", KNOBS)
    folder = save_random_model(world, tmp_path / "rl-0123" / "model")
    file = write_lm_eval_task(
        tmp_path / "tasks", "modular", KNOBS, samples=SAMPLES, problems=PROBLEMS, max_new_tokens=24
    )
    lm = EdgewiseLM(str(folder.parent), seed=3)
    _, log = run(lm, tmp_path, file.parent, file.stem)
    (imported,) = read_rollouts(log)
    model, tokenizer = load_pretrained(folder)
    problems = problems_of(world, PROBLEMS)
    params = SamplingParams(max_new_tokens=24)
    rollouts = roll_out(Engine(model, tokenizer.eos), tokenizer, world, problems, SAMPLES, params, seed=3)
    texts = {
        problem.prompt: [
            text if finished else f"{text} {CUT_OFF}"
            for text, finished in zip(rollouts.text_PG[p], rollouts.completions.finished_PG[p].tolist(), strict=True)
        ]
        for p, problem in enumerate(problems)
    }

    class Request:
        def __init__(self, *args: Any) -> None:
            self.args = args

    given = {"do_sample": True, "temperature": 1.0, "max_gen_toks": 24, "until": ["<eos>"]}
    requests = [Request(prompt, given) for prompt in texts for _ in range(SAMPLES)]
    drawn = lm.generate_until(requests)
    assert drawn == [text for some in texts.values() for text in some]
    assert imported.outcomes is not None
    assert np.array_equal(
        np.sort(imported.outcomes.counts().unscorable_P),
        np.sort([sum(verdict.predicted is None for verdict in some) for some in rollouts.verdict_PG]),
    )


def test_likelihoods_are_those_of_the_model(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("lm_eval")
    from edgewise.interop.plugins.lm_eval import EdgewiseLM

    transformers = pytest.importorskip("transformers")
    world = world_of("modular", KNOBS)
    folder = save_random_model(world, tmp_path / "model")
    theirs = transformers.AutoModelForCausalLM.from_pretrained(folder)
    _, tokenizer = load_pretrained(folder)
    lm = EdgewiseLM(str(folder))
    problem = problems_of(world, 1)[0]
    prompt, solution = tokenizer.prompt(problem.prompt), tokenizer.encode(world.solution(problem))
    logits = theirs(torch.tensor([prompt + solution])).logits[0].log_softmax(-1)
    tokens = [logits[len(prompt) - 1 + i, token].item() for i, token in enumerate(solution)]

    class Request:
        def __init__(self, *args: Any) -> None:
            self.args = args

    ((logp, greedy),) = lm.loglikelihood([Request(problem.prompt, world.solution(problem))])
    assert logp == pytest.approx(sum(tokens), abs=1e-4)
    picks = logits[len(prompt) - 1 : -1].argmax(-1).tolist()
    assert greedy == (picks == solution)
    whole = prompt[1:]
    (rolling,) = lm.loglikelihood_rolling([Request(problem.prompt)])
    assert rolling == pytest.approx(sum(logits[i, token].item() for i, token in enumerate(whole)), abs=1e-4)
