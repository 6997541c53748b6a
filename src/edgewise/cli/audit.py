"""`edgewise audit` and `edgewise edge`: compare the rollouts of models, and find problems for RL in those of one."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from edgewise.cli.options import AsJson, print_json
from edgewise.core.errors import InputError

if TYPE_CHECKING:
    from edgewise.boundary import Concern, Counts, Metric
    from edgewise.boundary.measures.verifier_errors import VerifierLabels
    from edgewise.boundary.verdict.policy import PolicyOutcome, PolicyRule
    from edgewise.interop.arms import Arms
    from edgewise.interop.file_names import FilesAre

# Of a policy; 2 is bad input.
EXIT_STATUS: Mapping[PolicyOutcome, int] = {"holds": 0, "fails": 1, "cannot tell": 3}

RolloutPaths = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="BASE TUNED...",
        help="Files, folders, - for standard input, NAME=PATH, or NAME=PATH,PATH for training seeds; the base first.",
        show_default=False,
    ),
]
Out = Annotated[Path, typer.Option(help="Folder for boundary.json, report.html, figures and tables.")]
K = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=2**31,
        help="Claims are made at pass@k. Default: the largest power of two up to a quarter of the samples; "
        "with --plan, 16.",
    ),
]
By = Annotated[
    str | None,
    typer.Option(help="Count by answer or process. Default: the process where it was verified for all models."),
]
Alpha = Annotated[
    float,
    typer.Option(
        help="Two independent draws of one model, judged alike, get a false change on any set in at most this share of "
        "audits; levels are a family of their own."
    ),
]
Margin = Annotated[float, typer.Option(help="The change in pass@k that counts as none.")]
Answers = Annotated[
    int | None, typer.Option(min=1, max=10**15, help="Number of possible answers, for the guess floor.")
]
NoReasoning = Annotated[Path | None, typer.Option(help="The base made to answer at once, for the guess floor.")]
Fpr = Annotated[
    str | None,
    typer.Option(
        metavar="PASSED/LABELLED",
        help="Write 3/60 where the verifier passed 3 of 60 samples that are wrong; by process, with unsound reasoning.",
    ),
]
Fnr = Annotated[
    str | None,
    typer.Option(
        metavar="REFUSED/LABELLED", help="Write 3/60 where it refused 3 of 60 that are right; by process, sound."
    ),
]
ScoreName = Annotated[str | None, typer.Option(help="Which score is the verdict, where a file has several.")]
Threshold = Annotated[float | None, typer.Option(help="The least graded score that is correct.")]
Filter = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Which filter of lm-evaluation-harness is read, where logs have several."),
]
Columns = Annotated[
    str | None,
    typer.Option(
        "--map", metavar="COLUMN=NAME,...", help="What columns are called in the files, e.g. id=qid,correct=score."
    ),
]
FilesOf = Annotated[
    str | None,
    typer.Option(
        "--files",
        metavar="samples|sets|models",
        help="What several files of a folder are. Default: told from their names and problems.",
    ),
]
Shared = Annotated[bool, typer.Option("--shared-problems", help="Compare on the problems all models have.")]
Resamples = Annotated[int, typer.Option(min=100, max=1_000_000, help="Bootstrap resamples.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of every resampling and every random split.")]
Policy = Annotated[
    list[str] | None,
    typer.Option(
        metavar="RULE|FILE",
        help="A rule such as 'not shrunk@16 and pass@1 +2', or a file of rules; may be repeated. Exit status 0: all "
        "hold, 1: one fails, 3: the data do not decide.",
        show_default=False,
    ),
]
Markdown = Annotated[
    bool, typer.Option("--markdown", help="Print the result as Markdown, for a pull request or a chat.")
]
Plan = Annotated[bool, typer.Option("--plan", help="Say how many samples a claim would need, and stop.")]
SeedScatter = Annotated[
    float | None,
    typer.Option(
        min=0,
        max=50,
        help="With --plan: how much pass@k differs between training seeds, their standard deviation in points. "
        "Default: measured, where an arm with seeds is given.",
    ),
]
Effect = Annotated[float, typer.Option(help="With --plan: the change in pass@k to be seen.")]


def audit_rollouts(
    rollouts: RolloutPaths = None,
    out: Out = Path("report"),
    k: K = None,
    by: By = None,
    alpha: Alpha = 0.05,
    margin: Margin = 0.05,
    answers: Answers = None,
    no_reasoning: NoReasoning = None,
    verifier_fpr: Fpr = None,
    verifier_fnr: Fnr = None,
    score: ScoreName = None,
    threshold: Threshold = None,
    filter: Filter = None,
    columns: Columns = None,
    files: FilesOf = None,
    shared_problems: Shared = False,
    resamples: Resamples = 2000,
    seed: Seed = 0,
    policy: Policy = None,
    markdown: Markdown = False,
    plan: Plan = False,
    effect: Effect = 0.05,
    seed_scatter: SeedScatter = None,
    as_json: AsJson = False,
) -> None:
    """Say what tuning did to the boundary: one label for each tuned model, with its evidence."""
    metric = _metric(by)
    read = _reading(score, threshold, filter, columns, files)
    if plan:
        _plan(rollouts or [], metric, k or 16, effect, alpha, read, seed_scatter, as_json)
        return
    if seed_scatter is not None:
        raise InputError("--seed-scatter: plans training seeds; give it with --plan")
    from edgewise.boundary import audit
    from edgewise.boundary.verdict.policy import worst
    from edgewise.interop.planned_looks import look_concerns
    from edgewise.report.folder import write_report
    from edgewise.report.markdown import markdown_of
    from edgewise.report.record import record
    from edgewise.report.terminal import print_audit, status

    if not rollouts:
        raise InputError("rollouts: a base and at least one tuned model are needed: edgewise audit BASE TUNED")
    if markdown and as_json:
        raise InputError("--markdown, --json: two forms of one result; give one of them")
    _check_folder(out)
    _check_guess(answers, no_reasoning)
    rules = _rules(policy or [])
    verifier = _verifier_labels(verifier_fpr, verifier_fnr)
    with status("reading the rollouts"):
        arms = read(rollouts, shared_problems=shared_problems)
        _check_verified(arms, metric)
        guess: int | Counts | None = answers
        concerns = (*arms.concerns, *look_concerns(arms.models, alpha))
        if no_reasoning is not None:
            guess, of_guess = _one_model(str(no_reasoning), metric, read)
            # The run without reasoning makes the guess floor; no claim is about it.
            concerns += tuple(replace(concern, forbids=False, models=("--no-reasoning",)) for concern in of_guess)
    with status("computing the verdict"):
        result = audit(
            arms.by_arm,
            k=k,
            metric=metric,
            alpha=alpha,
            margin=margin,
            guess=guess,
            verifier=verifier,
            concerns=concerns,
            policy=rules,
            resamples=resamples,
            seed=seed,
        )
    examples = {name: model_rollouts.examples for name, model_rollouts in arms.models.items()}
    with status("writing the report"):
        page = write_report(
            result,
            out,
            examples=examples,
            prompts=arms.prompts,
            command=shlex.join(["edgewise", *sys.argv[1:]]),
        )
    if markdown:
        typer.echo(markdown_of(result, examples))
    elif as_json:
        print_json({**record(result), "report": str(page)})
    else:
        print_audit(result, out)
    if rules:
        raise typer.Exit(EXIT_STATUS[worst(result.policy)])


def _rules(texts: list[str]) -> tuple[PolicyRule, ...]:
    """The rules of a policy: each text is one, or names a file of them."""
    from edgewise.boundary.verdict.policy import parse_policy, read_policy

    rules: list[PolicyRule] = []
    for text in texts:
        is_file = Path(text).suffix in (".toml", ".txt") or Path(text).is_file()
        rules += read_policy(Path(text)) if is_file else parse_policy([text])
    return tuple(rules)


def _check_folder(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: is a file; --out names a folder")


def _check_guess(answers: int | None, no_reasoning: Path | None) -> None:
    if answers is not None and no_reasoning is not None:
        raise InputError("--answers, --no-reasoning: two guess floors; give one of them")


def find_training_set(
    rollouts: Annotated[
        str,
        typer.Argument(metavar="BASE", help="Rollouts of the model that RL would start from; - is standard input."),
    ],
    out: Annotated[Path, typer.Option(help="The training set, as JSONL.")] = Path("rl_set.jsonl"),
    group: Annotated[int, typer.Option(min=2, max=2**20, help="Rollouts of a prompt in one RL step.")] = 16,
    by: By = None,
    score: ScoreName = None,
    threshold: Threshold = None,
    filter: Filter = None,
    columns: Columns = None,
    files: FilesOf = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Find what a model solves rarely but not never: the problems that RL can learn from."""
    from edgewise.boundary import find_edge
    from edgewise.boundary.inference.resampling import REFITS, Bootstrap
    from edgewise.report.edge import edge_record, print_edge, write_edge

    if out.suffix != ".jsonl":
        raise InputError(f"{out}: --out names a .jsonl file; every decision stands beside it in .json")
    arms = _reading(score, threshold, filter, columns, files)([rollouts])
    if len(arms.models) > 1:
        raise InputError(f"{rollouts}: holds {len(arms.models)} models; give the rollouts of one")
    metric = _metric(by)
    _check_verified(arms, metric)
    edge = find_edge(arms.counts(arms.base, metric), rollouts=group, bootstrap=Bootstrap(REFITS.resamples, seed))
    concerns = arms.all_concerns(metric)
    write_edge(edge, out, prompts=arms.prompts, concerns=concerns)
    if as_json:
        print_json({**edge_record(edge, concerns), "training_set": str(out)})
    else:
        print_edge(edge, out, concerns)


