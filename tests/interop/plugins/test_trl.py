"""TRL trains a handed-over run on a CPU: rewards, advantages, looks and the audit of what its evaluations left."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from edgewise.core.errors import InputError
from edgewise.interop.plugins.hand_over import HandedOver
from edgewise.interop.plugins.row_advantages import RowStep, row_advantages
from edgewise.interop.read import read_rollouts
from edgewise.interop.writers.hand_over import handed_run
from edgewise.interop.writers.trl import write_trl
from edgewise.model.hf import load_pretrained
from edgewise.rl.advantages.base import ADVANTAGES
from edgewise.study import run as study_run
from edgewise.study.context import Context
from edgewise.study.store import Store
from tests.cli.running import exit_status
from tests.study.in_process import compute_in_this_process
from tests.tiny import PRETRAIN

trl: Any = pytest.importorskip("trl", reason="trl is not installed")
plugin: Any = pytest.importorskip("edgewise.interop.plugins.trl")
boundary: Any = pytest.importorskip("edgewise.interop.plugins.trl_boundary")

pytestmark = pytest.mark.slow

SIZES = ("steps=3", "sampling.prompts=4", "sampling.samples=4", "sampling.max_new_tokens=36")
CPU = ("--use_cpu", "true", "--disable_tqdm", "true", "--save_strategy", "no")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a stage whose model solves some problems."""
    root = tmp_path_factory.mktemp("store")
    with pytest.MonkeyPatch.context() as patch:
        compute_in_this_process(patch)
        study_run.run([PRETRAIN], Context(root=root))
    return Store(root).folder(PRETRAIN)


def exported(base: Path, out: Path, *settings: str) -> Path:
    run = handed_run(base, [*(f"recipe.{size}" for size in SIZES), *settings])
    return write_trl(run, out, problems=3, samples=8).folder


