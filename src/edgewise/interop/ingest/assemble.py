"""Assemble the rollouts of each model from the table, once all rows are read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgewise.core.errors import InputError
from edgewise.interop.ingest.cells import quote
from edgewise.interop.ingest.collisions import refuse_collisions
from edgewise.interop.ingest.columns import MISSING, Array
from edgewise.interop.ingest.copies import leave_out_copies
from edgewise.interop.ingest.model_rows import EMPTY, ModelRows, split_by_model
from edgewise.interop.ingest.problem_columns import (
    gold_answers,
    problem_clusters,
    problem_ids,
    problem_levels,
    problem_sets,
    recorded_sampling,
    string_column,
)
from edgewise.interop.ingest.problems import rank_within
from edgewise.interop.ingest.table import RolloutTable
from edgewise.interop.ingest.texts import EXAMPLE_PROBLEMS
from edgewise.interop.ingest.unrecorded import mark_unrecorded
from edgewise.interop.ingest.verdicts import NOT_VERIFIED
from edgewise.interop.model_rollouts import ModelRollouts, RecordedSampling
from edgewise.outcomes.counts import Counts, IntArray
from edgewise.outcomes.example import MARKS, Example
from edgewise.outcomes.outcomes import Int32Array, MarkArray, Outcomes


def assemble(table: RolloutTable) -> tuple[ModelRollouts, ...]:
    """The rollouts of each model, models in order of appearance.

    Raises InputError when ids or models collide, a problem has a sample twice, some rows or problems lack what others
    have, or the samples of one problem set were not drawn with one of each sampling setting.
    """
    if table.totals is not None:
        return tuple(_totals(table, *checkpoint, counts) for checkpoint, counts in table.totals.items())
    if not table.rows:
        raise InputError(f"{table.origins.files[0]}: no sample; a row is one sample")
    return tuple(_model_rollouts(mark_unrecorded(leave_out_copies(model))) for model in split_by_model(table))


def _totals(table: RolloutTable, model: str | None, training_seed: str | None, counts: Counts) -> ModelRollouts:
    """The counts of one model in a file that holds no samples."""
    return ModelRollouts(
        model=model,
        training_seed=training_seed,
        source=" and ".join(table.origins.sources),
        files=tuple(table.origins.files),
        outcomes=None,
        counts=counts,
        prompts={},
        examples=(),
        sampling=RecordedSampling(),
        verifiers=(),
        graded_by=(),
        duplicates=None,
        notes=tuple(table.notes),
        warnings=tuple(table.warnings),
    )


def _model_rollouts(model: ModelRows) -> ModelRollouts:
    table = model.table
    ids = problem_ids(model)
    refuse_collisions(model, ids)
    sampling = recorded_sampling(model)
    outcomes = _outcomes(model, ids)
    _refuse_ids_of_rows(model)
    return ModelRollouts(
        model=model.name,
        training_seed=model.training_seed,
        source=" and ".join(table.origins.sources),
        files=tuple(table.origins.files),
        outcomes=outcomes,
        counts=None,
        prompts=_prompts(model, ids),
        examples=_examples(model, ids),
        sampling=sampling,
        verifiers=tuple(model.used("verifier")),
        graded_by=tuple(model.used("graded_by")),
        duplicates=_duplicates(model),
        notes=tuple(model.notes),
        warnings=tuple(model.warnings),
    )


def _outcomes(model: ModelRows, ids: Sequence[str]) -> Outcomes:
    order = sorted(range(len(ids)), key=ids.__getitem__)
    rank_P = np.empty(len(order), dtype=np.int32)
    rank_P[order] = np.arange(len(order), dtype=np.int32)
    sample_S = _sample_numbers(model, ids)
    truncated_S = _complete_column(model, "truncated")
    tokens_S, score_S, logprob_S = (_complete_column(model, name) for name in ("tokens", "score", "logprob"))
    gold, clusters = gold_answers(model), problem_clusters(model, list(ids))
    levels, sets = problem_levels(model), problem_sets(model)
    predicted_S = _predicted(model)
    try:
        return Outcomes(
            problem=string_column("problem_id", [ids[place] for place in order]),
            level=levels[order],
            problem_S=rank_P[model.problem_S],
            sample_S=sample_S,
            answer_S=model.columns["verdict"],
            process_S=_process(model),
            truncated_S=None if truncated_S is None else truncated_S == 1,
            tokens_S=tokens_S,
            score_S=score_S,
            logprob_S=logprob_S,
            predicted_S=predicted_S,
            text_S=model.columns.get("text"),
            seed_S=_seeds(model),
            answers=() if predicted_S is None else tuple(model.table.encoders["answer"].values()),
            set=None if sets is None else sets[order],
            cluster=None if clusters is None else clusters[order],
            gold=None if gold is None else gold[order],
        )
    except InputError:
        # A sample that is there twice is found by Outcomes; here its row is known.
        _refuse_repeated_samples(model, ids, sample_S)
        raise


def _refuse_ids_of_rows(model: ModelRows) -> None:
    """InputError where every problem has one sample, while prompts repeat, twice on average: ids may count rows."""
    if model.table.row_ids is None or model.problem_S.size > model.number_P.size:
        return
    id, prompt = model.table.row_ids
    hashes = model.table.prompt_texts.first_hashes(model.table.problems.count)[model.number_P].tolist()
    asked = [both for both in zip(hashes, model.attribute("gold"), strict=True) if both[0]]
    if asked and 2 * len(set(asked)) <= len(asked):
        what = f"every row has its own, while prompts repeat ({len(set(asked))} in {len(asked)} rows)"
        way_out = f"--map id={prompt} takes equal prompts as problems, --map id={id} the rows"
        raise model.error_of_problem(0, id, f"{what}; {way_out}")


def _sample_numbers(model: ModelRows, ids: Sequence[str]) -> IntArray:
    """The number of each sample within its problem: that of the files, else its position among the rows."""
    given_S = model.columns.get("sample")
    if given_S is None or (given_S == MISSING).all():
        model.notes.append("samples are numbered in the order of the rows")
        return rank_within(model.problem_S)
    if (given_S == MISSING).any():
        row = int(np.argmax(given_S == MISSING))
        raise model.error_at(row, "sample_id", "empty; every row needs it, or none")
    if not model.table.samples_are_named:
        return given_S
    _refuse_repeated_samples(model, ids, given_S)
    model.notes.append("sample ids are names; samples are numbered in the order of the rows")
    return rank_within(model.problem_S)


def _refuse_repeated_samples(model: ModelRows, ids: Sequence[str], sample_S: IntArray) -> None:
    order = np.lexsort((sample_S, model.problem_S))
    repeated = np.flatnonzero((np.diff(model.problem_S[order]) == 0) & (np.diff(sample_S[order]) == 0))
    if repeated.size:
        row = int(order[repeated + 1].min())
        problem = quote(ids[model.problem_S[row]])
        raise model.error_at(row, "sample_id", f"problem {problem} had this sample before; a sample is one row")


def _complete_column(model: ModelRows, name: str) -> Array | None:
    """A column that is of use only when every row has it; otherwise None, and a note where some rows have it."""
    column = model.columns.get(name)
    if column is None:
        return None
    missing_S = np.isnan(column) if column.dtype.kind == "f" else column == EMPTY[name]
    missing = int(missing_S.sum())
    if 0 < missing < column.size:
        model.notes.append(f"{name} is left out: {missing} of {column.size} rows have none")
    return None if missing else column


def _seeds(model: ModelRows) -> IntArray | None:
    """The seed of each sample, None where rows have none or all have one."""
    seed_S = model.columns.get("seed")
    return None if seed_S is None or (seed_S == MISSING).any() or (seed_S == seed_S[0]).all() else seed_S


def _predicted(model: ModelRows) -> Int32Array | None:
    """The place of each sample's answer among all answers; None where no row has one or there are too many."""
    predicted_S, answers = model.columns.get("predicted"), model.table.encoders["answer"]
    if predicted_S is not None and answers.full:
        model.notes.append(f"answers are left out: there are more than {answers.limit:,}")
        return None
    if predicted_S is None or (predicted_S < 0).all():
        return None
    if _is_right_and_wrong(model.problem_S, predicted_S, model.columns["verdict"]):
        model.notes.append("answers are left out: one answer to one problem is both right and wrong")
        return None
    return predicted_S


