"""Several files of one folder are samples of the same problems, problem sets, or models."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from edgewise.core.errors import InputError
from edgewise.interop.arms import read_arms
from edgewise.interop.read import read_rollouts
from tests.interop.writing import only, refused, totals

Rows = list[dict[str, Any]]


def rows(seed: int, problems: int = 3, samples: int = 2, topic: str | None = "sum", **more: Any) -> Rows:
    """Samples of problems 0, 1, ...; of another seed they have other completions, of another topic other prompts."""
    prompts = [{} if topic is None else {"prompt": f"{topic} {problem}"} for problem in range(problems)]
    return [
        {"id": problem, "correct": True, "completion": f"{seed} {problem} {sample}", **prompts[problem], **more}
        for problem in range(problems)
        for sample in range(samples)
    ]


def folder(path: Path, files: Mapping[str, Rows]) -> Path:
    for name, of_file in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text("".join(json.dumps(row) + "\n" for row in of_file))
    return path


OTHER_SAMPLES = "; --files sets or --files models takes another reading"
OTHER_SETS = "; --files samples or --files models takes another reading"
OTHER_MODELS = "; --files samples or --files sets takes another reading"
ALL = {"0": (4, 4), "1": (4, 4), "2": (4, 4)}


@pytest.mark.parametrize(
    "names",
    [
        ("output-rs0.jsonl", "output-rs1.jsonl"),
        ("seed_1.jsonl", "seed_2.jsonl"),
        ("run3.jsonl", "run12.jsonl"),
        ("epoch_1/a.jsonl", "epoch_2/a.jsonl"),
        ("sample-4.jsonl", "sample-5.jsonl"),
        ("math500_1.jsonl", "math500_2.jsonl"),
    ],
)
@pytest.mark.parametrize("numbered", [False, True])
def test_repeats_are_samples_of_the_same_problems(tmp_path: Path, names: tuple[str, str], numbered: bool) -> None:
    of_file = [rows(seed) for seed in (1, 2)]
    if numbered:
        for one in of_file:
            for place, row in enumerate(one):
                row["sample_id"] = place % 2
    imported = only(folder(tmp_path, dict(zip(names, of_file, strict=True))))
    assert totals(imported) == ALL
    assert imported.outcomes is not None and sorted(imported.outcomes.sample_S.tolist()) == [
        0,
        0,
        0,
        1,
        1,
        1,
        2,
        2,
        2,
        3,
        3,
        3,
    ]
    first, second = (name.split("/")[0].removesuffix(".jsonl") for name in names)
    assert imported.warnings == (
        f"the files {first}, {second} are read as samples of the same problems{OTHER_SAMPLES}",
    )


def test_repeats_without_prompts_are_told_by_their_names(tmp_path: Path) -> None:
    repeats = {f"seed_{seed}.jsonl": rows(seed, topic=None) for seed in (1, 2)}
    assert totals(only(folder(tmp_path / "a", repeats))) == ALL
    years = {f"aime{year}.jsonl": rows(year, topic=None) for year in (2024, 2025)}
    imported = only(folder(tmp_path / "b", years))
    assert list(totals(imported)) == [f"aime{year}/{problem}" for year in (2024, 2025) for problem in range(3)]
    assert imported.warnings == (f"the files aime2024, aime2025 are read as a problem set each{OTHER_SETS}",)


def test_parts_of_one_file_are_one_set_without_a_word(tmp_path: Path) -> None:
    parts = {f"data/train-0000{part}-of-00002.jsonl": rows(part) for part in (0, 1)}
    ranks = {f"rank_{part}.jsonl": rows(part) for part in (0, 1)}
    for name, files in (("a", parts), ("b", ranks)):
        imported = only(folder(tmp_path / name, files))
        assert totals(imported) == ALL
        assert imported.warnings == ()


def test_other_problems_are_sets(tmp_path: Path) -> None:
    imported = only(folder(tmp_path, {f"{topic}.jsonl": rows(1, topic=topic) for topic in ("algebra", "geometry")}))
    assert list(totals(imported)) == [f"{topic}/{id}" for topic in ("algebra", "geometry") for id in range(3)]
    assert imported.warnings == ()
    assert imported.outcomes is not None and imported.outcomes.set is not None


@pytest.mark.parametrize(
    "names",
    [
        ("base.jsonl", "rl.jsonl"),
        ("base/rollouts.jsonl", "rl/rollouts.jsonl"),
        ("x/base/a.jsonl", "x/rl/a.jsonl"),
        ("base/base.jsonl", "rl/rl.jsonl"),
    ],
)
def test_the_same_problems_under_other_words_are_models(tmp_path: Path, names: tuple[str, str]) -> None:
    arms = read_arms([str(folder(tmp_path, {names[1]: rows(2), names[0]: rows(1)}))])
    assert list(arms.models) == ["base", "rl"]
    assert {name: len(arms.counts(name).problem) for name in arms.models} == {"base": 3, "rl": 3}
    assert not any("another reading" in concern.message for concern in arms.concerns)


def test_models_are_told_by_their_names_where_problems_do_not_show(tmp_path: Path) -> None:
    source = folder(tmp_path, {"base.jsonl": rows(1, topic=None), "grpo.jsonl": rows(2, topic=None)})
    arms = read_arms([str(source)])
    assert list(arms.models) == ["base", "grpo"]
    assert f"The files base, grpo are read as a model each{OTHER_MODELS}." in [
        concern.message for concern in arms.concerns
    ]
    template = folder(tmp_path / "b", {"base.jsonl": rows(1), "instruct.jsonl": rows(2, topic="<user> sum")})
    assert list(read_arms([str(template)]).models) == ["base", "instruct"]


def test_what_is_said_of_one_file_is_said_of_its_model(tmp_path: Path) -> None:
    dump = {"input": "q", "output": "a", "score": 1.0}
    folder(tmp_path, {"0.jsonl": [dump | {"step": 0, "acc": True}], "1.jsonl": [dump | {"step": 1}]})
    before, after = (set(model.notes) for model in read_rollouts(tmp_path))
    assert before - after == {"the verdict is the field acc"}
    assert not after - before


def test_iterations_may_be_repeats_which_is_said(tmp_path: Path) -> None:
    of_file = {f"iter_{number}.jsonl": rows(number) for number in (1, 2)}
    says = f"the files iter_1, iter_2 are read as a model each{OTHER_MODELS}"
    assert [model.warnings for model in read_rollouts(folder(tmp_path, of_file))] == [(says,)] * 2


def test_steps_are_models_in_their_order(tmp_path: Path) -> None:
    steps = {f"global_step_{step}/rollouts.jsonl": rows(step) for step in (5, 10, 100)}
    assert list(read_arms([str(folder(tmp_path, steps | {"base/rollouts.jsonl": rows(0)}))]).models) == [
        "base",
        "global_step_5",
        "global_step_10",
        "global_step_100",
    ]


def test_models_and_repeats_in_one_folder(tmp_path: Path) -> None:
    files = {f"{model}_seed{seed}.jsonl": rows(len(model) + seed) for model in ("base", "rl") for seed in (0, 10)}
    models = read_rollouts(folder(tmp_path, files))
    assert [model.model for model in models] == ["base", "rl"]
    assert all(totals(model) == ALL for model in models)


def test_models_and_sets_in_one_folder(tmp_path: Path) -> None:
    files = {
        f"{model}/{topic}.jsonl": rows(len(model), topic=topic)
        for model in ("base", "rl")
        for topic in ("algebra", "geometry")
    }
    models = read_rollouts(folder(tmp_path, files))
    assert [model.model for model in models] == ["base", "rl"]
    for model in models:
        assert list(totals(model)) == [f"{topic}/{id}" for topic in ("algebra", "geometry") for id in range(3)]


def test_a_folder_without_a_known_base_is_refused(tmp_path: Path) -> None:
    source = folder(tmp_path, {"ppo.jsonl": rows(1), "grpo.jsonl": rows(2)})
    with pytest.raises(InputError) as error:
        read_arms([str(source)])
    assert str(error.value) == (
        f"{source}: holds 2 models (grpo, ppo), and no name says which is the base; give each as an argument, the "
        "base first"
    )
    assert [model.model for model in read_rollouts(source)] == ["grpo", "ppo"]


def test_the_other_reading_is_had(tmp_path: Path) -> None:
    files = {f"seed_{seed}.jsonl": rows(seed) for seed in (1, 2)}
    source = folder(tmp_path, files)
    assert list(totals(only(source, files_are="sets")))[:1] == ["seed_1/0"]
    assert [model.model for model in read_rollouts(source, files_are="models")] == ["seed_1", "seed_2"]
    years = folder(tmp_path / "b", {f"aime{year}.jsonl": rows(year, topic=None) for year in (2024, 2025)})
    assert totals(only(years, files_are="samples")) == ALL
    assert only(years, files_are="samples").warnings == ()


def test_files_without_others_have_no_use_for_a_reading(tmp_path: Path) -> None:
    source = folder(tmp_path, {"a.jsonl": rows(1)})
    for path in (source, source / "a.jsonl"):
        assert refused(path, files_are="sets").endswith("--files: these files have no use for it; leave it out")
    with pytest.raises(InputError, match="--files: 'set' is unknown"):
        read_rollouts(source, files_are="set")  # type: ignore[arg-type]


def test_ids_of_a_known_benchmark_are_the_same_problems(tmp_path: Path) -> None:
    """human-eval writes its results beside the samples, and shows no prompt."""
    for model, seed in (("base", 1), ("rl", 2)):
        results = [row | {"task_id": f"HumanEval/{row.pop('id')}"} for row in rows(seed, topic=None)]
        samples = [{"task_id": row["task_id"], "completion": row["completion"]} for row in results]
        folder(tmp_path, {f"{model}/samples.jsonl": samples, f"{model}/samples.jsonl_results.jsonl": results})
    arms = read_arms([str(tmp_path)])
    assert list(arms.models) == ["base", "rl"]
    warnings = [concern for concern in arms.concerns if "iles" in concern.message]
    assert [(warning.message, warning.models) for warning in warnings] == [
        (
            "Files that are not read: base/samples.jsonl (the first row has task_id, completion), rl/samples.jsonl "
            "(the first row has task_id, completion).",
            (),
        )
    ]


def test_files_of_counts_are_models(tmp_path: Path) -> None:
    for model in ("rl", "base"):
        (tmp_path / f"{model}.csv").write_text(f"problem_id,n,c\na,4,{len(model)}\n")
    arms = read_arms([str(tmp_path)])
    assert {name: arms.counts(name).c_P.tolist() for name in arms.models} == {"base": [4], "rl": [2]}
    assert refused(tmp_path, files_are="samples").endswith(
        f"rl.csv: counts of one model, as in {tmp_path.name}/base.csv; give one of them"
    )
