"""`edgewise verify --compare A B`: two verifiers on the same rollouts, their agreement and the label under each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgewise.cli.options import print_json
from edgewise.core.errors import InputError

if TYPE_CHECKING:
    from edgewise.boundary import Audit, Metric, Outcomes
    from edgewise.interop.arms import Arms


def compare_verifiers(first: str, second: str, as_json: bool) -> None:
    """Read the verdicts of two verifiers on the same rollouts, and print where they agree and what each gives.

    Raises InputError where they do not hold the same models, problems and samples.
    """
    from rich.console import Console

    from edgewise.boundary import audit
    from edgewise.boundary.measures.agreement import verifier_agreement
    from edgewise.interop.arms import read_arms
    from edgewise.report.agreement import agreement_record, print_agreement, print_labels
    from edgewise.report.prose import print_prose
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
    audits: dict[str, Audit] = {}
    if len(models) > 1:
        with status("computing the labels"):
            for name, of_it in arms.items():
                audits[name] = audit(of_it.by_arm, metric=metric, measures=[], concerns=of_it.concerns)
    if as_json:
        print_json(agreement_record(names, agreements, audits))
        return
    console = Console(highlight=False)
    print_agreement(names, agreements, console)
    if audits:
        print_labels(audits, console)
    else:
        print_prose("The label under each needs a base and a tuned model in both.", console)


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
