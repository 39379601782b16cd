"""From runs to tables."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from eagle_mllm.metrics.summary import Summary, paired_difference, summarize
from eagle_mllm.runs.methods import EagleSection
from eagle_mllm.runs.store import Run
from eagle_mllm.runs.targets import UNCLEAR
from eagle_mllm.tables.catalogue import TABLES, Spec, groups_of
from eagle_mllm.tables.table import Column, Labels, Row, Table
from eagle_mllm.tables.task_slices import TaskSlice, slices_of

# Every cell gets a generator of its own, so that it does not depend on its neighbours.
_SEED = 0


def tables_of(runs: Sequence[Run]) -> tuple[Table, ...]:
    """The paper's tables that these runs fill, in the paper's order.

    Which run belongs to which table follows from its task and its settings. The same runs give
    the same tables, to the last digit of every interval.

    Args:
        runs: what `load_run` read, in the order of the rows

    Raises:
        ResultError: a run has no finished sample
    """
    slices = [task_slice for run in runs for task_slice in slices_of(run)]
    grouped = ((spec, groups_of(spec, slices)) for spec in TABLES)
    return tuple(_table(spec, groups) for spec, groups in grouped if groups)


def _table(spec: Spec, groups: Sequence[tuple[TaskSlice, ...]]) -> Table:
    slices = [task_slice for group in groups for task_slice in group]
    columns = tuple(
        column
        for column in spec.columns
        if any(task_slice.has(column.measure) for task_slice in slices)
    )
    rows: list[Row] = []
    differences: list[Row] = []
    for group in groups:
        pairs = _differences(group, columns)
        victories = [_victories(pairs, place, column) for place, column in enumerate(columns)]
        rows += [_row(index, group, columns, victories) for index in range(len(group))]
        differences += [row for places, row in pairs.items() if _is_told(places, group)]
    return Table(
        name=spec.name,
        title=spec.title,
        columns=columns,
        rows=tuple(rows),
        differences=tuple(differences),
        footer=_footer([task_slice.run for task_slice in slices]),
    )


_Pairs = dict[tuple[int, int], Row]
_Victories = set[tuple[int, int]]


def _differences(group: Sequence[TaskSlice], columns: Sequence[Column]) -> _Pairs:
    """Every two slices with samples in common, by their places in the group."""
    return {
        (i, j): _difference(group[i], group[j], columns)
        for i, j in combinations(range(len(group)), 2)
        if group[i].measures.keys() & group[j].measures.keys()
    }


def _is_told(places: tuple[int, int], group: Sequence[TaskSlice]) -> bool:
    """Whether a difference is printed: beside EAGLE, not those of other methods among themselves.

    Bold cells are judged by all of them.
    """
    is_ours = [_is_eagle(task_slice) for task_slice in group]
    return not any(is_ours) or any(is_ours[place] for place in places)


def _is_eagle(task_slice: TaskSlice) -> bool:
    return isinstance(task_slice.run.config.method, EagleSection)


def _difference(first: TaskSlice, second: TaskSlice, columns: Sequence[Column]) -> Row:
    # A sample that only one of them explained is missing, and counted as such.
    samples = sorted(first.measures.keys() | second.measures.keys())
    return Row(
        labels=Labels(*map(_minus, first.labels, second.labels)),
        n_samples=len(first.measures.keys() & second.measures.keys()),
        cells=tuple(_difference_cell(first, second, column, samples) for column in columns),
        best=(False,) * len(columns),
    )


def _difference_cell(
    first: TaskSlice, second: TaskSlice, column: Column, samples: Sequence[str]
) -> Summary:
    measure = column.measure
    # A measure that their task does not have is not missing.
    measured = samples if first.has(measure) or second.has(measure) else ()
    values = (task_slice.values(measure, measured) for task_slice in (first, second))
    return paired_difference(*values, rng=np.random.default_rng(_SEED))


def _minus(first: str, second: str) -> str:
    return first if first == second else f"{first} − {second}"


def _row(
    index: int,
    group: Sequence[TaskSlice],
    columns: Sequence[Column],
    victories: Sequence[_Victories],
) -> Row:
    task_slice, others = group[index], [other for other in range(len(group)) if other != index]
    return Row(
        labels=task_slice.labels,
        n_samples=len(task_slice.measures),
        cells=tuple(_cell(task_slice, column, group) for column in columns),
        best=tuple(
            bool(others) and all((index, other) in won for other in others) for won in victories
        ),
    )


def _cell(task_slice: TaskSlice, column: Column, group: Sequence[TaskSlice]) -> Summary:
    # A measure of their task that only newer runs have is missing in an older one.
    belongs = any(other.has(column.measure) for other in group)
    measured = task_slice.measures if belongs else ()
    return summarize(task_slice.values(column.measure, measured), rng=np.random.default_rng(_SEED))


def _victories(pairs: _Pairs, place: int, column: Column) -> _Victories:
    """Who is better than whom in a column, as far as the intervals know."""
    won: _Victories = set()
    for (first, second), row in pairs.items():
        difference = row.cells[place]
        if column.better is not None and difference.excludes_zero:
            first_is_better = (difference.mean > 0) == (column.better == "higher")
            won.add((first, second) if first_is_better else (second, first))
    return won


def _not_applicable(runs: Sequence[Run]) -> str:
    """The name of a count, with how many of them were answers that could not be judged."""
    unclear = sum(one.reason == UNCLEAR for run in runs for one in run.not_applicable)
    return f"not applicable ({unclear} unclear)" if unclear else "not applicable"


def _footer(runs: Sequence[Run]) -> str:
    """One line: every planned sample is somewhere in it."""
    distinct = list({id(run): run for run in runs}.values())
    counts = {
        "explained": sum(len(run.records) for run in distinct),
        _not_applicable(distinct): sum(len(run.not_applicable) for run in distinct),
        "failed": sum(len(run.failures) for run in distinct),
        "not yet run": sum(run.n_missing for run in distinct),
    }
    ends = ", ".join(f"{count} {name}" for name, count in counts.items())
    named = ", ".join(f"{run.config.name} {len(run.failures)}" for run in distinct if run.failures)
    failures = f" Failures: {named}." if named else ""
    several = "s" if len(distinct) > 1 else ""
    total = f"{sum(counts.values())} samples in {len(distinct)} run{several}"
    return f"{total}: {ends}.{failures}{_unplanned(distinct)}"


def _unplanned(runs: Sequence[Run]) -> str:
    """A sentence about outcomes that no table counts, if there are any."""
    beside = ", ".join(f"{run.config.name} {run.n_unplanned}" for run in runs if run.n_unplanned)
    return f" Not counted, as no plan lists them (run again): {beside}." if beside else ""
