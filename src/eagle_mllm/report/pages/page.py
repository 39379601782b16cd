"""The HTML page and the notebook fragment."""

from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from importlib.resources import files
from itertools import groupby
from typing import Any, NamedTuple

from eagle_mllm.attribution.result import Attribution
from eagle_mllm.errors import ResultError
from eagle_mllm.hallucination.diagnosis import Diagnosis
from eagle_mllm.report.colors import evidence_color
from eagle_mllm.report.facts import model_name
from eagle_mllm.report.pages.comparison import comparison_of
from eagle_mllm.report.pages.content import sections
from eagle_mllm.report.pages.diagnosis import DiagnosisSection, diagnosis_of
from eagle_mllm.report.pages.environment import environment
from eagle_mllm.report.pictures import data_uri, picture_shape, png, resized_image
from eagle_mllm.report.tokens import Piece, label_of, pieces_of

_PAGE_SIDE = 1024
_FRAGMENT_SIDE = 560


class Word(NamedTuple):
    """Neighbouring tokens of one target (or of none), drawn as one thing to click."""

    owner: int | None
    pieces: tuple[Piece, ...]


def page(attributions: Sequence[Attribution], diagnosis: Diagnosis | None = None) -> str:
    """A whole page; see `eagle_mllm.report.html`."""
    script = files("eagle_mllm.report.pages").joinpath("templates/explore.js").read_text("utf-8")
    return _render(
        "page.html",
        attributions,
        max_side=_PAGE_SIDE,
        diagnosis=None if diagnosis is None else diagnosis_of(diagnosis),
        script=script,
        # Only this very script may run: whatever an answer contains, it stays text.
        script_hash=b64encode(sha256(script.encode()).digest()).decode(),
    )


def fragment(attributions: Sequence[Attribution]) -> str:
    """One element without scripts; see `eagle_mllm.report.fragment`."""
    return _render("fragment.html", attributions, max_side=_FRAGMENT_SIDE)


def _render(
    template: str,
    attributions: Sequence[Attribution],
    *,
    max_side: int,
    diagnosis: DiagnosisSection | None = None,
    **more: str,
) -> str:
    _require_one_generation(attributions)
    content = _content(attributions, max_side=max_side)
    return environment().get_template(template).render(**content, diagnosis=diagnosis, **more)


def _content(attributions: Sequence[Attribution], *, max_side: int) -> dict[str, Any]:
    generation = attributions[0].generation
    shape = picture_shape(attributions[0].regions.shape, max_side=max_side)
    smaller = (min(shape[0], generation.image.shape[0]), min(shape[1], generation.image.shape[1]))
    comparison = comparison_of(attributions)
    target = label_of(attributions[0].target, generation)
    if comparison is None:
        labels = [label_of(one.target, generation) for one in attributions]
        title = target if len(labels) == 1 else "What each word relies on"
    else:
        labels = [row.label for row in comparison.rows]
        title = f"{target} by {len(labels)} methods"
    found = sections(attributions, labels, shape)
    return {
        "uid": _identity(attributions, max_side),
        "title": title,
        "comparison": comparison,
        "prompt": generation.prompt,
        "model": model_name(attributions[0]),
        "image": data_uri(png(resized_image(generation.image, smaller))),
        "height": shape[0],
        "width": shape[1],
        "words": _words(pieces_of(attributions)),
        "targets": found.targets,
        "data": found.data,
        "scale": [evidence_color(step / 8) for step in range(9)],
    }


def _words(pieces: Sequence[Piece]) -> tuple[Word, ...]:
    """Runs of tokens with the same owner; a plain token is a run of its own."""
    runs = groupby(pieces, key=lambda piece: (piece.owner, piece.owner is None and piece.position))
    return tuple(Word(owner, tuple(run)) for (owner, _), run in runs)


def _identity(attributions: Sequence[Attribution], max_side: int) -> str:
    """Letters for ids in the page: other results in the same notebook have others."""
    digest = sha256(str(max_side).encode())
    for one in attributions:
        digest.update(repr((one.method, one.generation.ids, one.target)).encode("utf-8", "replace"))
        digest.update(one.trace.order.tobytes() + one.trace.insertion.tobytes())
        digest.update(one.saliency.tobytes())
    digest.update(attributions[0].generation.image.tobytes())
    return "e" + digest.hexdigest()[:10]


def _require_one_generation(attributions: Sequence[Attribution]) -> None:
    if not attributions:
        raise ResultError("a report needs at least one attribution; got none")
    first = attributions[0].generation
    for number, one in enumerate(attributions[1:], start=2):
        if one.generation is not first and one.generation != first:
            raise ResultError(
                f"attribution {number} explains another answer than the first one; "
                "a report is about one answer, so write a report for each"
            )
