"""`edgewise verify --compare A B`: two verifiers on the same rollouts, their agreement and the label under each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgewise.core.errors import InputError

if TYPE_CHECKING:
    from edgewise.boundary import Metric, Outcomes
    from edgewise.interop.arms import Arms


def compare_verifiers(first: str, second: str) -> None:
    """Read the verdicts of two verifiers on the same rollouts, and print where they agree and what each gives.

    Raises InputError where they do not hold the same models, problems and samples.
    """
    from rich.console import Console

    from edgewise.boundary import audit
    from edgewise.boundary.measures.agreement import verifier_agreement
    from edgewise.interop.arms import read_arms
    from edgewise.report.agreement import print_agreement, print_labels
    from edgewise.report.terminal import status

    names = (first, second)
    with status("reading the verdicts"):
        arms = {name: read_arms([name]) for name in names}
    if len(arms) < 2:
        raise InputError(f"--compare: {first} twice; give the verdicts of two verifiers")
    models = _pairs(arms[first], arms[second], names)
    metric = _metric([arms[name].metrics(model) for name in names for model in arms[name].models])
    agreements = {
        model: verifier_agreement(_samples(arms[first], model), _samples(arms[second], other), metric)
        for model, other in models.items()
    }
    console = Console(highlight=False)
    print_agreement(names, agreements, console)
    if len(models) < 2:
        console.print("The label under each needs a base and a tuned model in both.")
        return
    with status("computing the labels"):
        audits = {
            name: audit(of_it.by_arm, metric=metric, measures=[], concerns=of_it.concerns)
            for name, of_it in arms.items()
        }
    print_labels(audits, console)


def _pairs(first: Arms, second: Arms, names: tuple[str, str]) -> dict[str, str]:
    """The models of the first verifier with those of the second: by name, or the only ones."""
    if len(first.models) == len(second.models) == 1:
        return {first.base: second.base}
    if list(first.models) != list(second.models):
        raise InputError(
            f"--compare: {names[0]} has the models {', '.join(first.models)} and {names[1]} "
            f"{', '.join(second.models)}; two verifiers of the same rollouts have the same, in one order"
        )
    return {model: model for model in first.models}


def _metric(metrics: list[tuple[Metric, ...]]) -> Metric:
    return "process" if all("process" in of_one for of_one in metrics) else "answer"


def _samples(arms: Arms, model: str) -> Outcomes:
    from edgewise.boundary import Outcomes

    samples = arms.samples[model]
    if not isinstance(samples, Outcomes):
        raise InputError(f"--compare: {model} has counts alone; verifiers are compared sample by sample")
    return samples
