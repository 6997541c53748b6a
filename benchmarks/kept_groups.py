"""What RL keeps of groups to be read, as a share of its step, at the sizes of the demonstration.

Every step keeps here, so that each is a run of both sides: of sixty steps of the demonstration sixteen do. Seconds are
those of one core's time, which other processes do not take part in.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar
from unittest.mock import patch

from benchmarks import process
from benchmarks.findings import Findings, Measurement
from edgewise.core.spec import override
from edgewise.model.decoder import Decoder
from edgewise.model.tokenizer import Tokenizer
from edgewise.rl import train as rl_train
from edgewise.rl.kept_groups import groups_to_keep
from edgewise.study.demo import DemoSpec, demo
from edgewise.study.stages import RL, Pretrain
from edgewise.training.next_token import train_next_token
from edgewise.training.run_folder import GROUPS, RunFolder

P = ParamSpec("P")
T = TypeVar("T")

# Enough for completions that end by themselves, some of them right. Steps before the timed ones warm up.
PRETRAINED, WARM_UP = 500, 2
TARGET = 1.0


def measure(repeats: int) -> Findings:
    """The median share over so many steps, in a process of one thread, as those of a study have."""
    steps = process.call(__name__, "steps_that_keep", {"steps": repeats, "pretrained": PRETRAINED}, OMP_NUM_THREADS="1")
    shares = [100 * step["keeping"] / step["whole"] for step in steps]
    what = (
        "share of a step of the demonstration's RL that keeping groups takes (groups.jsonl), in steps that keep:"
        " at most one in four"
    )
    sizes = {
        "keeping": Measurement.of(
            "kept_groups_ms",
            "keeping the groups of a step: reading them from the batch, writing them",
            "ms of a core's time",
            [1000 * step["keeping"] for step in steps],
            better="less",
        ),
        "bytes": Measurement.of(
            "kept_groups_kb", "kept of a step", "kB", [step["bytes"] / 1000 for step in steps], better="less"
        ),
    }
    share = Measurement.of("kept_groups_share", what, "% (less is better)", shares, better="less", target=TARGET)
    return Findings(measurements=[share, *sizes.values()])


def steps_that_keep(steps: int, pretrained: int) -> list[dict[str, float]]:
    """Seconds of each of so many whole steps and of keeping within it, and the bytes kept, after steps that warm up."""
    stage = demo(DemoSpec()).evaluations["in-distribution RL"].parents[0]
    assert isinstance(stage, RL) and isinstance(stage.parent, Pretrain)
    base = stage.parent
    tokenizer = Tokenizer(base.world.words())
    model = Decoder(base.model, len(tokenizer), seed=0)
    keeping, ends, kept = [0.0], [0.0], [0]

    def timed(function: Callable[P, T]) -> Callable[P, T]:
        def call(*args: P.args, **kwargs: P.kwargs) -> T:
            start = time.process_time()
            result = function(*args, **kwargs)
            keeping[-1] += time.process_time() - start
            return result

        return call

    def ended(done: int, total: int, note: str) -> None:
        ends.append(time.process_time())
        kept.append((folder.path / GROUPS).stat().st_size)
        keeping.append(0.0)

    with tempfile.TemporaryDirectory() as root:
        training = override(base.training, [f"steps={pretrained}"])
        train_next_token(model, tokenizer, base.world, training, 0, RunFolder(Path(root) / "base"))
        folder = RunFolder(Path(root) / "rl", ended)
        recipe = override(stage.recipe, [f"steps={WARM_UP + steps}"])
        with (
            patch.object(rl_train, "is_kept", lambda step, total: True),
            patch.object(rl_train, "groups_to_keep", timed(groups_to_keep)),
            patch.object(RunFolder, "keep", timed(RunFolder.keep)),
        ):
            rl_train.train(model, tokenizer, stage.world, recipe, 0, folder)
    return [
        {"whole": ends[i + 1] - ends[i], "keeping": keeping[i], "bytes": float(kept[i + 1] - kept[i])}
        for i in range(WARM_UP, WARM_UP + steps)
    ]
