"""A tiny study in one process, as digests: `python -m tests.same_bits LIBRARY RECIPE ...` prints them as JSON.

LIBRARY is an instruction set of `edgewise.model.native.build`, or "best". Bits must not depend on it, nor on the cores
(OMP_NUM_THREADS), nor on how torch, MKL and numpy dispatch.
"""

from __future__ import annotations

import copy
import hashlib
import json
import sys
import tempfile
from pathlib import Path

import torch

from edgewise.model.decoder import Decoder
from edgewise.model.native import build, library
from edgewise.rl.advantages.gae import Gae
from edgewise.rl.recipe import Recipe
from edgewise.rl.recipes.registry import named_recipe
from edgewise.rl.train import train
from edgewise.rollouts.collect import roll_out
from edgewise.sampling.engine import Engine
from edgewise.sampling.params import SamplingParams
from edgewise.training.next_token import train_next_token
from edgewise.training.run_folder import RunFolder
from tests.tiny import EASY, PARAMS, PRETRAIN, TOKENIZER, WORLD, traces


def digest(*parts: bytes) -> str:
    return hashlib.sha256(b"".join(parts)).hexdigest()[:16]


def tiny_recipe(name: str) -> Recipe:
    """Two steps of a named recipe on few problems and short completions, with a second update where it has several."""
    recipe = named_recipe(f"{name}/small").model_dump()
    sampling = recipe["sampling"]
    sampling |= {"prompts": 4, "samples": min(8, sampling["samples"]), "max_new_tokens": PARAMS.max_new_tokens}
    if "size" in sampling["curriculum"]:
        sampling["curriculum"]["size"] = 8
    recipe["optimizer"]["minibatches"] = min(2, recipe["optimizer"]["minibatches"])
    return Recipe.model_validate(recipe | {"steps": 2})


def evaluation(model: Decoder, params: SamplingParams) -> str:
    """Tokens, log-probabilities and verdicts of a model on a few problems."""
    problems = [WORLD.problem("test", 0, index) for index in range(4)]
    rollouts = roll_out(Engine(model, TOKENIZER.eos), TOKENIZER, WORLD, problems, 8, params, 7)
    completions = rollouts.completions
    verdicts = repr([[(v.answer, v.process, v.predicted) for v in row] for row in rollouts.verdict_PG])
    return digest(completions.tokens_PGT.tobytes(), completions.logp_PGT.tobytes(), verdicts.encode())


def of_run(folder: Path) -> str:
    """Metrics, weights and the optimizer's moments of a run."""
    return digest(*traces(folder))


def digests(recipes: list[str], root: Path) -> dict[str, str]:
    """Of the initial weights, of pre-training, of each recipe from there, and of evaluations."""
    model = Decoder(PRETRAIN.model, len(TOKENIZER), seed=3)
    weights = [parameter.detach().numpy().tobytes() for parameter in model.parameters()]
    found = {"initial": digest(*weights, torch.view_as_real(model.rotations).numpy().tobytes())}
    train_next_token(model, TOKENIZER, EASY, PRETRAIN.training, 1, RunFolder(root / "pretrain"))
    found["pretrain"] = of_run(root / "pretrain")
    found["evaluation"] = evaluation(model, PARAMS)
    found["greedy"] = evaluation(model, PARAMS.model_copy(update={"temperature": 0.0}))
    for name in recipes:
        policy, recipe = copy.deepcopy(model), tiny_recipe(name)
        teacher = copy.deepcopy(model).requires_grad_(False) if recipe.has_teacher else None
        train(policy, TOKENIZER, EASY, recipe, 5, RunFolder(root / name), teacher=teacher)
        found[name] = of_run(root / name)
        if isinstance(recipe.advantage, Gae):
            found[f"{name} evaluation"] = evaluation(policy, PARAMS)
    return found


def main(instruction_set: str, recipes: list[str]) -> None:
    if instruction_set != "best":
        build.INSTRUCTION_SETS = (instruction_set,)
    kernels = library.find_kernels()
    assert kernels is not None and instruction_set in ("best", kernels.instruction_set), "not for this machine"
    with tempfile.TemporaryDirectory() as root:
        print(json.dumps(digests(recipes, Path(root))))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
