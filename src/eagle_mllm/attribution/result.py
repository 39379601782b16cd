"""An explanation, as a frozen value."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from reprlib import Repr

from eagle_mllm.arrays import Saliency
from eagle_mllm.attribution.generation import Generation, Target
from eagle_mllm.attribution.objective import Objective
from eagle_mllm.attribution.provenance import JSON
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.attribution.reliance import ModalityReliance, joint_trace, modality_reliance
from eagle_mllm.attribution.trace import Trace, area_under
from eagle_mllm.attribution.words.grouping import grouped
from eagle_mllm.errors import ResultError
from eagle_mllm.values import ArrayValue

_LABEL = Repr()
_LABEL.maxstring = 60


@dataclass(frozen=True, kw_only=True)
class WordReliance:
    """How much a word relies on the image."""

    text: str
    """The word, or a token between words."""

    positions: tuple[int, ...]
    """Its explained tokens, by their positions in the answer."""

    evidence: float
    """Perceptual evidence by Eq. 5, of the joint probability; near 0 is a language prior."""

    confidence: float
    """Joint probability of its tokens on the whole image."""

    prior: float
    """The same on the empty image."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Attribution(ArrayValue):
    """Which regions of an image some tokens of an answer stand on.

    Raises:
        ResultError: image, regions, target, trace and saliency do not belong together
    """

    method: str
    """Name of the method, as in "eagle"."""

    generation: Generation
    """Image, prompt and answer."""

    target: Target
    """The tokens that were explained."""

    regions: Regions
    """The partition of the image."""

    trace: Trace
    """The order found, and the target's probability along it."""

    saliency: Saliency
    """How decisive each pixel is, float32 in [0, 1], of the size of the image."""

    sensitive: tuple[int, ...] = ()
    """Tokens of the target, by index, rising, that the order and the saliency are about, where F
    was restricted to the sensitive ones; empty where they are about all. The trace has all."""

    unseen: tuple[int, ...] = ()
    """Regions that the model never sees, such as those outside the square that its processor cuts
    out: rising, last in the order, 0 in the map, and without a share of the trace's area."""

    objective: Objective | None
    """F, by which the order was sought and the saliency was made; None for a method without."""

    forward_passes: int
    """Images that were scored for it."""

    seconds: float
    """Wall time, without loading the model and generating the answer."""

    provenance: Mapping[str, JSON]
    """Versions, model and settings: what it takes to make it again."""

    def __post_init__(self) -> None:
        self._freeze_arrays()
        _check(self)

    @property
    def reliance(self) -> ModalityReliance:
        """How much each token of the target relies on the image (Eq. 5)."""
        return modality_reliance(self.trace, positions=self.target.positions)

    @property
    def ended_early(self) -> bool:
        """Whether the search was told to end, by time or by hand, with the best order so far."""
        settings = self.provenance.get("settings")
        return isinstance(settings, Mapping) and settings.get("ended_early") is True

    @property
    def words(self) -> tuple["WordReliance", ...]:
        """The same for each word of the target, by the joint probability of its tokens.

        A token that writes no part of a word, such as a mark, stands alone. Of a word that is
        explained in part, the explained tokens count.
        """
        generation, target = self.generation, self.target
        groups = grouped(generation.words, generation.tokens, target.positions)
        joint = joint_trace(self.trace, [group.tokens for group in groups])
        evidence = modality_reliance(joint).evidence.tolist()
        prior, confidence = (joint.insertion[row].tolist() for row in (0, -1))
        return tuple(
            WordReliance(
                text=target.text if target.is_counterfactual else group.text,
                positions=tuple(target.positions[token] for token in group.tokens),
                evidence=evidence[index],
                confidence=confidence[index],
                prior=prior[index],
            )
            for index, group in enumerate(groups)
        )

    def __repr__(self) -> str:
        insertion = area_under(self.trace.insertion_curve(), self.trace.area)
        deletion = area_under(self.trace.deletion_curve(), self.trace.area)
        return (
            f"Attribution({self.method}, {_LABEL.repr(self.target.text)}, "
            f"{len(self.regions)} regions, insertion_auc={insertion:.2f}, "
            f"deletion_auc={deletion:.2f}, forward_passes={self.forward_passes})"
        )

    def _repr_html_(self) -> str:
        """How a notebook shows it."""
        # The one import upwards, when a notebook asks: see the contracts in pyproject.toml.
        from eagle_mllm import report

        return report.fragment(self)


def _check(attribution: Attribution) -> None:
    image, regions = attribution.generation.image.shape[:-1], attribution.regions
    if not image == regions.shape == attribution.saliency.shape:
        raise ResultError(
            f"image, regions and saliency must have one shape; got {image}, {regions.shape} and "
            f"{attribution.saliency.shape}"
        )
    if not ((attribution.saliency >= 0) & (attribution.saliency <= 1)).all():
        raise ResultError("saliency lies in [0, 1]; got NaN or others")
    if attribution.forward_passes < 0 or not 0 <= attribution.seconds < inf:
        raise ResultError(
            "forward passes and seconds are finite and not negative; got "
            f"{attribution.forward_passes} and {attribution.seconds}"
        )
    trace, target = attribution.trace, attribution.target
    unseen = attribution.unseen
    if unseen and sorted(trace.order[-len(unseen) :].tolist()) != list(unseen):
        raise ResultError(f"unseen regions come last in an order, by index; got {unseen}")
    if list(attribution.sensitive) != sorted(set(attribution.sensitive) & set(range(len(target)))):
        raise ResultError(
            f"sensitive tokens are rising indices into the {len(target)} tokens of the target; "
            f"got {attribution.sensitive}"
        )
    if len(trace.order) != len(regions) or trace.n_tokens != len(target):
        raise ResultError(
            f"the trace covers {len(trace.order)} regions and {trace.n_tokens} tokens; "
            f"expected {len(regions)} and {len(target)}"
        )