def _reading(
    score: str | None, threshold: float | None, filter: str | None, columns: str | None, files: str | None
) -> partial[Arms]:
    """How the files of a command are read: `read_arms` with what its options say."""
    from edgewise.interop.arms import read_arms
    from edgewise.interop.column_map import parse_column_map

    names = None if columns is None else parse_column_map(columns)
    return partial(
        read_arms,
        score=score,
        threshold=threshold,
        filter=filter,
        columns=names,
        files_are=cast("FilesAre | None", files),
    )


def _plan(
    rollouts: list[str],
    metric: Metric | None,
    k: int,
    effect: float,
    alpha: float,
    read: partial[Arms],
    seed_scatter: float | None,
    as_json: bool,
) -> None:
    from edgewise.boundary import plan_samples, plan_seeds
    from edgewise.report.planning import print_plan

    if len(rollouts) > 2:
        raise InputError(
            "--plan: takes the base's rollouts, and one arm with training seeds, or none; leave others out"
        )
    scatter, source = None if seed_scatter is None else seed_scatter / 100, "given"
    base: Counts | None = None
    concerns: tuple[Concern, ...] = ()
    if len(rollouts) == 2:
        arms = read(rollouts)
        _check_verified(arms, metric)
        base, concerns = arms.counts(arms.base, metric), arms.all_concerns(metric)
        if scatter is None:
            scatter, source = _measured_scatter(arms, metric, k)
    elif rollouts:
        base, concerns = _one_model(rollouts[0], metric, read)
    plan = plan_samples(base, k=k, effect=effect, alpha=alpha)
    of_seeds = None if scatter is None else plan_seeds(base, k=k, effect=effect, scatter=scatter, alpha=alpha)
    if as_json:
        of_scatter = None if scatter is None else source
        print_json({"samples": plan, "seeds": of_seeds, "scatter_source": of_scatter, "concerns": concerns})
        return
    print_plan(plan, concerns, of_seeds, source)


