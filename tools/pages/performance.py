"""Write docs/performance.md and its figures from benchmarks/results/*.json, which `make bench` writes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import altair as alt
import vl_convert

from benchmarks.gpu.parts import PARTS as GPU_PARTS
from benchmarks.registry import BENCHMARKS
from benchmarks.terminal import number
from edgewise.report.charts import PALETTE, sized, specification
from edgewise.report.paper import printed
from tools.pages import DOCS, FIGURES, ROOT

RESULTS = ROOT / "benchmarks" / "results"
PAGE = DOCS / "performance.md"

HEAD = """# Speed, and what limits it

Edgewise is compared with what people would use instead (the peer). Both run in turn in one process, with the same
weights and the same work. `make bench` runs every benchmark, `python -m benchmarks NAME...` some of them. Both commands
write benchmarks/results/NAME.json, and `make pages PAGES=performance` makes this page from those files. The numbers are
those of one machine at one time. Run the benchmarks on yours.

## Targets

n is the number of timed runs of each side, after one run that does not count. Values are medians. A ratio is the ratio
of two medians, and above 1 where Edgewise is better. Load is the number of cores that other processes used during the
run. Do not quote a row with a load above about 0.1: threads that wait for each other lose much more than the share that
is taken from them. On a rented machine, neighbours can share a core's arithmetic and caches without being visible as
load. Rows that arithmetic limits then lose up to a third, but a peer that Python limits does not. The end of this page
lists the peak of matrix products that was measured in each run.

| what | ours | peer | unit | ratio | target | n | load |
|---|---|---|---|---|---|---|---|
"""

METHOD = """
## Method

- *The same work.* The model has random weights, and the peer loads its checkpoint. Before sampling is timed, the first
  greedy completions of both are compared token by token. Before training is timed, the first losses are compared. After
  RL steps, the mean numbers of tokens are compared. A run in which they differ ends with an error.
- *Lengths.* One feature of the model sets how likely the end token is: no layer writes to it, all words have the same
  value in it, and the end token has a larger one. With natural stops, completions are as long as those of a trained
  model. Without early stops, the end token is never drawn.
- *The peer at its best.* The peer's batch size, micro-batch size and precision are the best of an earlier run, or those
  known to be best. The setting is listed with each result. Where a run of the peer has fewer prompts than ours, rates
  are compared: its batches are as large as otherwise, there are only fewer of them.
- *Whole steps.* A step of Edgewise is a step of the trainer that every run uses, with verifying, metrics and the
  optimizer. A step of the peer is the time between two of its own callbacks.
- *Threads* that wait do not spin, on both sides (`GOMP_SPINCOUNT=0`, which the command sets before torch is imported).
  Spinning is a little faster on a machine where nothing else runs, and several times slower elsewhere.
- *The ceiling* is measured in the same run, with as many threads as Edgewise uses: the fastest square matrix product,
  in fp32 or bf16, whichever is faster on the machine, and the fastest copy of a buffer that is larger than all caches
  (bytes read and written).
- *Useful work* is the least that the task requires: two FLOPs for each weight and token; four times the width for each
  layer and visible key; three times as much for a gradient; a prompt once for its group; keys and values read once for
  each new token, and those of a prompt once for its group. Recomputed, padded or masked work is not counted.

## The kernels

Compiled kernels compute sampling, the forward pass and its derivative on a CPU: in FP32, and in bf16 where the
processor multiplies it. They are about 2,300 lines of C++ without dependencies, called by ctypes. The installation
builds them where it finds a compiler, for plain x86-64, AVX2, AVX-512, AVX512-BF16 and AMX; the best version that the
machine runs is loaded. A library built from other sources is not used. Torch computes what the kernels do not support
(a GPU, top-p, logit noise, bf16 on other processors), and everything on a machine without them. The tests compare the
two: hidden states and all gradients with torch in double precision, completions token by token, probabilities to 1e-5,
and equal bits for any number of threads. The kernels stay small because torch computes the loss, the optimizer and
every algorithm. `--backend torch` chooses torch for everything, and `--backend native` refuses to run without the
kernels. Every stage records the backend that computed it.
"""

SECTIONS = {
    "sampling": """
