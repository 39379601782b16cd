"""A matplotlib figure measured in inches from its top left corner."""

from collections.abc import Iterator
from contextlib import contextmanager

from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from eagle_mllm.report.colors import FAINT, INK
from eagle_mllm.report.figures.fonts import BASE, drawable, font_for
from eagle_mllm.report.figures.layout import Box


@contextmanager
def styled() -> Iterator[None]:
    """Our settings of matplotlib: the user's own neither leak in nor are changed."""
    settings = {
        "font.family": BASE,
        "font.size": 9,
        "text.color": INK,
        "text.parse_math": False,  # a dollar sign in an answer is a dollar sign
        "axes.edgecolor": FAINT,
        "axes.labelcolor": FAINT,
        "axes.linewidth": 0.8,
        "xtick.color": FAINT,
        "ytick.color": FAINT,
    }
    with style.context(["default", settings]):
        yield


class Canvas:
    """An empty white figure of a given size; the result is `figure`."""

    def __init__(self, width: float, height: float) -> None:
        self.figure = Figure(figsize=(width, height), dpi=100, facecolor="white")
        # A backend of its own: nothing is registered with pyplot, no window is opened.
        FigureCanvasAgg(self.figure)
        self._width, self._height = width, height

    def axes(self, box: Box, name: str) -> Axes:
        """Axes that fill a box; `name` is their label, by which tests and users find them."""
        return self.figure.add_axes(
            (
                box.left / self._width,
                1.0 - (box.top + box.height) / self._height,
                box.width / self._width,
                box.height / self._height,
            ),
            label=name,
        )

    def blank_axes(self, box: Box, name: str) -> Axes:
        """Invisible axes whose data coordinates are inches from the box's top left corner."""
        axes = self.axes(box, name)
        axes.set_xlim(0, box.width)
        axes.set_ylim(box.height, 0)
        axes.set_axis_off()
        return axes

    def text(
        self,
        place: tuple[float, float],
        text: str,
        *,
        size: float,
        bold: bool = False,
        color: str = INK,
    ) -> None:
        """Text whose left and upper edge are given."""
        left, top = place
        self.figure.text(
            left / self._width,
            1.0 - top / self._height,
            drawable(text),
            fontproperties=font_for(text, size=size, bold=bold),
            color=color,
            verticalalignment="top",
        )
