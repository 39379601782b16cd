"""An audit, as a frozen value: each claim of an answer, its scores, and what follows from them."""

from dataclasses import dataclass

from eagle_mllm.attribution.generation import Generation

DOUBTED = 0.5
"""From which probability on a word is not trusted."""


@dataclass(frozen=True, kw_only=True)
class Probe:
    """Scores of one claim, larger where the picture supports it."""

    log_probability: float
    """Log of the joint probability of its tokens on the image."""

    log_ratio: float
    """The same less that on the blank image."""

    again: float
    """Log-odds that the model says the same when it is asked in other words."""

    drop: float = 0.0
    """Largest share of its probability that one block of at most an eighth of the image takes."""

    again_there: float = 0.0
    """`again`, asked about nothing but the smallest block that takes most of that share."""

    evidence: tuple[int, ...] = ()
    """The regions of that block."""

    @property
    def scores(self) -> dict[str, float]:
        """By name, for a calibration."""
        return {
            "log_probability": self.log_probability,
            "log_ratio": self.log_ratio,
            "again": self.again,
            "drop": self.drop,
            "again_there": self.again_there,
        }


@dataclass(frozen=True, kw_only=True)
class AuditedWord:
    """A word of an answer, and whether the picture supports it."""

    text: str
    """The word as written."""

    start: int
    """Offset of its first character in the answer."""

    stop: int
    """Offset of the first character after it."""

    unsupported: float
    """Probability that the picture does not support it, in [0, 1], by the calibration."""

    reason: str
    """What speaks most against it, or for it."""

    probe: Probe
    """The scores behind it."""

    @property
    def is_doubted(self) -> bool:
        """Whether it is not to be trusted."""
        return self.unsupported >= DOUBTED


@dataclass(frozen=True, kw_only=True)
class Audit:
    """An answer whose claims were checked."""

    generation: Generation
    """Image, prompt and answer."""

    words: tuple[AuditedWord, ...]
    """Its claims, in order."""

    fast: bool
    """Whether only the scores of two passes and a second question were used."""

    passes: int
    """Images scored; an answer that was generated on the way counts as one for each token."""

    seconds: float
    """Wall time, without loading the model and generating the answer."""

    @property
    def doubted(self) -> tuple[AuditedWord, ...]:
        """The words that are not to be trusted."""
        return tuple(word for word in self.words if word.is_doubted)
