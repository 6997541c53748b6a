"""Whole runs on the bandit: what is learnt, what is logged, and that an interrupted run is the whole one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from edgewise.core.errors import InputError
from edgewise.core.provenance import Totals
from edgewise.model.decoder import Decoder
from edgewise.rl.models import Models
from edgewise.rl.probe import probe, probed_samples
from edgewise.rl.recipe import Recipe
from edgewise.rl.train import train as train_with_rl
from edgewise.rollouts.collect import roll_out
from edgewise.sampling.engine import Engine
from edgewise.sampling.params import SamplingParams
from edgewise.tasks.base import Problem, Split, World
from edgewise.training.execution import CPU
from edgewise.training.run_folder import RunFolder

from .bandit import RECIPE, TOKENIZER, WORLD, Bandit, changed, decoder, draw, unpacked

FAST = {"learning_rate": 4e-3, "schedule": "constant", "warmup": 0.0, "weight_decay": 0.01}
WHOLE: dict[str, Any] = {
    "steps": 50,
    "sampling": {"prompts": 16, "samples": 16, "max_new_tokens": 3},
    "optimizer": FAST,
}


def metrics(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def traces(folder: Path) -> tuple[bytes, bytes]:
    return (folder / "metrics.jsonl").read_bytes(), (folder / "checkpoint" / "state.safetensors").read_bytes()


def train(
    folder: RunFolder, recipe: Recipe, seed: int = 0, world: World = WORLD, model: Decoder | None = None
) -> Totals:
    teacher = decoder(3) if recipe.has_teacher else None
    return train_with_rl(model or decoder(), TOKENIZER, world, recipe, seed, folder, teacher=teacher)


def solved(folder: Path) -> tuple[float, float]:
    """The share of right answers in the first three steps and in the last fifteen."""
    found = [line["answer_correct"] for line in metrics(folder)]
    return sum(found[:3]) / 3, sum(found[-15:]) / 15


# One word in four is right: a policy that does not read the prompt cannot earn much over 0.25.
LEARNING: dict[str, dict[str, Any]] = {
    "grpo": {},
    "dr_grpo": {"advantage": "dr_grpo", "loss": {"function": "reinforce", "normalization": "seq-mean-token-sum-norm"}},
    "rloo": {"advantage": "rloo", "loss": {"kl": {"coefficient": 0.001, "estimator": "k1", "place": "reward"}}},
    "reinforce++": {
        "advantage": "reinforce_plus_plus",
        "loss": {"kl": {"coefficient": 0.001, "estimator": "k1", "place": "reward"}},
    },
    "reinforce++ baseline": {"advantage": "reinforce_plus_plus_baseline"},
    "batch_std": {
        "advantage": "batch_std",
        "loss": {"function": "cispo", "normalization": "prompt-mean-token-mean"},
        "sampling": {"filters": {"drop_zero_variance": True}},
    },
    "remax": {"advantage": "remax", "loss": {"normalization": "seq-mean-token-mean"}},
    "opo": {"advantage": "opo"},
    "gae": {"advantage": {"kind": "gae", "critic": {"optimizer": FAST}}, "optimizer": {"minibatches": 2}},
    "pkpo": {"advantage": {"kind": "pkpo", "k": 4}},
    "pass_at_k": {"advantage": {"kind": "pass_at_k_training", "k": {"first": 4, "then": 1}}},
    "maxrl": {"advantage": "maxrl"},
    "unlikeliness": {"advantage": "unlikeliness"},
    "gspo": {"loss": {"function": "gspo", "normalization": "seq-mean-token-mean"}, "optimizer": {"minibatches": 2}},
    "two epochs of dual clip": {
        "optimizer": {"minibatches": 2, "epochs": 2},
        "loss": {"normalization": "seq-mean-token-mean", "function": "dual_clip"},
    },
    "stale": {"sampling": {"behavior": {"kind": "policy", "staleness": 2}}, "loss": {"correction": "truncated"}},
    "noisy": {"sampling": {"behavior": {"kind": "policy", "logit_noise": 0.2}}, "loss": {"correction": "ratio"}},
    "positive only": {"advantage": {"kind": "dr_grpo", "positive_only": True}},
    "on-policy rejection fine-tuning": {"advantage": "indicator_correct", "loss": {"function": "reinforce"}},
    "supervised": {
        "sampling": {"behavior": "gold", "samples": 1},
        "advantage": "indicator_all",
        "loss": {"function": "reinforce"},
    },
    "pool": {"sampling": {"curriculum": {"kind": "pool", "size": 24, "retire_at": 0.99, "retire_after": 3}}},
    "refilled": {"sampling": {"filters": {"drop_zero_variance": True, "resample_up_to": 2}}},
    "majority then truth": {
        "reward": {"function": "outcome"},
        "loss": {"entropy_bonus": 0.001},
        "sampling": {"temperature": 1.2},
    },
}


# One of each kind; the rest take minutes.
ALWAYS = ("grpo", "gae", "pkpo", "stale", "supervised", "pool")


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param(fields, id=name, marks=() if name in ALWAYS else (pytest.mark.slow,))
        for name, fields in LEARNING.items()
    ],
)
def test_training_learns_the_bandit(tmp_path: Path, fields: dict[str, Any]) -> None:
    recipe = changed(WHOLE, fields)
    model = decoder()
    train(RunFolder(tmp_path), recipe, model=model)
    first, last = solved(tmp_path)
    if recipe.sampling.behavior.kind == "gold":
        first, last = 0.25, share_right(model)
    assert first < 0.35
    assert last > 0.45


def share_right(model: Decoder) -> float:
    asked = [WORLD.problem("test", 9, index) for index in range(200)]
    params = SamplingParams(max_new_tokens=3)
    found = roll_out(Engine(model, TOKENIZER.eos), TOKENIZER, WORLD, asked, 4, params, 0)
    return sum(v.answer_correct for row in found.verdict_PG for v in row) / 800


@pytest.mark.parametrize("reward", ["random", "format"])
def test_a_control_reward_does_not_teach_the_answer(tmp_path: Path, reward: str) -> None:
    train(
        RunFolder(tmp_path),
        changed(WHOLE, {"reward": {"function": reward}, "sampling": {"filters": {"drop_zero_variance": True}}}),
    )
    assert solved(tmp_path)[1] < 0.35


def test_rejection_fine_tuning_draws_from_the_start_model_throughout(tmp_path: Path) -> None:
    recipe = changed(
        WHOLE, {"sampling": {"behavior": "start"}, "advantage": "indicator_correct", "loss": {"function": "reinforce"}}
    )
    model = decoder()
    train(RunFolder(tmp_path), recipe, model=model)
    first, last = solved(tmp_path)
    assert abs(first - last) < 0.1, "nobody but the start model writes"
    assert share_right(model) > 0.4, "and the policy learns from what was right"


def test_distillation_takes_over_what_the_teacher_writes(tmp_path: Path) -> None:
    """A teacher that has learnt; the student sees its completions alone, or its distribution alone."""
    teacher = decoder()
    train(RunFolder(tmp_path / "teacher"), changed(WHOLE), model=teacher)
    ways: dict[str, dict[str, Any]] = {
        "likelihood": {
            "sampling": {"behavior": "teacher"},
            "advantage": "indicator_all",
            "loss": {"function": "reinforce"},
        },
        "divergence": {"advantage": "indicator_none", "loss": {"kl": {"coefficient": 1.0, "target": "teacher"}}},
    }
    for name, fields in ways.items():
        student = decoder()
        train_with_rl(
            student,
            TOKENIZER,
            WORLD,
            changed(WHOLE, fields),
            0,
            RunFolder(tmp_path / name),
            teacher=teacher.requires_grad_(False),
        )
        assert share_right(student) > 0.8 * share_right(teacher), name


def test_self_distillation_sharpens_without_any_reward(tmp_path: Path) -> None:
    kl = {"coefficient": 1.0, "temperature": 0.5}
    model = decoder()
    train(
        RunFolder(tmp_path),
        changed(WHOLE, {"advantage": "indicator_none", "loss": {"kl": kl}}),
        world=Bandit(payable=False),
        model=model,
    )
    found = metrics(tmp_path)
    assert found[-1]["entropy"] < 0.8 * found[0]["entropy"]
    assert found[0]["kl_to_start"] == pytest.approx(0, abs=1e-6) and found[-1]["kl_to_start"] > 0.01
    assert found[-1]["kl"] < 0.5 * found[0]["kl"]


def test_no_signal_no_change(tmp_path: Path) -> None:
    model = decoder()
    train(RunFolder(tmp_path), RECIPE, world=Bandit(payable=False), model=model)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), decoder().parameters(), strict=True))
    for line in metrics(tmp_path):
        assert (line["zero_variance"], line["grad_norm"], line["reward"], line["effective_batch"]) == (1, 0, 0, 0)


class Interrupted(Exception):
    pass


EVERYTHING: dict[str, dict[str, Any]] = {
    "plain": {},
    "several updates with a kl": {"optimizer": {"minibatches": 2, "epochs": 2}, "loss": {"kl": {"coefficient": 0.05}}},
    "critic": {
        "advantage": "gae",
        "optimizer": {"minibatches": 2},
        "loss": {"kl": {"coefficient": 0.05, "estimator": "k1", "place": "reward"}},
    },
    "reference reset by period": {"loss": {"kl": {"coefficient": 0.5, "reset": {"kind": "period", "every": 2}}}},
    "reference reset by kl, optimizer cleared": {
        "loss": {"kl": {"coefficient": 0.01, "reset": {"kind": "kl", "above": 0.0001, "optimizer": "clear"}}}
    },
    "reference reset on a plateau": {
        "loss": {
            "kl": {
                "coefficient": 0.5,
                "reset": {"kind": "plateau", "every": 1, "patience": 1, "problems": 4, "samples": 2},
            }
        }
    },
    "stale": {"sampling": {"behavior": {"kind": "policy", "staleness": 2}}, "loss": {"correction": "masked"}},
    "noisy": {"sampling": {"behavior": {"kind": "policy", "logit_noise": 0.5}}, "loss": {"correction": "truncated"}},
    "refilled and gated": {
        "sampling": {"filters": {"drop_zero_variance": True, "zero_success_gate": 2, "resample_up_to": 3}}
    },
    "pool": {"sampling": {"curriculum": {"kind": "pool", "size": 7, "retire_at": 0.5}}},
    "greedy baseline": {"advantage": "remax"},
    "bootstrap": {"advantage": {"kind": "pass_at_k_bootstrap", "k": 2}},
    "hints": {"sampling": {"hints": {"kind": "gold_prefix", "fraction": 0.5}}},
    "random reward": {"reward": {"function": "random"}},
    "teacher": {
        "sampling": {"behavior": "teacher"},
        "advantage": "indicator_correct",
        "loss": {"function": "reinforce"},
    },
    "gold": {
        "sampling": {"behavior": "gold", "samples": 1},
        "advantage": "indicator_all",
        "loss": {"function": "reinforce"},
    },
}


@pytest.mark.parametrize(
    ("name", "step"),
    [(name, 4) for name in EVERYTHING] + [(name, step) for name in ("plain", "critic", "stale") for step in (1, 6)],
)
def test_an_interrupted_run_goes_on_bit_for_bit(tmp_path: Path, step: int, name: str) -> None:
    recipe = changed(EVERYTHING[name])
    whole = train(RunFolder(tmp_path / "whole"), recipe)

    def progress(done: int, total: int, note: str) -> None:
        if done == step:
            raise Interrupted

    with pytest.raises(Interrupted):
        train(RunFolder(tmp_path / "parts", progress=progress, checkpoint_seconds=0.0), recipe)
    seen: list[int] = []
    again = RunFolder(tmp_path / "parts", progress=lambda done, total, note: seen.append(done))
    parts = train(again, recipe)
    assert seen == list(range(step, recipe.steps + 1))
    assert traces(tmp_path / "parts") == traces(tmp_path / "whole")
    assert (parts.tokens, parts.flops) == (whole.tokens, whole.flops)


def test_the_cases_above_do_what_their_names_say(tmp_path: Path) -> None:
    """A reset that never comes or a pool that never retires would make resuming too easy."""
    for name, fields in EVERYTHING.items():
        train(RunFolder(tmp_path / name), changed(fields))
    for name in ("period", "kl, optimizer cleared"):
        assert any(line["reset"] for line in metrics(tmp_path / f"reference reset by {name}")), name
    assert any(line["reset"] for line in metrics(tmp_path / "reference reset on a plateau"))
    assert metrics(tmp_path / "pool")[-1]["pool_retired"] > 0
    assert any(line["samples_drawn"] > 16 for line in metrics(tmp_path / "refilled and gated"))
    assert any(line["drift"] != 0 for line in metrics(tmp_path / "stale") if "drift" in line)
    assert all(line["drift"] != 0 for line in metrics(tmp_path / "noisy") if "drift" in line)


def test_after_a_reset_the_reference_is_the_policy(tmp_path: Path) -> None:
    train(RunFolder(tmp_path), changed(loss={"kl": {"coefficient": 0.1, "reset": {"kind": "period", "every": 2}}}))
    found = metrics(tmp_path)
    assert [bool(line["reset"]) for line in found] == [False, True] * 3
    for step in (0, 4):
        assert found[step]["kl_to_reference"] == pytest.approx(0, abs=1e-7)
    assert found[4]["kl_to_start"] > 1e-5 and found[5]["kl_to_reference"] > 0


def test_another_seed_is_another_run(tmp_path: Path) -> None:
    for seed in (0, 1):
        train(RunFolder(tmp_path / str(seed)), RECIPE, seed)
    assert traces(tmp_path / "0")[0] != traces(tmp_path / "1")[0]


@pytest.mark.parametrize("split", ["held_out", "train"])
def test_every_step_draws_fresh_problems_of_the_split(tmp_path: Path, split: Split) -> None:
    asked: list[tuple[str, int, int]] = []

    class Watched(Bandit):
        def problem(self, split, seed, index) -> Problem:  # type: ignore[no-untyped-def]
            asked.append((split, seed, index))
            return super().problem(split, seed, index)

    train_with_rl(decoder(), TOKENIZER, Watched(), RECIPE, 5, RunFolder(tmp_path), split=split)
    checked, *drawn = asked
    assert checked == (split, 5, 0), "that there are problems is checked before any work"
    assert drawn == [(split, 5, index) for index in range(RECIPE.steps * RECIPE.sampling.prompts)]


def test_a_run_without_a_split_asks_problems_that_pre_training_does_not_show(tmp_path: Path) -> None:
    asked: set[str] = set()

    class Watched(Bandit):
        def problem(self, split, seed, index) -> Problem:  # type: ignore[no-untyped-def]
            asked.add(split)
            return super().problem(split, seed, index)

    plateau = {"kind": "plateau", "every": 1, "patience": 1, "problems": 2, "samples": 2}
    recipe = changed(
        steps=2,
        sampling={"curriculum": {"kind": "pool", "size": 4}},
        reward={"function": "wrong_label"},
        loss={"kl": {"coefficient": 0.1, "reset": plateau}},
    )
    train_with_rl(decoder(), TOKENIZER, Watched(), recipe, 0, RunFolder(tmp_path))
    assert asked == {"held_out"}


def test_a_split_without_problems_is_refused_before_any_work(tmp_path: Path) -> None:
    class Shown(Bandit):
        def problem(self, split, seed, index) -> Problem:  # type: ignore[no-untyped-def]
            if split != "train":
                raise InputError(f"split {split!r} has no rows")
            return super().problem(split, seed, index)

    message = r"^split: split 'held_out' has no rows; or let the stage draw from another split, of which train is"
    with pytest.raises(InputError, match=message):
        train_with_rl(decoder(), TOKENIZER, Shown(), RECIPE, 0, RunFolder(tmp_path))
    assert not any(tmp_path.iterdir())
    train_with_rl(decoder(), TOKENIZER, Shown(), changed(steps=1), 0, RunFolder(tmp_path), split="train")


def test_every_draw_of_a_run_has_numbers_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One prompt may be asked at many steps; with one key it would get the same completions again."""
    keys: list[int] = []
    real = Engine.sample

    def sample(self: Engine, prompts: Any, keys_P: Any, samples: int, params: Any) -> Any:
        keys.append(keys_P[0])
        return real(self, prompts, keys_P, samples, params)

    monkeypatch.setattr(Engine, "sample", sample)
    one_problem = changed(
        sampling={
            "curriculum": {"kind": "pool", "size": 4},
            "filters": {"drop_zero_variance": True, "resample_up_to": 1, "zero_success_gate": 2},
        }
    )
    for seed in (0, 1):
        train(RunFolder(tmp_path / str(seed)), one_problem, seed)
    assert len(keys) == len(set(keys)) >= 2 * RECIPE.steps