The peer starts every operation of every layer from Python for each new token. It keeps ended samples in the batch
until the last one ends, and computes the prompt again for each sample. Edgewise decodes in one compiled loop: each
thread fills a few slots on its own, a slot whose sample has ended takes the next sample, and a prompt is computed
once for all samples of its group. The remaining cost is arithmetic, and reading the keys and values of the samples,
which do not fit into the cache of a core. Where a core reads them at ten gigabytes a second, that takes about as long
as the matrix products. The last row is the same model with a quarter of the keys and values.""",
    "rl_step": """
A step is sampling, verifying and one update. The limits of sampling are those above. The update multiplies every
weight three times for each token. Arithmetic limits it first, and the memory traffic of the activations that the
forward pass keeps for the backward pass second. The peer computes the prompt again for each sample and pads a
micro-batch to its longest sample. Edgewise computes each micro-batch on one core, so that cores do not wait for each
other within one.""",
    "next_token": """
Arithmetic limits this. A profile of training shows two thirds of the time in matrix products at 1.1M parameters and
four fifths at 5.9M; these products run at 80 to 95% of the peak of a core. The rest is memory traffic of the
activations, softmax, and the loss, which torch computes. The peer spends its time in matrix products too, so the gain
is smaller for larger models. The share of the peak refers to the peak measured just before each step, because
neighbours change it within a run. In bf16 the factors of matrix products are rounded, and AMX or AVX512-BF16 multiplies
them; all else stays in FP32, and takes more than half of the time then. Ours is in bf16 where the machine multiplies it
faster than FP32.""",
    "cores": """
Each number of threads is measured in a separate process. Two cores, one of which is busy half of the time, offer at
most one and a half cores. No schedule can reach more than 1.5 times the speed of one free core there, so the target
of that row cannot be met. Compare the row with 1.5.""",
    "ranks": """
Ranks divide the problems of a draw and the micro-batches of an update among themselves. In each step they exchange
rollouts and one sum of gradients. Each rank prepares data and verifies completions on its own. Weights, moments and
metrics equal those of one rank to 1e-5; the tests check this. A ratio of 1 means no overhead.""",
    "memory": """
Each point is a separate process. The baseline is its peak resident memory after a step of eight samples of two
tokens, when all code is loaded and the optimizer has its moments. Measured is the peak after a whole step, above the
baseline. Required is the larger of two amounts that are not needed at the same time: the keys and values of all
samples, with each prompt once for its group; and the activations for the backward pass, one micro-batch for each
thread. Where the second is larger, the requirement does not grow with the number of samples. Measured can be below
required, where not all samples or activations are held at once.""",
    "cost": """
One quantity varies and the others stay fixed (4 problems, 8 samples, 32 tokens, width 128). An exponent of 1 means
that cost is linear. It is below 1 where more work shares a fixed cost. The cost of length has a quadratic part:
attention of all tokens to all earlier ones. The number of parameters is varied by the width. Larger models have
larger matrix products, which run nearer to the peak.""",
    "kept_groups": """
n is the number of steps, in one process of one thread, from a base that was pre-trained for 500 steps. A step reads the
groups that it keeps from the batch and writes them, one of each level and at most four. Here every step keeps; in a
run at most one in four does. Times are those of a core, so other processes do not count.""",
    "audit": """
Each measurement runs in a separate process.""",
    "gpu": """
`make gpu` takes at most eight minutes a call. It runs in parts, each in a process of its own, and prints as it goes. A
part that is done is kept in runs/gpu; the next call goes on with the others (`make gpu GPU="all --fresh"` begins anew,
`make gpu GPU=rl_step` runs one part). After each part it writes benchmarks/results/gpu.json.

| part | what | at most, s |
|---|---|---|
{parts}

