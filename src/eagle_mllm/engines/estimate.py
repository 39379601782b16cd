"""What an explanation will cost on a server, before anything is sent that it may charge for."""

from dataclasses import dataclass

import numpy as np

from eagle_mllm.arrays import RGBImage
from eagle_mllm.attribution.conversation import Asked, conversation_of
from eagle_mllm.attribution.masking import FillName, MaskedImages
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.engines.pictures import base64_text, png
from eagle_mllm.engines.served import ServedModel

_TRIED = 6
"""Hidden versions of the image that are made to see how large they are."""

_AROUND = 700
"""Bytes of a request beside its image and its text."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """About how much will be sent; scores that are kept already make it less."""

    requests: int
    """Requests that the model must work for, its own answer among them."""

    sent_bytes: int
    """All of them together."""

    tokens: int | None
    """Tokens that the model reads; None where only the server knows how many an image has."""

    def times(self, count: int) -> "Estimate":
        """The same for several explanations like this one."""
        return Estimate(
            requests=count * self.requests,
            sent_bytes=count * self.sent_bytes,
            tokens=None if self.tokens is None else count * self.tokens,
        )


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How much there is to do."""

    passes: int
    """Images to score; only an estimate."""

    cost: Estimate | None = None
    """Of a served model, what would be sent."""


def estimate(
    model: ServedModel,
    image: RGBImage,
    prompt: Asked,
    regions: Regions,
    *,
    fill: FillName,
    passes: int,
    answer_tokens: int,
) -> Estimate:
    """What scoring hidden versions of an image will cost.

    Args:
        model: the served model
        image: the image
        prompt: what the model is asked, or a conversation
        regions: a partition of the image
        fill: what hidden pixels become
        passes: how many versions will be scored
        answer_tokens: tokens of the answer, or the most it may have

    Raises:
        ModelError: the prompt is refused
    """
    shown = np.random.default_rng(0).random((_TRIED, len(regions))) < 0.5
    sizes = [len(base64_text(png(one))) for one in MaskedImages(image, regions, fill=fill)(shown)]
    read = model.prompt_tokens(image, prompt)
    requests, n_bytes = passes + 1, len("".join(conversation_of(prompt).texts).encode())
    return Estimate(
        requests=requests,
        sent_bytes=requests * (round(sum(sizes) / _TRIED) + _AROUND + n_bytes),
        tokens=None if read is None else requests * (read + answer_tokens),
    )
