"""Everything that a script, a terminal or an app wants to know about explanations, as a value."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import eagle_mllm
from eagle_mllm.attribution.generation import Span
from eagle_mllm.attribution.provenance import JSON
from eagle_mllm.attribution.result import Attribution
from eagle_mllm.metrics.faithfulness import deletion_auc, faithfulness_gap, insertion_auc

TOP_REGIONS = 5
"""How many regions of an order are told."""


@dataclass(frozen=True, kw_only=True)
class TokenSummary:
    """One token of a target."""

    position: int
    """Where it is in the answer, counted from 0."""

    token: str
    """What it adds to the text."""

    evidence: float | None
    """0 is language prior, 1 perception; None where it is not finite."""


@dataclass(frozen=True, kw_only=True)
class WordSummary:
    """One word of a target: the joint probability of its tokens, and what it relies on."""

    word: str
    """The word, or a token between words."""

    positions: tuple[int, ...]
    """Its explained tokens, by their positions in the answer."""

    evidence: float | None
    """0 is language prior, 1 perception; None where it is not finite."""

    confidence: float | None
    """Joint probability of its tokens on the whole image."""


@dataclass(frozen=True, kw_only=True)
class RegionSummary:
    """One of the most decisive regions."""

    region: int
    """Its index."""

    area: float
    """Its share of the image."""

    probability: float | None
    """The target's mean probability with all regions up to this one shown."""


@dataclass(frozen=True, kw_only=True)
class ExplanationSummary:
    """One target and what was found about it; a number that is not finite is None."""

    target: str
    method: str
    positions: tuple[int, ...]
    counterfactual: bool
    words: tuple[WordSummary, ...]
    tokens: tuple[TokenSummary, ...]
    regions: tuple[RegionSummary, ...]
    """The first `TOP_REGIONS` of the order."""

    has_effect: bool
    """Whether what is shown makes any difference; if not, the order says nothing."""

    ended_early: bool
    """Whether the search was told to end, so that more passes may find a better order."""

    searched: int
    insertion_auc: float | None
    deletion_auc: float | None
    faithfulness_gap: float | None
    probability: float | None
    """The target's mean probability on the whole image."""

    forward_passes: int
    seconds: float | None

    @property
    def evidence(self) -> float | None:
        """Mean evidence of the tokens; None where that of one of them is not known."""
        known = [token.evidence for token in self.tokens if token.evidence is not None]
        return sum(known) / len(known) if len(known) == len(self.tokens) else None


@dataclass(frozen=True, kw_only=True)
class RegionsSummary:
    """The partition of the image."""

    method: str
    asked: int | None
    count: int
    unseen: int
    """How many of them the model never sees."""

    shape: tuple[int, ...]
    """Height and width of the image."""


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Explanations of one answer over the same regions."""

    version: str
    """Of this package."""

    image: str | None
    prompt: str
    answer: str
    model: JSON
    """As the provenance has it."""

    method: str
    regions: RegionsSummary
    explanations: tuple[ExplanationSummary, ...]
    forward_passes: int
    seconds: float | None
    files: Mapping[str, str | Sequence[str]]
    """Where they were written, by kind."""

    def to_json(self) -> dict[str, Any]:
        """The same as plain JSON values."""
        return asdict(self)


def summary(
    attributions: Sequence[Attribution], *, files: Mapping[str, Path | Sequence[Path]]
) -> Summary:
    """The summary of explanations of one answer.

    Args:
        attributions: explanations of the same generation over the same regions, at least one
        files: where they were written, by kind
    """
    first = attributions[0]
    generation, regions = first.generation, first.regions
    return Summary(
        version=eagle_mllm.__version__,
        image=generation.image_path,
        prompt=generation.prompt,
        answer=generation.text,
        model=first.provenance.get("model"),
        method=first.method,
        regions=RegionsSummary(
            method=regions.method,
            asked=regions.asked,
            count=len(regions),
            unseen=len(first.unseen),
            shape=regions.shape,
        ),
        explanations=tuple(_explanation(attribution) for attribution in attributions),
        forward_passes=sum(attribution.forward_passes for attribution in attributions),
        seconds=_number(sum(attribution.seconds for attribution in attributions)),
        files={kind: _paths(place) for kind, place in files.items()},
    )


def explained_spans(attributions: Sequence[Attribution]) -> tuple[Span, ...]:
    """Where in the answer the tokens of a single target are, unless that is everywhere.

    Args:
        attributions: explanations of one answer
    """
    if len(attributions) > 1:
        return ()
    generation, target = attributions[0].generation, attributions[0].target
    if len(target) == len(generation.all()):
        return ()
    return tuple(generation.spans[position] for position in target.positions)


def _explanation(attribution: Attribution) -> ExplanationSummary:
    target, trace = attribution.target, attribution.trace
    return ExplanationSummary(
        target=target.text,
        method=attribution.method,
        positions=target.positions,
        counterfactual=target.is_counterfactual,
        words=_words(attribution),
        tokens=_tokens(attribution),
        regions=_regions(attribution),
        has_effect=trace.has_effect,
        ended_early=attribution.ended_early,
        searched=trace.searched,
        insertion_auc=_number(insertion_auc(trace)),
        deletion_auc=_number(deletion_auc(trace)),
        faithfulness_gap=_number(faithfulness_gap(trace)),
        probability=_number(trace.insertion_curve()[-1]),
        forward_passes=attribution.forward_passes,
        seconds=_number(attribution.seconds),
    )


def _tokens(attribution: Attribution) -> tuple[TokenSummary, ...]:
    target = attribution.target
    if target.is_counterfactual:  # the answer's own tokens are not what was asked about
        texts = [target.text] * len(target)
    else:
        texts = [attribution.generation.tokens[position] for position in target.positions]
    return tuple(
        TokenSummary(position=position, token=text, evidence=_number(evidence))
        for position, text, evidence in zip(
            target.positions, texts, attribution.reliance.evidence, strict=True
        )
    )


def _words(attribution: Attribution) -> tuple[WordSummary, ...]:
    return tuple(
        WordSummary(
            word=word.text,
            positions=word.positions,
            evidence=_number(word.evidence),
            confidence=_number(word.confidence),
        )
        for word in attribution.words
    )


def _regions(attribution: Attribution) -> tuple[RegionSummary, ...]:
    trace, areas = attribution.trace, attribution.regions.areas
    shown = trace.insertion_curve()
    return tuple(
        RegionSummary(
            region=int(region),
            area=round(float(areas[region]), 6),
            probability=_number(shown[rank]),
        )
        for rank, region in enumerate(trace.order[:TOP_REGIONS], start=1)
    )


def _paths(place: Path | Sequence[Path]) -> str | list[str]:
    return str(place) if isinstance(place, Path) else [str(path) for path in place]


def _number(value: float) -> float | None:
    """A float that JSON can hold, without the noise of float32."""
    return round(float(value), 6) if math.isfinite(value) else None
