"""What the method asks of a model: an answer, and the probability of its tokens.

A model sees images; a scorer, bound to one image, one answer and one partition, sees subsets of
regions. Everything above (search, trace, metrics) only ever talks to a scorer.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from jaxtyping import Bool, Float, Int
from numpy import ndarray

from eagle_mllm.attribution.conversation import Asked, Messages
from eagle_mllm.attribution.generation import Generation, Target
from eagle_mllm.attribution.images import ImageLike
from eagle_mllm.attribution.masking import FillName
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.errors import RegionError, TargetError


class SubsetScores(NamedTuple):
    """How probable the target is when only some regions are shown, one subset per row."""

    probability: Float[ndarray, "batch tokens"]
    """p_i(S) of each target token, float32 in [0, 1]."""

    predicted: Int[ndarray, "batch tokens"]
    """The vocabulary id that the model itself would put at each target position."""


class Scorer(ABC):
    """Scores subsets of the regions of one image for one target."""

    @abstractmethod
    def __call__(self, shown: Bool[ndarray, "batch regions"]) -> SubsetScores:
        """Probability of each target token for each subset, one image per row.

        The score of a subset depends neither on its neighbours in `shown` nor on their number:
        where arithmetic depends on the shape of a batch, an implementation splits any into one.

        Args:
            shown: True where a region is shown; hidden regions take the fill

        Raises:
            ModelError: the model returned a number that is not a probability
        """

    @property
    def preferred_batch_size(self) -> int | None:
        """How many subsets it scores at a time; None where any number is as good."""
        return None

    @property
    def seen_regions(self) -> Bool[ndarray, " regions"] | None:
        """True where the content of a region reaches the model; None where that of every one does.

        A model that cuts the centre out of an image never sees the borders.
        """
        return None

    @property
    def hideable_regions(self) -> Bool[ndarray, " regions"] | None:
        """True where hiding a region changes what the model gets; None where any may.

        Hiding a region that is not seen changes nothing, nor does hiding one that equals its fill.
        Subsets that differ only in such regions are one input, which is scored once, with these
        regions hidden.
        """
        return self.seen_regions


@dataclass(frozen=True, kw_only=True)
class ModelInfo:
    """What must be known about a model to repeat a result."""

    id: str
    """A hub id, a folder, or another name under which it was loaded."""

    revision: str | None
    """Commit of the hub repository; None where there is none."""

    family: str
    """The architecture's pixel pipeline: "llava", "qwen_vl", "internvl", "generic", …"""

    dtype: str | None
    """Precision of the weights, as in "bfloat16"."""

    device: str | None
    """Where it ran, as in "cuda:0"."""

    details: Mapping[str, str] = field(default_factory=dict)
    """Anything else that changes the numbers, such as the attention implementation."""


class Model(ABC):
    """A multimodal LLM that answers questions about an image and can be asked how sure it is.

    Nothing is ever changed on a model: `scorer` returns a new object.
    """

    @property
    @abstractmethod
    def info(self) -> ModelInfo:
        """Which model this is."""

    @abstractmethod
    def generate(
        self,
        image: ImageLike,
        prompt: Asked | None = None,
        *,
        messages: Messages | None = None,
        max_new_tokens: int = 128,
        image_path: str | None = None,
    ) -> Generation:
        """The model's own answer, by greedy decoding.

        Args:
            image: a path, a PIL image, or an RGB uint8 array
            prompt: the user's words, without any chat template. They may not hold control tokens
                that would end the user's turn or stand for one more image
            messages: instead of a prompt, the turns of a conversation that ends with the user's
                question, as chat templates take them; see `attribution.conversation`
            max_new_tokens: longest answer; a cut answer does not end in EOS
            image_path: where the image came from, for whoever read it already; by default the
                path given as `image`

        Raises:
            ImageError: the image cannot be read
            ModelError: the prompt is not Unicode, or holds such a control token; the messages are
                malformed, or the model's template has no place for them
        """

    @abstractmethod
    def with_answer(
        self,
        image: ImageLike,
        prompt: Asked | None = None,
        answer: str = "",
        *,
        messages: Messages | None = None,
        image_path: str | None = None,
    ) -> Generation:
        """A given answer, encoded as the model itself would write it and ended by EOS.

        Its text is what its tokens read: a vocabulary may know only one Unicode form, drop a space
        at the beginning, or the like.

        Args:
            image: a path, a PIL image, or an RGB uint8 array
            prompt: the user's words, without any chat template
            answer: the text to explain instead of the model's own answer
            messages: instead of a prompt, as in `generate`
            image_path: where the image came from, as in `generate`

        Raises:
            ImageError: the image cannot be read
            ModelError: the prompt is refused, as in `generate`
            TargetError: the answer is empty, is not Unicode, or holds a control token
        """

    def spellings(self, words: Collection[str]) -> Mapping[int, str]:
        """The tokens that write one of some words whole: vocabulary id → what it reads.

        Case, and white space or a mark around the word, do not count: " yes", "YES" and "Yes." all
        write "yes". Empty where a model cannot list its vocabulary.

        Args:
            words: in lower case
        """
        del words
        return {}

    @abstractmethod
    def scorer(
        self,
        generation: Generation,
        target: Target,
        regions: Regions,
        *,
        fill: FillName = "black",
    ) -> Scorer:
        """A scorer bound to one answer, the tokens to explain and a partition of its image.

        Args:
            generation: the image, the prompt and the answer, which is teacher forced
            target: positions in the answer and the vocabulary id asked about at each
            regions: a partition of the image of `generation`
            fill: what hidden pixels become

        Raises:
            TargetError: the target lies beyond the answer
            RegionError: the regions are not of the image's shape
        """


def require_explainable(generation: Generation, target: Target, regions: Regions) -> None:
    """Check what every scorer needs, before the first image is scored.

    Args:
        generation: image and answer
        target: the tokens to explain
        regions: the partition of the image

    Raises:
        TargetError: the target lies beyond the answer
        RegionError: the regions are not of the image's shape
    """
    require_within(generation, target)
    image = generation.image.shape[:-1]
    if regions.shape != image:
        raise RegionError(
            f"the regions have shape {regions.shape}, the image {image}; segment this image"
        )


def require_within(generation: Generation, target: Target) -> None:
    """Check that a target lies in an answer.

    Raises:
        TargetError: it lies beyond it
    """
    if target.positions[-1] >= len(generation.ids):
        raise TargetError(
            f"the target lies at {target.positions}, the answer has {len(generation.ids)} tokens; "
            "take the target from the same generation"
        )
