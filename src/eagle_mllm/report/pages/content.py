"""What the page shows about each target, and what its script needs."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from eagle_mllm.arrays import LabelMap
from eagle_mllm.attribution.result import Attribution
from eagle_mllm.report.curves import curve_points
from eagle_mllm.report.facts import Fact, facts_of, metrics_of, notes_of, number, numbered
from eagle_mllm.report.hatching import hatching
from eagle_mllm.report.pages.svg import Plot, plot
from eagle_mllm.report.pictures import (
    Badge,
    badge_radius,
    badges,
    data_uri,
    resized_values,
    run_lengths,
    saliency_layer,
    veil,
)
from eagle_mllm.report.tokens import visible

_SMALLEST_BADGE, _LARGEST_BADGE = 0.013, 0.024  # radius as a share of the longer side


class TokenRow(NamedTuple):
    """One word of a target: its probability without and with the image, and its evidence."""

    text: str
    hidden: str
    whole: str
    evidence: float


class Section(NamedTuple):
    """Everything about one target."""

    label: str
    alt: str
    saliency: str
    veil: str
    hatching: str | None
    notes: tuple[str, ...]
    badges: tuple[Badge, ...]
    radius: float
    numbered: int
    regions: int
    plot: Plot
    metrics: tuple[Fact, ...]
    facts: tuple[Fact, ...]
    rows: tuple[TokenRow, ...]


class Sections(NamedTuple):
    """The sections, and the numbers for the script."""

    targets: tuple[Section, ...]
    data: dict[str, Any]


def sections(
    attributions: Sequence[Attribution], labels: Sequence[str], shape: tuple[int, int]
) -> Sections:
    """A section for each attribution, with pictures of the given height and width."""
    partitions: list[LabelMap] = []
    targets, numbers = [], []
    for attribution, label in zip(attributions, labels, strict=True):
        partition = _index(partitions, attribution.regions.labels)
        targets.append(_section(attribution, label, shape))
        numbers.append(
            {"partition": partition, "top": targets[-1].plot.top, **_numbers(attribution)}
        )
    scaled = [run_lengths(resized_values(partition, shape)) for partition in partitions]
    data = {"height": shape[0], "width": shape[1], "partitions": scaled, "targets": numbers}
    return Sections(tuple(targets), data)


def _index(partitions: list[LabelMap], labels: LabelMap) -> int:
    """The index of this partition in the list; words of one answer mostly share theirs."""
    for index, known in enumerate(partitions):
        if known is labels or np.array_equal(known, labels):
            return index
    partitions.append(labels)
    return len(partitions) - 1


def _section(attribution: Attribution, label: str, shape: tuple[int, int]) -> Section:
    trace = attribution.trace
    labels = resized_values(attribution.regions.labels, shape)
    count = numbered(attribution)
    unseen = attribution.regions.mask(attribution.unseen)
    side = max(shape)
    radius = badge_radius(
        shape, len(trace.order), least=_SMALLEST_BADGE * side, most=_LARGEST_BADGE * side
    )
    return Section(
        label=label,
        alt=_alt(attribution, label),
        saliency=data_uri(saliency_layer(resized_values(attribution.saliency, shape))),
        veil=data_uri(veil(labels, trace.order[:count].tolist())),
        hatching=data_uri(hatching(resized_values(unseen, shape))) if unseen.any() else None,
        notes=notes_of(attribution),
        badges=badges(labels, trace.order, count=count, apart=2.1 * radius),
        radius=radius,
        numbered=count,
        regions=len(trace.order),
        plot=plot(
            trace.area.astype(np.float64),
            trace.insertion.mean(axis=1, dtype=np.float64),
            trace.deletion.mean(axis=1, dtype=np.float64),
        ),
        metrics=metrics_of(attribution),
        facts=facts_of(attribution),
        rows=_rows(attribution),
    )


def _rows(attribution: Attribution) -> tuple[TokenRow, ...]:
    return tuple(
        TokenRow(visible(word.text), number(word.prior), number(word.confidence), word.evidence)
        for word in attribution.words
    )


def _alt(attribution: Attribution, label: str) -> str:
    """The saliency in words: where its most decisive region is."""
    if not attribution.trace.has_effect:
        return f"Saliency for {label}: no region has any effect."
    first = attribution.regions.mask([int(attribution.trace.order[0])])
    rows, columns = np.nonzero(first)
    height, width = first.shape
    vertical = ("top", "middle", "bottom")[min(2, int(3 * rows.mean() / height))]
    horizontal = ("left", "centre", "right")[min(2, int(3 * columns.mean() / width))]
    return f"Saliency for {label}: the most decisive region is in the {vertical} {horizontal}."


def _region_means(attribution: Attribution) -> Float[np.ndarray, " regions"]:
    labels = attribution.regions.labels.ravel()
    total = np.bincount(labels, weights=attribution.saliency.ravel().astype(np.float64))
    return total / np.bincount(labels)


def _numbers(attribution: Attribution) -> dict[str, Any]:
    trace = attribution.trace
    return {
        "order": trace.order.tolist(),
        "area": curve_points(trace.area.astype(np.float64)),
        "shown": curve_points(trace.insertion.mean(axis=1, dtype=np.float64)),
        "saliency": curve_points(_region_means(attribution)),
        "removed": curve_points(trace.deletion.mean(axis=1, dtype=np.float64)),
    }
