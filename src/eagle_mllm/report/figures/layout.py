"""The place of each part of the figure, in inches from its top left corner."""

from collections.abc import Callable
from math import ceil
from typing import NamedTuple

WIDTH = 11.0
FOOTER_LINE = 0.165
_MARGIN = 0.45
_GAP = 0.4
_HEADER_TOP, _HEADER_HEIGHT = 0.3, 0.52
_PICTURES_TOP = 1.17
_TITLE = 0.3
_BAR_GAP, _BAR_WIDTH, _BAR_LABELS = 0.08, 0.1, 0.3
_BAR = _BAR_GAP + _BAR_WIDTH + _BAR_LABELS
_TALLEST = 4.4
_THINNEST = 0.6
_CURVES_WIDTH, _CURVES_HEIGHT, _CURVES_TALLEST = 3.3, 1.85, 2.5
_Y_LABELS, _X_LABELS, _LEGEND = 0.62, 0.5, 0.45
_GAP_SMALL, _TALLEST_OF_MANY, _PLOT_WIDTH, _KEY = 0.2, 3.0, 2.1, 0.23


class Box(NamedTuple):
    """A rectangle: its left and upper edge, width and height."""

    left: float
    top: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """The right edge."""
        return self.left + self.width

    @property
    def bottom(self) -> float:
        """The lower edge."""
        return self.top + self.height


class Pictures(NamedTuple):
    """The boxes of the three pictures and the colour bar, and of the curves if beside them."""

    image: Box
    saliency: Box
    scale: Box
    order: Box
    curves: Box | None
    bottom: float


class Layout(NamedTuple):
    """The boxes of a figure. Pictures and curves leave room for what is written around them."""

    height: float
    header: Box
    image: Box
    saliency: Box
    scale: Box
    order: Box
    curves: Box
    answer: Box
    footer: Box


Gallery = tuple[Box, ...]
"""The boxes of pictures of one size."""


class ComparisonLayout(NamedTuple):
    """The boxes of the figure of a comparison."""

    height: float
    header: Box
    pictures: Gallery
    scale: Box
    insertion: Box
    deletion: Box
    keys: Box
    answer: Box
    footer: Box


class DiagnosisLayout(NamedTuple):
    """The boxes of the figure of a diagnosis."""

    height: float
    header: Box
    pictures: Gallery
    scale: Box
    curve: Box
    words: Box
    footer: Box


def text_width() -> float:
    """The width between the margins."""
    return WIDTH - 2 * _MARGIN


def drawn_shape(shape: tuple[int, int]) -> tuple[int, int]:
    """Height and width, of which the smaller is raised where its picture would be a mere line.

    Nothing is less than 0.6 inches high or wide in a figure.
    """
    height, width = shape
    least_height = round(width * _THINNEST / (text_width() - _BAR))
    least_width = round(height * _THINNEST / _TALLEST)
    return max(height, least_height), max(width, least_width)


def layout(aspect: float, answer_height: Callable[[float], float], *, footer_lines: int) -> Layout:
    """The boxes for an image of some aspect (width / height).

    Three pictures are side by side, and below them the answer beside the curves. Wide images
    are two and two with the curves as the fourth, very wide ones below one another, very tall
    ones in a row with the curves; then the answer may take the whole width.

    Args:
        aspect: of the image
        answer_height: the height of the answer at a given width
        footer_lines: how many lines of small print
    """
    pictures = _pictures(aspect)
    top = pictures.bottom + _GAP
    if pictures.curves is None:
        width = text_width() - _CURVES_WIDTH - _Y_LABELS - 0.2
        answer = Box(_MARGIN, top, width, answer_height(width))
        left = WIDTH - _MARGIN - _CURVES_WIDTH
        height = max(_CURVES_HEIGHT, min(answer.height - _LEGEND - _X_LABELS, _CURVES_TALLEST))
        curves = Box(left, top + _LEGEND, _CURVES_WIDTH, height)
    else:
        answer = Box(_MARGIN, top, text_width(), answer_height(text_width()))
        curves = pictures.curves
    bottom = max(answer.bottom, curves.bottom + _X_LABELS)
    footer = Box(_MARGIN, bottom + 0.25, text_width(), footer_lines * FOOTER_LINE)
    return Layout(
        height=footer.bottom + 0.22,
        header=Box(_MARGIN, _HEADER_TOP, text_width(), _HEADER_HEIGHT),
        image=pictures.image,
        saliency=pictures.saliency,
        scale=pictures.scale,
        order=pictures.order,
        curves=curves,
        answer=answer,
        footer=footer,
    )


def comparison_layout(
    aspect: float, answer_height: Callable[[float], float], *, n_pictures: int, footer_lines: int
) -> ComparisonLayout:
    """The boxes for several maps of one image: pictures in rows, then the curves, then the answer.

    Args:
        aspect: of the image, width / height
        answer_height: the height of the answer at a given width
        n_pictures: the image and the maps
        footer_lines: how many lines of small print
    """
    pictures = _gallery(aspect, n_pictures)
    top = pictures[-1].bottom + _GAP + _TITLE
    plot = Box(_MARGIN + _Y_LABELS, top, _PLOT_WIDTH, _CURVES_HEIGHT)
    deletion = plot._replace(left=plot.right + _Y_LABELS + 0.1)
    left = deletion.right + _GAP
    keys = Box(left, top - 0.1, WIDTH - _MARGIN - left, 0.3 + _KEY * n_pictures)
    under = max(plot.bottom + _X_LABELS, keys.bottom) + 0.25
    answer = Box(_MARGIN, under, text_width(), answer_height(text_width()))
    footer = Box(_MARGIN, answer.bottom + 0.25, text_width(), footer_lines * FOOTER_LINE)
    return ComparisonLayout(
        height=footer.bottom + 0.22,
        header=Box(_MARGIN, _HEADER_TOP, text_width(), _HEADER_HEIGHT),
        pictures=pictures,
        scale=_scale(max(pictures, key=lambda box: box.right)._replace(top=pictures[0].top)),
        insertion=plot,
        deletion=deletion,
        keys=keys,
        answer=answer,
        footer=footer,
    )


