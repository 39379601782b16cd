"""An answer given again without the parts of the image that its doubted words come from."""

from dataclasses import dataclass

import numpy as np

from eagle_mllm.arrays import Mask
from eagle_mllm.attribution.masking import FillName, fill_image, masked_image
from eagle_mllm.attribution.model import Model
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.errors import SettingError
from eagle_mllm.hallucination.verdicts import Audit
from eagle_mllm.values import ArrayValue


@dataclass(frozen=True, kw_only=True, eq=False)
class Fixed(ArrayValue):
    """The answer to an image of which parts are hidden."""

    answer: str
    """What the model says then; nobody has checked that it is true."""

    regions: tuple[int, ...]
    """The regions that are hidden, rising."""

    area: float
    """Their share of the image's pixels."""

    mask: Mask
    """True where the image is hidden."""

    def __post_init__(self) -> None:
        self._freeze_arrays()


def fix(model: Model, audit: Audit, *, regions: Regions, fill: FillName = "black") -> Fixed | None:
    """The answer generated once more, with the evidence of every doubted word hidden.

    Args:
        model: the model that answered
        audit: of its answer, with the scan of regions
        regions: the partition that was scanned
        fill: what hidden pixels become

    Returns:
        None where no word is doubted

    Raises:
        SettingError: the audit was fast, so that it is not known where its words come from
    """
    if audit.fast:
        raise SettingError(
            "an answer is fixed by hiding what its words come from, which a fast audit does not "
            "look for; leave out `fast` (--fast)"
        )
    hidden = sorted({region for word in audit.doubted for region in word.probe.evidence})
    if not hidden:
        return None
    generation = audit.generation
    mask = regions.mask(hidden)
    image = masked_image(generation.image, fill_image(generation.image, fill), ~mask)
    return Fixed(
        answer=model.generate(image, generation.asked).text,
        regions=tuple(hidden),
        area=float(np.mean(mask)),
        mask=mask,
    )
