"""Budgets before anything runs: what a step costs, counted by hand, and the steps that a budget buys."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from edgewise.core.errors import InputError
from edgewise.core.keyed import key
from edgewise.core.provenance import Totals
from edgewise.core.spec import override
from edgewise.model.decoder import Decoder
from edgewise.model.hf import save_pretrained
from edgewise.model.tokenizer import Tokenizer
from edgewise.scaling.compute import split_charged, split_flops
from edgewise.study.budget import charged_sizes, step_flops
from edgewise.study.stages import RL, SFT, Average, Import, Midtrain
from edgewise.study.store import Store
from edgewise.study.work import expected_work
from tests.study.conftest import Finished
from tests.study.other_stages import Shrink
from tests.tiny import BASE_EVALUATION, EASY, PRETRAIN, RECIPE, TUNED, interrupt

TOKENIZER = Tokenizer(PRETRAIN.words())
SHAPE, TRAINING = PRETRAIN.model, PRETRAIN.training
MID = Midtrain(parent=PRETRAIN, world=EASY, training=TRAINING)


def document_lengths(count: int, split: str = "train") -> list[int]:
    """Tokens of the first problems of the level, with their solutions: bos prompt solution eos."""
    problems = [EASY.problem(split, 0, i) for i in range(count)]  # type: ignore[arg-type]
    words = [len(f"{problem.prompt} {EASY.solution(problem)}".split()) for problem in problems]
    return [number + 2 for number in words]


def test_the_flops_of_an_update_are_those_of_its_documents() -> None:
    """Three passes; 2 a weight and token; 4 x width a layer, token and key that it sees."""
    lengths = document_lengths(512)
    parameters = SHAPE.matmul_parameters(len(TOKENIZER))
    keys = sum(length * (length + 1) / 2 for length in lengths)
    of_all = 3 * (2 * parameters * sum(lengths) + 4 * SHAPE.layers * SHAPE.width * keys)
    assert step_flops(MID) == pytest.approx(of_all / 512 * TRAINING.documents, rel=1e-2)


def test_a_step_costs_the_same_whatever_the_steps() -> None:
    longer = MID.model_copy(update={"training": override(TRAINING, ["steps=9"])})
    assert step_flops(longer) == pytest.approx(step_flops(MID))
    assert step_flops(TUNED.model_copy(update={"recipe": override(RECIPE, ["steps=77"])})) == pytest.approx(
        step_flops(TUNED)
    )


def test_a_step_costs_the_same_at_every_training_seed() -> None:
    assert step_flops(MID.model_copy(update={"seed": 7})) == step_flops(MID)
    assert step_flops(TUNED.model_copy(update={"seed": 7})) == step_flops(TUNED)


def test_a_step_of_rl_is_near_what_one_took(finished: Finished) -> None:
    took = finished.store.provenance(TUNED).totals.flops / RECIPE.steps
    assert 0.5 * took < step_flops(TUNED) < 2 * took


def test_a_budget_buys_what_it_says() -> None:
    budget = 50 * step_flops(MID)
    for share in (0.0, 0.3, 1.0):
        steps = split_flops(budget, share, midtrain_step=step_flops(MID), rl_step=step_flops(TUNED))
        spent = steps.midtrain * step_flops(MID) + steps.rl * step_flops(TUNED)
        assert abs(spent - budget) <= step_flops(MID) + step_flops(TUNED) / 2
        assert (steps.midtrain, steps.rl) == (50, 0) if share == 0 else steps.rl > 0


def test_the_charge_of_a_step_is_that_of_its_specs() -> None:
    sizes = charged_sizes(MID, TUNED)
    assert (sizes.prompts, sizes.samples, sizes.reference, sizes.rollout_tokens) == (4, 8, False, 2048)
    assert sizes.midtrain_tokens == pytest.approx(sum(document_lengths(512)) / 512 * TRAINING.documents, abs=1)
    pulled = TUNED.model_copy(update={"recipe": override(RECIPE, ["loss.kl.coefficient=0.1"])})
    assert charged_sizes(MID, pulled, 640).reference and charged_sizes(MID, pulled, 640).rollout_tokens == 640
    assert split_charged(10 * sizes.midtrain_tokens, 0.0, sizes).midtrain == 10


def test_what_has_no_steps_or_is_not_known_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^stage 'average': trains in no steps; "):
        step_flops(Average(models=(PRETRAIN, TUNED)))
    with pytest.raises(InputError, match=r"^stage 'shrink': the shape of its model is not known"):
        step_flops(Shrink(parent=PRETRAIN, world=EASY))
    with pytest.raises(InputError, match=r"^midtrain: must be next-token training, such as Midtrain; is 'rl'$"):
        charged_sizes(TUNED, TUNED)
    with pytest.raises(InputError, match=r"^rl: must be a stage that trains on rollouts, such as RL; is 'sft'$"):
        charged_sizes(MID, SFT(parent=PRETRAIN, world=EASY))


def test_an_imported_parent_has_the_shape_of_its_folder(tmp_path: Path) -> None:
    save_pretrained(Decoder(SHAPE, len(TOKENIZER)), TOKENIZER, tmp_path / "model")
    imported = Import(path=str(tmp_path / "model"))
    assert step_flops(RL(parent=imported, world=EASY, recipe=RECIPE)) == pytest.approx(step_flops(TUNED))
    nothing = expected_work(imported)
    assert nothing is not None and nothing.flops == 0


def test_prompt_and_completion_tokens_are_those_of_the_problems(finished: Finished) -> None:
    """Each of the 4 x 4 prompts of the run once, whatever its samples; none in next-token training."""
    of_rl = finished.store.provenance(TUNED).totals
    seed = key("rl", TUNED.depth, TUNED.seed)
    problems = RECIPE.sampling.curriculum.start(EASY, TUNED.split, seed).next(16)
    assert of_rl.prompt_tokens == sum(len(TOKENIZER.prompt(problem.prompt)) for problem in problems)
    assert of_rl.tokens == pytest.approx(
        sum(line["samples_drawn"] * line["length"] for line in finished.store.metrics(TUNED))
    )
    of_base = finished.store.provenance(PRETRAIN).totals
    assert of_base.tokens > 0 and (of_base.prompt_tokens, of_base.gold_tokens, of_rl.gold_tokens) == (0, 0, 0)
    evaluated = finished.store.provenance(BASE_EVALUATION).totals
    prompts = {problem.id: len(TOKENIZER.prompt(problem.prompt)) for problem in BASE_EVALUATION._problems()}
    assert evaluated.prompt_tokens == sum(prompts.values()) and len(prompts) == 8


def pretrained(finished: Finished, root: Path) -> Store:
    """A store that has the base and nothing else."""
    store = Store(root)
    root.mkdir(exist_ok=True)
    store.folder(PRETRAIN).symlink_to(finished.store.folder(PRETRAIN))
    return store


def without_times(totals: Totals) -> dict[str, float]:
    return {name: value for name, value in dataclasses.asdict(totals).items() if not name.endswith("seconds")}


def test_an_interrupted_run_counts_what_the_whole_one_does(finished: Finished, tmp_path: Path) -> None:
    store = pretrained(finished, tmp_path)
    interrupt(store, TUNED, 2)
    store.compute(TUNED)
    assert without_times(store.provenance(TUNED).totals) == without_times(finished.store.provenance(TUNED).totals)


def test_gold_solutions_are_counted_as_trained_on(finished: Finished, tmp_path: Path) -> None:
    recipe = override(SFT(parent=PRETRAIN, world=EASY).recipe, ["steps=3", "sampling.prompts=4"])
    stage = SFT(parent=PRETRAIN, world=EASY, recipe=recipe)
    store = pretrained(finished, tmp_path)
    interrupt(store, stage, 2)
    store.compute(stage)
    totals = store.provenance(stage).totals
    problems = recipe.sampling.curriculum.start(EASY, stage.split, key("rl", stage.depth, stage.seed)).next(12)
    words = [len(f"{problem.prompt} {EASY.solution(problem)}".split()) + 2 for problem in problems]
    assert totals.gold_tokens == recipe.optimizer.epochs * sum(words)
    assert (totals.tokens, totals.prompt_tokens) == (0, 0)
    work = expected_work(stage)
    assert work is not None and work.gold_tokens == pytest.approx(totals.gold_tokens, rel=0.1)
