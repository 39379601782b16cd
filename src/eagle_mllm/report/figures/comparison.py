"""The figure of a comparison: the image, a map for each method, all curves, the answer."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from eagle_mllm.attribution.result import Attribution
from eagle_mllm.metrics.faithfulness import deletion_auc, insertion_auc
from eagle_mllm.report.colors import FAINT
from eagle_mllm.report.comparing import Compared, compared
from eagle_mllm.report.curves import axis_top
from eagle_mllm.report.facts import duration, number
from eagle_mllm.report.figures import panels
from eagle_mllm.report.figures.answer_panel import answer_block, draw_answer
from eagle_mllm.report.figures.canvas import Canvas, styled
from eagle_mllm.report.figures.figure import draw_header, draw_small_print, small_print
from eagle_mllm.report.figures.fonts import drawable, font_for, width_in_inches
from eagle_mllm.report.figures.layout import (
    WIDTH,
    Box,
    Gallery,
    comparison_layout,
    drawn_shape,
)
from eagle_mllm.report.figures.wrapping import fitted
from eagle_mllm.report.pictures import size_of

_KEY_SIZE = 8.5


class _Key(NamedTuple):
    """One line of the legend."""

    name: str
    insertion: str
    deletion: str
    passes: str
    time: str


def draw(attributions: Sequence[Attribution]) -> Figure:
    """The figure; see `eagle_mllm.report.comparison`."""
    with styled():
        return _drawn(compared(attributions))


def _drawn(methods: tuple[Compared, ...]) -> Figure:
    first = methods[0].attribution
    height, width = drawn_shape(size_of(first.regions.shape))
    footer = small_print(first, f"{len(methods)} methods")
    boxes = comparison_layout(
        width / height,
        lambda inches: answer_block(first, width=inches).height,
        n_pictures=len(methods) + 1,
        footer_lines=len(footer),
    )
    canvas = Canvas(WIDTH, boxes.height)
    draw_header(canvas, boxes.header, first, summary=_summary(methods))
    _draw_maps(canvas, boxes.pictures, boxes.scale, methods)
    top = axis_top(max(float(_highest(one.attribution)) for one in methods))
    _draw_lines(canvas.axes(boxes.insertion, "insertion curves"), methods, "insertion", top=top)
    _draw_lines(canvas.axes(boxes.deletion, "deletion curves"), methods, "deletion", top=top)
    _draw_keys(canvas, boxes.keys, methods)
    draw_answer(canvas, answer_block(first, width=boxes.answer.width), boxes.answer)
    draw_small_print(canvas, boxes.footer, footer)
    return canvas.figure


def _summary(methods: tuple[Compared, ...]) -> str:
    return f"{len(methods)} methods, judged by the same model; evidence by {methods[0].label}"


def _draw_maps(
    canvas: Canvas, pictures: Gallery, scale: Box, methods: tuple[Compared, ...]
) -> None:
    panels.draw_image(canvas.axes(pictures[0], "image"), methods[0].attribution)
    measure = width_in_inches(size=panels.TITLE_SIZE, bold=True)
    for box, one in zip(pictures[1:], methods, strict=True):
        title = fitted(one.label, measure, box.width)
        panels.draw_saliency(canvas.axes(box, one.label), one.attribution, title=title)
    panels.draw_scale(canvas.axes(scale, "saliency scale"))


def _draw_lines(axes: Axes, methods: tuple[Compared, ...], kind: str, *, top: float) -> None:
    for one in reversed(methods):  # the first is on top
        trace = one.attribution.trace
        values = trace.insertion if kind == "insertion" else trace.deletion
        (line,) = axes.plot(
            trace.area, _mean(values), color=one.color, linewidth=1.8, label=one.label
        )
        if one.dashes:
            line.set_dashes(one.dashes)
    shown = {"insertion": "shown", "deletion": "removed"}[kind]
    panels.frame_curves(axes, top=top, area=f"share of the image area {shown}, best first")
    axes.set_title(
        kind.capitalize(), fontsize=panels.TITLE_SIZE, fontweight="bold", loc="left", pad=5
    )


def _draw_keys(canvas: Canvas, box: Box, methods: tuple[Compared, ...]) -> None:
    """The legend, with the numbers of each method."""
    axes = canvas.blank_axes(box, "methods")
    columns = (0.34, box.width - 2.05, box.width - 1.5, box.width - 0.88, box.width)
    heads = _Key("method", "ins. ↑", "del. ↓", "passes", "time")
    measure = width_in_inches(size=_KEY_SIZE)
    for row, key in enumerate((heads, *(_key(one) for one in methods))):
        base = 0.2 + 0.23 * row
        key = key._replace(name=fitted(key.name, measure, columns[1] - columns[0] - 0.45))
        for column, text in zip(columns, key, strict=True):
            axes.text(
                column,
                base,
                drawable(text),
                fontproperties=font_for(text, size=_KEY_SIZE),
                color=FAINT if row == 0 else None,
                horizontalalignment="left" if column == columns[0] else "right",
                verticalalignment="center_baseline",
            )
        if row:
            one = methods[row - 1]
            (line,) = axes.plot([0, 0.26], [base, base], color=one.color, linewidth=2.2)
            if one.dashes:
                line.set_dashes(one.dashes)


def _key(one: Compared) -> _Key:
    attribution = one.attribution
    return _Key(
        name=one.label,
        insertion=number(insertion_auc(attribution.trace)),
        deletion=number(deletion_auc(attribution.trace)),
        passes=str(attribution.forward_passes),
        time=duration(attribution.seconds),
    )


def _highest(attribution: Attribution) -> float:
    trace = attribution.trace
    return max(float(_mean(trace.insertion).max()), float(_mean(trace.deletion).max()))


def _mean(values: Float[np.ndarray, "steps tokens"]) -> Float[np.ndarray, " steps"]:
    return np.asarray(values.mean(axis=1, dtype=np.float64))
