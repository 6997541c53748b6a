"""Write docs/performance.md and its figures from benchmarks/results/*.json (`make bench`).

python -m tools.pages.performance
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import altair as alt
import vl_convert

from benchmarks.registry import BENCHMARKS
from benchmarks.terminal import number
from edgewise.report.charts import PALETTE, sized, specification
from edgewise.report.paper import printed
from tools.pages import DOCS, FIGURES, ROOT

RESULTS = ROOT / "benchmarks" / "results"
PAGE = DOCS / "performance.md"

HEAD = """# How fast, and what bounds it

Ours beside what people would use instead, in turn in one process, the same weights and the same work. `make bench`
runs everything, `python -m benchmarks NAME...` some of it; both write benchmarks/results/NAME.json, and this page is
made from those files by `python -m tools.pages.performance`. Speeds are of one machine at one time: run it on yours.

## Targets

n is the number of runs of each side, after one that does not count; values are medians, a ratio is of medians and more
than 1 where ours is better. Load is how many cores other processes used meanwhile: above about 0.1 a row is not to be
quoted, since threads that wait for each other lose far more than what is taken from them. On a rented machine others
may share a core's arithmetic and caches without being seen as load: rows that arithmetic bounds then lose up to a
third, and a peer that Python bounds does not. The peak of products that each run found stands at the end of this page.

| what | ours | peer | unit | ratio | target | n | load |
|---|---|---|---|---|---|---|---|
"""

METHOD = """
## Method

- *The same work.* The model has random weights; its checkpoint is what the peer loads. The first greedy completions of
  both are compared token by token before sampling is timed, the first losses before training is, and the mean numbers
  of tokens after RL steps. A run in which they differ ends with an error.
- *Lengths.* No layer writes one of the features; every word has the same amount of it and the end has more, so that
  how likely the end is can be set. With natural stops completions have the lengths of a model that was trained; without
  early stops the end is never drawn.
- *The peer at its best.* Batch, micro-batch and precision are those that served it best in a run before, or are known
  to; the setting stands with each result. Where a repeat of the peer asks fewer prompts than ours, rates are compared:
  its batch is as large as it would be anyway, only fewer of them follow each other.
- *Steps are whole.* A step of ours is one of the trainer that every run uses, with verifying, metrics and the
  optimizer; a step of the peer is what lies between its own callbacks.
- *Threads* that wait do not spin, ours and the peer's (`GOMP_SPINCOUNT=0`, which the command sets before torch is
  imported): spinning is a little faster on a machine where nothing else runs, and several times slower elsewhere.
- *The ceiling* is measured on the spot, with as many threads as ours uses: the fastest square matrix product, in fp32
  or bf16, whichever is faster here, and the fastest copy of a buffer that no cache holds (bytes read and written).
- *Useful work* is what the task requires at least: two FLOPs a weight and token, four times the width for each layer
  and visible key, three times that for a gradient; prompts once for a group; keys and values read once for each new
  token, those of a prompt once for its group. What is recomputed, padded or masked away is not counted.

## The kernels

Sampling, the forward pass and its derivative are compiled for FP32 on a CPU: some 1,200 lines of C++ without
dependencies, built at installation where there is a compiler (for plain x86-64, AVX2 and AVX-512; the best that the
machine runs is loaded), and called by ctypes. A library built from other sources is not used. Whatever they do
not know (bf16, a GPU, top-p, logit noise) and every machine without them goes to torch, the twin that the tests compare
them with: hidden states and all gradients against torch in double precision, completions token by token, probabilities
to 1e-5, the same bits on any number of threads. They stay small because the loss, the optimizer and every algorithm are
left to torch. `--backend torch` chooses torch for everything, `--backend native` refuses to run without the kernels;
either is recorded beside the stage that it computed.
"""

SECTIONS = {
    "sampling": """
The peer dispatches every operation of every layer from Python for one token of each sample, keeps ended samples in the
batch until the last one ends, and repeats the prompt for each sample. Ours decodes in one compiled loop: each thread
keeps a few slots busy by itself, a slot whose sample ends takes the next one, and a prompt is read once for all
samples of a group. What is left is the arithmetic, and the keys and values of the samples themselves, which no core's
own cache holds: where a core gets them at ten gigabytes a second they take about as long as the products. The last row
is the same model with a quarter of them.""",
    "rl_step": """
