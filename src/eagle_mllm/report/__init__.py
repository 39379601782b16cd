"""Results as pictures and pages: functions of attributions, nothing else.

    figure(attribution)         one picture for papers, slides and terminals
    diagnosis(diagnosis)        a wrong answer, what supports the right one, what has to be hidden
    comparison(attributions)    the same target by several methods in one picture
    html(attributions)          a page that explains itself, offline, with or without scripts
    fragment(attributions)      the same for a notebook cell

Importing this room is cheap: matplotlib and Jinja are imported when something is drawn.
"""

import logging
import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from eagle_mllm.attribution.atomic import atomic_write
from eagle_mllm.attribution.result import Attribution
from eagle_mllm.borders import reason
from eagle_mllm.errors import ResultError
from eagle_mllm.hallucination.diagnosis import Diagnosis
from eagle_mllm.hallucination.verdicts import Audit
from eagle_mllm.report.tokens import Per

if TYPE_CHECKING:
    import matplotlib.figure

_LOG = logging.getLogger(__name__)
_OF_SEVERAL_FILES = {"pgf"}
"""A picture in it is a file of its own, so that the figure would be torn apart."""

__all__ = [
    "audit_html",
    "comparison",
    "diagnosis",
    "figure",
    "fragment",
    "html",
    "save_audit_html",
    "save_comparison",
    "save_diagnosis_figure",
    "save_figure",
    "save_html",
]


def figure(attribution: Attribution, *, per: Per = "word") -> "matplotlib.figure.Figure":
    """The image, its saliency, the order of its regions, the curves and the answer in one figure.

    Tokens of the target are underlined and coloured by the evidence of their word, from language
    prior (violet) to perceptual evidence (amber); evidence is not defined for other tokens, which
    stay plain. The figure is not registered with pyplot, no window opens, and
    matplotlib's settings are neither used nor changed.

    Args:
        attribution: what to draw
        per: whether a token has the colour of its word, or its own

    Returns:
        A figure 11 inches wide and as high as its content
    """
    from eagle_mllm.report.figures.figure import draw

    return draw(attribution, per=per)


def comparison(attributions: Sequence[Attribution]) -> "matplotlib.figure.Figure":
    """One target explained by several methods: a map each on one scale, all curves in one place.

    As in the paper's Figures 3 and 4. Tokens are coloured by the evidence of the first method.

    Args:
        attributions: two or more of one target of one answer, in the order to draw

    Returns:
        A figure 11 inches wide and as high as its content

    Raises:
        ResultError: there are fewer than two, or they are not of one target of one answer
    """
    from eagle_mllm.report.figures.comparison import draw

    return draw(tuple(attributions))


def diagnosis(diagnosis: Diagnosis) -> "matplotlib.figure.Figure":
    """A wrong answer in one figure, as in the paper's Figure 5.

    The image, what supports the right answer, the hallucination map (1 − saliency), what has to be
    hidden, and the right answer's probability as the end of the order is hidden.

    Args:
        diagnosis: of a wrong answer

    Returns:
        A figure 11 inches wide and as high as its content

    Raises:
        ResultError: the answer was right
    """
    from eagle_mllm.report.figures.diagnosis import draw

    return draw(diagnosis)


def html(
    attributions: Attribution | Sequence[Attribution], *, diagnosis: Diagnosis | None = None
) -> str:
    """One self-contained page about an attribution, or about several of one answer.

    A click on an explained word switches to its map. Several of one target, as from several
    methods, are also compared: maps on one scale, curves in one plot. The page loads nothing from
    anywhere and works without scripts; where scripts may run, regions can be shown and removed by
    hand. The same attributions give the same text.

    Args:
        attributions: one, or several of the same generation
        diagnosis: of the same wrong answer, for a section of its own

    Raises:
        ResultError: there is none, or they are not of the same generation
    """
    from eagle_mllm.report.pages.page import page

    return page(_sequence(attributions), diagnosis)


def fragment(attributions: Attribution | Sequence[Attribution]) -> str:
    """The content of the page as one element for a notebook: no script, styles that stay inside.

    Args:
        attributions: one, or several of the same generation

    Raises:
        ResultError: there is none, or they are not of the same generation
    """
    from eagle_mllm.report.pages.page import fragment as render

    return render(_sequence(attributions))


