"""What an engine is asked: to answer, and to score an answer that is forced on it."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from eagle_mllm.engines.vocabulary import Opened, Vocabulary


class Scores(NamedTuple):
    """What a model makes of each forced token, with the tokens before it given."""

    log_probability: tuple[float, ...]
    """Natural logarithm of each token's probability."""

    predicted: tuple[int, ...]
    """The id that the model itself would put there."""


@dataclass(frozen=True, kw_only=True)
class Forced:
    """An answer, or its beginning, that a model is to score instead of writing its own."""

    opened: Opened
    """The prompt."""

    ids: tuple[int, ...]
    """The tokens, without the one that ends the answer."""

    text: str
    """What they read."""

    end: int | None = None
    """The token asked about after them, if any: the one that ends the answer."""

    @property
    def asked(self) -> tuple[int, ...]:
        """Every token that is scored."""
        return self.ids if self.end is None else (*self.ids, self.end)


class Engine(ABC):
    """A served model, as its kind of server wants to be asked.

    Images are PNG files. Nothing is kept between two requests; threads may ask at once.
    """

    name: ClassVar[str]
    """As in "vllm"."""

    scores_answers: ClassVar[bool] = True
    """Whether a given answer can be scored; if not, only the first token of one can."""

    forces_ids: ClassVar[bool] = True
    """Whether tokens are forced as ids; if not as text, which is cut into tokens anew, so that
    only a whole answer comes out as it was."""

    tested: ClassVar[bool] = True
    """Whether it was run against a real server."""

    vocabulary: Vocabulary
    """How its model reads and writes."""

    @property
    @abstractmethod
    def version(self) -> str:
        """Of the engine; "unknown" where it will not say."""

    @property
    @abstractmethod
    def identity(self) -> Mapping[str, str]:
        """What tells its model from others of the same name, as far as the server says."""

    @property
    def notes(self) -> Mapping[str, str]:
        """What the provenance says besides of how it was asked."""
        return {}

    @property
    @abstractmethod
    def concurrency(self) -> int:
        """How many requests at once suit it."""

    @abstractmethod
    def write(self, picture: bytes, opened: Opened, *, max_new_tokens: int) -> tuple[int, ...]:
        """The ids of the model's own answer by greedy decoding, with the one that ends it.

        Raises:
            ModelError: the server refuses, or its answer cannot be used
        """

    @abstractmethod
    def score(self, picture: bytes, forced: Forced) -> Scores:
        """Scores of every token asked about, in one request.

        Raises:
            ModelError: the server refuses, or its answer cannot be used
        """

    @abstractmethod
    def close(self) -> None:
        """End what is under way."""


class BatchEngine(Engine):
    """An engine in this process, which takes many images in one call and no threads."""

    @abstractmethod
    def score_all(self, pictures: Sequence[bytes], forced: Forced) -> list[Scores]:
        """Scores of one answer under several images, in their order."""

    def score(self, picture: bytes, forced: Forced) -> Scores:
        """See `Engine`."""
        (scores,) = self.score_all([picture], forced)
        return scores


def prefix(opened: Opened, ids: Sequence[int], vocabulary: Vocabulary) -> Forced:
    """The beginning of an answer as something to force; its last token may be the end.

    Args:
        opened: the prompt
        ids: the tokens, at least one
        vocabulary: that wrote them
    """
    *before, last = ids
    if last in vocabulary.ends:
        return Forced(opened=opened, ids=tuple(before), text=vocabulary.decode(before), end=last)
    return Forced(opened=opened, ids=tuple(ids), text=vocabulary.decode(ids))
