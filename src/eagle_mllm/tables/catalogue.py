"""The five tables of the paper, and which runs belong to which: that follows from what they did."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from eagle_mllm.tables.table import Column, Labels
from eagle_mllm.tables.task_slices import DEFAULTS, NONE, PASSES, TaskSlice

FAITHFULNESS = (
    Column(measure="insertion_auc", heading="insertion", better="higher"),
    Column(measure="deletion_auc", heading="deletion", better="lower"),
    Column(measure="faithfulness_gap", heading="gap", better="higher"),
    Column(measure="average_highest_score", heading="highest score", better="higher"),
)
SENSITIVE = tuple(
    Column(
        measure=f"{column.measure}_sensitive",
        heading=f"{column.heading}, sensitive",
        better=column.better,
    )
    for column in FAITHFULNESS
)
EVIDENCE = (Column(measure="evidence_auroc", heading="evidence AUROC", better="higher"),)
RELEVANCE = (
    Column(measure="relevance_mass", heading="relevance mass", better="higher"),
    Column(measure="relevance_rank", heading="relevance rank", better="higher"),
    Column(measure="evidence_recovered", heading="evidence recovered", better="higher"),
)
POINTING = (
    Column(measure="pointing_box", heading="pointing, box", better="higher"),
    Column(measure="pointing_mask", heading="pointing, mask", better="higher"),
    Column(measure="pointing_box_any", heading="any overlap, box"),
    Column(measure="pointing_mask_any", heading="any overlap, mask"),
)
CORRECTION = (
    Column(measure="corrected_area", heading="AMCR", better="lower"),
    Column(measure="corrected_within_10", heading="CSR@10%", better="higher"),
)
MAPS = (Column(measure="flat_map", heading="flat maps", decimals=2),)
COST = (Column(measure=PASSES, heading="passes", better="lower", decimals=0),)

Groups = list[tuple[TaskSlice, ...]]
"""Slices in one group may be compared with each other."""


@dataclass(frozen=True, kw_only=True)
class Spec:
    """What a table shows."""

    name: str
    title: str
    tasks: tuple[str, ...]
    columns: tuple[Column, ...]

    ablates: str | None = None
    """The label that an ablation varies; None for a table that compares models and methods."""


TABLES = (
    Spec(
        name="sentences",
        title="Faithfulness of sentences: captions and visual questions",
        tasks=("caption", "vqa"),
        columns=(*FAITHFULNESS, *SENSITIVE, *EVIDENCE, *RELEVANCE, *MAPS, *COST),
    ),
    Spec(
        name="words",
        title="Faithfulness of words, and the pointing game",
        tasks=("object",),
        columns=(*FAITHFULNESS, *POINTING, *RELEVANCE, *MAPS, *COST),
    ),
    Spec(
        name="hallucination",
        title="Correction of hallucinations",
        tasks=("existence",),
        columns=(*FAITHFULNESS, *CORRECTION, *MAPS, *COST),
    ),
    Spec(
        name="objective",
        title="Ablation of the objective",
        tasks=("caption", "vqa", "object", "existence"),
        columns=(*FAITHFULNESS, *COST),
        ablates="objective",
    ),
    Spec(
        name="regions",
        title="Ablation of the number of regions",
        tasks=("caption", "vqa", "object", "existence"),
        columns=(*FAITHFULNESS, *COST),
        ablates="regions",
    ),
)


def groups_of(spec: Spec, slices: Sequence[TaskSlice]) -> Groups:
    """The slices that belong to a table, those that may be compared together.

    A table of methods leaves ablations out where the run that they vary is there: what that run
    has is what most of these slices have, of any task. Comparable are one task, data set and model.
    An ablation needs two values of what it varies; comparable is what is equal in all else.
    """
    chosen = [task_slice for task_slice in slices if task_slice.labels.task in spec.tasks]
    if spec.ablates is None:
        kept = _without_ablations(chosen, _usual(slices))
        return _grouped(kept, lambda labels: labels[:3])
    varied = spec.ablates
    families = _grouped(chosen, lambda labels: _but(labels, varied))
    return [group for group in families if len({getattr(p.labels, varied) for p in group}) > 1]


def _usual(slices: Sequence[TaskSlice]) -> dict[str, str]:
    """What most slices have of each setting that can be ablated.

    Of values that are equally frequent it is the default; without the default among them, no row
    of that setting is an ablation.
    """
    usual = {}
    for name, default in DEFAULTS.items():
        counts = Counter(getattr(task_slice.labels, name) for task_slice in slices)
        del counts[NONE]  # of methods that know no such setting
        if not counts:
            continue
        often = [value for value in counts if counts[value] == max(counts.values())]
        if len(often) == 1 or default in often:
            usual[name] = default if default in often else often[0]
    return usual


def _without_ablations(slices: Iterable[TaskSlice], usual: Mapping[str, str]) -> list[TaskSlice]:
    kept = []
    for family in _grouped(slices, lambda labels: _but(labels, *usual)):
        varied = [task_slice for task_slice in family if _has(task_slice.labels, usual)]
        kept += varied or list(family)
    return kept


def _has(labels: Labels, settings: Mapping[str, str]) -> bool:
    return all(getattr(labels, name) in (value, NONE) for name, value in settings.items())


def _but(labels: Labels, *names: str) -> tuple[str, ...]:
    """All that was run but these settings; the name of a run says nothing about it."""
    return labels._replace(**dict.fromkeys((*names, "run"), ""))


def _grouped(slices: Iterable[TaskSlice], key: Callable[[Labels], tuple[str, ...]]) -> Groups:
    groups: dict[tuple[str, ...], list[TaskSlice]] = {}
    for task_slice in slices:
        groups.setdefault(key(task_slice.labels), []).append(task_slice)
    return [tuple(group) for group in groups.values()]