def _measured_scatter(arms: Arms, metric: Metric | None, k: int) -> tuple[float, str]:
    """The standard deviation of Delta pass@k over the training seeds of the one tuned arm, and where it is from."""
    from edgewise.boundary.audit.arms import line_up
    from edgewise.boundary.inference.seed_power import scatter_interval
    from edgewise.boundary.verdict.recipe import seed_differences

    checkpoints = line_up(arms.by_arm)
    tuned = list(checkpoints.base_of)
    n = min(arms.counts(model, metric).n for model in arms.models)
    if not checkpoints.recipes or len(tuned) < 2:
        raise InputError(
            "--plan: the tuned arm has one checkpoint; how seeds scatter needs 2 or more: NAME=PATH,PATH,..."
        )
    if k > n:
        raise InputError(f"--k: {k}; pass@{k} over the seeds needs {k} samples of each problem, and some have {n}")
    pairs = [(arms.counts(checkpoints.base_of[model], metric), arms.counts(model, metric)) for model in tuned]
    of_k = seed_differences(pairs, k)[-1]
    low, high = (100 * end for end in scatter_interval(of_k))
    return of_k.scatter_of_runs, f"measured over {len(tuned)}; by so few, {low:.1f} to {high:.1f}"


def _one_model(argument: str, metric: Metric | None, read: partial[Arms]) -> tuple[Counts, tuple[Concern, ...]]:
    """The counts of one model's rollouts and every concern about them."""
    arms = read([argument])
    if len(arms.models) > 1:
        raise InputError(f"{argument}: holds {len(arms.models)} models; give the rollouts of one")
    _check_verified(arms, metric)
    return arms.counts(arms.base, metric), arms.all_concerns(metric)


def _metric(by: str | None) -> Metric | None:
    if by is None:
        return None
    if by not in ("answer", "process"):
        raise InputError(f"--by: {by!r} is unknown; use answer or process")
    return cast("Metric", by)


def _check_verified(arms: Arms, metric: Metric | None) -> None:
    for name in arms.models if metric else ():
        metrics = arms.metrics(name)
        if metric not in metrics:
            raise InputError(f"--by: the {metric} was not verified in {name}; use {metrics[0]}")


def _verifier_labels(fpr: str | None, fnr: str | None) -> VerifierLabels | None:
    from edgewise.boundary.measures.verifier_errors import VerifierLabels

    if fpr is None and fnr is None:
        return None
    if fpr is None or fnr is None:
        raise InputError("--verifier-fpr, --verifier-fnr: both are needed to allow for the errors of a verifier")
    refused, labelled = _share("--verifier-fnr", fnr)
    return VerifierLabels(*_share("--verifier-fpr", fpr), labelled - refused, labelled)


def _share(name: str, text: str) -> tuple[int, int]:
    match = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", text)
    passed, labelled = (int(match[1]), int(match[2])) if match else (0, 0)
    if not passed <= labelled or not labelled:
        raise InputError(f"{name}: {text!r}; write errors/labelled, such as 3/60")
    return passed, labelled
