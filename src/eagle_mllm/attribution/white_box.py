"""What a method asks of a model that it may look into: activations, gradients and attention.

A `Scorer` answers for subsets of regions and needs no more than probabilities. Here a model also
shows what happens on the way to them. All numbers are NumPy's, so that a method is mathematics and
nothing else; the model alone knows how they come about.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

from jaxtyping import Float, Int
from numpy import ndarray

from eagle_mllm.arrays import RGBImage
from eagle_mllm.attribution.generation import Generation, Target
from eagle_mllm.attribution.model import Model
from eagle_mllm.errors import ModelError


class LayerView(NamedTuple):
    """A layer of the language model at the image tokens, for a batch of images."""

    activations: Float[ndarray, "batch tokens channels"]
    """What the layer's feed-forward part reads, behind its norm."""

    gradients: Float[ndarray, "batch tokens channels"]
    """Of the target's logits, summed over its tokens, with respect to them."""


class PixelView(NamedTuple):
    """The target's score of each image, and how it changes with the pixels."""

    log_probability: Float[ndarray, "batch tokens"]
    """log p of each target token."""

    gradient: Float[ndarray, "batch h w 3"]
    """Of their sum with respect to each value of the image, on the 8-bit scale."""


class Noise(NamedTuple):
    """Gaussian noise on what the model gets, after its image processor."""

    std: float
    """Standard deviation, in the units of normalised pixels."""

    seeds: Sequence[int]
    """One for each image, so that its noise does not depend on its batch mates."""


class WhiteBox(ABC):
    """A model bound to one image, one prompt, one answer and the tokens to explain.

    Images are counted in passes by whoever asks: one for each image, forward and, where there is
    a gradient, backward.
    """

    @property
    @abstractmethod
    def n_layers(self) -> int:
        """Layers of the language model."""

    @property
    @abstractmethod
    def ids(self) -> tuple[int, ...]:
        """What the model reads: the prompt, then the answer up to the last token that matters."""

    @property
    @abstractmethod
    def n_prompt(self) -> int:
        """How many of `ids` are the prompt's, image tokens included."""

    @property
    @abstractmethod
    def prompt_positions(self) -> tuple[int, ...]:
        """Where the user's own words are in `ids`."""

    @property
    @abstractmethod
    def image_positions(self) -> Int[ndarray, " tokens"]:
        """Where the image tokens are in `ids`.

        Raises:
            ModelError: where they look is not known for this model
        """

    @property
    @abstractmethod
    def grids(self) -> tuple[Int[ndarray, "rows columns"], ...]:
        """The image token at each cell of each view of the image, counted from the first.

        Raises:
            ModelError: it is not known for this model
        """

    @abstractmethod
    def to_image(self, values: Float[ndarray, " tokens"]) -> Float[ndarray, "h w"]:
        """A map over the user's pixels from one value for each image token; 0 where none looks.

        Raises:
            ModelError: where they look is not known for this model
        """

    @property
    @abstractmethod
    def grey_level(self) -> float:
        """One step of the 8-bit scale in the units of normalised pixels.

        Raises:
            ModelError: as for `pixels`
        """

    @abstractmethod
    def layer(self, images: Sequence[RGBImage], *, layer: int) -> LayerView:
        """Activations and gradients of one layer.

        Args:
            images: of the size of the user's image
            layer: which layer, counted from 0

        Raises:
            ModelError: the layer or its norm cannot be found
        """

    @abstractmethod
    def hidden(self, layer: int) -> Float[ndarray, "length channels"]:
        """Hidden states at every position of `ids`, for the user's image.

        Args:
            layer: those that enter this layer, counted from 0; with `n_layers`, what leaves the
                final norm

        Raises:
            ModelError: the layers cannot be found
        """

    @abstractmethod
    def lens(
        self, vocabulary_ids: Sequence[int], *, layer: int | None = None
    ) -> Float[ndarray, "length ids"]:
        """Logits of some ids at every position of `ids`, for the user's image.

        The logit lens: at an image token, what its hidden state says of each id.

        Args:
            vocabulary_ids: which
            layer: whose input is read, through the model's final norm; None for the last state

        Raises:
            ModelError: the layers or the final norm cannot be found
        """

    @abstractmethod
    def predicted(self, position: int) -> int:
        """The id that the model would put behind a position of `ids`."""

    @abstractmethod
    def attention(self, layers: Sequence[int]) -> Float[ndarray, "layers targets tokens"]:
        """How much the row that predicts each target token attends to each image token.

        The mean over heads, for the user's image. The rest of a row, up to 1, goes to the text.

        Raises:
            ModelError: the model's attention keeps no weights and hides its queries and keys
        """

    @abstractmethod
    def pixels(
        self,
        images: Float[ndarray, "batch h w 3"],
        *,
        tokens: Sequence[int] | None = None,
        noise: Noise | None = None,
    ) -> PixelView:
        """Scores, and their gradient through the image processor, as a linear map.

        Nothing is rounded on the way and nothing is clipped, as a gradient would be 0 there.

        Args:
            images: of the size of the user's image, on the 8-bit scale
            tokens: which tokens of the target are summed before the gradient, by index; None for
                all
            noise: added to the normalised pixels; None for none

        Raises:
            ModelError: the model's image processor is not known as a linear map
        """


class WhiteBoxModel(Model):
    """A model that can be looked into."""

    @abstractmethod
    def white_box(self, generation: Generation, target: Target) -> WhiteBox:
        """A look into the model at one answer. Nothing is changed on the model.

        Args:
            generation: the image, the prompt and the answer, which is teacher forced
            target: the tokens to explain

        Raises:
            TargetError: the target lies beyond the answer
            ModelError: the answer was not written with this model's vocabulary
        """


def white_box_of(model: Model, generation: Generation, target: Target) -> WhiteBox:
    """A look into a model, if it allows one.

    Raises:
        ModelError: it does not
        TargetError: the target lies beyond the answer
    """
    if not isinstance(model, WhiteBoxModel):
        raise ModelError(
            f"{model.info.id!r} gives scores only, no activations and no gradients; use a method "
            "that needs no more, such as 'eagle', 'single-scan', 'centre' or 'random'"
        )
    return model.white_box(generation, target)
