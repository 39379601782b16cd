"""Asks each subset of regions once, and counts.

Deletion of S is insertion of its complement, so search, trace and baselines share one question,
"how probable is the target when only this subset is shown?", and an answer once given is kept.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy

import numpy as np
from jaxtyping import Bool, Float, Int

from eagle_mllm.attribution.ending import Enough
from eagle_mllm.attribution.model import Scorer, SubsetScores
from eagle_mllm.errors import ModelError, RegionError

Evaluate = Callable[[Bool[np.ndarray, "batch regions"]], SubsetScores]
"""Scores of subsets, in the order asked; it does not matter where they come from."""

# How often a progress bar moves, in images. It has no influence on a score.
_CHUNK = 32

# Softmax in float32 can exceed 1 by rounding; anything further away is a fault of the model.
_ROUNDING = 1e-5


class SubsetEvaluator:
    """A scorer that remembers: equal subsets are scored once, however often they are asked.

    Subsets are equal when they differ only in regions whose hiding changes nothing.

    Args:
        scorer: what really runs the model
        n_regions: number of regions, the width of every request
        on_pass: called after each call of the scorer with the images scored so far
    """

    def __init__(
        self,
        scorer: Scorer,
        n_regions: int,
        *,
        on_pass: Callable[[int], None] | None = None,
    ) -> None:
        self._memory = _Memory(scorer, n_regions, on_pass=on_pass)
        self._groups: list[list[int]] | None = None
        self._added = 0
        self.ended = False
        """Whether a search with these scores was told that it is enough."""

    @property
    def forward_passes(self) -> int:
        """Images that were scored because this evaluator was asked, and what was added."""
        return self._added

    @property
    def batch_size(self) -> int | None:
        """Images per pass, as the scorer has it by now."""
        return self._memory.scorer.preferred_batch_size

    @property
    def seen(self) -> Bool[np.ndarray, " regions"]:
        """True where the content of a region reaches the model."""
        return self._memory.seen

    def of(self, tokens: Sequence[int]) -> "SubsetEvaluator":
        """An evaluator of some of the tokens that shares this one's memory and counts for itself.

        Args:
            tokens: which of the tokens of the scorer's target, by index
        """
        return self.summed([[token] for token in tokens])

    def summed(self, groups: Sequence[Sequence[int]]) -> "SubsetEvaluator":
        """An evaluator of sums over tokens, such as the spellings of one answer, as `of` makes one.

        The predicted id of a group is that of its first token's position.

        Args:
            groups: which of the tokens of the scorer's target are added up, by index
        """
        view = copy(self)
        view._groups, view._added = [list(group) for group in groups], 0
        view.ended = False
        return view

    def add(self, passes: int) -> None:
        """Count passes of the model that were made for the same explanation elsewhere.

        Args:
            passes: images that went through the model
        """
        self._added += passes
        self._memory.add(passes)

    @contextmanager
    def may_end(self) -> Iterator[None]:
        """`Enough` that `on_pass` raises is passed on within the block, and nowhere else."""
        self._memory.ends = True
        try:
            yield
        except Enough:
            self.ended = True
            raise
        finally:
            self._memory.ends = False

    def recut(self, scorer: Scorer, n_regions: int) -> "SubsetEvaluator":
        """An evaluator over other regions, whose passes are counted here as well.

        Args:
            scorer: what runs the model on subsets of the other regions
            n_regions: how many there are
        """
        counted = 0

        def count(passes: int) -> None:
            nonlocal counted
            self.add(passes - counted)
            counted = passes

        return SubsetEvaluator(scorer, n_regions, on_pass=count)

    def __call__(self, shown: Bool[np.ndarray, "batch regions"]) -> SubsetScores:
        """Scores of each subset, in the order asked.

        Args:
            shown: one subset per row, at least one row, True where a region is shown

        Raises:
            RegionError: there is no row, or it has not one column for each region
            ModelError: the scorer returned NaN or another number outside [0, 1]
        """
        before = self._memory.forward_passes
        try:
            probability, predicted = self._memory(shown)
        finally:
            self._added += self._memory.forward_passes - before
        if self._groups is None:
            return SubsetScores(probability, predicted)
        sums = [probability[:, group].sum(axis=1) for group in self._groups]
        firsts = [group[0] for group in self._groups]
        return SubsetScores(np.stack(sums, axis=1).clip(0, 1), predicted[:, firsts])


class _Memory:
    """The score of every subset that was asked, with all tokens of the scorer's target."""

    def __init__(
        self, scorer: Scorer, n_regions: int, *, on_pass: Callable[[int], None] | None
    ) -> None:
        self.scorer = scorer
        everything = np.ones(n_regions, dtype=bool)
        seen, hideable = scorer.seen_regions, scorer.hideable_regions
        self.seen = everything if seen is None else seen
        self._hideable = everything if hideable is None else hideable
        self._on_pass = on_pass
        self._row_of: dict[bytes, int] = {}
        self._probability: list[Float[np.ndarray, " tokens"]] = []
        self._predicted: list[Int[np.ndarray, " tokens"]] = []
        self._elsewhere = 0
        self.ends = False

    @property
    def forward_passes(self) -> int:
        return len(self._row_of)

    def add(self, passes: int) -> None:
        self._elsewhere += passes
        self._tell()

    def __call__(self, shown: Bool[np.ndarray, "batch regions"]) -> SubsetScores:
        n_regions = len(self.seen)
        if len(shown) == 0 or shown.shape[1] != n_regions:
            raise RegionError(
                f"subsets must be one or more rows of {n_regions} regions; got shape {shown.shape}"
            )
        shown = shown & self._hideable
        keys = keys_of(shown)
        self._score_unknown(shown, keys)
        rows = [self._row_of[key] for key in keys]
        return SubsetScores(
            probability=np.stack([self._probability[row] for row in rows]),
            predicted=np.stack([self._predicted[row] for row in rows]),
        )

    def _score_unknown(self, shown: Bool[np.ndarray, "batch regions"], keys: list[bytes]) -> None:
        first_at: dict[bytes, int] = {}
        for index, key in enumerate(keys):
            if key not in self._row_of:
                first_at.setdefault(key, index)
        unknown = list(first_at.items())
        size = _chunk_size(self.scorer.preferred_batch_size)
        for start in range(0, len(unknown), size):
            self._score(shown, unknown[start : start + size])

    def _score(
        self, shown: Bool[np.ndarray, "batch regions"], chunk: list[tuple[bytes, int]]
    ) -> None:
        scores = self.scorer(shown[[index for _, index in chunk]])
        # Checked before anything is kept, so that a failure leaves no half-filled memory.
        self._probability.extend(_probabilities(scores, n_subsets=len(chunk)))
        self._predicted.extend(scores.predicted)
        for key, _ in chunk:
            self._row_of[key] = len(self._row_of)
        self._tell()

    def _tell(self) -> None:
        if self._on_pass is None:
            return
        try:
            self._on_pass(self.forward_passes + self._elsewhere)
        except Enough:
            if self.ends:
                raise