- *Equal to the CPU.* A small model computes next-token training, a GRPO update and completions on both. In FP32, losses
  must agree to 1e-5 and gradients to 1e-4 (relative), log-probabilities of drawn tokens to 1e-4 nats, and 98% of the
  completions must have the same tokens. In bf16, gradients must be within 5% of those in FP32, and log-probabilities
  within 0.03 nats on average.
- *Sizes* are those of the study that is followed: 103M parameters, rows of 2,048 tokens, 1,024 prompts x 6 samples of
  512 new tokens. Weights are random, and no completion ends early.
- *Pre-training and RL* run in bf16 (`training.precision=bf16`, `recipe.precision=bf16`), with weights, logits and loss
  in FP32. They are measured with torch's layers as they are, and with the layers compiled by torch.compile
  (`--backend inductor`); compiling takes a minute, so it is never chosen by itself.
- *Sampling* decodes as many samples at once as the free memory holds. Decoding is limited by reading keys and values,
  and by the launches of small operations unless they are recorded as a graph. transformers and vLLM draw from the same
  weights, where they are installed.
- *Hours* are computed from these speeds, for 10B tokens of pre-training, 200 steps of RL and one evaluation.
- Without a GPU, `python -m benchmarks.gpu all --scale tiny --device cpu --out /tmp/gpu` runs every part at tiny
  sizes.""",
    "worlds": """
Each measurement runs in a separate process on one core. The peer is the reference generator and the parser of its
scorer; their speeds are the published ones, or were measured separately. [The page of worlds](worlds.md) has the same
table with explanations.""",
}

NO_BF16 = "\nThis processor does not multiply bfloat16 faster than FP32, so that there is no row of ours in bf16."

NOT_ON_A_GPU = """
No GPU has run this version: there are no numbers of it here. The tests run every part on a CPU at tiny sizes. What
that cannot show is whether the tests marked `gpu` pass, how fast it is, and what of it fits into a GPU's memory.
"""

MACHINE_HEAD = """
## Machine, versions and load of each run

