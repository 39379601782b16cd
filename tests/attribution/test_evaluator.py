"""Each subset is scored once, and bad numbers are refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from eagle_mllm.attribution.evaluator import SubsetEvaluator
from eagle_mllm.attribution.model import Scorer, SubsetScores
from eagle_mllm.errors import ModelError, RegionError


class ShareShown(Scorer):
    """One token, as probable as the share of regions shown; keeps every batch it was asked."""

    def __init__(self, *, batch_size=None):
        self.batches = []
        self._batch_size = batch_size

    @property
    def preferred_batch_size(self):
        return self._batch_size

    def __call__(self, shown):
        self.batches.append(shown.copy())
        probability = shown.mean(axis=1, keepdims=True).astype(np.float32)
        return SubsetScores(probability, shown.sum(axis=1, keepdims=True))


class SeesTwo(ShareShown):
    """Looks at the first two regions alone."""

    @property
    def seen_regions(self):
        return np.array([True, True, False, False])


class Always(Scorer):
    """Answers every request with the same scores."""

    def __init__(self, probability, *, predicted=None):
        self._probability = np.array(probability, dtype=np.float32)
        self._predicted = np.zeros(self._probability.shape, int) if predicted is None else predicted

    def __call__(self, shown):
        return SubsetScores(self._probability, self._predicted)


def subsets(*names, n_regions=4):
    """Rows of a request: `subsets("01", "")` shows regions 0 and 1, then none."""
    rows = [[str(region) in name for region in range(n_regions)] for name in names]
    return np.array(rows, dtype=bool)


def test_scores_come_in_the_order_asked():
    scores = SubsetEvaluator(ShareShown(), 4)(subsets("0123", "", "12"))
    assert scores.probability.tolist() == [[1.0], [0.0], [0.5]]
    assert scores.predicted.tolist() == [[4], [0], [2]]


def test_subsets_that_differ_in_unseen_regions_are_scored_once():
    scorer = SeesTwo()
    evaluate = SubsetEvaluator(scorer, 4)
    scores = evaluate(subsets("0123", "01", "23", ""))
    assert (scores.probability[:2] == scores.probability[0]).all()
    assert (scores.probability[2:] == scores.probability[3]).all()
    assert scores.predicted.ravel().tolist() == [2, 2, 0, 0]
    assert evaluate(subsets("0", "02", "023")).predicted.ravel().tolist() == [1, 1, 1]
    assert evaluate.forward_passes == 3


def test_a_subset_asked_twice_in_one_request_is_scored_once():
    scorer = ShareShown()
    evaluate = SubsetEvaluator(scorer, 4)
    scores = evaluate(subsets("01", "2", "01", "01"))
    assert scores.probability.ravel().tolist() == [0.5, 0.25, 0.5, 0.5]
    assert [len(batch) for batch in scorer.batches] == [2]
    assert evaluate.forward_passes == 2


def test_only_unseen_subsets_reach_the_scorer():
    scorer = ShareShown()
    evaluate = SubsetEvaluator(scorer, 4)
    evaluate(subsets("01", "2"))
    evaluate(subsets("2", "3", "01"))
    assert scorer.batches[1].tolist() == subsets("3").tolist()
    evaluate(subsets("3", "2"))
    assert len(scorer.batches) == 2
    assert evaluate.forward_passes == 3


def test_subsets_that_differ_only_in_the_ninth_region_are_different():
    evaluate = SubsetEvaluator(ShareShown(), 9)
    scores = evaluate(subsets("0", "08", n_regions=9))
    assert scores.predicted.ravel().tolist() == [1, 2]


@given(arrays(bool, st.tuples(st.integers(1, 40), st.just(5))), st.integers(1, 7))
def test_a_memory_never_changes_a_score(shown, batch_size):
    evaluate = SubsetEvaluator(ShareShown(batch_size=batch_size), 5)
    for _ in range(2):
        scores = evaluate(shown)
        assert (scores.predicted[:, 0] == shown.sum(axis=1)).all()
    assert evaluate.forward_passes == len(np.unique(shown, axis=0))


def test_progress_is_told_after_every_chunk_of_a_large_request():
    told = []
    every = np.array([[bool(number >> bit & 1) for bit in range(7)] for number in range(70)])
    SubsetEvaluator(ShareShown(), 7, on_pass=told.append)(every)
    assert told == [32, 64, 70]


@pytest.mark.parametrize(
    ("batch_size", "sizes"), [(24, [24, 24, 22]), (12, [24, 24, 22]), (50, [50, 20])]
)
def test_chunks_are_whole_batches_of_the_scorer(batch_size, sizes):
    scorer = ShareShown(batch_size=batch_size)
    every = np.array([[bool(number >> bit & 1) for bit in range(7)] for number in range(70)])
    SubsetEvaluator(scorer, 7)(every)
    assert [len(batch) for batch in scorer.batches] == sizes


def test_progress_is_silent_when_nothing_was_scored():
    told = []
    evaluate = SubsetEvaluator(ShareShown(), 4, on_pass=told.append)
    evaluate(subsets("1"))
    evaluate(subsets("1"))
    assert told == [1]


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -0.5, 1.5])
def test_a_number_that_is_no_probability_is_refused(wrong):
    evaluate = SubsetEvaluator(Always([[0.5, wrong]]), 4)
    with pytest.raises(
        ModelError, match=r"returned .* where a probability in \[0, 1\] was expected"
    ):
        evaluate(subsets("0"))
    assert evaluate.forward_passes == 0


def test_the_rounding_of_a_softmax_is_forgiven():
    scores = SubsetEvaluator(Always([[1.0000002, 0.5]]), 4)(subsets("0"))
    assert scores.probability.tolist() == [[1.0, 0.5]]


def test_a_scorer_that_returns_the_wrong_number_of_rows_is_refused():
    with pytest.raises(ModelError, match=r"asked 2 subsets and returned .*\(1, 1\)"):
        SubsetEvaluator(Always([[0.5]]), 4)(subsets("0", "1"))


def test_predictions_must_go_with_probabilities(as_users_run_it):
    scorer = Always([[0.5]], predicted=np.zeros((1, 2), int))
    with pytest.raises(ModelError, match=r"shape \(1, 1\) and predictions of shape \(1, 2\)"):
        SubsetEvaluator(scorer, 4)(subsets("0"))


@pytest.mark.parametrize("shape", [(0, 4), (2, 5)])
def test_a_request_of_the_wrong_shape_is_refused(shape):
    with pytest.raises(RegionError, match="one or more rows of 4 regions"):
        SubsetEvaluator(ShareShown(), 4)(np.zeros(shape, dtype=bool))


def test_evaluators_of_some_tokens_share_a_memory_and_count_what_each_adds():
    scorer = Always([[0.1, 0.2, 0.3]])
    evaluate = SubsetEvaluator(scorer, 4)
    last, ends = evaluate.of([2]), evaluate.of([0, 2])
    np.testing.assert_allclose(last(subsets("0")).probability, [[0.3]])
    np.testing.assert_allclose(ends(subsets("0")).probability, [[0.1, 0.3]])
    ends(subsets("1"))
    assert (evaluate.forward_passes, last.forward_passes, ends.forward_passes) == (0, 1, 1)


def test_images_scored_before_an_interruption_are_counted(rng):
    class StopsAtTheSecond(ShareShown):
        def __call__(self, shown):
            if self.batches:
                raise KeyboardInterrupt
            return super().__call__(shown)

    evaluate = SubsetEvaluator(StopsAtTheSecond(batch_size=32), 7)
    with pytest.raises(KeyboardInterrupt):
        evaluate(np.array([[bool(number >> bit & 1) for bit in range(7)] for number in range(70)]))
    assert evaluate.forward_passes == 32


def test_subsets_that_differ_in_regions_whose_hiding_changes_nothing_are_scored_once():
    class OneIsBlack(ShareShown):
        @property
        def hideable_regions(self):
            return np.array([True, True, True, False])

    evaluate = SubsetEvaluator(OneIsBlack(), 4)
    scores = evaluate(subsets("0123", "012", "3", ""))
    assert scores.predicted.ravel().tolist() == [3, 3, 0, 0]
    assert evaluate.forward_passes == 2
    assert evaluate.seen.all()


def test_the_spellings_of_an_answer_are_added_up_and_counted_for_themselves():
    import numpy as np

    from eagle_mllm.attribution.evaluator import SubsetEvaluator
    from eagle_mllm.attribution.model import Scorer, SubsetScores

    class Fixed(Scorer):
        def __call__(self, shown):
            p = np.array([[0.25, 0.5, 0.125]], np.float32).repeat(len(shown), axis=0)
            return SubsetScores(p, np.array([[7, 8, 9]]).repeat(len(shown), axis=0))

    memory = SubsetEvaluator(Fixed(), 2)
    right, other = memory.summed([[0, 2], [1]]), memory.summed([[1]])
    scores = right(np.array([[True, False]]))
    assert scores.probability.tolist() == [[0.375, 0.5]]
    assert scores.predicted.tolist() == [[7, 8]]
    other(np.array([[True, False], [False, True]]))
    assert (right.forward_passes, other.forward_passes) == (1, 1)
