"""Where another answer departs from the one that a model gave.

The first token in which the two differ follows the same context in both, so its probability is what
the model gave the alternative.
"""

from collections.abc import Callable, Sequence

from eagle_mllm.attribution.words.breaks import Span, word_spans
from eagle_mllm.attribution.words.finding import cuts_word
from eagle_mllm.attribution.words.plain_text import quoted
from eagle_mllm.attribution.words.spans import common_prefix
from eagle_mllm.errors import TargetError

Encode = Callable[[str], tuple[int, ...]]
"""Turns an answer into ids as a model would write them, without the end-of-sequence token."""


def first_departure(
    other: str, *, text: str, ids: Sequence[int], encode: Encode
) -> tuple[int, int]:
    """Position and id of the first token of another answer that the given one does not have.

    Args:
        other: the other answer
        text: the answer given
        ids: its tokens, with its end-of-sequence token if it has one
        encode: how the model would write either

    Raises:
        TargetError: no token departs, and why
    """
    if text.startswith(other) and not cuts_word(Span(0, len(other)), word_spans(text)):
        raise _already_given(other, text)
    tokens = encode(other)
    position = common_prefix(tokens, ids)
    if position == len(tokens):
        raise _already_given(other, text)
    if position == len(ids):
        raise TargetError(
            f"{quoted(other)} only continues {quoted(text)}, which was cut off before it ended; "
            "generate with more `max_new_tokens`"
        )
    if _usual(text, encode)[: position + 1] == tokens[: position + 1]:
        # The token would be another way to write the same letters, not another answer.
        raise TargetError(
            f"the answer {quoted(text)} is in unusual tokens, which part from those of "
            f"{quoted(other)} before the texts do; give the text to `model.with_answer` and "
            "compare with that"
        )
    return position, tokens[position]


def _already_given(other: str, text: str) -> TargetError:
    if text.startswith(other):
        return TargetError(
            f"the answer {quoted(text)} already begins with {quoted(other)}; "
            "expected an answer that says something else"
        )
    return TargetError(
        f"the vocabulary writes {quoted(other)} in the very tokens with which the answer "
        f"{quoted(text)} begins; they differ in white space or Unicode form at most"
    )


def _usual(text: str, encode: Encode) -> tuple[int, ...]:
    """The tokens in which an answer is usually written; none where it cannot be."""
    try:
        return encode(text)
    except TargetError:  # a model can spell the name of a control token, a user cannot
        return ()
