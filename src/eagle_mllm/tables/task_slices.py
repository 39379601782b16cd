"""The records of a run, by task, with what was run in the words of a table."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from eagle_mllm.attribution.objective import Objective
from eagle_mllm.attribution.search.registry import make_search
from eagle_mllm.errors import ResultError
from eagle_mllm.runs.methods import BaselineSection, EagleSection, MethodSection, ObjectiveSection
from eagle_mllm.runs.record import Outcome, Record
from eagle_mllm.runs.sections import RegionsSection
from eagle_mllm.runs.store import Run
from eagle_mllm.tables.table import Labels

PASSES = "forward_passes"
"""The one column that is not a measure: images scored per sample."""

NONE = "–"


@dataclass(frozen=True, kw_only=True)
class TaskSlice:
    """What one run has to say on one task."""

    labels: Labels
    run: Run
    measures: Mapping[str, Mapping[str, float]]
    """Sample id → its measures."""

    def has(self, measure: str) -> bool:
        """Whether the measure belongs to this task, also where no sample has a number."""
        return any(measure in values for values in self.measures.values())

    def values(self, measure: str, samples: Iterable[str]) -> list[float]:
        """The measure of each sample, in this order, NaN if it has none.

        Args:
            measure: its key
            samples: ids of the samples
        """
        return [self.measures.get(sample, {}).get(measure, math.nan) for sample in samples]


def slices_of(run: Run) -> tuple[TaskSlice, ...]:
    """The slices of a run: one per task, in the order in which they first occur.

    Raises:
        ResultError: no sample of the run has ended yet
    """
    outcomes: tuple[Outcome, ...] = (*run.records, *run.not_applicable, *run.failures)
    if not outcomes:
        raise ResultError(
            f"run {run.config.name!r} has no finished sample; continue it with `eagle run`, or "
            "leave it out"
        )
    return tuple(
        TaskSlice(
            labels=labels_of(run, task=task),
            run=run,
            measures={
                record.sample_id: {**record.measures, PASSES: float(record.forward_passes)}
                for record in _sorted(run.records)
                if record.task == task
            },
        )
        for task in dict.fromkeys(outcome.task for outcome in outcomes)
    )


def labels_of(run: Run, *, task: str) -> Labels:
    """What was run, in the words of a table."""
    config = run.config
    model = config.model
    return Labels(
        task=task,
        data=str(run.data["name"]),
        model=model.id if model.revision is None else f"{model.id}@{model.revision}",
        method=_method(config.method),
        search=_search(config.method),
        objective=_objective_of(config.method),
        regions=_regions(config.regions),
        run=run.folder.name,
    )


def _sorted(records: Iterable[Record]) -> list[Record]:
    # The bootstrap draws by place: equal runs must give equal intervals, however they were written.
    return sorted(records, key=lambda record: record.sample_id)


def _method(method: MethodSection) -> str:
    if not isinstance(method, BaselineSection):
        return method.name
    changed = {key: value for key, value in method.changed.items() if key != "ranking"}
    return _with_settings(method.name, changed)


def _search(method: MethodSection) -> str:
    """How the order came to be: the search, or what a baseline's map ranks."""
    if isinstance(method, BaselineSection):
        return f"by {method.ranking}"
    if not isinstance(method, EagleSection):
        return NONE
    name = str(method.search["name"])
    usual = make_search(name).settings
    changed = {key: value for key, value in method.search.items() if usual.get(key) != value}
    return _with_settings(name, changed)


def _with_settings(name: str, changed: Mapping[str, object]) -> str:
    settings = ", ".join(f"{key}={value}" for key, value in changed.items())
    return f"{name}({settings})" if settings else name


def _objective_of(method: MethodSection) -> str:
    if not isinstance(method, EagleSection):
        return NONE
    scale = [] if method.objective.scale == Objective().scale else [method.objective.scale]
    tokens = [] if method.sensitive is None else [f"tokens above {method.sensitive:g}"]
    return ", ".join([_objective(method.objective), *scale, *tokens])


def _objective(objective: ObjectiveSection) -> str:
    weights = objective.insight, objective.necessity
    if weights == (Objective().insight, Objective().necessity):
        return "both"
    if 0 in weights:
        return "insight only" if objective.insight else "necessity only"
    return f"{weights[0]:g} insight, {weights[1]:g} necessity"


def _regions(regions: RegionsSection) -> str:
    usual = regions.method == RegionsSection().method
    return str(regions.count) if usual else f"{regions.count} {regions.method}"


DEFAULTS = {
    "objective": _objective(ObjectiveSection()),
    "regions": _regions(RegionsSection()),
}
"""The labels of the settings that an ablation varies, as they are by default."""
