"""How fast worlds make and verify problems, and training's data is prepared, each measurement in a process of its own.

Rates are per second of one core's time.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, get_args

from benchmarks import process
from benchmarks.findings import Better, Findings, Measurement
from edgewise.tasks import ModularArithmetic, World
from edgewise.tasks.colouring import Colouring
from edgewise.tasks.countdown import Countdown
from edgewise.tasks.graph.paper_compat import verify_paper_compat
from edgewise.tasks.graph.world import GraphArithmetic, QuestionMode
from edgewise.tasks.paths import Paths
from edgewise.tasks.strings import StringFunctions

SECONDS = 1.0

# More different texts than the released scorer's reading of gold solutions is remembered for, so that both are read.
TEXTS = 1500

# Milliseconds a problem of the reference generator (GSM-Infinite, arXiv 2502.05252, as used by arXiv 2512.07783),
# forward and reverse, one core of a like machine; and pairs of solutions a second of its parser, at a mix of ops.
REFERENCE_MS = {2: (7, 39), 6: (5.2, 58), 10: (12, 112), 14: (22, 148), 20: (33, 158)}
REFERENCE_PAIRS = 2000.0

# What a model of 100M parameters takes at 40 and at 50 % of an H100's 989 TFLOP/s, 6 FLOPs a parameter and token.
CONSUMED = {share: share * 989e12 / (6 * 100e6) for share in (0.4, 0.5)}


@dataclass(frozen=True)
class Measured:
    """What is measured, in what unit, what it should be, and the reference's measured value."""

    what: str
    unit: str
    value: Callable[[], float]
    target: float | None = None
    reference: float | None = None
    better: Better = "more"


def graph(
    op: int,
    wording: Literal["english", "compact"] = "english",
    modes: tuple[QuestionMode, ...] = get_args(QuestionMode),
) -> GraphArithmetic:
    """Graph arithmetic of one op."""
    return GraphArithmetic(min_op=op, max_op=op, wording=wording, modes=modes)


def made(world: World) -> Callable[[], float]:
    """Problems a second, each with its prompt and its solution."""

    def make(index: int) -> None:
        world.solution(world.problem("train", 0, index))

    return lambda: rate(make)


def verified(world: World) -> Callable[[], float]:
    """Gold solutions verified a second, each correct."""

    def value() -> float:
        problems = [world.problem("train", 0, index) for index in range(TEXTS)]
        texts = [world.solution(problem) for problem in problems]
        assert all(world.verify(problem, text).process_correct for problem, text in zip(problems, texts, strict=True))
        return rate(lambda index: world.verify(problems[index % TEXTS], texts[index % TEXTS]))

    return value


def paper_compat() -> float:
    """Pairs of solutions a second by the rules of the released scorer, the gold one read each time too."""
    world = GraphArithmetic(min_op=2, max_op=20, wording="paper")
    texts = [world.solution(world.problem("train", 0, index)) for index in range(TEXTS)]
    return rate(lambda index: verify_paper_compat(texts[index % TEXTS], texts[index % TEXTS]))


def rate(call: Callable[[int], object]) -> float:
    """Calls a second of this process's time, after some to warm up."""
    for index in range(100):
        call(index)
    calls, start = 0, time.process_time()
    while (spent := time.process_time() - start) < SECONDS:
        for index in range(calls, calls + 50):
            call(index)
        calls += 50
    return calls / spent


def prepared() -> float:
    """Tokens a second of packed rows as training takes them: 512K a step, op 2-10 in English, rows of 2,048."""
    from edgewise.model.tokenizer import Tokenizer
    from edgewise.training.documents import rows_of_step

    world = GraphArithmetic(min_op=2, max_op=10)
    tokenizer = Tokenizer(world.words())
    rows_of_step(world, "train", tokenizer, 50, 2048, 0, 0, 0)
    start = time.process_time()
    rows = rows_of_step(world, "train", tokenizer, 2048, 2048, 0, 0, 1)
    return float((rows.document_RT >= 0).sum()) / (time.process_time() - start)


def gpu_share() -> float:
    """Percent of the time that a quarter of an H100 waits for one process, training 100M parameters at half its peak.

    A GPU takes what four processes prepare, so that one of them feeds a quarter. It is simulated: so many tokens are
    slept away. Compact graph arithmetic of 6 operations, 256 problems a step, from the first step on.
    """
    from edgewise.model.tokenizer import Tokenizer
    from edgewise.training.documents import rows_of_step
    from edgewise.training.loader import load_ahead

    world = graph(6, "compact")
    make = partial(rows_of_step, world, "train", Tokenizer(world.words()), 256, 2048, 0, 0)
    pace, waited, start = CONSUMED[0.5] / 4, 0.0, time.monotonic()
    with load_ahead(make, 1) as take:
        for step in range(400):
            asked = time.monotonic()
            rows = take(step)
            waited += time.monotonic() - asked
            time.sleep(float((rows.document_RT >= 0).sum()) / pace)
    return 100 * waited / (time.monotonic() - start)


