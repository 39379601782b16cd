"""What the page shows beside one another where several methods explain one target."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from eagle_mllm.arrays import RGBImage
from eagle_mllm.attribution.result import Attribution
from eagle_mllm.metrics.faithfulness import deletion_auc, faithfulness_gap, insertion_auc
from eagle_mllm.report.comparing import Compared, compared, is_comparison
from eagle_mllm.report.curves import axis_top
from eagle_mllm.report.facts import duration, number
from eagle_mllm.report.hatching import hatched
from eagle_mllm.report.pages.svg import points
from eagle_mllm.report.pictures import (
    data_uri,
    picture_shape,
    png,
    resized_image,
    resized_values,
    saliency_over,
)
from eagle_mllm.report.tokens import clean

_SIDE = 256
"""The longer side of a small map, in pixels."""


class MethodRow(NamedTuple):
    """One method: its map, its line, its numbers."""

    label: str
    map: str
    color: str
    dashes: str
    inserted: str
    deleted: str
    numbers: tuple[str, ...]


class Comparison(NamedTuple):
    """Every method, on one axis of probability up to `top`."""

    image: str
    rows: tuple[MethodRow, ...]
    top: float


def comparison_of(attributions: Sequence[Attribution]) -> Comparison | None:
    """The comparison; None where there is one method, or several targets."""
    if not is_comparison(attributions):
        return None
    methods = compared(attributions)
    curves = [curve for one in methods for curve in _curves(one.attribution)]
    top = axis_top(max(float(curve.max()) for curve in curves))
    image = resized_image(attributions[0].generation.image, _shape(attributions[0]))
    rows = tuple(_row(one, image, top) for one in methods)
    return Comparison(data_uri(png(image)), rows, top)


def _shape(attribution: Attribution) -> tuple[int, int]:
    return picture_shape(attribution.regions.shape, max_side=_SIDE)


def _map(attribution: Attribution, image: RGBImage) -> str:
    shape = _shape(attribution)
    unseen = attribution.regions.mask(attribution.unseen)
    picture = saliency_over(image, resized_values(attribution.saliency, shape))
    return data_uri(png(hatched(picture, resized_values(unseen, shape))))


def _row(one: Compared, image: RGBImage, top: float) -> MethodRow:
    trace = one.attribution.trace
    inserted, deleted = (
        points(trace.area.astype(np.float64), curve, top) for curve in _curves(one.attribution)
    )
    return MethodRow(
        label=clean(one.label),
        map=_map(one.attribution, image),
        color=one.color,
        dashes=" ".join(f"{2 * length:g}" for length in one.dashes),
        inserted=inserted,
        deleted=deleted,
        numbers=(
            number(insertion_auc(trace)),
            number(deletion_auc(trace)),
            number(faithfulness_gap(trace)),
            str(one.attribution.forward_passes),
            duration(one.attribution.seconds),
        ),
    )


def _curves(attribution: Attribution) -> tuple[np.ndarray, np.ndarray]:
    trace = attribution.trace
    return (
        trace.insertion.mean(axis=1, dtype=np.float64),
        trace.deletion.mean(axis=1, dtype=np.float64),
    )