def _is_right_and_wrong(problem_S: Int32Array, answer_S: Int32Array, verdict_S: MarkArray) -> bool:
    """Whether, in most problems with right and wrong samples, one answer is both: it is none of the model then."""
    given_S = (answer_S >= 0) & (verdict_S >= 0)
    right_S, wrong_S = given_S & (verdict_S == 1), given_S & (verdict_S == 0)
    right_P, wrong_P = (np.bincount(problem_S[chosen_S]) > 0 for chosen_S in (right_S, wrong_S))
    problems = min(right_P.size, wrong_P.size)
    mixed = int((right_P[:problems] & wrong_P[:problems]).sum())
    key_S = problem_S.astype(np.int64) * 2**31 + answer_S
    both = np.unique(np.intersect1d(key_S[right_S], key_S[wrong_S]) >> 31)
    return 2 * both.size > mixed


def _process(model: ModelRows) -> MarkArray | None:
    """The verdict of each sample's process, None where no process was verified."""
    column = model.columns.get("process")
    return None if column is None or (column == NOT_VERIFIED).all() else np.maximum(column, -1)


def _prompts(model: ModelRows, ids: Sequence[str]) -> dict[str, str]:
    prompts = model.table.texts.prompts
    places = model.places(list(prompts))
    return {
        ids[model.problem_S[place]]: text
        for place, text in zip(places, prompts.values(), strict=True)
        if place is not None
    }


