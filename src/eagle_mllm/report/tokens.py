"""The answer as pieces to draw: one for each token, with what is known about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from eagle_mllm.attribution.generation import Generation, Target
from eagle_mllm.attribution.result import Attribution
from eagle_mllm.printable import printable

Per = Literal["word", "token"]
"""What evidence is told of: whole words, by their joint probability, or the model's tokens."""

_LONGEST_LABEL = 60
_LONGEST_BROKEN_WORD = 16


@dataclass(frozen=True, kw_only=True)
class Piece:
    """One token of the answer."""

    position: int
    """Its place in the answer, from 0."""

    text: str
    """What to draw; never empty, with signs for white space and controls."""

    spaced: bool
    """Whether white space precedes it."""

    starts_line: bool
    """Whether a line break precedes it."""

    special: bool
    """Whether it is a token without text, like the end of the answer."""

    evidence: float | None
    """From language prior (0) to perceptual evidence (1); None if it is not explained."""

    owner: int | None
    """Index of the attribution that explains it; None if none does."""

    replaced: str | None
    """For a counterfactual, the text of the token that the model wrote instead."""


def pieces_of(attributions: Sequence[Attribution], *, per: Per = "word") -> tuple[Piece, ...]:
    """The answer that all attributions share, a piece for each token.

    A token explained by several attributions belongs to the one with the fewest tokens: in a page
    with every word and the whole sentence, a click on a word finds the word.

    Args:
        attributions: explanations of one answer
        per: whether a token has the evidence of its word, or its own
    """
    generation = attributions[0].generation
    owners = _owners(attributions)
    evidence = [_evidence_at(attribution, per) for attribution in attributions]
    pieces = []
    for position, token in enumerate(generation.tokens):
        owner = owners.get(position)
        before = _white_space_before(generation, position)
        written = visible(token)
        alternative = None if owner is None else _alternative(attributions[owner], position)
        pieces.append(
            Piece(
                position=position,
                text=written if alternative is None else alternative,
                spaced=(bool(before) or generation.special[position]) and position > 0,
                starts_line="\n" in before and position > 0,
                special=generation.special[position],
                evidence=None if owner is None else evidence[owner][position],
                owner=owner,
                replaced=None if alternative is None else written,
            )
        )
    return tuple(pieces)


def visible(text: str) -> str:
    r"""The text without outer white space; white space and control characters as signs.

    Examples:
        >>> visible(" cat"), visible("\n\n"), visible(" "), visible(""), visible("a\tb")
        ('cat', '↵↵', '␣', '◌', 'a⇥b')
    """
    if not text:
        return "◌"
    if not text.strip():
        return "".join("↵" if character == "\n" else "␣" for character in text)
    return clean(text.strip()).replace("\n", "↵").replace("\t", "⇥")


def clean(text: str) -> str:
    """The text without what could spoil a page around it; line breaks and tabs stay."""
    return printable(text, keep="\n\t")


def label_of(target: Target, generation: Generation, *, longest: int = _LONGEST_LABEL) -> str:
    """The target in quotation marks, shortened; a counterfactual says what it replaces."""
    label = f"“{shortened(visible(target.text), longest)}”"
    alternative = [
        position
        for position, token_id in zip(target.positions, target.ids, strict=True)
        if generation.ids[position] != token_id
    ]
    if not alternative:
        return label
    written = visible(generation.tokens[alternative[0]])
    return f"{label} instead of “{shortened(written, longest)}”"


def shortened(text: str, longest: int) -> str:
    """The text in at most `longest` characters, with an ellipsis where it was cut.

    It is cut between words, unless a very long word would be lost with it.

    Examples:
        >>> shortened("a cat, sitting", 10), shortened("a cat", 10), shortened("extraordinary", 6)
        ('a cat…', 'a cat', 'extra…')
    """
    if len(text) <= longest:
        return text
    kept = text[: longest - 1]
    space = kept.rfind(" ")
    if not text[longest - 1].isspace() and space > max(0, longest - 1 - _LONGEST_BROKEN_WORD):
        kept = kept[:space]
    return kept.rstrip(" .,;:") + "…"


def _owners(attributions: Sequence[Attribution]) -> dict[int, int]:
    owners: dict[int, int] = {}
    by_size = sorted(range(len(attributions)), key=lambda index: len(attributions[index].target))
    for index in by_size:
        for position in attributions[index].target.positions:
            owners.setdefault(position, index)
    return owners


def _evidence_at(attribution: Attribution, per: Per) -> dict[int, float]:
    if per == "word":
        words = attribution.words
        return {place: word.evidence for word in words for place in word.positions}
    evidence = attribution.reliance.evidence.tolist()
    return dict(zip(attribution.target.positions, evidence, strict=True))


def _alternative(attribution: Attribution, position: int) -> str | None:
    target = attribution.target
    wanted = target.ids[target.positions.index(position)]
    if wanted == attribution.generation.ids[position]:
        return None
    # A counterfactual is one token, and its label is that token's text.
    return visible(target.text)


def _white_space_before(generation: Generation, position: int) -> str:
    """White space between a token's visible text and that of the token before it.

    Models differ: the space may lead the token, end the one before, or occur only in the answer
    (SentencePiece drops it from the token's own text).
    """
    if position == 0:
        return ""
    before, written = _written(generation, position - 1), _written(generation, position)
    gap = generation.text[generation.spans[position - 1].stop : generation.spans[position].start]
    between = "" if gap.strip() or generation.special[position] else gap
    # A token of white space alone is drawn as a sign, so it needs none before it.
    leading = written[: len(written) - len(written.lstrip())] if written.strip() else ""
    return before[len(before.rstrip()) :] + between + leading


def _written(generation: Generation, position: int) -> str:
    """The answer's text for a token; the token's own text if the answer has none for it."""
    start, stop = generation.spans[position]
    return generation.text[start:stop] or generation.tokens[position]
