"""A study over training seeds: one graph, one audit whose unit is the seed, and each seed's own result beside it."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest

from edgewise.boundary import audit
from edgewise.boundary.verdict.verdict import BoundaryVerdict
from edgewise.core.atomic import write_json
from edgewise.core.errors import InputError
from edgewise.core.spec import digest
from edgewise.outcomes.io import write_outcomes
from edgewise.outcomes.outcomes import Outcomes
from edgewise.study.context import Context
from edgewise.study.demo import DemoSpec, demo
from edgewise.study.measure import Findings, measure, outcomes_by_region
from edgewise.study.outputs import PROVENANCE, output_digests
from edgewise.study.plan import topological_order
from edgewise.study.run import run
from edgewise.study.stages import OUTCOMES, RL, Evaluate, Pretrain
from edgewise.study.store import Store
from edgewise.study.study import Study
from edgewise.study.training_seeds import parse_seeds, seeds_text
from tests.study.in_process import compute_in_this_process
from tests.tiny import BASE_EVALUATION, EASY, PRETRAIN, RECIPE, STUDY, TUNED_EVALUATION, Log

# What the stages of the demonstration were called when a training seed was a field of its spec.
DEMONSTRATION = """
pretrain-2f5a8856f58ef3d7 evaluate-8cbe7fbc3f68fd7d
rl-deebee4c4aa6c00b evaluate-fae74cd8e936cf19 rl-de4e28959de67693 evaluate-987a7e05ea1d7bc9
pretrain-8976c085cdbf8861 evaluate-416b0d11a9676101
rl-0cdd649b7542254e evaluate-a5924171938951d7 rl-c229392eb63e01ab evaluate-51f921040ce7bc7e
pretrain-45501ca0a3c71b8a evaluate-a3b8977ea9295338
rl-01ed7e8f088cb6c7 evaluate-3e68388b9775dad7 rl-e0925ce45ff2c1c3 evaluate-814ddac5f355eea5
pretrain-6c3117cfbe18189e evaluate-cde35d51adc5cd71
rl-e7dcecf84e96218d evaluate-df057984b461f27d rl-a76542a4cfdfda05 evaluate-fe49ee208cd248b0
pretrain-80cdab169d8c8892 evaluate-f1dcdbcde3601503
rl-b6f2c8138ba3133b evaluate-dffb25a403692ed9 rl-a2f96fe2df1d0107 evaluate-1a89f577c9c04968
"""
QUICK = PRETRAIN.model_copy(update={"training": PRETRAIN.training.model_copy(update={"steps": 40})})


def pretrained(seed: int) -> Pretrain:
    return QUICK.model_copy(update={"seed": seed})


def evaluated(parent: Pretrain | RL) -> Evaluate:
    return BASE_EVALUATION.model_copy(update={"parent": parent})


def tuned(seed: int) -> Evaluate:
    return evaluated(RL(parent=pretrained(seed), world=EASY, recipe=RECIPE, seed=seed))


def from_one_base(seed: int) -> Evaluate:
    return evaluated(RL(parent=QUICK, world=EASY, recipe=RECIPE, seed=seed))


def study(*seeds: int) -> Study:
    """A base and an arm at each training seed."""
    return Study(
        "Seeds", "Does it hold?", lambda seed: evaluated(pretrained(seed)), {"rl": tuned}, STUDY.regions, None, seeds
    )


THREE = study(0, 1, 2)


@pytest.fixture(scope="module")
def log() -> Log:
    return Log()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, log: Log) -> Store:
    with pytest.MonkeyPatch.context() as monkeypatch:
        compute_in_this_process(monkeypatch)
        return run(THREE, Context(tmp_path_factory.mktemp("stages"), workers=1), log)


@pytest.fixture(scope="module")
def findings(store: Store) -> Findings:
    return measure(THREE, store)


@pytest.mark.parametrize(
    ("text", "seeds", "again"),
    [
        ("1", (0,), "0-0"),
        ("5", (0, 1, 2, 3, 4), "0-4"),
        ("0,3,7", (0, 3, 7), "0,3,7"),
        ("5-9", (5, 6, 7, 8, 9), "5-9"),
        ("7-7", (7,), "7-7"),
    ],
)
def test_seeds_as_they_are_written(text: str, seeds: tuple[int, ...], again: str) -> None:
    assert parse_seeds(text) == seeds
    assert seeds_text(seeds) == again and parse_seeds(again) == seeds


@pytest.mark.parametrize(
    "text", ["0", "", "a", "-1", "1-", "9-5", "0,0", "0,,1", "1.5", "0-99999999", "9999999999", "5 "]
)
def test_what_names_no_seeds_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(InputError, match=r"^(--)?seeds: [^\n]+$"):
        parse_seeds(text)


def test_the_stages_of_the_demonstration_at_every_seed_are_those_that_were_published() -> None:
    five = dataclasses.replace(demo(DemoSpec()), seeds=(0, 1, 2, 3, 4))
    names = [f"{stage.kind}-{digest(stage)}" for stage in topological_order(five.evaluations.values())]
    assert sorted(names) == sorted(DEMONSTRATION.split()) and len(names) == 30
    assert f"evaluate-{digest(demo(DemoSpec()).evaluations['edge RL'])}" == "evaluate-987a7e05ea1d7bc9"


def test_one_seed_is_a_study_of_single_checkpoints() -> None:
    one = study(1)
    assert list(one.evaluations) == ["base", "rl"] and one.base_of == {"rl": "base"}
    fixed = dataclasses.replace(STUDY, base=evaluated(pretrained(1)), arms={"rl": tuned(1)})
    assert one.evaluations == fixed.evaluations and one.names() == fixed.names()


def test_models_of_several_seeds_have_names_and_the_base_of_their_seed() -> None:
    assert list(THREE.evaluations) == ["base/0", "base/1", "base/2", "rl/0", "rl/1", "rl/2"]
    assert THREE.base_of == {"rl/0": "base/0", "rl/1": "base/1", "rl/2": "base/2"}
    assert list(THREE.names().values())[:3] == ["base/0: pretrain", "base/0: evaluate", "base/1: pretrain"]


def test_equal_prefixes_are_one_stage_and_one_base_serves_all_seeds() -> None:
    for base in (evaluated(QUICK), lambda seed: evaluated(QUICK)):
        shared = dataclasses.replace(THREE, base=base, arms={"rl": from_one_base})
        assert list(shared.evaluations) == ["base", "rl/0", "rl/1", "rl/2"]
        assert set(shared.base_of.values()) == {"base"}
        assert len(topological_order(shared.evaluations.values())) == 2 + 3 * 2


def test_every_stage_of_every_seed_is_computed_once(log: Log, store: Store) -> None:
    assert len(log.done) == len({name for name, _ in log.done}) == 3 * 4
    assert all(store.is_complete(stage) for stage in topological_order(THREE.evaluations.values()))


def test_the_result_is_one_audit_with_training_seeds_as_its_unit(store: Store, findings: Findings) -> None:
    models = outcomes_by_region(THREE, store)
    by_seed = {arm: {str(seed): models[f"{arm}/{seed}"] for seed in range(3)} for arm in ("base", "rl")}
    again = audit(by_seed, metric="process", sets=list(THREE.regions), measures=())
    found = findings.audit
    assert found.models == tuple(THREE.evaluations) and list(found.answers) == ["rl"]
    for region in found.sets:
        recipe, other = region.whole.recipes["rl"], again.recipes["rl"].parts[region.name]
        assert recipe.own_bases and recipe.verdict.training_seeds == 3
        assert (recipe.verdict.label, recipe.verdict.delta_k) == (other.label, other.delta_k)
    assert set(findings.examples) == set(found.models)
    assert {card.name for card in findings.stages} == set(THREE.names().values())


def test_beside_it_stands_what_each_seed_gives_alone(store: Store, findings: Findings) -> None:
    for seed in range(3):
        alone = measure(study(seed), store).audit
        assert not alone.recipes
        for region, part in alone.verdicts["rl"].parts.items():
            beside = findings.audit.verdicts[f"rl/{seed}"].parts[region]
            assert (part.label, part.sentence) == (beside.label, beside.sentence)
            assert (part.delta_1, part.delta_k) == (beside.delta_1, beside.delta_k)


def agrees(part: BoundaryVerdict) -> bool:
    """Whether a label says what the intervals beside it show."""
    match part.label:
        case "more within k":
            return part.delta_k.low > 0
        case "shrunk":
            return part.delta_k.high < 0
        case "unchanged":
            return part.delta_k.low <= 0 <= part.delta_k.high
        case _:
            return False


@pytest.mark.parametrize(
    ("solving", "label"), [({"rl/0", "rl/1", "rl/2"}, "more within k"), ({"base/0", "base/1", "base/2"}, "shrunk")]
)
def test_the_label_of_a_recipe_is_that_of_the_interval_beside_it(
    store: Store, tmp_path: Path, solving: set[str], label: str
) -> None:
    """Planted: at every seed one side solves all samples of 40 problems, and the other none."""
    planted = Store(shutil.copytree(store.root, tmp_path / "planted"))
    number = np.repeat(np.arange(40), 16)
    for model, evaluation in THREE.evaluations.items():
        marks = np.full(number.size, model in solving, dtype=np.int8)
        outcomes = Outcomes.of(
            problem=[f"p{i:02d}" for i in number],
            level=1 + number // 20,
            sample=np.tile(np.arange(16), 40),
            answer=marks,
            process=marks,
        )
        folder = planted.folder(evaluation)
        write_outcomes(outcomes, folder / OUTCOMES)
        recorded = planted.provenance(evaluation).model_copy(update={"outputs": output_digests(folder)})
        write_json(folder / PROVENANCE, recorded.model_dump())
    recipes = [region.whole.recipes["rl"] for region in measure(THREE, planted).audit.sets]
    assert len(recipes) == 2
    for recipe in recipes:
        assert recipe.verdict.label == label and agrees(recipe.verdict), recipe.verdict
        assert set(recipe.shares) == {label} and all(agrees(part) for part in recipe.seeds.values())


def at(**fields: object) -> Study:
    return dataclasses.replace(THREE, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"seeds": ()}, "seeds: must be whole numbers"),
        ({"seeds": (0, -1)}, "seeds: must be whole numbers"),
        ({"seeds": (0, 1, 0)}, "seeds: 0 is given twice"),
        ({"base": BASE_EVALUATION, "arms": {"tuned": TUNED_EVALUATION}}, "seeds: the study is the same at every"),
        ({"base": BASE_EVALUATION, "arms": {"tuned": TUNED_EVALUATION}, "seeds": (3,)}, "seeds: the study is the same"),
        (
            {"base": lambda _: BASE_EVALUATION, "arms": {"tuned": lambda _: TUNED_EVALUATION}},
            "seeds: the study is the same at every training seed",
        ),
        (
            {"arms": {"rl": tuned, "one": from_one_base(0)}},
            "arm 'one': is the same at all training seeds",
        ),
        ({"arms": {"rl": from_one_base}}, "arm 'rl/1': its model was not made from the base's"),
        (
            {"base": evaluated(QUICK), "arms": {"rl": from_one_base, "rl/1": from_one_base(7)}},
            "arm 'rl/1': is also the name of a training seed",
        ),
        ({"arms": {"rl": lambda seed: tuned(seed // 2)}}, "arm 'rl/1': is the same evaluation of the same model as"),
        ({"arms": {"rl": pretrained}}, "arm 'rl': must be an Evaluate, is a Pretrain"),
        (
            {"arms": {"rl": lambda seed: tuned(seed).model_copy(update={"seed": seed})}},
            "arm 'rl/1': its evaluation differs from the base's in seed",
        ),
        (
            {"base": lambda seed: evaluated(pretrained(seed)).model_copy(update={"seed": seed})},
            "arm 'base/1': its evaluation differs from the base's in seed",
        ),
    ],
)
def test_a_study_whose_seeds_give_no_recipe_is_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=f"^{message}[^\n]*$"):
        at(**fields)