A step is sampling, verifying and one update. Sampling is bound as above. The update multiplies with every weight three
times for each token and is bound by arithmetic, and behind it by what the forward pass must keep for the backward one;
the peer computes the prompt again for each sample there, and pads a micro-batch to its longest sample. Micro-batches
are computed one to a core, so that no core waits for another within one.""",
    "next_token": """
Arithmetic bounds this: sampled while training, two thirds of the time at 1.1M parameters and four fifths at 5.9M are in
matrix products, which run at 80 to 95% of what a core's multipliers can do. The rest is what the forward pass keeps in
memory for the backward one, softmax, and the loss, which is torch's. The peer is in matrix products too, so that the
larger the model, the less there is to gain. The share of the peak is of the peak measured just before each step of
ours, because neighbours change it within a run. The kernels are FP32: on a processor with bfloat16 units,
`precision=bf16` in torch may be faster for large models.""",
    "cores": """
Each number of threads has a process of its own. Two cores of which one is busy half of the time have at most one and a
half cores to give, so that no schedule reaches more than 1.5 times one free core there: the target cannot be met in
that row, and how close it comes to 1.5 is what can be judged.""",
    "ranks": """
Ranks share the problems of a draw and the micro-batches of an update, and exchange rollouts and one sum of gradients a
step; each prepares data and grades for itself. Weights, moments and metrics are those of one rank to 1e-5, which the
tests hold. A ratio of 1 is no overhead.""",
    "memory": """
Each point is a process of its own: its peak resident memory after a whole step, less that after a step of eight
samples of two tokens, which has loaded everything and made the moments of the optimizer. Required is the more of two
things that are not needed at the same time: keys and values of all samples with the prompt once for its group, and
what the backward pass of a micro-batch must keep, one for each thread. Where the cache is the smaller one the
requirement does not grow; less than it is reached by not holding all samples, or all activations, at once.""",
    "cost": """
All but one quantity are held (4 problems, 8 samples, 32 tokens, width 128). An exponent of 1 is linear; less than 1
where a fixed cost is shared by more work. Length adds a square: attention of all tokens to all before them. Parameters
are varied by the width, so that larger models have larger products, which run nearer to the peak.""",
    "audit": """
Each measurement runs in a process of its own.""",
    "gpu": """
Keys and values bound decoding on a GPU, and the launches of small operations unless they are recorded as a graph;
arithmetic bounds training. Hours are worked out from these speeds for 10B tokens of pre-training, 200 steps of RL and
one evaluation.""",
    "worlds": """
On one core, in processes of their own; the peer is the reference generator and its scorer's parser as published or
measured by themselves, and their table with what it means stands in [the worlds](worlds.md).""",
}

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
    """What was written for each benchmark that has been run."""
    paths = {name: folder / f"{name}.json" for name in BENCHMARKS}
    return {name: json.loads(path.read_text(encoding="utf-8")) for name, path in paths.items() if path.exists()}


def page(results: Mapping[str, Record]) -> str:
    """The whole page."""
    lines = [HEAD.rstrip("\n"), *targets(results), missed(results), METHOD.rstrip("\n")]
    for name, record in results.items():
        lines += section(name, record)
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
    """Which targets are missed, in one sentence."""
    rows = [row for record in results.values() for row in (*record["comparisons"], *record["measurements"])]
    names = [f"`{row['name']}`" for row in rows if row["met"] is False]
    targets = sum(row["target"] is not None for row in rows)
    outcome = f"missed: {', '.join(names)}" if names else "none is missed"
    return f"\nOf {targets} targets {outcome}."


def section(name: str, record: Record) -> Iterator[str]:
    """The settings, shares of the machine and points of one benchmark, and what bounds it."""
    yield f"\n## {name}: {record['what']}\n{SECTIONS[name]}"
    if record["comparisons"]:
        yield "\n| result | the peer | ours beside the machine |\n|---|---|---|"
        yield from (
            row([f"`{result['name']}`", result["peer_setting"], shares(result["achieved"])])
            for result in record["comparisons"]
        )
    if name != "worlds":
        free = [result for result in record["measurements"] if result["target"] is None]
        if free:
            yield "\n| what | value | unit | n |\n|---|---|---|---|"
            yield from (row([r["what"], number(r["value"]), r["unit"], str(r["repeats"])]) for r in free)
    if record["series"]:
        yield f"\n![{record['what']}](figures/{name}.svg)"
        yield from exponents(record["series"])
        yield from points(record["series"])


def shares(achieved: Mapping[str, float]) -> str:
    """What of the machine ours uses, and the means of lengths."""
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
