"""Several files of one argument, or a column, are the training seeds of one arm."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgewise.boundary import audit
from edgewise.core.errors import InputError
from edgewise.interop.arms import Arms, read_arms
from edgewise.interop.training_seeds import is_seed_name, numbered, singled_out
from edgewise.outcomes.counts import Counts


def rows(seed: int, problems: int = 12, **columns: Any) -> list[dict[str, Any]]:
    right = np.random.default_rng(seed).random((problems, 8)) < 0.5
    return [
        {"problem_id": f"p{problem:02d}", "sample_id": sample, "correct": bool(correct), **columns}
        for problem, row in enumerate(right)
        for sample, correct in enumerate(row)
    ]


def write(path: Path, lines: Sequence[dict[str, Any]]) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return str(path)


@pytest.fixture
def base(tmp_path: Path) -> str:
    return write(tmp_path / "base.jsonl", rows(100))


def seeds_of(arms: Arms) -> dict[str, dict[str, str]]:
    return {arm: dict(of_seed) for arm, of_seed in arms.seeds.items()}


def test_paths_with_commas_are_the_seeds_of_one_arm(tmp_path: Path, base: str) -> None:
    paths = [write(tmp_path / f"s{seed}.jsonl", rows(seed)) for seed in (2, 10, 3)]
    arms = read_arms([base, f"tuned={','.join(paths)}"])
    assert list(arms.models) == ["base", "tuned/2", "tuned/10", "tuned/3"]
    assert seeds_of(arms) == {"tuned": {"2": "tuned/2", "10": "tuned/10", "3": "tuned/3"}}
    assert list(arms.by_arm) == ["base", "tuned"]
    (note,) = (concern.message for concern in arms.concerns if "Training seeds of tuned" in concern.message)
    assert note == f"Training seeds of tuned: 2 is {paths[0]}, 10 is {paths[1]}, 3 is {paths[2]}."
    recipe = audit(arms.by_arm, measures=frozenset(), resamples=100).sets[0].whole.recipes["tuned"]
    assert list(recipe.seeds) == ["2", "10", "3"] and recipe.verdict.training_seeds == 3


def test_a_pattern_stands_for_paths_in_the_order_of_their_numbers(tmp_path: Path, base: str) -> None:
    for seed in (10, 9, 1):
        write(tmp_path / f"run_{seed}" / "rollouts.jsonl", rows(seed))
    assert list(read_arms([base, f"t={tmp_path}/run_*/rollouts.jsonl"]).models) == ["base", "t/1", "t/9", "t/10"]
    assert list(read_arms([base, f"t={tmp_path}/run_*"]).models) == ["base", "t/1", "t/9", "t/10"]
    with pytest.raises(InputError, match="no file or folder has such a name"):
        read_arms([base, f"t={tmp_path}/other_*.jsonl"])


def test_a_file_whose_name_has_a_comma_is_one_path(tmp_path: Path, base: str) -> None:
    odd = write(tmp_path / "t=0.7,p=1.jsonl", rows(1))
    assert list(read_arms([base, f"odd={odd}"]).models) == ["base", "odd"]


def test_a_column_says_the_training_seed(tmp_path: Path, base: str) -> None:
    tuned = [row for seed in (2, 1, 11) for row in rows(seed, training_seed=seed, model="grpo")]
    arms = read_arms([base, write(tmp_path / "tuned.jsonl", tuned)])
    assert seeds_of(arms) == {"grpo": {"1": "grpo/1", "2": "grpo/2", "11": "grpo/11"}}
    unnamed = [{name: cell for name, cell in row.items() if name != "model"} for row in tuned]
    arms = read_arms([base, f"rl={write(tmp_path / 'unnamed.jsonl', unnamed)}"])
    assert list(arms.models) == ["base", "rl/1", "rl/2", "rl/11"]
    # Each has its own rows.
    for seed in (1, 2, 11):
        one, alone = arms.samples[f"rl/{seed}"], read_arms([base, write(tmp_path / "one.jsonl", rows(seed))])
        other = alone.samples["one"]
        assert not isinstance(one, Counts) and not isinstance(other, Counts)
        assert one.counts().c_P.tolist() == other.counts().c_P.tolist()


def test_seeds_of_one_model_in_several_files_and_in_counts(tmp_path: Path, base: str) -> None:
    files = [write(tmp_path / f"{seed}.jsonl", rows(seed, training_seed=seed, model="grpo")) for seed in (1, 2)]
    assert seeds_of(read_arms([base, *files])) == {"grpo": {"1": "grpo/1", "2": "grpo/2"}}
    lines = ["problem_id,n,c,training_seed"]
    lines += [f"p{problem:02d},8,{problem % 8},{seed}" for seed in (5, 6) for problem in range(12)]
    (tmp_path / "counts.csv").write_text("\n".join(lines) + "\n")
    assert list(read_arms([base, f"t={tmp_path}/counts.csv"]).models) == ["base", "t/5", "t/6"]


def test_a_seed_that_only_some_rows_state_is_an_error(tmp_path: Path, base: str) -> None:
    lines = rows(1, training_seed=1)
    del lines[5]["training_seed"]
    path = write(tmp_path / "t.jsonl", lines)
    with pytest.raises(InputError, match=r"t\.jsonl: line 6: training_seed: empty; every row needs it"):
        read_arms([base, path])
    folder = tmp_path / "folder"
    write(folder / "a_part1.jsonl", rows(1, training_seed=1))
    write(folder / "a_part2.jsonl", rows(2))
    with pytest.raises(InputError, match="training_seed: empty here and given in other rows"):
        read_arms([base, f"t={folder}"])


def test_bases_pair_with_seeds_by_number(tmp_path: Path) -> None:
    for seed in (1, 2, 3):
        write(tmp_path / f"b{seed}.jsonl", rows(seed))
        write(tmp_path / f"t{seed}.jsonl", rows(seed + 50))
    arms = read_arms([f"base={tmp_path}/b*.jsonl", f"tuned={tmp_path}/t*.jsonl"])
    result = audit(arms.by_arm, measures=frozenset(), resamples=100)
    assert result.bases == {f"tuned/{seed}": f"base/{seed}" for seed in (1, 2, 3)}


def test_a_folder_of_models_named_by_their_seeds_is_one_arm(tmp_path: Path, base: str) -> None:
    for seed in (1, 2, 3):
        write(tmp_path / "seeds" / f"seed{seed}.jsonl", rows(seed))
        write(tmp_path / "steps" / f"step{seed}.jsonl", rows(seed))
    arms = read_arms([base, f"rl={tmp_path}/seeds"], files_are="models")
    assert seeds_of(arms) == {"rl": {"1": "rl/1", "2": "rl/2", "3": "rl/3"}}
    with pytest.raises(InputError, match="NAME= takes one"):
        read_arms([base, f"rl={tmp_path}/steps"], files_are="models")


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("{0},{1}", "several paths are the training seeds of one arm; name it: NAME="),
        ("t={0},{0}", "given twice"),
        ("t={0},,{1}", "an empty path between commas"),
        ("t={0},nowhere.jsonl", "nowhere.jsonl: no such file or folder"),
    ],
)
def test_lists_that_are_no_seeds_are_refused(tmp_path: Path, base: str, argument: str, message: str) -> None:
    paths = [write(tmp_path / f"s{seed}.jsonl", rows(seed)) for seed in (1, 2)]
    with pytest.raises(InputError, match=message):
        read_arms([base, argument.format(*paths)])


def test_one_path_of_several_holds_one_seed(tmp_path: Path, base: str) -> None:
    both = write(tmp_path / "both.jsonl", [*rows(1, training_seed=1), *rows(2, training_seed=2)])
    with pytest.raises(InputError, match="holds 2 models; of several paths in one argument each is the model of one"):
        read_arms([base, f"t={both},{write(tmp_path / 'c.jsonl', rows(3))}"])


def test_two_seeds_that_are_the_same_rollouts_forbid_a_claim(tmp_path: Path, base: str) -> None:
    paths = [write(tmp_path / f"s{place}.jsonl", rows(seed)) for place, seed in enumerate((1, 2, 1), start=1)]
    arms = read_arms([base, f"tuned={','.join(paths)}"])
    (found,) = (concern for concern in arms.concerns if concern.forbids)
    assert found.models == ("tuned/3",)
    assert (
        found.message == "As many samples of every problem are right as of tuned/1: these seem to be the same rollouts."
    )


def test_a_seed_chosen_from_several_is_pointed_out(tmp_path: Path, base: str) -> None:
    paths = [write(tmp_path / f"grpo_seed{seed}.jsonl", rows(seed)) for seed in range(1, 6)]

    def warned(*arguments: str) -> list[str]:
        return [c.message for c in read_arms([base, *arguments]).concerns if "differ in their seed" in c.message]

    (message,) = warned(paths[2])
    assert message == (
        f"{paths[2]} is one of 5 files that differ in their seed: a seed that was chosen is no result; give all of "
        "them as NAME=PATH,PATH,..."
    )
    assert not warned(f"grpo={','.join(paths)}") and not warned(paths[0], paths[1])


@pytest.mark.parametrize(
    "names",
    [
        ("grpo_step1", "grpo_step2", "grpo_step3"),  # checkpoints of one run
        ("seed1_base", "seed1_grpo", "seed1_dapo"),  # arms of one seed
        ("grpo_seed1", "grpo_seed2"),  # two: nothing was chosen from several
        ("reseed1", "reseed2", "reseed3"),
    ],
)
def test_other_names_are_no_false_alarm(tmp_path: Path, names: Sequence[str]) -> None:
    for name in names:
        (tmp_path / f"{name}.jsonl").touch()
    assert singled_out(tmp_path / f"{names[0]}.jsonl", []) == 0


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["s1.jsonl", "s2.jsonl"], ["1", "2"]),
        (["run/seed_07/x.parquet", "run/seed_11/x.parquet"], ["7", "11"]),
        (["qwen2.5-s3.jsonl.gz", "qwen2.5-s4.jsonl.gz"], ["3", "4"]),
        (["a.jsonl", "b.jsonl"], ["1", "2"]),
        # Two numbers differ: which is the seed is not known.
        (["s1-step100.jsonl", "s2-step200.jsonl"], ["1", "2"]),
        (["s01.jsonl", "s1.jsonl"], ["1", "2"]),
    ],
)
def test_seeds_have_the_number_in_which_the_paths_differ(paths: Sequence[str], expected: Sequence[str]) -> None:
    assert numbered([Path(path) for path in paths]) == list(expected)


def test_names_of_seeds() -> None:
    assert (
        is_seed_name(["seed1", "seed2"]) and is_seed_name(["s1", "s2"]) and is_seed_name(["grpo-seed_1", "grpo-seed_2"])
    )
    assert not is_seed_name(["step1", "step2"]) and not is_seed_name(["seed1"]) and not is_seed_name(["s1", "run2"])
    assert not is_seed_name(["checkpoints1", "checkpoints2"])
