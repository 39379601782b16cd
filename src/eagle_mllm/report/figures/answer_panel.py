"""The answer in the figure: its tokens coloured from language prior to perceptual evidence."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import FancyBboxPatch

from eagle_mllm.attribution.result import Attribution
from eagle_mllm.report.colors import FAINT, INK, evidence_color
from eagle_mllm.report.figures.canvas import Canvas
from eagle_mllm.report.figures.direction import arranged, joined, starts_right
from eagle_mllm.report.figures.fonts import drawable, font_for, width_in_inches
from eagle_mllm.report.figures.layout import Box
from eagle_mllm.report.figures.panels import EVIDENCE_SCALE_SIZE, draw_evidence_scale
from eagle_mllm.report.figures.wrapping import Placed, around, fitted, wrapped, wrapped_text
from eagle_mllm.report.tokens import Per, Piece, pieces_of

_PROMPT_SIZE = 9.0
_PROMPT_LINE = 0.19
_SCALE = 0.62
_SCALE_WIDTH, _SCALE_HEIGHT = 1.7, 0.11


class _Lettering(NamedTuple):
    """Size in points; the rest in inches."""

    size: float
    line: float
    space: float
    padding: float
    most_lines: int


# A short answer may be large.
_LETTERINGS = (
    _Lettering(size=14.0, line=0.4, space=0.075, padding=0.045, most_lines=4),
    _Lettering(size=11.0, line=0.31, space=0.07, padding=0.03, most_lines=24),
)


class AnswerBlock(NamedTuple):
    """The prompt and the answer broken into lines for some width (inches)."""

    lettering: _Lettering
    prompt: tuple[str, ...]
    lines: tuple[tuple[Placed, ...], ...]
    before: int
    after: int

    @property
    def height(self) -> float:
        """Inches from the top of the prompt to the bottom of the colour bar."""
        notes = 0.2 * (bool(self.before) + bool(self.after))
        lines = self.lettering.line * len(self.lines)
        return _PROMPT_LINE * len(self.prompt) + 0.12 + lines + notes + _SCALE


def answer_block(attribution: Attribution, *, width: float, per: Per = "word") -> AnswerBlock:
    """Prompt and answer, broken into lines of `width` inches.

    Of a very long answer the lines around the first explained token are kept.
    """
    pieces = pieces_of([attribution], per=per)
    for lettering in _LETTERINGS:
        lines = _lines(pieces, lettering, width)
        if len(lines) <= lettering.most_lines:
            break
    kept, before, after = around(lines, _LETTERINGS[-1].most_lines)
    prompt = wrapped_text(
        f"Prompt: {attribution.generation.prompt}",
        width_in_inches(size=_PROMPT_SIZE),
        width=width,
        lines=3,
    )
    return AnswerBlock(
        lettering=lettering, prompt=prompt, lines=lines[kept], before=before, after=after
    )


def _lines(
    pieces: Sequence[Piece], lettering: _Lettering, width: float
) -> tuple[tuple[Placed, ...], ...]:
    measure = width_in_inches(size=lettering.size)
    room = width - 2 * lettering.padding
    fitting = [replace(piece, text=fitted(piece.text, measure, room)) for piece in joined(pieces)]
    lines = wrapped(fitting, measure, width=width, space=lettering.space, padding=lettering.padding)
    from_right = starts_right(pieces)
    return tuple(arranged(line, width=width, from_right=from_right) for line in lines)


def draw_answer(canvas: Canvas, block: AnswerBlock, box: Box) -> None:
    """Draw the block into a box at least as high as it."""
    axes = canvas.blank_axes(box, "answer")
    top = 0.0
    for row in block.prompt:
        top += _PROMPT_LINE
        _write(axes, 0.0, top - 0.04, row, size=_PROMPT_SIZE, color=FAINT)
    top += 0.12
    top = _draw_note(axes, top, block.before, "before")
    for line in block.lines:
        for placed in line:
            _draw_piece(axes, placed, top, block.lettering)
        top += block.lettering.line
    top = _draw_note(axes, top, block.after, "after")
    words = width_in_inches(size=EVIDENCE_SCALE_SIZE)("language prior")
    scale = Box(box.left + words + 0.1, box.top + top + 0.22, _SCALE_WIDTH, _SCALE_HEIGHT)
    draw_evidence_scale(canvas.axes(scale, "evidence scale"))


def _draw_note(axes: Axes, top: float, count: int, side: str) -> float:
    if not count:
        return top
    _write(axes, 0.0, top + 0.13, f"… {count} tokens {side}", size=8.0, color=FAINT)
    return top + 0.2


def _draw_piece(axes: Axes, placed: Placed, top: float, lettering: _Lettering) -> None:
    piece, left = placed.piece, placed.left
    base = top + 0.65 * lettering.line
    color = FAINT if piece.special else INK
    if piece.evidence is not None:
        _draw_chip(axes, placed, base, lettering)
        left += lettering.padding
        color = INK
    _write(axes, left, base, piece.text, size=lettering.size, color=color)


def _draw_chip(axes: Axes, placed: Placed, base: float, lettering: _Lettering) -> None:
    piece, left, width = placed
    above, below = 0.53 * lettering.line, 0.2 * lettering.line
    chip = FancyBboxPatch(
        (left + 0.008, base - above),
        width - 0.016,
        above + below,
        boxstyle="round,pad=0,rounding_size=0.04",
        facecolor=evidence_color(piece.evidence or 0.0),
        edgecolor="none",
    )
    axes.add_patch(chip)
    # The mark of an explained token must not rest on colour alone.
    ends = [left + 0.03, left + width - 0.03]
    axes.add_line(Line2D(ends, [base + below] * 2, color=INK, linewidth=1.2))


def _write(axes: Axes, left: float, base: float, text: str, *, size: float, color: str) -> None:
    axes.text(
        left,
        base,
        drawable(text),
        fontproperties=font_for(text, size=size),
        color=color,
        verticalalignment="baseline",
    )