| benchmark | machine | matrix products, GFLOP/s | copy, GB/s | versions | commit | date | load |
|---|---|---|---|---|---|---|---|"""

Record = Mapping[str, Any]

PARTS = ["sampling_seconds", "rest_seconds"]


def main() -> None:
    results = records()
    for name, svg in figures(results).items():
        (FIGURES / name).write_text(svg, encoding="utf-8")
    PAGE.write_text(page(results), encoding="utf-8")


def records(folder: Path = RESULTS) -> dict[str, Record]:
    """Read the record of each benchmark that has been run."""
    paths = {name: folder / f"{name}.json" for name in BENCHMARKS}
    return {name: json.loads(path.read_text(encoding="utf-8")) for name, path in paths.items() if path.exists()}


def page(results: Mapping[str, Record]) -> str:
    """The whole page."""
    lines = [HEAD.rstrip("\n"), *targets(results), missed(results), METHOD.rstrip("\n")]
    for name, record in results.items():
        lines += section(name, record)
    if "gpu" not in results:
        lines += [f"\n## gpu: {BENCHMARKS['gpu'].what}\n{NOT_ON_A_GPU}{section_text('gpu')}"]
    lines += [MACHINE_HEAD, *map(machine_row, results.values())]
    absent = [f"`{name}`" for name in BENCHMARKS if name not in results]
    if absent:
        lines.append(f"\nNot run yet: {', '.join(absent)}.")
    return "\n".join(lines) + "\n"


def targets(results: Mapping[str, Record]) -> Iterator[str]:
    """A row for each result that has a target."""
    for record in results.values():
        for result in record["comparisons"]:
            if result["target"] is not None:
                yield comparison_row(result)
        for result in record["measurements"]:
            if result["target"] is not None:
                yield measurement_row(result, record["load"])


def comparison_row(result: Record) -> str:
    ours, peer = (
        f"{number(result[side])} ({number(min(result[f'{side}_all']))} to {number(max(result[f'{side}_all']))})"
        for side in ("ours", "peer")
    )
    target = "" if result["target"] is None else f"{number(result['target'])}, {met_or_missed(result['met'])}"
    cells = [
        *(result["what"], ours, peer, result["unit"], f"**{number(result['ratio'])}**", target),
        *(str(result["repeats"]), f"{result['load']:.2f}"),
    ]
    return row(cells)


def measurement_row(result: Record, load: float | None) -> str:
    sign = "at most" if result["better"] == "less" else "at least"
    target = "" if result["target"] is None else f"{sign} {number(result['target'])}, {met_or_missed(result['met'])}"
    ratio = "" if result["reference"] is None else number(result["value"] / result["reference"])
    cells = [result["what"], number(result["value"]), number(result["reference"]), result["unit"], ratio, target]
    return row([*cells, str(result["repeats"]), "" if load is None else f"{load:.2f}"])


def met_or_missed(met: bool) -> str:
    return "met" if met else "**missed**"


def missed(results: Mapping[str, Record]) -> str:
    """One sentence that names the missed targets."""
    rows = [row for record in results.values() for row in (*record["comparisons"], *record["measurements"])]
    names = [f"`{row['name']}`" for row in rows if row["met"] is False]
    targets = sum(row["target"] is not None for row in rows)
    outcome = (
        f"{len(names)} of {targets} targets are missed: {', '.join(names)}."
        if names
        else f"All {targets} targets are met."
    )
    return f"\n{outcome}"


def section(name: str, record: Record) -> Iterator[str]:
    """The settings, shares of the machine and points of one benchmark, and what bounds it."""
    yield f"\n## {name}: {record['what']}\n{section_text(name)}"
    if record["comparisons"]:
        yield "\n| result | the peer | share of the machine used |\n|---|---|---|"
        yield from (
            row([f"`{result['name']}`", result["peer_setting"], shares(result["achieved"])])
            for result in record["comparisons"]
        )
    if name != "worlds":
        free = [result for result in record["measurements"] if result["target"] is None]
        if free:
            yield "\n| what | value | unit | n |\n|---|---|---|---|"
            yield from (row([r["what"], number(r["value"]), r["unit"], str(r["repeats"])]) for r in free)
    if name in ("sampling", "next_token") and not any(peak["bf16"] > peak["fp32"] for peak in record["peaks"]):
        yield NO_BF16
    if record["series"]:
        yield f"\n![{record['what']}](figures/{name}.svg)"
        yield from exponents(record["series"])
        yield from points(record["series"])


def section_text(name: str) -> str:
    """What bounds a benchmark, and what a reader must know of it."""
    parts = "\n".join(row([f"`{part.name}`", part.what, f"{part.seconds:.0f}"]) for part in GPU_PARTS)
    return SECTIONS[name].replace("{parts}", parts)


def shares(achieved: Mapping[str, float]) -> str:
    """Shares of the machine's peaks that were reached, seconds a step and mean lengths, as one cell."""
    parts = []
    if "flops_per_second" in achieved:
        rate, share = achieved["flops_per_second"] / 1e9, 100 * achieved["flops_share"]
        parts.append(f"{number(rate)} GFLOP/s, {number(share)}% of the peak")
    if "bytes_per_second" in achieved:
        rate, share = achieved["bytes_per_second"] / 1e9, 100 * achieved["bytes_share"]
        parts.append(f"keys and values at {number(rate)} GB/s, {number(share)}% of the fastest copy")
    if "seconds_per_step" in achieved:
        parts.append(f"{number(achieved['seconds_per_step'])} s a step")
    if "mean_tokens" in achieved:
        peer = f" (the peer {achieved['peer_mean_tokens']:.1f})" if "peer_mean_tokens" in achieved else ""
        parts.append(f"{achieved['mean_tokens']:.1f} tokens a completion{peer}")
    return "; ".join(parts)


def exponents(series: Sequence[Record]) -> Iterator[str]:
    yield "\n| what | exponent | points |\n|---|---|---|"
    for curve in series:
        yield row([curve["what"], f"{curve['exponent']:.2f}", str(len(curve["points"]))])