def demo_share() -> float:
    """Percent of the first 500 steps of the demonstration's pre-training that is spent waiting for data."""
    import torch

    from edgewise.model.decoder import Decoder
    from edgewise.model.tokenizer import Tokenizer
    from edgewise.study.demo import DemoSpec, demo
    from edgewise.study.stages import Pretrain
    from edgewise.training import next_token
    from edgewise.training.run_folder import RunFolder

    torch.set_num_threads(1)
    base = demo(DemoSpec()).evaluations["base"].parent
    assert isinstance(base, Pretrain)
    tokenizer = Tokenizer(base.world.words())
    model = Decoder(base.model, len(tokenizer), seed=0)
    spec = base.training.model_copy(update={"steps": 500})
    with tempfile.TemporaryDirectory() as folder:
        totals = next_token.train_next_token(model, tokenizer, base.world, spec, 0, RunFolder(Path(folder)))
    return 100 * totals.data_seconds / totals.seconds


def _reference(op: int) -> float:
    return 1000 / statistics.mean(REFERENCE_MS[op])


MEASURED: dict[str, Measured] = {
    **{
        f"graph_english_op{op}": Measured(
            f"graph arithmetic, English, op {op}, forward and reverse equally often: problem and solution",
            "problems/s",
            made(graph(op)),
            3000.0 if op == 20 else None,
            _reference(op),
        )
        for op in REFERENCE_MS
    },
    "graph_compact_op6": Measured(
        "graph arithmetic, compact, op 6: problem and solution", "problems/s", made(graph(6, "compact")), 20_000.0
    ),
    "modular": Measured(
        "modular arithmetic, the demonstration's (op 1-4, disorder 2): problem and solution",
        "problems/s",
        made(ModularArithmetic(disorder=2)),
    ),
    "strings_level2": Measured(
        "string functions, 2 calls: problem and solution", "problems/s", made(StringFunctions().at_level(2))
    ),
    "countdown_4": Measured("countdown, 4 numbers: problem and solution", "problems/s", made(Countdown().at_level(4))),
    "colouring": Measured("colouring, 6-8 vertices: problem and solution", "problems/s", made(Colouring())),
    "paths": Measured("paths, length 2-4: problem and solution", "problems/s", made(Paths())),
    **{
        f"verified_english_op10_{mode}": Measured(
            f"the verifier on English gold solutions, op 10, {mode}",
            "solutions/s",
            verified(graph(10, modes=(mode,))),
            10_000.0,
            REFERENCE_PAIRS,
        )
        for mode in get_args(QuestionMode)
    },
    "verified_compact_op6": Measured(
        "the verifier on compact gold solutions, op 6", "solutions/s", verified(graph(6, "compact"))
    ),
    "paper_compat": Measured(
        "the released scorer's rules on pairs of solutions, op 2-20", "pairs/s", paper_compat, None, REFERENCE_PAIRS
    ),
    "prepared_tokens": Measured(
        "rows for training made by one process: graph arithmetic, English, op 2-10, 512K tokens a step, rows of 2,048"
        f" (an H100 takes {CONSUMED[0.4] / 1e6:.2f}M to {CONSUMED[0.5] / 1e6:.2f}M for 100M parameters,"
        " at 40 to 50 % of its peak)",
        "tokens/s",
        prepared,
    ),
    "demo_share": Measured(
        "share of the demonstration's pre-training spent waiting for data, in its first 500 of 2,000 steps, a process"
        " that prepares them being started",
        "% (less is better)",
        demo_share,
        1.0,
        better="less",
    ),
    "gpu_share": Measured(
        "share of the time that a quarter of an H100 (simulated), training 100M parameters at half its peak, waits for"
        " one process: graph arithmetic, compact, op 6, in its first 400 steps of 256 problems",
        "% (less is better)",
        gpu_share,
        1.0,
        better="less",
    ),
}


def measure(repeats: int) -> Findings:
    """The median of each."""
    return Findings(measurements=[_measurement(name, measured, repeats) for name, measured in MEASURED.items()])


def _measurement(name: str, measured: Measured, repeats: int) -> Measurement:
    values = [process.call(__name__, "run", {"name": name}) for _ in range(repeats)]
    return Measurement.of(
        name,
        measured.what,
        measured.unit,
        values,
        better=measured.better,
        target=measured.target,
        reference=measured.reference,
    )


def run(name: str) -> float:
    """One measurement here."""
    return MEASURED[name].value()