@pytest.mark.parametrize(
    "advantage",
    ['{"kind":"pkpo","k":2}', "unlikeliness", '{"kind":"pass_at_k_bootstrap","k":2}'],
    ids=lambda text: text.strip('{"')[7:16],
)
def test_a_run_from_end_to_end(
    advantage: str, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Drawn groups need rewards of 0 or 1.
    shaped = [] if "bootstrap" in advantage else ["recipe.reward.length=overlong"]
    out = exported(base, tmp_path / "out", *shaped, f"recipe.advantage={advantage}")
    trainer = plugin.handed_over_trainer(out, CPU)
    learned: list[dict[str, Any]] = []
    compute = trainer._generate_and_score_completions

    def noted(inputs: Any) -> dict[str, Any]:
        output: dict[str, Any] = compute(inputs)
        if trainer.model.training:
            learned.append(
                {
                    "step": trainer._step_of_sampling,
                    "addresses": [row["address"] for row in inputs],
                    # What `log_completions` writes; an evaluation at the same step writes over it.
                    "rewards": list(trainer._logs["rewards"]["recipe_reward"])[-16:],
                    "logged": list(trainer._logs["advantages"])[-16:],
                    "prompts": list(trainer._logs["prompt"])[-16:],
                    **output,
                }
            )
        return output

    monkeypatch.setattr(trainer, "_generate_and_score_completions", noted)
    trainer.train()

    # Problems in the order of the run here, and advantages that are ours of the rewards that TRL logged.
    run = HandedOver(out).run
    spec = ADVANTAGES.parse(json.loads(advantage) if advantage.startswith("{") else advantage)
    assert [one["step"] for one in learned] == [0, 1, 2]
    for step, one in enumerate(learned):
        expected = [f"held_out/{run.seed}/{4 * step + row // 4}" for row in range(16)]
        assert one["addresses"] == expected
        rewards = torch.tensor(one["rewards"])
        length_B = one["completion_mask"].sum(1)
        mask_BT = torch.arange(int(length_B.max())) < length_B.unsqueeze(1)
        reward_BT = torch.zeros(mask_BT.shape).scatter(1, (length_B - 1).unsqueeze(1), rewards.unsqueeze(1))
        logp_BT = None
        if spec.kind == "unlikeliness":
            # Of the trainer's own model at the first step, which is the exported one.
            logp_BT = _logp(out, one) if step == 0 else None
        if spec.kind != "unlikeliness" or step == 0:
            at = RowStep(step, 3, run.seed)
            ours = row_advantages(spec, reward_BT, mask_BT, expected, at=at, logp_BT=logp_BT)[:, 0]
            torch.testing.assert_close(one["advantages"], ours, atol=1e-4, rtol=1e-4)
            torch.testing.assert_close(torch.tensor(one["logged"]), ours, atol=1e-4, rtol=1e-4)
        assert one["prompts"] == [HandedOver(out).problem(address).prompt for address in expected]

    # The looks: at the start, at each evaluation, through the trainer's own log.
    looks = [line for line in trainer.state.log_history if "eval_boundary/answer/pass@1" in line]
    assert [line["step"] for line in looks] == [0, 1, 2, 3]
    assert "eval_boundary/answer/pass@8/high" in looks[0] and "eval_boundary/verdict/unchanged" not in looks[0]
    assert sum(value for name, value in looks[-1].items() if name.startswith("eval_boundary/verdict/")) == 1

    # What the audit reads has the same numbers.
    models = {model.model: model for model in read_rollouts(out / "validation")}
    assert sorted(map(str, models)) == ["step 0", "step 1", "step 2", "step 3"]
    for step, look in enumerate(looks):
        counts = models[f"step {step}"].samples.counts("answer")  # type: ignore[union-attr]
        assert counts.n == 8 and counts.problems == 3
        rates = models[f"step {step}"].outcomes.rates()  # type: ignore[union-attr]
        assert look["eval_boundary/unscorable"] == pytest.approx(rates.unscorable)
        assert look["eval_boundary/answer/pass@1"] == pytest.approx(float((counts.c_P / counts.n_P).mean()))
    monkeypatch.chdir(out)
    capsys.readouterr()
    assert exit_status(monkeypatch, "audit", "validation", "--out", "report", "--resamples", "100") == 0

    trainer.save_model(str(out / "trained"))
    start, words = load_pretrained(out / "model")
    after, words_after = load_pretrained(out / "trained")
    assert words == words_after and not torch.equal(start.embedding.weight, after.embedding.weight)


def _logp(out: Path, one: dict[str, Any]) -> torch.Tensor:
    """The log-probabilities of completions under the exported model, [B, T], by our own forward pass."""
    model, _ = load_pretrained(out / "model", backend="torch")
    rows = []
    for prompt, seen, completion, written in zip(
        one["prompt_ids"], one["prompt_mask"], one["completion_ids"], one["completion_mask"], strict=True
    ):
        read, own = prompt[seen.bool()], completion[written.bool()]
        ids = torch.cat([read, own])
        positions = torch.arange(len(ids)).unsqueeze(0)
        with torch.no_grad():
            logits = model.logits(model(ids.unsqueeze(0), positions, torch.zeros_like(positions)))[0]
        logp = torch.log_softmax(logits[len(read) - 1 : -1].double(), -1)
        rows.append(logp[torch.arange(len(own)), own].float())
    longest = max(map(len, rows))
    return torch.stack([torch.nn.functional.pad(row, (0, longest - len(row))) for row in rows])


def test_a_completion_without_any_reward_is_refused(base: Path, tmp_path: Path) -> None:
    out = exported(base, tmp_path / "out")
    trainer = plugin.handed_over_trainer(out, (*CPU, "--eval_strategy", "no", "--eval_on_start", "false"))
    for place in range(2):
        trainer.reward_funcs[place] = lambda completions, **_: [None] * len(completions)
    with pytest.raises(InputError, match="16 completions have no reward"):
        trainer.train()


def test_what_is_no_verdict_is_refused_by_name(base: Path, tmp_path: Path) -> None:
    trainer = plugin.handed_over_trainer(exported(base, tmp_path / "out", "recipe.reward.length=cosine"), CPU)
    with pytest.raises(InputError, match="there are recipe_reward, accuracy_reward"):
        boundary.BoundaryCallback(trainer, tmp_path, verdict="accuracy")
    trainer.add_callback(boundary.BoundaryCallback(trainer, tmp_path / "other", verdict="recipe_reward"))
    with pytest.raises(InputError, match="a verdict is 1, 0 or None"):
        trainer.evaluate()


def test_an_advantage_that_needs_a_critic_is_refused() -> None:
    with pytest.raises(InputError, match="gae needs the values of a critic"):
        plugin.AdvantageTrainer(advantage=ADVANTAGES.parse("gae"))
