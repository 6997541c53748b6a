"""`edgewise rollouts`: sample a language model on any world, grade it, and write a file that `edgewise audit` reads."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from edgewise.cli.options import AsJson, Device, print_json
from edgewise.core.errors import InputError

if TYPE_CHECKING:
    from edgewise.boundary.audit.looked_at import LookedAt
    from edgewise.rollouts.of_models.collect_file import ModelFile
    from edgewise.rollouts.of_models.draw import Share
    from edgewise.tasks import Split, World


def collect_rollouts(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="A Hugging Face folder, ours or anybody's, the folder of a stage, or a name of the hub.",
        ),
    ],
    task: Annotated[
        str,
        typer.Argument(
            metavar="TASK",
            help="A world or preset that `edgewise tasks` lists, a .jsonl file of questions and answers, a task of"
            " Reasoning Gym, MODULE:CLASS or FILE.py:CLASS.",
        ),
    ],
    knobs: Annotated[
        list[str] | None,
        typer.Argument(metavar="[A.B=C]...", help="Knobs of the world: max_op=6, or match=math for a .jsonl."),
    ] = None,
    samples: Annotated[int, typer.Option("--samples", "-n", min=1, max=2**20, help="Samples of each problem.")] = 128,
    out: Annotated[Path, typer.Option(help="The Parquet file.")] = Path("base.parquet"),
    problems: Annotated[int, typer.Option(min=1, max=10**7, help="Different problems, at most.")] = 100,
    split: Annotated[str, typer.Option(help="train, validation, test or held_out.")] = "test",
    seed: Annotated[int, typer.Option(min=0, help="Seed of the problems and of the sampling.")] = 0,
    chat: Annotated[
        bool | None,
        typer.Option(
            "--chat/--no-chat", help="Put questions into the model's chat template. [default: where it has one]"
        ),
    ] = None,
    ask: Annotated[
        str, typer.Option(metavar="TEXT", help="What the model is asked; {question} stands for the problem's prompt.")
    ] = "{question}",
    temperature: Annotated[float, typer.Option(min=0.0, help="1 is the model's own distribution.")] = 1.0,
    top_p: Annotated[float, typer.Option(help="Below 1 pass@k is about a truncated sampler.")] = 1.0,
    max_new_tokens: Annotated[
        int, typer.Option(min=1, help="What is not finished by then is cut off, and has no verdict.")
    ] = 512,
    precision: Annotated[str, typer.Option(help="fp32 or bf16.")] = "fp32",
    sampler: Annotated[
        str, typer.Option(help="auto, ours, transformers or vllm; auto is ours where it reads the model.")
    ] = "auto",
    device: Device = "cpu",
    workers: Annotated[int, typer.Option(min=1, max=256, help="Processes, each with the model loaded.")] = 1,
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="I/N",
            help="Draw the I-th of N shares and leave it beside --out; when all are there, the command without --shard"
            " puts them together.",
        ),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(
            metavar="decided",
            help="Draw in stages, at most -n, until the verdict against --against is decided; alpha is spent over the"
            " looks.",
        ),
    ] = None,
    against: Annotated[Path | None, typer.Option(metavar="BASE", help="With --until: rollouts of the base.")] = None,
    k: Annotated[int | None, typer.Option(min=1, help="With --until: the k of the claim.")] = None,
    alpha: Annotated[float, typer.Option(help="With --until: the error over all looks.")] = 0.05,
    as_json: AsJson = False,
) -> None:
    """Sample a language model on any task, grade each completion, and write what `edgewise audit` reads."""
    from edgewise.model.folder_content import text_model_content
    from edgewise.model.text_tokenizer import load_text_tokenizer
    from edgewise.report.rollout_progress import RolloutProgress
    from edgewise.report.terminal import status
    from edgewise.rollouts.of_models.collect_file import ModelFile, collect
    from edgewise.rollouts.of_models.language_model import find_language_model, sampler_for
    from edgewise.rollouts.of_models.request import RolloutRequest
    from edgewise.sampling.params import SamplingParams
    from edgewise.tasks.base import check_split
    from edgewise.training.execution import check_device

    if out.is_dir() or out.suffix != ".parquet":
        raise InputError(f"--out: {out} must be a .parquet file")
    if (until is None) != (against is None) or until not in (None, "decided"):
        raise InputError("--until: write --until decided --against BASE.parquet")
    if until is not None and shard is not None:
        raise InputError("--shard: a share has no verdict; give --until without it, with --workers for speed")
    if k is not None and until is None:
        raise InputError("--k: is the k of --until decided; `edgewise audit --k` takes one too")
    check_split(split)
    check_device(device)
    share = _shard(shard)
    world = rollout_world(task, knobs or [], cast("Split", split))
    with status("reading the model"):
        found = find_language_model(model)
        folder = found.folder
        tokenizer = load_text_tokenizer(folder, chat)
        request = RolloutRequest.parse(
            {
                "model": text_model_content(folder),
                "sampler": sampler_for(folder, sampler),
                "world": world,
                "split": split,
                "seed": seed,
                "problems": problems,
                "ask": ask.replace("\\n", "\n"),
                "template": tokenizer.template,
                "sampling": SamplingParams.parse(
                    {
                        "temperature": temperature,
                        "top_p": top_p,
                        "max_new_tokens": max_new_tokens,
                        "precision": precision,
                    },
                    "sampling",
                ),
            },
            "rollouts",
        )
    with status("making the problems"):
        drawn = request.drawn_problems()
    out.parent.mkdir(parents=True, exist_ok=True)
    file = ModelFile(out, folder, found.name, request, drawn, device, workers)
    if against is not None:
        looked = _until_decided(file, against, samples, k, alpha)
        _report(file, looked, against, as_json)
        return
    there = file.samples_there()
    with RolloutProgress() as progress:
        progress.begin(found.name, (samples - there) * len(drawn) if samples > there else 0)
        collect(file, samples, progress.drawn, share)
    if share.of > 1:
        _report_shard(file, share, samples, as_json)
    else:
        _report(file, None, None, as_json)


def rollout_world(task: str, knobs: list[str], split: Split) -> World:
    """The world that TASK names: as everywhere, a file of questions, all in `split`, or a task of Reasoning Gym.

    A knob that the gym's world does not have goes to the task's own settings.
    """
    from edgewise.tasks.gym import ReasoningGym
    from edgewise.tasks.named import world_of, world_or_class

    if task.endswith((".jsonl", ".json")):
        own_split = [] if any(knob.startswith("split=") for knob in knobs) else [f"split={split}"]
        return world_of("questions", [f"path={task}", *own_split, *knobs])
    try:
        world_or_class(task)
    except InputError:
        if ":" in task or "/" in task or importlib.util.find_spec("reasoning_gym") is None:
            raise
        own = [knob for knob in knobs if knob.partition("=")[0] in ReasoningGym.model_fields]
        config = dict(knob.partition("=")[::2] for knob in knobs if knob not in own)
        world = world_of("gym", [f"task={task}", *own])
        return world if not config else _with_config(cast("ReasoningGym", world), config)
    return world_of(task, knobs)


def _with_config(world: Any, config: dict[str, str]) -> World:
    import json

    from edgewise.core.spec import plain

    values: dict[str, Any] = {}
    for knob, text in config.items():
        try:
            values[knob] = json.loads(text)
        except ValueError:
            values[knob] = text
    return cast("World", type(world).parse({**plain(world), "config": values}, world.task))


def _shard(text: str | None) -> Share:
    from edgewise.rollouts.of_models.draw import WHOLE, Share

    if text is None:
        return WHOLE
    match = re.fullmatch(r"([1-9][0-9]{0,5})/([1-9][0-9]{0,5})", text)
    if match is None or int(match[1]) > int(match[2]):
        raise InputError(f"--shard: {text!r}; write I/N with I from 1 to N, such as 1/4")
    return Share(int(match[1]), int(match[2]))


def _until_decided(file: ModelFile, against: Path, samples: int, k: int | None, alpha: float) -> LookedAt:
    from edgewise.interop.until_decided import until_decided
    from edgewise.report.rollout_progress import RolloutProgress
    from edgewise.rollouts.of_models.collect_file import collect

    if not against.is_file():
        raise InputError(f"--against: {against}: no such file; give the rollouts of the base")
    with RolloutProgress() as progress:

        def draw(n: int) -> Path:
            there = file.samples_there()
            progress.begin(f"{file.name}, {n} samples", max(0, n - there) * len(file.problems))
            collect(file, n, progress.drawn)
            return file.out

        return until_decided(against, draw, samples, k=k, alpha=alpha, there=file.samples_there())


def _report(file: ModelFile, looked: LookedAt | None, base: Path | None, as_json: bool) -> None:
    """Print how the rollouts were graded and what an audit will say of them; with looks, what they came to."""
    from rich.console import Console

    from edgewise.boundary import curve
    from edgewise.cli.tasks import audit_concerns
    from edgewise.report.prose import print_prose
    from edgewise.report.rollout_looks import looks_record, print_looks
    from edgewise.report.verified import verification_record, verification_summary
    from edgewise.rollouts.of_models.rollout_file import file_outcomes

    outcomes, reasons = file_outcomes(file.out)
    pass_at_1 = {name: curve(outcomes.counts(name), [1]) for name in outcomes.metrics}
    concerns = audit_concerns(file.out)
    if as_json:
        summary = verification_record(outcomes, pass_at_1, reasons, concerns)
        looks = {} if looked is None else {"until": looks_record(looked)}
        print_json({**summary, **looks, "rollouts": str(file.out)})
        return
    console = Console(highlight=False)
    verification_summary(outcomes, pass_at_1, reasons, console, concerns)
    if looked is not None:
        print_looks(looked, str(base), str(file.out), console)
    print_prose(f"rollouts: {file.out}", console)


def _report_shard(file: ModelFile, share: Share, samples: int, as_json: bool) -> None:
    from edgewise.report.prose import print_prose

    parts = file.parts_to(samples)
    missing = sum(not part.path(file.parts_folder).exists() for part in parts)
    if as_json:
        print_json({"shard": share, "parts": len(parts), "missing": missing})
        return
    rest = f"{missing} of {len(parts)} parts are missing" if missing else "all parts are there"
    print_prose(f"share {share.number} of {share.of} is drawn; {rest}; the command without --shard puts them together")