def diagnosis_layout(aspect: float, *, footer_lines: int) -> DiagnosisLayout:
    """The boxes for four pictures of one image, then the curve beside a few sentences.

    Args:
        aspect: of the image, width / height
        footer_lines: how many lines of small print
    """
    pictures = _gallery(aspect, 4)
    top = pictures[-1].bottom + _GAP + _TITLE
    curve = Box(_MARGIN + _Y_LABELS, top, 1.6 * _PLOT_WIDTH, _CURVES_HEIGHT)
    left = curve.right + _GAP
    words = Box(left, top - 0.1, WIDTH - _MARGIN - left, curve.height)
    footer = Box(_MARGIN, curve.bottom + _X_LABELS + 0.25, text_width(), footer_lines * FOOTER_LINE)
    return DiagnosisLayout(
        height=footer.bottom + 0.22,
        header=Box(_MARGIN, _HEADER_TOP, text_width(), _HEADER_HEIGHT),
        pictures=pictures,
        scale=_scale(max(pictures, key=lambda box: box.right)._replace(top=pictures[0].top)),
        curve=curve,
        words=words,
        footer=footer,
    )


def _gallery(aspect: float, count: int) -> Gallery:
    """Pictures of one size from left to right, in rows of at most five; fewer of wide images.

    As few rows as that takes, which are filled alike.
    """
    most = 5 if aspect <= 2.0 else 3 if aspect <= 4.0 else 1
    columns = ceil(count / ceil(count / most))
    room = (text_width() - _BAR - (columns - 1) * _GAP_SMALL) / columns
    first = _within(Box(_MARGIN, _PICTURES_TOP, room, _TALLEST_OF_MANY), aspect)
    return tuple(
        first._replace(
            left=first.left + place % columns * (first.width + _GAP_SMALL),
            top=first.top + place // columns * (first.height + _GAP_SMALL + _TITLE),
        )
        for place in range(count)
    )


def _pictures(aspect: float) -> Pictures:
    if aspect > 4.0:
        return _below_one_another(aspect)
    if aspect > 2.0:
        return _two_and_two(aspect)
    return _in_a_row(aspect)


def _in_a_row(aspect: float) -> Pictures:
    slot = (text_width() - _BAR - 2 * _GAP) / 3
    image = _within(Box(_MARGIN, _PICTURES_TOP, slot, _TALLEST), aspect)
    beside = WIDTH - _MARGIN - _CURVES_WIDTH
    curves = None
    if image.left + 3 * image.width + 2 * _GAP + _BAR + _Y_LABELS + 0.2 <= beside:
        slot = image.width
        curves = Box(beside, _PICTURES_TOP + _LEGEND - _TITLE, _CURVES_WIDTH, _CURVES_TALLEST)
    saliency = image._replace(left=image.left + slot + _GAP)
    order = saliency._replace(left=saliency.left + slot + _BAR + _GAP)
    bottom = image.bottom if curves is None else max(image.bottom, curves.bottom + _X_LABELS)
    return Pictures(image, saliency, _scale(saliency), order, curves, bottom)


def _two_and_two(aspect: float) -> Pictures:
    width = (text_width() - _BAR - _GAP) / 2
    image = _within(Box(_MARGIN, _PICTURES_TOP, width, _TALLEST), aspect)
    saliency = image._replace(left=image.right + _GAP)
    order = image._replace(top=image.bottom + _GAP + _TITLE)
    left = saliency.left + _Y_LABELS
    height = max(order.height, _CURVES_HEIGHT) - (_LEGEND - _TITLE)
    curves = Box(left, order.top + _LEGEND - _TITLE, WIDTH - _MARGIN - left, height)
    bottom = max(order.bottom, curves.bottom + _X_LABELS)
    return Pictures(image, saliency, _scale(saliency), order, curves, bottom)


def _below_one_another(aspect: float) -> Pictures:
    image = _within(Box(_MARGIN, _PICTURES_TOP, text_width() - _BAR, _TALLEST), aspect)
    saliency = image._replace(top=image.bottom + _GAP / 2 + _TITLE)
    order = image._replace(top=saliency.bottom + _GAP / 2 + _TITLE)
    return Pictures(image, saliency, _scale(saliency), order, None, order.bottom)


def _within(box: Box, aspect: float) -> Box:
    """The largest box of that aspect in the upper left corner of another."""
    width = min(box.width, box.height * aspect)
    return box._replace(width=width, height=width / aspect)


def _scale(picture: Box) -> Box:
    return Box(picture.right + _BAR_GAP, picture.top, _BAR_WIDTH, picture.height)