LOGGED = """entropy kl_to_start effective_batch cumulative_solve_rate zero_variance draws_per_prompt reward solved
    grad_norm clip_fraction ratio_max length truncated unscorable tokens probe_tokens problems_asked
    all_wrong all_right all_wrong_level_1 all_right_level_1 reward_process_correlation sampler_gap"""


def test_every_step_logs_what_a_reader_needs(tmp_path: Path) -> None:
    train(RunFolder(tmp_path), changed(steps=2))
    assert all(name in line for line in metrics(tmp_path) for name in LOGGED.split())


@pytest.mark.parametrize("temperature", [1.0, 1.4])
def test_entropy_and_kl_are_exact_means_over_one_sample_in_32(temperature: float) -> None:
    rollouts = draw(decoder(), problems=24, samples=4)
    assert probed_samples(rollouts) == [(0, 0), (8, 0), (16, 0)]
    policy, start, reference = decoder(0), decoder(1), decoder(2)
    found = probe(Models(policy, start, reference, None, None), rollouts, temperature, CPU)
    with torch.no_grad():
        policy_logp, start_logp, reference_logp = (
            torch.cat([logits for logits, _ in unpacked(model, rollouts, temperature)[::32]]).log_softmax(-1)
            for model in (policy, start, reference)
        )
    assert found["probe_tokens"] == len(policy_logp) == rollouts.completions.length_PG[::8, 0].sum()
    assert found["entropy"] == pytest.approx(
        float(-(policy_logp.exp() * policy_logp).sum() / len(policy_logp)), rel=1e-4
    )
    for name, other in (("kl_to_start", start_logp), ("kl_to_reference", reference_logp)):
        kl = float((policy_logp.exp() * (policy_logp - other)).sum() / len(policy_logp))
        assert found[name] == pytest.approx(kl, rel=1e-4)