def audit_html(audit: Audit) -> str:
    """One self-contained page about an audit: the answer, its doubted words, and why.

    Args:
        audit: of an answer
    """
    from eagle_mllm.report.pages.audit import page

    return page(audit)


def save_audit_html(audit: Audit, path: str | os.PathLike[str]) -> None:
    """Write the page of `audit_html` to a file, which appears whole or not at all.

    Args:
        audit: of an answer
        path: where to write; its folder must exist

    Raises:
        ResultError: the file cannot be written
    """
    text = audit_html(audit)
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def save_html(
    attributions: Attribution | Sequence[Attribution],
    path: str | os.PathLike[str],
    *,
    diagnosis: Diagnosis | None = None,
) -> None:
    """Write the page of `html` to a file, which appears whole or not at all.

    Args:
        attributions: one, or several of the same generation
        path: where to write; its folder must exist
        diagnosis: as in `html`

    Raises:
        ResultError: the attributions are not of one generation, or the file cannot be written
    """
    text = html(attributions, diagnosis=diagnosis)
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def save_figure(
    attribution: Attribution,
    path: str | os.PathLike[str],
    *,
    dpi: int = 150,
    per: Per = "word",
) -> None:
    """Write the figure to a file, which appears whole or not at all.

    Args:
        attribution: what to draw
        path: where to write; the ending chooses the format (png, pdf, svg, ...; none means png)
        dpi: pixels per inch, for formats that have pixels
        per: as in `figure`

    Raises:
        ResultError: the format of that ending, or the file, cannot be written here
    """
    _save(figure(attribution, per=per), attribution, path, dpi=dpi)


def save_comparison(
    attributions: Sequence[Attribution], path: str | os.PathLike[str], *, dpi: int = 150
) -> None:
    """Write the figure of `comparison` to a file, which appears whole or not at all.

    Args:
        attributions: two or more of one target of one answer
        path: where to write; the ending chooses the format, as in `save_figure`
        dpi: pixels per inch, for formats that have pixels

    Raises:
        ResultError: they cannot be compared, or the file cannot be written
    """
    _save(comparison(attributions), attributions[0], path, dpi=dpi)


def save_diagnosis_figure(
    diagnosis: Diagnosis, path: str | os.PathLike[str], *, dpi: int = 150
) -> None:
    """Write the figure of `diagnosis` to a file, which appears whole or not at all.

    Args:
        diagnosis: of a wrong answer
        path: where to write; the ending chooses the format, as in `save_figure`
        dpi: pixels per inch, for formats that have pixels

    Raises:
        ResultError: the answer was right, or the file cannot be written
    """
    from eagle_mllm.report.diagnosing import explained
    from eagle_mllm.report.figures.diagnosis import draw

    _save(draw(diagnosis), explained(diagnosis), path, dpi=dpi)


def _save(
    drawn: "matplotlib.figure.Figure",
    attribution: Attribution,
    path: str | os.PathLike[str],
    *,
    dpi: int,
) -> None:
    from eagle_mllm.report.figures.figure import missing_fonts_of

    ending = Path(path).suffix.removeprefix(".").lower() or "png"
    known = drawn.canvas.get_supported_filetypes().keys() - _OF_SEVERAL_FILES
    if ending not in known:
        raise ResultError(
            f"cannot write {path}: unknown figure format {ending!r}; choose one of "
            + ", ".join(sorted(known))
        )
    with atomic_write(path) as temporary:
        try:
            drawn.savefig(temporary, format=ending, dpi=dpi)
        except OSError:
            raise  # the folder or the disk is at fault, not the format
        except Exception as error:  # each format has a library of its own
            raise ResultError(
                f"cannot write {path}: {reason(error)}; use another format, such as png or svg"
            ) from error
    missing = missing_fonts_of(attribution)
    if missing is not None:
        _note(missing)


@cache
def _note(message: str) -> None:
    """Say something once per process, however many figures it is true of."""
    _LOG.warning("eagle: note: %s", message)


def _sequence(attributions: Attribution | Sequence[Attribution]) -> Sequence[Attribution]:
    return (attributions,) if isinstance(attributions, Attribution) else tuple(attributions)
