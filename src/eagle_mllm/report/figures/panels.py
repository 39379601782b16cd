"""The pictures and the curves of the figure, each drawn into given axes."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from eagle_mllm.arrays import Mask, RGBImage
from eagle_mllm.attribution.result import Attribution
from eagle_mllm.metrics.faithfulness import deletion_auc, insertion_auc
from eagle_mllm.report.colors import (
    FAINT,
    INK,
    REMOVED,
    RULE,
    SHOWN,
    evidence_colors,
    saliency_colors,
)
from eagle_mllm.report.curves import axis_top
from eagle_mllm.report.facts import numbered
from eagle_mllm.report.figures.fonts import drawable, font_for
from eagle_mllm.report.figures.layout import drawn_shape
from eagle_mllm.report.hatching import hatched
from eagle_mllm.report.pictures import (
    Badge,
    badge_radius,
    badges,
    lit_regions,
    picture_shape,
    resized_image,
    resized_values,
    saliency_over,
    size_of,
)

TITLE_SIZE = 9.5
"""Points of the title of a picture."""

EVIDENCE_SCALE_SIZE = 8.5
"""Points of the words at the ends of the evidence's colour bar."""

_MAX_SIDE = 900
_SMALLEST_BADGE, _LARGEST_BADGE = 4.5, 7.5  # radius in points


def draw_image(axes: Axes, attribution: Attribution) -> None:
    """The image as the model's user gave it."""
    _show(axes, resized_image(attribution.generation.image, _shape(attribution)))
    _title(axes, "Image")


def draw_saliency(axes: Axes, attribution: Attribution, *, title: str = "Saliency") -> None:
    """The saliency over the grey image."""
    shape = _shape(attribution)
    image = resized_image(attribution.generation.image, shape)
    picture = saliency_over(image, resized_values(attribution.saliency, shape))
    _show(axes, hatched(picture, _unseen(attribution, shape)))
    _title(axes, title)


def draw_picture(axes: Axes, picture: RGBImage, *, title: str) -> None:
    """Any picture of the image, in the style of the others."""
    _show(axes, picture)
    _title(axes, title)


def draw_scale(axes: Axes) -> None:
    """The colour bar of the saliency, 0 at the bottom."""
    colors = saliency_colors(np.linspace(0.0, 1.0, 256))[:, None]
    axes.imshow(colors, aspect="auto", origin="lower", extent=(0, 1, 0, 1))
    axes.set_xticks([])
    axes.yaxis.tick_right()
    axes.set_yticks([0.0, 0.5, 1.0], labels=["0", ".5", "1"], fontsize=7.5)
    axes.tick_params(length=2, pad=2)
    _thin_frame(axes)


def draw_order(axes: Axes, attribution: Attribution, *, drawn_inches: float) -> None:
    """The first regions of the order as they are and numbered, the others dimmed.

    Args:
        axes: where to draw
        attribution: whose order
        drawn_inches: the width that the picture will have; numbers keep their size in print
    """
    shape = _shape(attribution)
    image = resized_image(attribution.generation.image, shape)
    labels = resized_values(attribution.regions.labels, shape)
    order, count = attribution.trace.order, numbered(attribution)
    picture = lit_regions(image, labels, order[:count].tolist())
    _show(axes, hatched(picture, _unseen(attribution, shape)))
    pixels_per_point = shape[1] / (72.0 * drawn_inches)
    radius = badge_radius(
        shape,
        len(order),
        least=_SMALLEST_BADGE * pixels_per_point,
        most=_LARGEST_BADGE * pixels_per_point,
    )
    for badge in badges(labels, order, count=count, apart=2.1 * radius):
        _draw_badge(axes, badge, radius / pixels_per_point)
    _title(axes, _order_title(count, len(order)))


def _order_title(count: int, n_regions: int) -> str:
    if not count:
        return "Regions"
    return f"First {count} of {n_regions} regions" if n_regions > 1 else "The only region"