@pytest.mark.parametrize("temperature", [1.0, 1.4])
def test_the_gap_to_the_sampler_is_that_of_the_tokens_that_were_drawn(temperature: float) -> None:
    writer, trainer = decoder(0), decoder(1)
    rollouts = draw(writer, problems=24, samples=4)
    models = Models(trainer, writer, writer, None, None)
    found = probe(models, rollouts, temperature, CPU)["sampler_gap"]
    with torch.no_grad():
        logp = torch.cat([logp for _, logp in unpacked(trainer, rollouts, temperature)[::32]])
    completions = rollouts.completions
    recorded = [completions.logp_PGT[p, 0, : completions.length_PG[p, 0]] for p, _ in probed_samples(rollouts)]
    assert found == pytest.approx(float((logp - torch.from_numpy(np.concatenate(recorded))).abs().mean()), rel=1e-4)
    assert "sampler_gap" not in probe(models, rollouts, temperature, CPU, by_policy=False)


def test_the_gap_to_the_sampler_shows_noise_and_is_of_what_the_policy_wrote(tmp_path: Path) -> None:
    def gaps(name: str, behavior: object) -> list[float]:
        train(RunFolder(tmp_path / name), changed(sampling={"behavior": behavior}))
        return [line["sampler_gap"] for line in metrics(tmp_path / name) if "sampler_gap" in line]

    own, noisy = gaps("own", "policy"), gaps("noisy", {"kind": "policy", "logit_noise": 0.3})
    assert len(own) == len(noisy) == 3 and max(own) < 1e-4 < 0.02 < min(noisy)
    assert gaps("start", "start") == []


