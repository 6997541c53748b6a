"""Examples of every command, which end its `--help` and stand on the page of commands; tests run or parse them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

# One or two for each command, at most 78 characters long, so that no terminal breaks them.
EXAMPLES: Mapping[str, Sequence[str]] = {
    "audit": (
        "edgewise audit base.jsonl tuned.jsonl",
        "edgewise audit base=base.jsonl grpo=seed0.jsonl,seed1.jsonl,seed2.jsonl",
    ),
    "edge": ("edgewise edge base.jsonl --group 16 --out rl_set.jsonl",),
    "demo": ("edgewise demo", "edgewise demo rl=dapo/small --seeds 3 --workers 2"),
    "run": ("edgewise run examples/my_study.py:my_study --seeds 3", "edgewise run --verify runs/demo"),
    "plan": ("edgewise plan examples/my_study.py:my_study --seeds 5",),
    "runs": ("edgewise runs", "edgewise runs unused --remove"),
    "watch": ("edgewise watch runs",),
    "fit": ("edgewise fit runs/rl-0123456789abcdef", "edgewise fit curves.csv --map compute=flops,seed=run --json"),
    "export": ("edgewise export verl runs/rl-0123456789abcdef --out for_verl",),
    "export verl": ("edgewise export verl runs/rl-0123456789abcdef recipe=dapo --out for_verl",),
    "export trl": ("edgewise export trl runs/rl-0123456789abcdef --out for_trl",),
    "export lm-eval": ("edgewise export lm-eval modular max_op=6 --samples 16 --out lm_eval_tasks",),
    "export eval-ever": ("edgewise export eval-ever base.jsonl --model lab/base --out records",),
    "rollouts": (
        "edgewise rollouts Qwen/Qwen3-0.6B chain_sum -n 64 --out base.parquet",
        "edgewise rollouts my_model questions.jsonl match=math --workers 2",
    ),
    "recipes": ("edgewise recipes dapo/small", "edgewise recipes diff dr-grpo dapo"),
    "tasks": ("edgewise tasks countdown", "edgewise tasks check examples/my_world.py:Backwards"),
    "problems": ("edgewise problems modular max_op=6 --count 5 --json",),
    "verify": (
        "edgewise verify modular completions.jsonl --out verdicts.jsonl",
        "edgewise verify --compare ours.jsonl theirs.jsonl",
    ),
    "claims": ("edgewise claims", "edgewise claims --json"),
    "claims run": ("edgewise claims run rl-sharpens --workers 2",),
    "claims verify": ("edgewise claims verify rl-sharpens --seeds 1",),
    "claims plan": ("edgewise claims plan rl-sharpens", "edgewise claims plan rl-sharpens --scale paper"),
    "claims ledger": ("edgewise claims ledger",),
}


def epilog(command: str) -> str:
    """The examples of a command as the end of its help, a line each."""
    return "\n\n".join(("Examples:" if len(EXAMPLES[command]) > 1 else "Example:", *EXAMPLES[command]))
