"""What is measured on each sample: the numbers that tables average.

Names are fixed by the task, so that every record of a task has the same ones. A number that is not
defined for a sample is NaN. Larger is better but for the deletion AUC, the corrected area and flat
maps.
"""

from collections.abc import Sequence

import numpy as np

from eagle_mllm.arrays import Mask
from eagle_mllm.attribution.result import Attribution
from eagle_mllm.attribution.trace import Tokens
from eagle_mllm.datasets.sample import Sample, SceneRef
from eagle_mllm.metrics import (
    average_highest_score,
    corrected_area,
    corrected_within,
    deletion_auc,
    evidence_auroc,
    evidence_recovered,
    faithfulness_gap,
    insertion_auc,
    pointing_game,
    pointing_game_any_overlap,
    relevance_mass,
    relevance_rank,
    sensitive_tokens,
)
from eagle_mllm.scenes.evidence import KnownWord

_FAITHFULNESS = {
    "insertion_auc": insertion_auc,
    "deletion_auc": deletion_auc,
    "faithfulness_gap": faithfulness_gap,
    "average_highest_score": average_highest_score,
}
_POINTING = {"": pointing_game, "_any": pointing_game_any_overlap}


def measure(sample: Sample, attribution: Attribution) -> dict[str, float]:
    """The measures of one sample's task.

    Every task has `insertion_auc`, `deletion_auc`, `faithfulness_gap`, `average_highest_score` and
    `flat_map`, 0 or 1.
    A sentence (caption, vqa) has the same on its sensitive tokens, `..._sensitive`, NaN if none is;
    the caption of a generated scene also `evidence_auroc`. Captions and objects of generated scenes
    have `relevance_mass`, `relevance_rank` and `evidence_recovered`. An object has `pointing_box`,
    `pointing_mask`, `pointing_box_any` and `pointing_mask_any`, 0 or 1, NaN if its place is not
    known. An existence question has `corrected_area` and `corrected_within_10`, 0 or 1.

    Args:
        sample: the question with what is known of its answer
        attribution: the explanation of the sample's target

    Raises:
        TargetError: the target of an existence question is not one token
        DataError: an object's place is known in another image
    """
    measures = _faithfulness(attribution) | {"flat_map": float(_is_flat(attribution))}
    if sample.task in ("caption", "vqa"):
        measures |= _sensitive(attribution)
        if sample.task == "caption" and sample.scene is not None:
            measures |= _of_scene(sample.scene, attribution)
    elif sample.task == "object":
        measures |= _pointing(sample, attribution)
        if sample.scene is not None and sample.object is not None:
            height, width = attribution.regions.shape
            measures |= _relevance(sample.object.mask((height, width)), attribution)
    else:
        measures |= _correction(attribution)
    return measures


def _faithfulness(attribution: Attribution, tokens: Tokens | None = None) -> dict[str, float]:
    trace = attribution.trace
    return {name: metric(trace, tokens=tokens) for name, metric in _FAITHFULNESS.items()}


def _is_flat(attribution: Attribution) -> bool:
    """Whether the map is the same wherever the model looks, so that it points nowhere."""
    seen = ~attribution.regions.mask(attribution.unseen)
    return bool(np.ptp(attribution.saliency[seen]) == 0) if seen.any() else True


def _sensitive(attribution: Attribution) -> dict[str, float]:
    measured = _faithfulness(attribution, sensitive_tokens(attribution.trace))
    return {f"{name}_sensitive": value for name, value in measured.items()}


def _of_scene(scene: SceneRef, attribution: Attribution) -> dict[str, float]:
    known = [
        item
        for item in scene.known_words(attribution.generation)
        if set(item.word.tokens) <= set(attribution.target.positions)
    ]
    evidence = {"evidence_auroc": _known_evidence(known, attribution)}
    return evidence | _relevance(scene.evidence(known), attribution)


def _known_evidence(known: Sequence[KnownWord], attribution: Attribution) -> float:
    """AUROC of a word's evidence, the mean over its tokens, for the words that need eyes."""
    reliance = attribution.reliance
    evidence = dict(zip(reliance.positions, reliance.evidence, strict=True))
    scores = [np.mean([evidence[token] for token in item.word.tokens]) for item in known]
    labels = [item.truth.is_evidence for item in known]
    return evidence_auroc(np.array(scores, dtype=float), np.array(labels, dtype=bool))


def _relevance(evidence: Mask | None, attribution: Attribution) -> dict[str, float]:
    shape = attribution.regions.shape
    mask = np.zeros(shape, dtype=bool) if evidence is None else evidence
    return {
        "relevance_mass": relevance_mass(attribution.saliency, mask),
        "relevance_rank": relevance_rank(attribution.saliency, mask),
        "evidence_recovered": evidence_recovered(attribution.trace, attribution.regions, mask),
    }


def _pointing(sample: Sample, attribution: Attribution) -> dict[str, float]:
    saliency, truth = attribution.saliency, sample.object
    height, width = attribution.regions.shape
    places = {
        "box": None if truth is None else truth.box_mask((height, width)),
        "mask": None if truth is None else truth.mask((height, width)),
    }
    return {
        f"pointing_{place}{suffix}": float("nan") if mask is None else float(hit(saliency, mask))
        for suffix, hit in _POINTING.items()
        for place, mask in places.items()
    }


def _correction(attribution: Attribution) -> dict[str, float]:
    trace, target = attribution.trace, attribution.target
    return {
        "corrected_area": corrected_area(trace, target),
        "corrected_within_10": float(corrected_within(trace, target, budget=0.1)),
    }
