"""What the page shows about a diagnosis."""

from typing import NamedTuple

from eagle_mllm.hallucination.answers import Answer
from eagle_mllm.hallucination.diagnosis import Diagnosis
from eagle_mllm.report.curves import axis_top
from eagle_mllm.report.diagnosing import (
    corrected_picture,
    explained,
    hallucination_picture,
    right_curve,
    told,
)
from eagle_mllm.report.facts import Fact, duration
from eagle_mllm.report.pages.svg import LEFT, WIDTH, points
from eagle_mllm.report.pictures import (
    data_uri,
    picture_shape,
    png,
    resized_image,
    resized_values,
    saliency_over,
)
from eagle_mllm.report.tokens import visible

_SIDE = 384


class DiagnosisSection(NamedTuple):
    """The section of a diagnosis."""

    sentences: tuple[str, ...]
    supports: str
    map: str
    corrected: str
    hidden: str
    curve: str
    corrected_at: str | None
    top: float
    facts: tuple[Fact, ...]


def diagnosis_of(diagnosis: Diagnosis) -> DiagnosisSection:
    """The section of a diagnosis.

    Raises:
        ResultError: the answer was right
    """
    attribution = explained(diagnosis)
    shape = picture_shape(attribution.regions.shape, max_side=_SIDE)
    image = resized_image(attribution.generation.image, shape)
    supports = saliency_over(image, resized_values(attribution.saliency, shape))
    area, probability = right_curve(diagnosis)
    top = axis_top(float(probability.max()))
    paper, correction = diagnosis.paper_removed_area, diagnosis.correction
    return DiagnosisSection(
        sentences=told(diagnosis),
        supports=data_uri(png(supports)),
        map=data_uri(png(hallucination_picture(diagnosis, shape))),
        corrected=data_uri(png(corrected_picture(diagnosis, shape))),
        hidden="nothing corrects it" if correction is None else f"hidden: {correction.area:.1%}",
        curve=points(area, probability, top),
        corrected_at=None if paper is None or paper >= 1 else f"{LEFT + WIDTH * paper:.1f}",
        top=top,
        facts=_facts(diagnosis),
    )


def _facts(diagnosis: Diagnosis) -> tuple[Fact, ...]:
    return (
        Fact("Passes", str(diagnosis.passes), f"{diagnosis.direct_passes} by the direct search"),
        Fact("Time", duration(diagnosis.seconds), ""),
        Fact("Counted as right", _spelled(diagnosis.right), "probabilities are summed"),
        Fact("Counted as given", _spelled(diagnosis.given), "probabilities are summed"),
    )


def _spelled(answer: Answer | None) -> str:
    return "" if answer is None else ", ".join(f"“{visible(one)}”" for one in answer.spellings)
