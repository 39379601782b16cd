"""Does a token rely on the picture or on habits of language?

Low evidence means that the token is as probable without its regions as with them: a language
prior. Three definitions are in circulation; the first is ours.

    modality_reliance              Σ_r (p(π_:r) − min_j p(π_:j)) / N     Eq. 5 of the paper
    modality_reliance_algorithm1   Σ_r (max_j p(π_:j) − p(π_:r)) / N     Algorithm 1 of the paper
    modality_reliance_reference    area under p over image area − min    the reference
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from eagle_mllm.attribution.trace import Trace
from eagle_mllm.errors import ResultError, TargetError
from eagle_mllm.values import ArrayValue


@dataclass(frozen=True, kw_only=True, eq=False)
class ModalityReliance(ArrayValue):
    """How much each token of a target stands on the image.

    Raises:
        ResultError: there is not one position for each value
    """

    evidence: Float[np.ndarray, " tokens"]
    """Perceptual evidence of each token, in [0, 1]; near 0 is a language prior."""

    positions: tuple[int, ...]
    """Where each token stands: in the answer if that was given, else in the target."""

    def __post_init__(self) -> None:
        self._freeze_arrays()
        if len(self.positions) != len(self.evidence):
            raise ResultError(
                f"{len(self.evidence)} tokens need as many positions; got {len(self.positions)}"
            )

    def __len__(self) -> int:
        """How many tokens there are."""
        return len(self.evidence)


def modality_reliance(trace: Trace, *, positions: Sequence[int] | None = None) -> ModalityReliance:
    """Evidence of each token by Eq. 5: I_i/N = Σ_{r=1..N} (p_i(π_:r) − min_j p_i(π_:j)) / N.

    The empty image takes no part, neither in the sum nor in the minimum. Division by the number of
    regions N makes values comparable between partitions.

    Args:
        trace: the trace of an order
        positions: where the tokens stand in the answer; by default they are counted from 0

    Raises:
        ResultError: there is not one position for each token
    """
    shown = _after_the_first_region(trace)
    return _reliance(shown.mean(axis=0) - shown.min(axis=0), positions)


def modality_reliance_algorithm1(
    trace: Trace, *, positions: Sequence[int] | None = None
) -> ModalityReliance:
    """The same as Algorithm 1 of the paper writes it: Σ_{r=1..N} (max_j p_i(π_:j) − p_i(π_:r)) / N.

    It is large where the probability rises late. For comparison only.

    Args:
        trace: the trace of an order
        positions: where the tokens stand in the answer; by default they are counted from 0

    Raises:
        ResultError: there is not one position for each token
    """
    shown = _after_the_first_region(trace)
    return _reliance(shown.max(axis=0) - shown.mean(axis=0), positions)


def modality_reliance_reference(
    trace: Trace, *, positions: Sequence[int] | None = None
) -> ModalityReliance:
    """The same as the reference computes it: area under p_i over image area, less its minimum.

    The empty image takes part in both. For comparison only.

    Args:
        trace: the trace of an order
        positions: where the tokens stand in the answer; by default they are counted from 0

    Raises:
        ResultError: there is not one position for each token
    """
    shown = trace.insertion.astype(np.float64)
    return _reliance(np.trapezoid(shown, trace.area, axis=0) - shown.min(axis=0), positions)


def joint_trace(trace: Trace, groups: Sequence[Sequence[int]]) -> Trace:
    """The trace of whole words: the joint probability of the tokens that write each.

    Teacher forced, the probability of a word is the product of its tokens' probabilities, each
    given the tokens before it. What the model prefers is told for a word's first token.

    Args:
        trace: the trace of an order
        groups: the tokens of each word, by index into the target

    Raises:
        TargetError: the target has no such token, or a group is empty
    """
    tokens = [token for group in groups for token in group]
    if not all(groups) or any(not 0 <= token < trace.n_tokens for token in tokens):
        raise TargetError(
            f"words are groups of one or more of the {trace.n_tokens} tokens of the target "
            f"counted from 0; got {[list(group) for group in groups]}"
        )
    firsts = [group[0] for group in groups]
    return replace(
        trace,
        insertion=_products(trace.insertion, groups),
        deletion=_products(trace.deletion, groups),
        insertion_predicted=trace.insertion_predicted[:, firsts],
        deletion_predicted=trace.deletion_predicted[:, firsts],
    )


def _products(
    values: Float[np.ndarray, "steps tokens"], groups: Sequence[Sequence[int]]
) -> Float[np.ndarray, "steps words"]:
    products = [values[:, list(group)].prod(axis=1) for group in groups]
    return np.stack(products, axis=1).astype(values.dtype)


def _after_the_first_region(trace: Trace) -> Float[np.ndarray, "regions tokens"]:
    return trace.insertion[1:].astype(np.float64)


def _reliance(
    evidence: Float[np.ndarray, " tokens"], positions: Sequence[int] | None
) -> ModalityReliance:
    at = range(len(evidence)) if positions is None else positions
    # A mean can fall below the minimum by rounding when all values are equal.
    return ModalityReliance(evidence=evidence.clip(0, 1), positions=tuple(at))
