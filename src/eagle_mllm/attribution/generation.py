"""What a model wrote about an image, and which of its tokens are to be explained.

`Generation` is the answer as tokens, characters and words at once. Its methods choose a `Target`:
pairs of a position in the answer and the vocabulary id whose probability is explained there.
"""

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

from eagle_mllm.arrays import RGBImage
from eagle_mllm.attribution.words import (
    Span,
    Word,
    common_prefix,
    nearest_words,
    occurrences,
    overlapping,
    token_spans,
    token_texts,
    words_of,
)
from eagle_mllm.errors import ModelError, TargetError
from eagle_mllm.values import ArrayValue

__all__ = ["Generation", "Span", "Target", "Word", "token_spans", "token_texts"]


@dataclass(frozen=True, kw_only=True)
class Target:
    """The tokens to explain: position t_i in the answer and vocabulary id v_i, i = 1..n.

    Raises:
        TargetError: there are no tokens, ids and positions differ in number, or the positions are
            negative or do not rise.
    """

    positions: tuple[int, ...]
    """Positions in the answer, counted from 0, rising."""

    ids: tuple[int, ...]
    """The vocabulary id explained at each position."""

    text: str
    """What the target says, for labels."""

    is_counterfactual: bool = False
    """Whether the ids are not those the model wrote (v_i != y_{t_i})."""

    def __post_init__(self) -> None:
        if not self.positions or len(self.positions) != len(self.ids):
            raise TargetError(
                f"a target has {len(self.positions)} positions and {len(self.ids)} ids; "
                "expected as many ids as positions, at least one"
            )
        if self.positions[0] < 0 or any(a >= b for a, b in pairwise(self.positions)):
            raise TargetError(
                f"the positions of a target are {self.positions}; expected rising numbers from 0"
            )

    def __len__(self) -> int:
        return len(self.positions)


