"""What a report tells about a diagnosis in words, and the pictures that go with it."""

import numpy as np
from jaxtyping import Float

from eagle_mllm.arrays import Mask, RGBImage
from eagle_mllm.attribution.result import Attribution
from eagle_mllm.errors import ResultError
from eagle_mllm.hallucination.diagnosis import Diagnosis
from eagle_mllm.report.pictures import resized_image, resized_values, saliency_over
from eagle_mllm.report.tokens import clean

_EDGE = np.array([255, 96, 16], dtype=np.uint8)
_HIDDEN_TO = 0.12


def explained(diagnosis: Diagnosis) -> Attribution:
    """The attribution of the right answer.

    Raises:
        ResultError: the answer was right, so that there is nothing to draw
    """
    if diagnosis.attribution is None:
        raise ResultError("the answer was right: there is no error to draw")
    return diagnosis.attribution


def told(diagnosis: Diagnosis) -> tuple[str, ...]:
    """What was found, a sentence each."""
    said, truth = clean(diagnosis.generation.text), clean(diagnosis.truth)
    if not diagnosis.wrong:
        return (f"Answered rightly: the model says “{said}”, and the truth is “{truth}”.",)
    first = f"Wrong: the model says “{said}”, and the truth is “{truth}”."
    correction = diagnosis.correction
    if correction is None:
        return (first, _NOT_CORRECTED[diagnosis.outcome])
    paper = diagnosis.paper_removed_area
    return (
        first,
        f"Corrected by hiding {correction.area:.1%} of the image (in {_regions(correction.regions)}"
        f"): then the model says “{clean(correction.answer)}”.",
        "The paper’s order never corrects it."
        if paper is None or paper >= 1
        else f"The paper’s order hides {paper:.1%}, from the end, for the same.",
    )


_NOT_CORRECTED = {
    "never corrected": "Never corrected: nothing that was hidden makes the model answer rightly, "
    "so the image is not the cause; look for a habit of language.",
    "corrected only by the empty image": "Corrected only by the empty image: as long as the model "
    "sees anything of the image that was tried, it errs.",
}


def _regions(regions: tuple[int, ...]) -> str:
    names = ", ".join(map(str, regions[:6])) + (", …" if len(regions) > 6 else "")
    return f"region {names}" if len(regions) == 1 else f"regions {names}"


def hallucination_picture(diagnosis: Diagnosis, shape: tuple[int, int]) -> RGBImage:
    """The map 1 − saliency over the grey image."""
    attribution = explained(diagnosis)
    image = resized_image(attribution.generation.image, shape)
    values = diagnosis.hallucination_map
    flat = np.zeros_like(attribution.saliency) if values is None else values
    return saliency_over(image, resized_values(flat, shape))


def corrected_picture(diagnosis: Diagnosis, shape: tuple[int, int]) -> RGBImage:
    """The image with what is hidden dark and outlined; as it is where nothing corrects."""
    attribution = explained(diagnosis)
    picture = resized_image(attribution.generation.image, shape).copy()
    if diagnosis.correction is None:
        return picture
    hidden = resized_values(diagnosis.correction.mask, shape)
    picture[hidden] = np.rint(picture[hidden] * _HIDDEN_TO).astype(np.uint8)
    picture[_outline(hidden)] = _EDGE
    return picture


def right_curve(diagnosis: Diagnosis) -> tuple[Float[np.ndarray, " steps"], ...]:
    """Share of the image that the order hides from its end, and the right answer's probability."""
    trace = explained(diagnosis).trace
    hidden = 1.0 - trace.area[::-1]
    return np.asarray(hidden), np.asarray(trace.insertion[::-1, 0], dtype=np.float64)


def _outline(mask: Mask) -> Mask:
    """Two pixels around a mask."""
    wide = mask.copy()
    for _ in range(2):
        grown = wide.copy()
        grown[1:] |= wide[:-1]
        grown[:-1] |= wide[1:]
        grown[:, 1:] |= wide[:, :-1]
        grown[:, :-1] |= wide[:, 1:]
        wide = grown
    return np.asarray(wide & ~mask)
