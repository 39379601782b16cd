"""What a result says, as plain values: `--json` prints it, the tables read it."""

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import eagle_mllm
from eagle_mllm.attribution.result import Attribution
from eagle_mllm.metrics.faithfulness import deletion_auc, faithfulness_gap, insertion_auc

TOP_REGIONS = 5


def summary(
    attributions: Sequence[Attribution], *, files: Mapping[str, Path | Sequence[Path]]
) -> dict[str, Any]:
    """Everything a script wants to know about explanations of one answer.

    Args:
        attributions: Explanations of the same generation over the same regions, at least one.
        files: Where they were written, by kind.

    Returns:
        JSON values; a number that is not finite is None.
    """
    first = attributions[0]
    generation, regions = first.generation, first.regions
    return {
        "version": eagle_mllm.__version__,
        "image": generation.image_path,
        "prompt": generation.prompt,
        "answer": generation.text,
        "model": first.provenance.get("model"),
        "method": first.method,
        "regions": {
            "method": regions.method,
            "asked": regions.asked,
            "count": len(regions),
            "shape": [int(side) for side in regions.shape],
        },
        "explanations": [_explanation(attribution) for attribution in attributions],
        "forward_passes": sum(attribution.forward_passes for attribution in attributions),
        "seconds": _number(sum(attribution.seconds for attribution in attributions)),
        "files": {kind: _paths(place) for kind, place in files.items()},
    }


def _explanation(attribution: Attribution) -> dict[str, Any]:
    target, trace = attribution.target, attribution.trace
    return {
        "target": target.text,
        "positions": list(target.positions),
        "counterfactual": target.is_counterfactual,
        "tokens": _tokens(attribution),
        "regions": _regions(attribution),
        "searched": trace.searched,
        "insertion_auc": _number(insertion_auc(trace)),
        "deletion_auc": _number(deletion_auc(trace)),
        "faithfulness_gap": _number(faithfulness_gap(trace)),
        "probability": _number(trace.insertion_curve()[-1]),
        "forward_passes": attribution.forward_passes,
        "seconds": _number(attribution.seconds),
    }


def _tokens(attribution: Attribution) -> list[dict[str, Any]]:
    """Each token of the target with its evidence; 0 is language prior, 1 perception."""
    target = attribution.target
    if target.is_counterfactual:  # what stands in the answer is not what was asked about
        texts: Iterable[str] = [target.text] * len(target)
    else:
        texts = [attribution.generation.tokens[position] for position in target.positions]
    return [
        {"position": position, "token": text, "evidence": _number(evidence)}
        for position, text, evidence in zip(
            target.positions, texts, attribution.reliance.evidence, strict=True
        )
    ]


def _regions(attribution: Attribution) -> list[dict[str, Any]]:
    """The most decisive regions; `probability` is the target's with all regions up to this one."""
    trace, areas = attribution.trace, attribution.regions.areas
    shown = trace.insertion_curve()
    return [
        {
            "region": int(region),
            "area": _number(areas[region]),
            "probability": _number(shown[rank]),
        }
        for rank, region in enumerate(trace.order[:TOP_REGIONS], start=1)
    ]


def _number(value: float) -> float | None:
    """A float that JSON can hold, without the noise of float32."""
    return round(float(value), 6) if math.isfinite(value) else None


def _paths(place: Path | Sequence[Path]) -> str | list[str]:
    return str(place) if isinstance(place, Path) else [str(path) for path in place]
