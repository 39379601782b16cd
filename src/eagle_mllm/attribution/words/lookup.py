"""One occurrence of a word in an answer, or the message that says what is there instead."""

from collections.abc import Sequence

from eagle_mllm.attribution.words.breaks import Span
from eagle_mllm.attribution.words.finding import in_context, nearest_words, occurrences
from eagle_mllm.attribution.words.plain_text import quoted, require_unicode
from eagle_mllm.errors import TargetError

_LISTED = 6
"""How many occurrences a message lists."""


def look_up_all(text: str, query: str, *, whole_words: bool) -> tuple[Span, ...]:
    """Every occurrence of a query, at least one.

    Args:
        text: the answer
        query: a word, several words in a row, or any stretch of the answer
        whole_words: whether it must begin and end between words

    Raises:
        TargetError: the answer does not have it, or it says nothing
    """
    require_unicode(query, "the text to look for")
    if not query.strip():
        raise TargetError(f"there is nothing to look for; expected words of {quoted(text)}")
    found = occurrences(text, query, whole_words=whole_words)
    if not found:
        nearest = nearest_words(text, query)
        advice = f"did you mean {nearest!r}?" if nearest else "expected words of the answer"
        raise TargetError(f"{_name(query)} is not in {quoted(text)}; {advice}")
    return found


def look_up(text: str, query: str, occurrence: int, *, whole_words: bool) -> Span:
    """One occurrence of a query: 0 is the first, -1 the last.

    Raises:
        TargetError: the answer does not have it, or not that often
    """
    found = look_up_all(text, query, whole_words=whole_words)
    return one_of(found, occurrence, text=text, query=query)


def one_of(found: Sequence[Span], occurrence: int, *, text: str, query: str) -> Span:
    """One of the places that were found: 0 is the first, -1 the last.

    Args:
        found: at least one place
        occurrence: which one
        text: the answer
        query: what was looked for

    Raises:
        TargetError: there are fewer
    """
    if not -len(found) <= occurrence < len(found):
        times = "once" if len(found) == 1 else f"{len(found)} times"
        missing = f"#{occurrence + 1}" if occurrence >= 0 else f"{-occurrence} from the end"
        raise TargetError(
            f"{_name(query)} occurs {times} in the answer, {_listed(text, found)}; "
            f"there is no {missing}"
        )
    return found[occurrence]


def _listed(text: str, found: Sequence[Span]) -> str:
    shown = [
        f"#{turn} {quoted(in_context(text, span))}"
        for turn, span in enumerate(found[:_LISTED], start=1)
    ]
    return ", ".join(shown) + (" and so on" if len(found) > _LISTED else "")


def _name(query: str) -> str:
    return repr(query) if len(query) <= 60 else repr(f"{query[:57]}...")