def among(evaluate: Evaluate, kept: Int[np.ndarray, " kept"], *, n_regions: int) -> Evaluate:
    """The same scores, asked about subsets of some of the regions; the others are hidden.

    Args:
        evaluate: scores of subsets of all regions
        kept: indices of the regions that a subset has columns for
        n_regions: how many regions there are
    """

    def scores(shown: Bool[np.ndarray, "batch kept"]) -> SubsetScores:
        every = np.zeros((len(shown), n_regions), dtype=bool)
        every[:, kept] = shown
        return evaluate(every)

    return scores


def keys_of(shown: Bool[np.ndarray, "batch regions"]) -> list[bytes]:
    """One key per subset, equal for equal subsets of as many regions."""
    return [row.tobytes() for row in np.packbits(shown, axis=1)]


def _chunk_size(batch_size: int | None) -> int:
    # Whole batches only: a scorer pads the last one, so an odd remainder would be paid for.
    if batch_size is None:
        return _CHUNK
    return batch_size * max(1, _CHUNK // batch_size)


def _probabilities(scores: SubsetScores, *, n_subsets: int) -> Float[np.ndarray, "batch tokens"]:
    probability, predicted = scores
    if len(probability) != n_subsets or probability.shape != predicted.shape:
        raise ModelError(
            f"the scorer was asked {n_subsets} subsets and returned probabilities of shape "
            f"{probability.shape} and predictions of shape {predicted.shape}; expected one row each"
        )
    # Written so that NaN, for which every comparison is false, is caught too.
    usable = (probability >= -_ROUNDING) & (probability <= 1 + _ROUNDING)
    if not usable.all():
        raise ModelError(
            f"the model returned {probability[~usable][0]} where a probability in [0, 1] was "
            "expected; try a wider precision (dtype='float32') or another attention implementation"
        )
    return probability.astype(np.float32).clip(0, 1)
