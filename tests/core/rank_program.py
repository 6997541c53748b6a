"""Program that test_distributed.py starts with torchrun, on one rank and on two; arguments: FOLDER NAME..."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from edgewise.core.distributed import SINGLE_PROCESS, Distributed, process_group
from edgewise.core.errors import InputError
from edgewise.rl.rewards.correctness import Outcome
from edgewise.rl.train import train
from edgewise.study.context import Context
from edgewise.study.run import run
from edgewise.training.execution import Execution
from edgewise.training.run_folder import RunFolder
from tests import tiny
from tests.rl import bandit
from tests.tiny import STUDY, Log

STEPS = 3
OPTIMIZER = {"learning_rate": bandit.RECIPE.optimizer.learning_rate}
# Five problems on two ranks: unequal shares.
RECIPES: dict[str, dict[str, object]] = {
    "grpo": {},
    "critic": {
        "advantage": {"kind": "gae", "critic": {"optimizer": OPTIMIZER}},
        "optimizer": {"minibatches": 2, "epochs": 2},
        "loss": {"kl": {"coefficient": 0.1, "estimator": "exact"}},
    },
    "kl in reward": {"advantage": "remax", "loss": {"kl": {"coefficient": 0.1, "estimator": "k1", "place": "reward"}}},
    "stale": {
        "sampling": {"behavior": {"kind": "policy", "staleness": 1, "logit_noise": 0.1}},
        "loss": {"correction": "truncated"},
    },
    "refilled": {
        "sampling": {
            "filters": {"drop_zero_variance": True, "resample_up_to": 2, "zero_success_gate": 1},
            "curriculum": {"kind": "pool", "size": 9},
        }
    },
    "plateau": {
        "loss": {
            "kl": {
                "coefficient": 0.1,
                "reset": {"kind": "plateau", "problems": 3, "samples": 2, "every": 1, "patience": 1},
            }
        }
    },
    "gold": {
        "sampling": {"behavior": "gold", "samples": 1},
        "advantage": "indicator_all",
        "loss": {"function": "reinforce"},
    },
    "one problem": {"sampling": {"prompts": 1, "samples": 16}},
    "no signal": {"advantage": "indicator_none"},
    "chosen tokens": {
        "loss": {"function": {"kind": "kl_cov", "share": 0.3}},
        "optimizer": {"minibatches": 2, "epochs": 2},
    },
    "drawn tokens": {"loss": {"function": {"kind": "clip_cov", "share": 0.3, "least": -1e9, "most": 1e9}}},
    "own likelihood": {"reward": {"function": "own_likelihood"}},
    "hints": {"sampling": {"hints": {"kind": "gold_prefix", "fraction": 0.5}}},
    "noisy": {"reward": {"function": {"kind": "noisy", "false_positive": 0.4, "false_negative": 0.4}}},
}


def run_of(
    name: str,
    folder: Path,
    distributed: Distributed = SINGLE_PROCESS,
    steps: int = STEPS,
    checkpoint_seconds: float = 20.0,
) -> None:
    """Make the first `steps` of `STEPS` steps: next-token training for "next token", else RL with the named recipe."""
    # Several micro-batches in an update; only one where there is one problem.
    tokens = 10**6 if name == "one problem" else 30

    def interrupt(done: int, _total: int, _note: str) -> None:
        if done > steps:
            raise KeyboardInterrupt

    run_folder = RunFolder(folder, interrupt, checkpoint_seconds, distributed)
    execution = Execution(tokens_per_micro_batch=tokens, distributed=distributed)
    if name == "next token":
        tiny.train(run_folder, tiny.SPEC.model_copy(update={"steps": STEPS}), execution=execution)
    else:
        recipe = bandit.changed({"sampling": {"prompts": 5}}, RECIPES[name], steps=STEPS)
        train(bandit.decoder(), bandit.TOKENIZER, bandit.WORLD, recipe, 0, run_folder, execution)


def study(root: Path, distributed: Distributed) -> None:
    log = Log()
    run(STUDY, Context(root, workers=1, execution=Execution(distributed=distributed)), log)
    (root / f"completed-{distributed.rank}").write_text(str(len(log.done)))


def own_share(folder: Path, distributed: Distributed) -> None:
    """Writes which problems this rank makes, verifies and scores in a run of each kind."""
    made: list[int] = []
    verified: list[int] = []
    scored: list[str] = []

    def counting(function: Callable[..., Any], note: Callable[..., None]) -> Callable[..., Any]:
        def counted(*arguments: Any, **named: Any) -> Any:
            note(*arguments)
            return function(*arguments, **named)

        return counted

    patch = pytest.MonkeyPatch()
    kind, of_bandit = type(tiny.WORLD), type(bandit.WORLD)
    patch.setattr(kind, "problem", counting(kind.problem, lambda world, split, seed, index: made.append(index)))
    run_of("next token", folder / "next token", distributed)
    (folder / f"made-{distributed.rank}").write_text(json.dumps(made))
    patch.setattr(
        of_bandit, "verify", counting(of_bandit.verify, lambda world, problem, text: verified.append(problem.index))
    )
    patch.setattr(
        Outcome,
        "score",
        counting(Outcome.score, lambda reward, world, rollouts, seed: scored.extend(p.id for p in rollouts.problems)),
    )
    for name in ("grpo", "gold"):
        verified.clear()
        scored.clear()
        run_of(name, folder / name, distributed)
        (folder / f"{name}-{distributed.rank}").write_text(json.dumps([sorted(set(verified)), len(scored)]))


def others_end(folder: Path, distributed: Distributed) -> None:
    """The other ranks end silently, with status 0, so that torchrun sees no failure; the first writes its error."""
    if not distributed.is_rank_zero:
        os._exit(0)
    try:
        distributed.all_reduce_([torch.ones(1)])
    except InputError as error:
        (folder / "error").write_text(str(error))


def main(folder: str, *names: str) -> None:
    torch.set_num_threads(1)
    special: dict[str, Callable[[Path, Distributed], None]] = {
        "study": study,
        "own share": own_share,
        "others end": others_end,
    }
    with process_group("cpu") as distributed:
        for name in names:
            if name in special:
                special[name](Path(folder), distributed)
            else:
                run_of(name, Path(folder) / name, distributed)


if __name__ == "__main__":
    main(*sys.argv[1:])
