"""A diagnosis, as a frozen value: what supports the right answer, and what has to be hidden."""

from dataclasses import dataclass
from typing import Literal

from eagle_mllm.arrays import Mask, Saliency
from eagle_mllm.attribution.correction import minimal_correction
from eagle_mllm.attribution.generation import Generation
from eagle_mllm.attribution.result import Attribution
from eagle_mllm.errors import ResultError
from eagle_mllm.hallucination.answers import Answer
from eagle_mllm.values import ArrayValue

Outcome = Literal[
    "answered rightly", "corrected", "corrected only by the empty image", "never corrected"
]
"""How a diagnosis ends, told as it is written here."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Correction(ArrayValue):
    """What the direct search hides, and what the model says then."""

    mask: Mask
    """True where the image is hidden."""

    area: float
    """Share of the image that is hidden, in [0, 1]; of the pixels that the model sees."""

    regions: tuple[int, ...]
    """The regions that are hidden, whole or in part, rising."""

    regions_area: float
    """Share of the image of the smallest removal of whole regions."""

    answer: str
    """What the model says about the image without them, generated once."""

    def __post_init__(self) -> None:
        self._freeze_arrays()


@dataclass(frozen=True, kw_only=True, eq=False)
class Diagnosis(ArrayValue):
    """A wrong answer, what supports the right one, and what has to be hidden."""

    generation: Generation
    """Image, prompt and answer."""

    truth: str
    """The right answer, as it was told."""

    outcome: Outcome

    right: Answer | None = None
    """The right answer with the spellings that were counted; None if the answer was right."""

    given: Answer | None = None
    """The same of the answer that the model gave."""

    attribution: Attribution | None = None
    """What supports the right answer: its trace is of the sum over all spellings."""

    correction: Correction | None = None
    """The direct search's; None if nothing corrects."""

    paper_removed_area: float | None = None
    """Share of the image that the paper's order hides; 1 if that never corrects."""

    pruned_removed_area: float | None = None
    """The same after every region was put back that is not needed."""

    direct_passes: int = 0
    """Images scored by the direct search."""

    passes: int = 0
    """Images scored by everything together."""

    seconds: float = 0.0
    """Wall time of everything, without loading the model and generating the first answer."""

    def __post_init__(self) -> None:
        self._freeze_arrays()
        parts = (self.right, self.given, self.attribution)
        if any((part is None) == self.wrong for part in parts):
            raise ResultError(
                "a wrong answer has a right and a given one and an attribution, a right answer "
                f"has none; got outcome {self.outcome!r} and {[type(part) for part in parts]}"
            )
        if (self.correction is None) == (self.outcome == "corrected"):
            raise ResultError(
                f"a correction belongs to the outcome 'corrected', and to no other; got "
                f"{self.outcome!r}"
            )

    @property
    def wrong(self) -> bool:
        """Whether the model's answer was wrong."""
        return self.outcome != "answered rightly"

    @property
    def hallucination_map(self) -> Saliency | None:
        """1 − saliency of the right answer: bright where the image speaks against it."""
        if self.attribution is None or not self.attribution.trace.has_effect:
            return None
        return 1 - self.attribution.saliency

    @property
    def n_kept(self) -> int:
        """Regions of the order that the paper's correction keeps; 0 if it never corrects."""
        if self.attribution is None or self.right is None:
            return 0
        trace, target = self.attribution.trace, self.attribution.target
        return len(minimal_correction(trace, target, accepted=self.right.ids).kept)