@pytest.mark.parametrize(("problems", "samples", "probed"), [(2, 3, 1), (16, 16, 8), (64, 1, 2), (2, 128, 2)])
def test_as_many_samples_are_probed_as_cost_little_and_one_of_a_group(problems: int, samples: int, probed: int) -> None:
    cells = probed_samples(draw(decoder(), problems=problems, samples=samples))
    assert len(cells) == len({p for p, _ in cells}) == probed and {g for _, g in cells} == {0}


def test_the_policy_is_probed_at_every_fourth_step_and_the_last_and_at_all_where_its_kl_resets(tmp_path: Path) -> None:
    train(RunFolder(tmp_path / "plain"), changed(steps=7))
    assert [line["step"] for line in metrics(tmp_path / "plain") if "entropy" in line] == [0, 4, 6]
    reset = {"kind": "kl", "above": 1e9}
    train(RunFolder(tmp_path / "kl"), changed(steps=3, loss={"kl": {"coefficient": 0.1, "reset": reset}}))
    assert all("kl_to_reference" in line for line in metrics(tmp_path / "kl"))


def test_a_run_ends_with_the_first_step_that_finds_its_kl_above_the_budget(tmp_path: Path) -> None:
    recipe = changed(WHOLE, advantage="grpo")
    train(RunFolder(tmp_path / "whole"), recipe)
    kl = [line["kl_to_start"] for line in metrics(tmp_path / "whole") if "kl_to_start" in line]
    assert len(probed_samples(draw(decoder(), problems=3, samples=8), decides=True)) == 3 * 2
    stopped = changed(WHOLE, advantage="grpo", stop_at_kl=kl[-1] / 2)
    model = decoder()
    train(RunFolder(tmp_path / "stopped", checkpoint_seconds=0.0), stopped, model=model)
    *before, last = metrics(tmp_path / "stopped")
    assert max(line["kl_to_start"] for line in before) <= kl[-1] / 2 < last["kl_to_start"]
    assert 2 < len(before) + 1 < recipe.steps

    resumed = decoder()
    train(RunFolder(tmp_path / "stopped", checkpoint_seconds=0.0), stopped, model=resumed)
    assert metrics(tmp_path / "stopped") == [*before, last]
    shorter = decoder()
    train(RunFolder(tmp_path / "shorter"), changed(WHOLE, advantage="grpo", steps=len(before) + 1), model=shorter)
    for one in (resumed, shorter):
        assert all(torch.equal(a, b) for a, b in zip(model.parameters(), one.parameters(), strict=True))


