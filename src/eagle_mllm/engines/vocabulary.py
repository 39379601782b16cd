"""How a served model reads prompts and writes answers: by a local checkpoint, or by the server."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool

from eagle_mllm.arrays import RGBImage
from eagle_mllm.attribution.conversation import Asked
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.attribution.words.departure import Encode


class Reach(NamedTuple):
    """What hiding a region can change."""

    seen: Bool[np.ndarray, " regions"] | None
    """True where the content of a region reaches the model; None where that is not known."""

    hideable: Bool[np.ndarray, " regions"]
    """True where it also differs from what it would be hidden by."""


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A prompt about one image, up to where the model starts to answer."""

    prompt: Asked
    """The user's words, or the conversation that they end."""

    text: str | None = None
    """As the chat template writes it, with one placeholder of an image; None where the server
    alone knows."""

    placeholder: str = ""
    """The placeholder in it."""

    ids: tuple[int, ...] | None = None
    """The ids of the text, the placeholder repeated once for each image feature."""

    short_ids: tuple[int, ...] | None = None
    """The ids of the text as it is, with one placeholder."""

    starts: bool | None = None
    """Whether the tokenizer adds its start token; None where that is not known."""


class Vocabulary(ABC):
    """Prompts, answers and their tokens."""

    source: str
    """Where ids come from, for the provenance: "checkpoint" or "server"."""

    family_name: str = "served"
    """The architecture, where a checkpoint tells it."""

    @property
    @abstractmethod
    def ends(self) -> frozenset[int]:
        """The ids that end an answer."""

    @property
    @abstractmethod
    def special(self) -> frozenset[int]:
        """The ids that write no text, as far as they are known; the ends are among them."""

    @abstractmethod
    def open(self, image: RGBImage, prompt: Asked) -> Opened:
        """A prompt about an image.

        Raises:
            ModelError: the prompt is not Unicode, or holds a token that would end the user's turn
                or stand for one more image; or the template has no place for earlier turns
        """

    @abstractmethod
    def encode_answer(self, prompt: Asked, answer: str) -> tuple[int, ...]:
        """The ids of an answer as the model would write it, without the end.

        Raises:
            TargetError: the answer is empty, is not Unicode, or holds a control token
        """

    def encoder(self, prompt: Asked) -> Encode:
        """`encode_answer` for one prompt, as an answer keeps it: something that can be pickled."""
        return partial(self.encode_answer, prompt)

    @abstractmethod
    def end_id(self, prompt: Asked) -> int | None:
        """The id that ends an answer to this prompt."""

    @abstractmethod
    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids, without special tokens."""

    def reach(self, image: RGBImage, filled: RGBImage, regions: Regions) -> Reach:
        """What hiding each region can change.

        Args:
            image: the image
            filled: the same with everything hidden
            regions: a partition of it
        """
        differs = (image != filled).any(axis=-1)
        counts = np.bincount(regions.labels[differs], minlength=len(regions))
        return Reach(None, counts > 0)
