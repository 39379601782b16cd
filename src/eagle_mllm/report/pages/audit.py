"""The page of an audit: the answer with its doubted words marked, and why."""

from typing import NamedTuple

from eagle_mllm.hallucination.verdicts import Audit
from eagle_mllm.report.pages.environment import environment
from eagle_mllm.report.pictures import data_uri, picture_shape, png, resized_image

_SIDE = 768


class AuditPiece(NamedTuple):
    """A stretch of the answer: a word that was checked, or what is between two."""

    text: str
    unsupported: float | None
    is_doubted: bool
    reason: str


def page(audit: Audit) -> str:
    """A whole page; see `eagle_mllm.report.audit_html`."""
    generation = audit.generation
    shape = picture_shape(generation.image.shape[:2], max_side=_SIDE)
    return (
        environment()
        .get_template("audit.html")
        .render(
            title=f"Audit: {generation.text[:60]}",
            image=data_uri(png(resized_image(generation.image, shape))),
            prompt=generation.prompt,
            pieces=pieces_of(audit),
            words=audit.words,
            n_doubted=len(audit.doubted),
            passes=audit.passes,
            seconds=f"{audit.seconds:.1f}",
        )
    )


def pieces_of(audit: Audit) -> tuple[AuditPiece, ...]:
    """The answer in pieces; together they are its text."""
    text, pieces, done = audit.generation.text, [], 0
    for word in audit.words:
        pieces.append(AuditPiece(text[done : word.start], None, False, ""))
        written = text[word.start : word.stop]
        pieces.append(AuditPiece(written, word.unsupported, word.is_doubted, word.reason))
        done = word.stop
    return (*pieces, AuditPiece(text[done:], None, False, ""))