def points(series: Sequence[Record]) -> Iterator[str]:
    """A table for each set of points; series of the same points share one."""
    shown: list[Any] = []
    for curve in series:
        if curve["points"] not in shown:
            shown.append(curve["points"])
            names = list(curve["points"][0])
            yield (
                "\n| "
                + " | ".join(name.replace("_mb", ", MB").replace("_seconds", ", s").replace("_", " ") for name in names)
                + " |"
            )
            yield "|---" * len(names) + "|"
            yield from (row([number(point[name]) for name in names]) for point in curve["points"])


def machine_row(record: Record) -> str:
    machine, peaks = record["machine"], record["peaks"]
    described = machine.get("described") or (
        f"{machine['cpu']}, {machine['cores']} cores, {machine['threads']} threads, {machine['memory_gb']:g} GB"
    )
    if "gpu" in machine:
        described += f"; {machine['gpu']}"
    products = "; ".join(
        f"{peak['threads']} thread{'s' * (peak['threads'] > 1)}: fp32 {number(peak['fp32'] / 1e9)},"
        f" bf16 {number(peak['bf16'] / 1e9)}"
        for peak in peaks
    )
    copies = "; ".join(number(peak["copy"] / 1e9) for peak in peaks)
    versions = ", ".join(f"{name} {version}" for name, version in record["versions"].items() if version)
    load = "" if record["load"] is None else f"{record['load']:.2f}"
    return row(
        [record["name"], described, products, copies, versions, record["commit"] or "", record["date"][:10], load]
    )


def row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def figures(results: Mapping[str, Record]) -> dict[str, str]:
    """An SVG for each benchmark that has series."""
    drawn = {"cost": cost_chart, "memory": memory_chart}
    return {
        f"{name}.svg": vl_convert.vegalite_to_svg(printed(specification(chart(results[name]["series"]))))
        for name, chart in drawn.items()
        if name in results
    }


def cost_chart(series: Sequence[Record]) -> alt.LayerChart:
    """Seconds against how many times the smallest size, one line for each axis, sampling and the rest apart."""
    rows = [
        {
            "axis": curve["x"],
            "part": curve["y"],
            "times": point[curve["x"]] / curve["points"][0][curve["x"]],
            "s": point[curve["y"]],
        }
        for curve in series
        for point in curve["points"]
    ]
    axes = list(dict.fromkeys(curve["x"] for curve in series))
    color = alt.Color("axis:N").scale(domain=axes, range=list(PALETTE[1 : len(axes) + 1])).title("against")
    x = alt.X("times:Q").scale(type="log", base=2).axis(grid=False).title("times the smallest")
    y = alt.Y("s:Q").scale(type="log").axis(grid=False).title("seconds (dashed: all but sampling)")
    dash = alt.StrokeDash("part:N").scale(domain=PARTS, range=[[1, 0], [4, 3]]).legend(None)
    chart = alt.Chart(alt.InlineData(values=rows)).mark_line(point=True)
    return sized([chart.encode(x=x, y=y, color=color, strokeDash=dash)], height=260)


def memory_chart(series: Sequence[Record]) -> alt.LayerChart:
    """Megabytes above the baseline beside what is required, against samples."""
    names = {"above_mb": "measured", "required_mb": "required", "allowed": "1.5 x required"}
    rows = [
        {"what": names[name], "samples": point["samples"], "mb": value}
        for point in series[0]["points"]
        for name, value in (
            ("above_mb", point["above_mb"]),
            ("required_mb", point["required_mb"]),
            ("allowed", 1.5 * point["required_mb"]),
        )
    ]
    color = alt.Color("what:N").scale(domain=list(names.values()), range=list(PALETTE[1:4])).title(None)
    x = (
        alt.X("samples:Q")
        .scale(type="log", base=2)
        .axis(grid=False, values=[p["samples"] for p in series[0]["points"]])
    )
    y = alt.Y("mb:Q").title("MB above the baseline")
    chart = alt.Chart(alt.InlineData(values=rows)).mark_line(point=True)
    return sized([chart.encode(x=x.title("samples a prompt"), y=y, color=color)], height=220)


if __name__ == "__main__":
    main()
