"""Yes or no by contrast: what the whole image says against what an image with a part hidden says.

    odds = (1 + strength) · odds(whole image) − strength · odds(image without the part)

What the hidden part adds to the answer is counted more than once (the idea of VCD,
https://arxiv.org/abs/2311.16922, with a part hidden instead of noise). A negative strength counts
it less: at −1 the part is simply hidden.
"""

from dataclasses import dataclass
from math import log
from typing import Literal

import numpy as np

from eagle_mllm.arrays import Mask
from eagle_mllm.attribution.generation import Target
from eagle_mllm.attribution.images import ImageLike, pixels_of
from eagle_mllm.attribution.masking import FillName
from eagle_mllm.attribution.model import Model
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.errors import RegionError
from eagle_mllm.hallucination.answers import yes_and_no

_TINY = 1e-12


@dataclass(frozen=True, kw_only=True)
class Contrasted:
    """A yes or no, and the log-odds of yes behind it."""

    answer: Literal["yes", "no"]
    odds: float
    """After the contrast."""

    odds_whole: float
    """On the whole image."""

    odds_without: float
    """On the image without the part."""


def contrasted(
    model: Model,
    image: ImageLike,
    question: str,
    hidden: Mask,
    *,
    strength: float = 1.0,
    fill: FillName = "black",
) -> Contrasted:
    """The answer to a question of yes and no, decoded by contrast; two passes.

    Args:
        model: which answers
        image: a path, a PIL image, or an RGB uint8 array
        question: of yes and no
        hidden: True on the part to contrast with, such as what an audit or a diagnosis blames
        strength: how much the contrast counts; 0 is greedy decoding
        fill: what hidden pixels become

    Raises:
        RegionError: the mask has another shape than the image, or hides nothing or everything
        TargetError: the model cannot write "Yes" and "No"
    """
    pixels = pixels_of(image)
    if hidden.shape != pixels.shape[:-1] or not hidden.any() or hidden.all():
        raise RegionError(
            f"the part to contrast with has shape {hidden.shape} and {int(hidden.sum())} pixels; "
            f"expected some, not all, of an image of shape {pixels.shape[:-1]}"
        )
    says_yes = model.with_answer(pixels, question, "Yes.")
    yes, no = yes_and_no(model, says_yes)
    ids = (*yes.ids, *no.ids)
    position = says_yes.find("Yes").positions[0]
    both = Target(positions=(position,) * len(ids), ids=ids, text="yes or no")
    parts = Regions.from_labels(hidden.astype(int))
    p = model.scorer(says_yes, both, parts, fill=fill)(np.array([[True, True], [True, False]]))
    n_yes = len(yes.ids)
    whole, without = (
        log(row[:n_yes].sum() + _TINY) - log(row[n_yes:].sum() + _TINY)
        for row in p.probability.astype(np.float64)
    )
    odds = (1 + strength) * whole - strength * without
    return Contrasted(
        answer="yes" if odds > 0 else "no", odds=odds, odds_whole=whole, odds_without=without
    )
