"""The static figure of one attribution: image, saliency, region order, curves, answer."""

from matplotlib.figure import Figure

from eagle_mllm.attribution.result import Attribution
from eagle_mllm.report.colors import FAINT
from eagle_mllm.report.facts import duration, metrics_of, model_name, notes_of
from eagle_mllm.report.figures import panels
from eagle_mllm.report.figures.answer_panel import answer_block, draw_answer
from eagle_mllm.report.figures.canvas import Canvas, styled
from eagle_mllm.report.figures.fonts import missing_letters, width_in_inches
from eagle_mllm.report.figures.layout import (
    FOOTER_LINE,
    WIDTH,
    Box,
    drawn_shape,
    layout,
    text_width,
)
from eagle_mllm.report.figures.scripts import missing_fonts
from eagle_mllm.report.figures.wrapping import fitted, wrapped_text
from eagle_mllm.report.pictures import size_of
from eagle_mllm.report.tokens import Per, clean, label_of, pieces_of

_TITLE_SIZE = 15.0
_SUMMARY_SIZE = 9.0
_FOOTER_SIZE = 7.5


def draw(attribution: Attribution, *, per: Per = "word") -> Figure:
    """The figure; see `eagle_mllm.report.figure`."""
    with styled():
        return _drawn(attribution, per)


def _drawn(attribution: Attribution, per: Per) -> Figure:
    height, width = drawn_shape(size_of(attribution.regions.shape))
    count = _counted(attribution.forward_passes, "forward pass", "forward passes")
    footer = small_print(
        attribution, f"method {attribution.method}", count, duration(attribution.seconds)
    )
    boxes = layout(
        width / height,
        lambda inches: answer_block(attribution, width=inches, per=per).height,
        footer_lines=len(footer),
    )
    canvas = Canvas(WIDTH, boxes.height)
    draw_header(canvas, boxes.header, attribution, summary=_evidence(attribution))
    panels.draw_image(canvas.axes(boxes.image, "image"), attribution)
    panels.draw_saliency(canvas.axes(boxes.saliency, "saliency"), attribution)
    panels.draw_scale(canvas.axes(boxes.scale, "saliency scale"))
    panels.draw_order(
        canvas.axes(boxes.order, "order"),
        attribution,
        drawn_inches=boxes.order.width,
    )
    panels.draw_curves(canvas.axes(boxes.curves, "curves"), attribution)
    answer = answer_block(attribution, width=boxes.answer.width, per=per)
    draw_answer(canvas, answer, boxes.answer)
    draw_small_print(canvas, boxes.footer, footer)
    return canvas.figure


def draw_header(canvas: Canvas, box: Box, attribution: Attribution, *, summary: str) -> None:
    """The target as a title, and a line of what a reader must know.

    Args:
        canvas: where to draw
        box: the place
        attribution: whose target
        summary: the beginning of the line
    """
    label = label_of(attribution.target, attribution.generation, longest=200)
    measure = width_in_inches(size=_TITLE_SIZE, bold=True)
    title = fitted(label, measure, box.width)
    canvas.text((box.left, box.top), title, size=_TITLE_SIZE, bold=True)
    stretched = _stretched(size_of(attribution.regions.shape))
    lines = (summary, *notes_of(attribution), *stretched)
    measure = width_in_inches(size=_SUMMARY_SIZE)
    line = fitted("  ·  ".join(lines), measure, box.width)
    canvas.text((box.left, box.top + 0.33), line, size=_SUMMARY_SIZE, color=FAINT)


def _evidence(attribution: Attribution) -> str:
    values = {fact.name: fact.value for fact in metrics_of(attribution)}
    count = len(attribution.target)
    tokens = "1 token" if count == 1 else f"mean of {count} tokens"
    return f"evidence {values['Evidence']} ({tokens})"


def _stretched(shape: tuple[int, int]) -> tuple[str, ...]:
    height, width = shape
    if drawn_shape(shape) == shape:
        return ()
    return (f"image of {width} × {height} pixels, drawn stretched",)


def small_print(attribution: Attribution, *more: str) -> tuple[str, ...]:
    """Lines on how a figure was made, and on scripts that no font here has.

    Args:
        attribution: whose model and regions
        more: what else is to be said
    """
    regions = attribution.regions
    cut = f"{_counted(len(regions), 'region')} ({regions.method})"
    parts = (model_name(attribution), *more[:1], cut, *more[1:])
    measure = width_in_inches(size=_FOOTER_SIZE)
    lines = wrapped_text("  ·  ".join(parts), measure, width=text_width(), lines=2)
    missing = missing_fonts_of(attribution)
    return lines if missing is None else (*lines, fitted(missing, measure, text_width()))


def draw_small_print(canvas: Canvas, box: Box, lines: tuple[str, ...]) -> None:
    """Draw the lines of `small_print` into a box."""
    for row, line in enumerate(lines):
        canvas.text((box.left, box.top + row * FOOTER_LINE), line, size=_FOOTER_SIZE, color=FAINT)


def missing_fonts_of(attribution: Attribution) -> str | None:
    """One line on scripts of prompt and answer that no font of this machine has; None if none."""
    words = (attribution.generation.prompt, *(piece.text for piece in pieces_of([attribution])))
    return missing_fonts(missing_letters(" ".join(clean("".join(words)).split())))


def _counted(count: int, one: str, several: str | None = None) -> str:
    return f"{count} {one if count == 1 else several or one + 's'}"
