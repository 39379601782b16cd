"""The figure of a diagnosis, as the paper's Figure 5: maps, what is hidden, and the curve."""

from matplotlib.figure import Figure

from eagle_mllm.hallucination.diagnosis import Diagnosis
from eagle_mllm.report.colors import FAINT, REMOVED, SHOWN
from eagle_mllm.report.curves import axis_top
from eagle_mllm.report.diagnosing import (
    corrected_picture,
    explained,
    hallucination_picture,
    right_curve,
    told,
)
from eagle_mllm.report.facts import duration
from eagle_mllm.report.figures import panels
from eagle_mllm.report.figures.canvas import Canvas, styled
from eagle_mllm.report.figures.figure import draw_header, draw_small_print, small_print
from eagle_mllm.report.figures.fonts import drawable, font_for, width_in_inches
from eagle_mllm.report.figures.layout import (
    WIDTH,
    Box,
    DiagnosisLayout,
    diagnosis_layout,
    drawn_shape,
)
from eagle_mllm.report.figures.wrapping import fitted, wrapped_text
from eagle_mllm.report.pictures import picture_shape, size_of
from eagle_mllm.report.tokens import visible

_MAX_SIDE = 900
_SIZE = 10.0
_KEY_SIZE, _KEY_LINE = 8.0, 0.5  # points; inches that the line before a name takes


def draw(diagnosis: Diagnosis) -> Figure:
    """The figure; see `eagle_mllm.report.diagnosis`."""
    with styled():
        return _drawn(diagnosis)


def _drawn(diagnosis: Diagnosis) -> Figure:
    attribution = explained(diagnosis)
    height, width = drawn_shape(size_of(attribution.regions.shape))
    count = f"{diagnosis.passes} forward passes"
    footer = small_print(
        attribution, f"method {attribution.method}", count, duration(diagnosis.seconds)
    )
    boxes = diagnosis_layout(width / height, footer_lines=len(footer))
    canvas = Canvas(WIDTH, boxes.height)
    draw_header(canvas, boxes.header, attribution, summary=diagnosis.outcome)
    _draw_pictures(canvas, boxes, diagnosis)
    _draw_curve(canvas, boxes.curve, diagnosis)
    measure = width_in_inches(size=_SIZE)
    lines = [
        line
        for sentence in told(diagnosis)
        for line in wrapped_text(sentence, measure, width=boxes.words.width, lines=4)
    ]
    for row, line in enumerate(lines):
        canvas.text((boxes.words.left, boxes.words.top + 0.21 * row), line, size=_SIZE)
    draw_small_print(canvas, boxes.footer, footer)
    return canvas.figure


def _draw_pictures(canvas: Canvas, boxes: DiagnosisLayout, diagnosis: Diagnosis) -> None:
    attribution = explained(diagnosis)
    shape = picture_shape(drawn_shape(size_of(attribution.regions.shape)), max_side=_MAX_SIDE)
    image, saliency, hallucination, corrected = boxes.pictures
    panels.draw_image(canvas.axes(image, "image"), attribution)
    title = f"Supports “{visible(diagnosis.truth)}”"
    measure = width_in_inches(size=panels.TITLE_SIZE, bold=True)
    title = fitted(title, measure, saliency.width)
    panels.draw_saliency(canvas.axes(saliency, "saliency"), attribution, title=title)
    axes = canvas.axes(hallucination, "hallucination map")
    panels.draw_picture(axes, hallucination_picture(diagnosis, shape), title="Hallucination map")
    axes = canvas.axes(corrected, "corrected image")
    hidden = diagnosis.correction
    title = "Nothing corrects it" if hidden is None else f"Hidden: {hidden.area:.1%}"
    panels.draw_picture(axes, corrected_picture(diagnosis, shape), title=title)
    panels.draw_scale(canvas.axes(boxes.scale, "saliency scale"))


def _draw_curve(canvas: Canvas, box: Box, diagnosis: Diagnosis) -> None:
    axes = canvas.axes(box, "right answer")
    hidden, probability = right_curve(diagnosis)
    name = f"right answer “{visible(diagnosis.truth)}”"
    label = drawable(fitted(name, width_in_inches(size=_KEY_SIZE), box.width - _KEY_LINE))
    axes.plot(hidden, probability, color=SHOWN, linewidth=2.0, label=label)
    paper = diagnosis.paper_removed_area
    if paper is not None and paper < 1:
        axes.axvline(paper, color=REMOVED, linewidth=1.4, linestyle=(0, (4, 1.5)))
        axes.plot([], [], color=REMOVED, linestyle=(0, (4, 1.5)), label=f"corrected at {paper:.1%}")
    area = "share of the image hidden, from the end of the order"
    panels.frame_curves(axes, top=axis_top(float(probability.max())), area=area)
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(-0.02, 1.0),
        prop=font_for(label, size=_KEY_SIZE),
        frameon=False,
        labelcolor=FAINT,
    )