@dataclass(frozen=True, kw_only=True, eq=False)
class Generation(ArrayValue):
    """An answer to a prompt about an image.

    It holds no model: it can be pickled and sent to another process, and keeps no weights alive.

    Raises:
        ModelError: the ids, tokens, spans and special flags differ in number, or a span lies
            outside the text.
    """

    image: RGBImage = field(repr=False)
    """The image as the user sees it, `(h, w, 3)`."""

    prompt: str
    """What the model was asked."""

    text: str
    """The answer, without special tokens."""

    ids: tuple[int, ...]
    """Vocabulary ids of the answer, with the final end-of-sequence token if there is one."""

    tokens: tuple[str, ...]
    """What each token adds to the text; "" for bytes that a later token completes."""

    spans: tuple[Span, ...]
    """Character offsets of each token in the text; empty for special tokens."""

    special: tuple[bool, ...]
    """Whether each token is special (end of sequence and the like)."""

    image_path: str | None = None
    """Where the image came from, if from a file."""

    encode: Callable[[str], tuple[int, ...]] | None = field(default=None, compare=False, repr=False)
    """Turns an answer into ids as the model would write them, without the end-of-sequence token.

    Only `counterfactual` needs it; it is not stored in files.
    """

    @classmethod
    def from_ids(
        cls,
        ids: Sequence[int],
        *,
        image: RGBImage,
        prompt: str,
        decode: Callable[[Sequence[int]], str],
        special: Container[int],
        encode: Callable[[str], tuple[int, ...]] | None = None,
        image_path: str | None = None,
    ) -> "Generation":
        """An answer from the vocabulary ids that a model wrote.

        Args:
            ids: the answer, with its end-of-sequence token if it has one.
            image: the image as the user sees it.
            prompt: what the model was asked.
            decode: turns ids into text, leaving out special tokens and cleaning nothing up.
            special: the vocabulary ids that write no text.
            encode: see the field; something that can be pickled.
            image_path: where the image came from, if from a file.
        """
        text, spans = token_spans(ids, decode)
        return cls(
            image=image,
            prompt=prompt,
            text=text,
            ids=tuple(ids),
            tokens=token_texts(text, spans),
            spans=spans,
            special=tuple(token in special for token in ids),
            image_path=image_path,
            encode=encode,
        )

    def __post_init__(self) -> None:
        lengths = {len(self.ids), len(self.tokens), len(self.spans), len(self.special)}
        if len(lengths) > 1:
            raise ModelError(
                f"an answer has {len(self.ids)} ids, {len(self.tokens)} tokens, "
                f"{len(self.spans)} spans and {len(self.special)} special flags; "
                "expected one of each for each token"
            )
        for span in self.spans:
            if not 0 <= span.start <= span.stop <= len(self.text):
                raise ModelError(
                    f"a token covers {tuple(span)} of an answer of {len(self.text)} characters; "
                    "expected start <= stop within the text"
                )
        self._freeze_arrays()

    def __repr__(self) -> str:
        size = "x".join(map(str, self.image.shape[:-1]))
        return f"Generation({self._quoted}, {len(self.ids)} tokens, image {size})"

    @cached_property
    def words(self) -> tuple[Word, ...]:
        """The words of the answer, each with the positions of its tokens."""
        return words_of(self.text, self.spans)

    def each_word(self) -> tuple[Target, ...]:
        """One target for each word of the answer, in order.

        Raises:
            TargetError: the answer has no word.
        """
        if not self.words:
            raise TargetError(
                f"the answer {self._quoted} has no words: nothing in it is a letter or a number; "
                "explain the whole answer, or a part of it by `span` or `at`"
            )
        return tuple(self._target(word.tokens, word.text) for word in self.words)

    def all(self, *, include_eos: bool = False) -> Target:
        """The whole answer.

        Args:
            include_eos: whether special tokens count too, as in the reference.

        Raises:
            TargetError: the answer has no such token.
        """
        positions = tuple(
            position for position, special in enumerate(self.special) if include_eos or not special
        )
        if not positions:
            raise TargetError(
                f"the answer is empty ({len(self.ids)} tokens, all special), so there is nothing "
                "to explain; ask another prompt or give an answer with `model.with_answer`"
            )
        return self._target(positions, self.text)

    def at(self, start: int, stop: int | None = None) -> Target:
        """The tokens at positions `start` to `stop - 1`, or the one at `start`.

        Raises:
            TargetError: the range is empty or leaves the answer.
        """
        stop = start + 1 if stop is None else stop
        if not 0 <= start < stop <= len(self.ids):
            raise TargetError(
                f"there are no tokens from {start} to before {stop}; the answer has "
                f"{len(self.ids)}: {self._numbered_tokens}"
            )
        positions = tuple(range(start, stop))
        text = self.text[self.spans[start].start : self.spans[stop - 1].stop].strip()
        return self._target(positions, text or "".join(self.tokens[start:stop]))

    def find(self, word: str, occurrence: int = 0) -> Target:
        """All tokens of a word, or of several words in a row.

        Only whole words match: "cat" is not found in "cats". Case matters if that finds
        anything, and else does not. Any white space matches any other.

        Args:
            word: The word or words.
            occurrence: Which one, if the answer repeats it: 0 is the first, -1 the last.

        Raises:
            TargetError: The answer has no such words, or not so many of them.
        """
        return self._overlapping(self._occurrence(word, occurrence, whole_words=True))

    def span(self, text: str, occurrence: int = 0) -> Target:
        """Every token that writes some character of a stretch of the answer.

        The stretch may begin and end inside words. Case and white space as in `find`.

        Args:
            text: The stretch.
            occurrence: Which one, if the answer repeats it: 0 is the first, -1 the last.

        Raises:
            TargetError: The answer has no such stretch, or not so many of them.
        """
        return self._overlapping(self._occurrence(text, occurrence, whole_words=False))

    def counterfactual(self, answer: str, *, replacing: str | None = None) -> Target:
        """The one token that would begin another answer.

        It is the first token in which the other answer, as the model would write it, departs from
        the answer it gave: both share the context before it, so its probability is what the model
        gave the alternative. For "No." instead of "Yes." that is "No", in place of "Yes".

        Args:
            answer: The other answer; with `replacing`, only what stands in its place.
            replacing: A word or words of the answer, whose first occurrence is replaced.

        Raises:
            TargetError: The other answer does not depart from the given one inside it, or the
                generation was loaded from a file and cannot encode text any more.
        """
        position, token_id = self._departure(self._alternative(answer, replacing))
        return Target(
            positions=(position,), ids=(token_id,), text=answer.strip(), is_counterfactual=True
        )

    def _alternative(self, answer: str, replacing: str | None) -> str:
        if replacing is not None:
            start, stop = self._occurrence(replacing, 0, whole_words=True)
            return self.text[:start] + answer + self.text[stop:]
        # An answer that the model began with a space would begin with one in the other case too.
        lead = self.text[: len(self.text) - len(self.text.lstrip())]
        return lead + answer.lstrip()

    def _departure(self, alternative: str) -> tuple[int, int]:
        """Position and id of the first token of the alternative that the answer has not."""
        if self.encode is None:
            raise TargetError(
                "A generation loaded from a file cannot encode another answer; "
                "make it again with `model.generate` or `model.with_answer`."
            )
        other, written = self.encode(alternative), self.encode(self.text)
        position = common_prefix(other, written)
        # By tokens or by text: one tokenizer writes "Yes" and ",", another writes "Yes," at once.
        if position == len(other) or self._begins_with(alternative):
            raise TargetError(
                f"The answer {self._quoted} already begins with {_quoted(alternative)}; "
                "expected an answer that says something else."
            )
        # A model may split a text in another way than its tokenizer does. Then the shared context
        # that makes the comparison fair does not exist.
        if other[:position] != self.ids[:position] or other[position] in self.ids[position:][:1]:
            raise TargetError(
                f"The model wrote {self._quoted} in unusual tokens, which cannot be compared with "
                "another answer; give the text to `model.with_answer` and compare with that."
            )
        if position >= len(self.ids):
            raise TargetError(
                f"{_quoted(alternative)} only continues {self._quoted}, which was cut off before "
                "it ended; generate with more `max_new_tokens`."
            )
        return position, other[position]

    def _begins_with(self, alternative: str) -> bool:
        found = occurrences(self.text, alternative, whole_words=True)
        return bool(found) and not self.text[: found[0].start].strip()

    def _occurrence(self, query: str, occurrence: int, *, whole_words: bool) -> Span:
        if not query.strip():
            raise TargetError(f"There is nothing to look for; expected words of {self._quoted}.")
        found = occurrences(self.text, query, whole_words=whole_words)
        if not found:
            raise TargetError(self._not_found(query))
        if not -len(found) <= occurrence < len(found):
            raise TargetError(
                f"{query!r} stands {len(found)} time(s) in {self._quoted}; "
                f"expected an occurrence from 0 to {len(found) - 1}, not {occurrence}."
            )
        return found[occurrence]

    def _not_found(self, query: str) -> str:
        nearest = nearest_words(self.text, query)
        advice = f"did you mean {nearest!r}?" if nearest else "expected words of the answer."
        return f"{query!r} is not in {self._quoted}; {advice}"

    def _overlapping(self, span: Span) -> Target:
        positions = overlapping(self.spans, span.start, span.stop)
        return self._target(positions, self.text[span.start : span.stop])

    def _target(self, positions: tuple[int, ...], text: str) -> Target:
        ids = tuple(self.ids[position] for position in positions)
        return Target(positions=positions, ids=ids, text=text)

    @property
    def _quoted(self) -> str:
        return _quoted(self.text)

    @property
    def _numbered_tokens(self) -> str:
        shown = [f"{index} {token!r}" for index, token in enumerate(self.tokens[:40])]
        return ", ".join(shown) + (" and so on" if len(self.tokens) > 40 else "")


def _quoted(text: str) -> str:
    """A text on one line and not too long, for messages."""
    line = " ".join(text.split())
    return f'"{line}"' if len(line) <= 120 else f'"{line[:117]}..."'
