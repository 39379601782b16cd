"""What a model wrote about an image, and which of its tokens are to be explained.

`Generation` is the answer as tokens, characters and words at once. Its methods choose a `Target`:
pairs of a position in the answer and the vocabulary id whose probability is explained there.
"""

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from eagle_mllm.arrays import RGBImage
from eagle_mllm.attribution.conversation import Asked, Conversation, prompt_of
from eagle_mllm.attribution.named_targets import NamedTargets
from eagle_mllm.attribution.target import Target
from eagle_mllm.attribution.words.breaks import Span
from eagle_mllm.attribution.words.departure import Encode, first_departure
from eagle_mllm.attribution.words.lookup import look_up
from eagle_mllm.attribution.words.plain_text import quoted, require_unicode
from eagle_mllm.attribution.words.spans import Word, token_spans, token_texts, words_of
from eagle_mllm.errors import ModelError, TargetError
from eagle_mllm.values import ArrayValue

__all__ = ["Generation", "Span", "Target", "Word", "token_spans", "token_texts"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Generation(NamedTargets, ArrayValue):
    """An answer to a prompt about an image.

    It holds no model: it can be pickled and sent to another process, and keeps no weights alive.

    Raises:
        ModelError: the ids, tokens, spans and special flags differ in number, a span lies outside
            the text, the prompt or the text is not Unicode, or the prompt does not end the
            conversation
    """

    image: RGBImage = field(repr=False)
    """The image as the user sees it, `(h, w, 3)`."""

    prompt: str
    """What the model was asked, last in a conversation."""

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

    rendered: str | None = None
    """The whole prompt as a chat template wrote it, which may hold today's date; None if unknown.

    The answer is scored behind this text on any later day.
    """

    conversation: Conversation | None = None
    """All turns up to the prompt, where it is not the only one; None for a prompt alone."""

    encode: Encode | None = field(default=None, compare=False, repr=False)
    """Turns an answer into ids as the model would write them, without the end-of-sequence token.

    Only `counterfactual` needs it; it is not stored in files.
    """

    @classmethod
    def from_ids(
        cls,
        ids: Sequence[int],
        *,
        image: RGBImage,
        prompt: Asked,
        decode: Callable[[Sequence[int]], str],
        special: Container[int],
        encode: Encode | None = None,
        image_path: str | None = None,
        rendered: str | None = None,
    ) -> "Generation":
        """An answer from the vocabulary ids that a model wrote.

        Args:
            ids: the answer, with its end-of-sequence token if it has one
            image: the image as the user sees it
            prompt: what the model was asked; a conversation where it was more than a prompt
            decode: turns ids into text, leaving out special tokens and cleaning nothing up
            special: the vocabulary ids that write no text
            encode: see the field; something that can be pickled
            image_path: where the image came from, if from a file
            rendered: see the field
        """
        text, spans = token_spans(ids, decode)
        return cls(
            image=image,
            prompt=prompt_of(prompt),
            text=text,
            ids=tuple(ids),
            tokens=token_texts(text, spans),
            spans=spans,
            special=tuple(token in special for token in ids),
            image_path=image_path,
            rendered=rendered,
            conversation=prompt if isinstance(prompt, Conversation) else None,
            encode=encode,
        )

    def __post_init__(self) -> None:
        require_unicode(self.prompt, "the prompt", error=ModelError)
        require_unicode(self.text, "the answer", error=ModelError)
        lengths = {len(self.ids), len(self.tokens), len(self.spans), len(self.special)}
        if len(lengths) > 1:
            raise ModelError(
                f"an answer has {len(self.ids)} ids, {len(self.tokens)} tokens, "
                f"{len(self.spans)} spans and {len(self.special)} special flags; "
                "expected one of each for each token"
            )
        if self.conversation is not None and self.conversation.prompt != self.prompt:
            raise ModelError(
                "the prompt of an answer is another than the last of its conversation; give both "
                "as they were asked"
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
        return f"Generation({quoted(self.text)}, {len(self.ids)} tokens, image {size})"

    @property
    def asked(self) -> Asked:
        """The prompt, or the conversation that it ends: what to ask again about another image."""
        return self.prompt if self.conversation is None else self.conversation

    @cached_property
    def words(self) -> tuple[Word, ...]:
        """The words of the answer, each with the positions of its tokens."""
        return words_of(self.text, self.spans)

    def each_word(self) -> tuple[Target, ...]:
        """One target for each word of the answer, in order.

        Raises:
            TargetError: the answer has no word
        """
        if not self.words:
            raise TargetError(
                f"the answer {quoted(self.text)} has no words: no letter and no number; "
                "explain the whole answer, or a part of it by `span` or `at`"
            )
        return tuple(self._target(word.tokens, word.text) for word in self.words)

    def all(self, *, include_eos: bool = False) -> Target:
        """The whole answer.

        Args:
            include_eos: whether special tokens count too, as in the reference

        Raises:
            TargetError: the answer has no such token
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
            TargetError: the range is empty or leaves the answer
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

    def counterfactual(
        self, answer: str, *, replacing: str | None = None, occurrence: int = 0
    ) -> Target:
        """The one token that would begin another answer.

        It is the first token in which the other answer, as the model would write it, departs from
        the answer it gave: both share the context before it, so its probability is what the model
        gave the alternative. For "No." instead of "Yes." that is "No", in place of "Yes".

        Args:
            answer: the other answer; with `replacing`, only what stands in its place. White space
                around it does not count
            replacing: a word or words of the answer to replace
            occurrence: which one to replace, as in `find`

        Raises:
            TargetError: the other answer does not depart from the given one inside it, cannot be
                written by the model, or the generation was loaded from a file and cannot encode
                text any more
        """
        if self.encode is None:
            raise TargetError(
                "a generation loaded from a file cannot encode another answer; "
                "make it again with `model.generate` or `model.with_answer`"
            )
        require_unicode(answer, "the other answer")
        other = self._alternative(answer.strip(), replacing, occurrence)
        position, token_id = first_departure(
            other, text=self.text, ids=self.ids, encode=self.encode
        )
        return Target(
            positions=(position,), ids=(token_id,), text=answer.strip(), is_counterfactual=True
        )

    def _alternative(self, answer: str, replacing: str | None, occurrence: int) -> str:
        if replacing is not None:
            start, stop = look_up(self.text, replacing, occurrence, whole_words=True)
            before = self.text[:start] if answer else self.text[:start].rstrip()
            return before + answer + self.text[stop:]
        # An answer that the model began with a space would begin with one in the other case too.
        lead = self.text[: len(self.text) - len(self.text.lstrip())]
        return lead + answer

    @property
    def _numbered_tokens(self) -> str:
        shown = [f"{index} {token!r}" for index, token in enumerate(self.tokens[:40])]
        return ", ".join(shown) + (" and so on" if len(self.tokens) > 40 else "")