def test_totals_count_sampled_tokens_and_work(tmp_path: Path) -> None:
    recipe = changed(steps=1)
    totals = train(RunFolder(tmp_path / "plain"), recipe)
    (line,) = metrics(tmp_path / "plain")
    assert totals.tokens == line["tokens"] == line["length"] * recipe.sampling.prompts * recipe.sampling.samples
    costly: dict[str, dict[str, Any]] = {
        "kl": {"loss": {"kl": {"coefficient": 0.1}}},
        "critic": {"advantage": "gae"},
    }
    for name, fields in costly.items():
        assert train(RunFolder(tmp_path / name), changed(fields, steps=1)).flops > totals.flops > 0
    assert (
        train(RunFolder(tmp_path / "gate"), changed(steps=1, sampling={"filters": {"zero_success_gate": 4}})).tokens
        > totals.tokens
    )


def test_a_teacher_is_there_exactly_where_the_recipe_asks(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^teacher: must be left out"):
        train_with_rl(decoder(), TOKENIZER, WORLD, RECIPE, 0, RunFolder(tmp_path), teacher=decoder())
    with pytest.raises(InputError, match=r"^teacher: must be given"):
        recipe = changed(sampling={"behavior": "teacher"}, advantage="indicator_correct")
        train_with_rl(decoder(), TOKENIZER, WORLD, recipe, 0, RunFolder(tmp_path))
    assert not any(tmp_path.iterdir()), "refused before any work"


def test_a_world_that_cannot_be_rewarded_so_is_refused_before_any_work(tmp_path: Path) -> None:
    recipe = changed(reward={"function": {"kind": "world", "name": "released_strict"}})
    with pytest.raises(InputError, match=r"^reward.function.name: "):
        train(RunFolder(tmp_path), recipe)
    assert not any(tmp_path.iterdir())
