"""Which words of an answer the picture does not support, as far as the model itself can tell.

A compact map is no sign that an answer is right, so none is used. What is used: the probability of
a word with and without the image, what the model says when it is asked again in other words, and,
unless it must be fast, the same about the part of the image that the word comes from.
"""

import json
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from time import perf_counter

from eagle_mllm.attribution.generation import Generation
from eagle_mllm.attribution.masking import FillName
from eagle_mllm.attribution.model import Model
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.attribution.segmentation import segment
from eagle_mllm.hallucination.calibration import Logistic
from eagle_mllm.hallucination.claims import Claim, claims_of
from eagle_mllm.hallucination.probing import Prober
from eagle_mllm.hallucination.verdicts import DOUBTED, Audit, AuditedWord, Probe


def audit(
    model: Model,
    generation: Generation,
    *,
    fast: bool = False,
    fill: FillName = "black",
    regions: Regions | None = None,
    n_regions: int = 64,
    calibrations: Mapping[str, Logistic] | None = None,
    on_pass: Callable[[int], None] | None = None,
) -> Audit:
    """How far the picture supports each content word of an answer, or its yes or no.

    The probabilities are calibrated on the generated scenes of the demo models; for another model
    they are scores to rank by.

    Args:
        model: the model that answered
        generation: image, prompt and answer
        fast: leave out the scan of regions
        fill: what hidden pixels become
        regions: a partition of the image; by default SLICO superpixels of `n_regions` regions
        n_regions: how many regions to ask for where `regions` is not given
        calibrations: by kind of claim and depth, as in `shipped_calibrations`, the default
        on_pass: called now and then with the images scored so far

    Raises:
        TargetError: the answer has no object words
        RegionError: the regions are not of the image's shape
        ModelError: the model returned a number that is not a probability
    """
    start = perf_counter()
    claims = claims_of(generation)
    if regions is None:
        regions = segment(generation.image, n_regions=n_regions)
    prober = Prober(model, generation, claims, regions=regions, fill=fill, on_pass=on_pass)
    probes = prober.fast() if fast else prober.thorough()
    by_kind = shipped_calibrations() if calibrations is None else calibrations
    words = [
        _audited(claim, probe, by_kind[f"{claim.kind}-{'fast' if fast else 'thorough'}"], fast=fast)
        for claim, probe in zip(claims, probes, strict=True)
    ]
    return Audit(
        generation=generation,
        words=tuple(words),
        fast=fast,
        passes=prober.passes,
        seconds=perf_counter() - start,
    )


@cache
def shipped_calibrations() -> dict[str, Logistic]:
    """The calibrations of the demo models, by kind of claim and depth, as in "word-fast"."""
    text = files("eagle_mllm.hallucination").joinpath("calibrations.json").read_text("utf-8")
    return {
        name: Logistic(
            names=tuple(stored["names"]), weights=tuple(stored["weights"]), bias=stored["bias"]
        )
        for name, stored in json.loads(text)["calibrations"].items()
    }


def _audited(claim: Claim, probe: Probe, calibration: Logistic, *, fast: bool) -> AuditedWord:
    unsupported = calibration(probe.scores)
    return AuditedWord(
        text=claim.text,
        start=claim.start,
        stop=claim.stop,
        unsupported=unsupported,
        reason=_reason(claim, probe, fast=fast, is_doubted=unsupported >= DOUBTED),
        probe=probe,
    )


def _reason(claim: Claim, probe: Probe, *, fast: bool, is_doubted: bool) -> str:
    denied = probe.again < 0
    denied_there = not fast and probe.again_there < 0
    if not is_doubted:
        return "the model stands by it when asked again" if not denied else "the model is sure"
    if denied:
        return f"asked again, the model does not stand by “{claim.phrase}”"
    if denied_there:
        return f"what it comes from does not show “{claim.phrase}” when asked about alone"
    if probe.log_ratio < 0.5:
        return "as probable on a blank image: a habit of language"
    return "the model is not sure of it"