def _examples(model: ModelRows, ids: Sequence[str]) -> tuple[Example, ...]:
    """Kept completions of at most EXAMPLE_PROBLEMS problems, of each set alike."""
    completions = model.table.texts.completions
    places = model.places([kept.row for kept in completions])
    examples = [
        (int(model.problem_S[place]), place, kept)
        for kept, place in zip(completions, places, strict=True)
        if place is not None
    ]
    chosen = _example_problems(model, [problem for problem, _, _ in examples])
    process_S = model.columns.get("process")
    process_of = {place: -1 if process_S is None else int(process_S[place]) for _, place, _ in examples}
    return tuple(
        Example(
            model=model.name,
            problem_id=ids[problem],
            text=kept.text,
            answer=MARKS[int(model.columns["verdict"][place])],
            process=None if process_of[place] < 0 else MARKS[process_of[place]],
            first_wrong_step=kept.first_wrong_step,
            reason=kept.reason,
        )
        for problem, place, kept in examples
        if problem in chosen
    )


def _example_problems(model: ModelRows, candidates: Sequence[int]) -> set[int]:
    """The problems whose examples are handed on: the sets take turns, so that each has its share."""
    turn: dict[int, int] = {}
    problems_of_set: dict[int, int] = {}
    for problem in dict.fromkeys(candidates):
        set_code = int(model.set_P[problem])
        turn[problem] = problems_of_set.get(set_code, 0)
        problems_of_set[set_code] = turn[problem] + 1
    return set(sorted(turn, key=lambda problem: (turn[problem], problem))[:EXAMPLE_PROBLEMS])


def _duplicates(model: ModelRows) -> float | None:
    """The share of problems whose completions are all one text, among those with two or more completions."""
    comparison, problems = model.table.completion_texts, model.table.problems.count
    several_P = comparison.texts(problems)[model.number_P] > 1
    # Copies that were left out are no second completion.
    several_P &= np.bincount(model.problem_S, minlength=several_P.size) > 1
    differ_P = comparison.differ(problems)[model.number_P]
    return float(1 - differ_P[several_P].mean()) if several_P.any() else None