def _draw_badge(axes: Axes, badge: Badge, radius: float) -> None:
    axes.plot(
        badge.column,
        badge.row,
        marker="o",
        markersize=2 * radius,
        markerfacecolor=INK,
        markeredgecolor="white",
        markeredgewidth=0.9,
        scalex=False,
        scaley=False,
    )
    axes.text(
        badge.column,
        badge.row,
        str(badge.rank),
        color="white",
        fontsize=radius * (1.15 if badge.rank < 10 else 0.95),
        fontweight="bold",
        horizontalalignment="center",
        verticalalignment="center_baseline",
    )


def draw_curves(axes: Axes, attribution: Attribution) -> None:
    """The target's mean probability as regions are shown, and as they are removed."""
    trace = attribution.trace
    shown, removed = trace.insertion.mean(axis=1), trace.deletion.mean(axis=1)
    axes.plot(
        trace.area,
        shown,
        color=SHOWN,
        linewidth=2.0,
        label=f"shown, best first (insertion): AUC {insertion_auc(trace):.3f}",
    )
    axes.plot(
        trace.area,
        removed,
        color=REMOVED,
        linewidth=2.0,
        linestyle=(0, (4, 1.5)),
        label=f"removed, best first (deletion): AUC {deletion_auc(trace):.3f}",
    )
    axes.fill_between(trace.area, shown, color=SHOWN, alpha=0.07, linewidth=0)
    top = axis_top(max(float(shown.max()), float(removed.max())))
    frame_curves(axes, top=top, area="share of the image area shown or removed")
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(-0.02, 1.0),
        fontsize=8,
        frameon=False,
        borderaxespad=0.2,
        handlelength=2.2,
        labelspacing=0.3,
    )


def frame_curves(axes: Axes, *, top: float, area: str) -> None:
    """The axes of curves: share of the area, and probability up to `top`.

    Args:
        axes: where the curves are
        top: the end of the probability axis
        area: what the share is of
    """
    axes.set_xlim(0.0, 1.0)
    axes.set_ylim(0.0, 1.03 * top)
    axes.set_xticks([0.0, 0.25, 0.5, 0.75, 1.0])
    axes.set_yticks([0.0, top / 2, top])
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.tick_params(labelsize=7.5, length=2, pad=2)
    axes.set_xlabel(area, fontsize=8)
    axes.set_ylabel("probability of the target", fontsize=8)
    axes.grid(color=RULE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _unseen(attribution: Attribution, shape: tuple[int, int]) -> Mask:
    return resized_values(attribution.regions.mask(attribution.unseen), shape)


def _shape(attribution: Attribution) -> tuple[int, int]:
    return picture_shape(drawn_shape(size_of(attribution.regions.shape)), max_side=_MAX_SIDE)


def _show(axes: Axes, picture: RGBImage) -> None:
    axes.imshow(picture, interpolation="antialiased")
    axes.set_anchor("NW")
    axes.set_xticks([])
    axes.set_yticks([])
    _thin_frame(axes)


def _title(axes: Axes, text: str) -> None:
    font = font_for(text, size=TITLE_SIZE, bold=True)
    axes.set_title(drawable(text), fontproperties=font, color=INK, loc="left", pad=5)


def _thin_frame(axes: Axes) -> None:
    for spine in axes.spines.values():
        spine.set_linewidth(0.5)
        spine.set_color(RULE)


def draw_evidence_scale(axes: Axes) -> None:
    """The colour bar of the evidence, with words for its ends."""
    colors = evidence_colors(np.linspace(0.0, 1.0, 256))[None]
    axes.imshow(colors, aspect="auto", extent=(0, 1, 0, 1))
    axes.set_yticks([])
    axes.set_xticks([0.0, 0.5, 1.0], labels=["0", ".5", "1"], fontsize=7.5)
    axes.tick_params(length=2, pad=2)
    _thin_frame(axes)
    for position, text, side in (
        (-0.04, "language prior", "right"),
        (1.04, "perceptual evidence", "left"),
    ):
        axes.text(
            position,
            0.5,
            text,
            transform=axes.transAxes,
            color=FAINT,
            fontsize=EVIDENCE_SCALE_SIZE,
            horizontalalignment=side,
            verticalalignment="center_baseline",
        )
