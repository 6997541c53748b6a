"""Write a world as a task of lm-evaluation-harness: a YAML file, and the functions that it names.

The task draws `samples` completions of each problem at temperature 1, grades them by the world's verifier and reports
the unbiased pass@k by the answer and by the process. lm_eval finds it by `--include_path`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from edgewise.core.atomic import atomic_write
from edgewise.tasks.base import Split, all_distinct
from edgewise.tasks.named import world_of

FUNCTIONS = "edgewise_functions"

_CODE = '''"""Functions of the tasks in this folder, which are those of edgewise."""

from edgewise.interop.plugins.lm_eval import documents, mean_of_samples, process_results

__all__ = ["documents", "mean_of_samples", "process_results"]
'''


def write_lm_eval_task(
    folder: Path,
    task: str,
    settings: Sequence[str] = (),
    *,
    samples: int = 16,
    problems: int = 8,
    split: Split = "test",
    seed: int = 0,
    max_new_tokens: int = 256,
) -> Path:
    """Write the task of a world with these knobs into `folder`, beside others that are there; returns the YAML file.

    `problems` are those of each level. InputError where there is no such world, knob or split, or a level has too few
    problems.
    """
    world = world_of(task, list(settings))
    for level in world.levels:
        all_distinct(world.at_level(level), split, seed, problems)
    name = "_".join(["edgewise", *filter(None, (_plain(part) for part in (task.rpartition(":")[2], *settings)))])
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_write(folder / f"{FUNCTIONS}.py") as unfinished:
        unfinished.write_text(_CODE, encoding="utf-8", newline="\n")
    file = folder / f"{name}.yaml"
    metadata = {
        "version": 1,
        "task": task,
        "settings": list(settings),
        "split": split,
        "seed": seed,
        "problems": problems,
    }
    with atomic_write(file) as unfinished:
        unfinished.write_text(_yaml(name, samples, max_new_tokens, metadata), encoding="utf-8", newline="\n")
    return file


def _yaml(name: str, samples: int, max_new_tokens: int, metadata: dict[str, object]) -> str:
    """JSON is YAML; only the names of functions are not JSON."""
    from edgewise.boundary.inference.supported_k import powers_of_two

    generation = {
        "do_sample": True,
        "temperature": 1.0,
        "top_p": 1.0,
        "max_gen_toks": max_new_tokens,
        # The harness puts its own stop texts where there is none.
        "until": ["<eos>"],
    }
    kept = [{"name": "all", "filter": [{"function": "take_first_k", "k": samples}]}]
    of_samples = [
        f"  - {{metric: {metric}, aggregation: !function {FUNCTIONS}.mean_of_samples, higher_is_better: true}}"
        for metric in ("exact_match", "process")
    ]
    of_problems = [
        f'  - {{metric: "{prefix}pass@{k}", aggregation: mean, higher_is_better: true}}'
        for prefix in ("", "process_")
        for k in powers_of_two(samples)
    ]
    return "\n".join(
        [
            f"task: {name}",
            f"custom_dataset: !function {FUNCTIONS}.documents",
            "test_split: test",
            "output_type: generate_until",
            'doc_to_text: "{{prompt}}"',
            'doc_to_target: "{{answer}}"',
            'target_delimiter: ""',
            f"repeats: {samples}",
            f"generation_kwargs: {json.dumps(generation)}",
            f"filter_list: {json.dumps(kept)}",
            f"process_results: !function {FUNCTIONS}.process_results",
            "metric_list:",
            *of_samples,
            *of_problems,
            f"metadata: {json.dumps(metadata)}",
            "",
        ]
    )


def _plain(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-")
