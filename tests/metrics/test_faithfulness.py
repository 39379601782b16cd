"""Measures of faithfulness, by hand and against scikit-learn."""

import math

import numpy as np
import pytest
from sklearn.metrics import auc

from eagle_mllm.attribution.trace import Trace
from eagle_mllm.errors import TargetError
from eagle_mllm.metrics import (
    average_highest_score,
    deletion_auc,
    faithfulness_gap,
    insertion_auc,
    sensitive_tokens,
)

MEASURES = (insertion_auc, deletion_auc, faithfulness_gap, average_highest_score)


def trace(insertion, deletion, area):
    insertion, deletion = (np.array(rows, dtype=np.float32) for rows in (insertion, deletion))
    ids = np.zeros(insertion.shape, dtype=int)
    return Trace(
        order=np.arange(len(area) - 1),
        insertion=insertion,
        deletion=deletion,
        area=np.array(area),
        insertion_predicted=ids,
        deletion_predicted=ids,
        searched=len(area) - 1,
    )


@pytest.fixture
def by_hand():
    """Two tokens; the first region covers a quarter of the image."""
    return trace(
        insertion=[[0.0, 0.5], [1.0, 0.5], [0.5, 0.75]],
        deletion=[[0.5, 0.75], [0.25, 0.75], [0.0, 0.5]],
        area=[0.0, 0.25, 1.0],
    )


@pytest.fixture
def random(rng):
    area = np.concatenate([[0.0], np.sort(rng.random(9)), [1.0]])
    return trace(rng.random((11, 3)), rng.random((11, 3)), area)


def test_insertion_auc_by_hand(by_hand):
    # Means over the tokens: 0.25, 0.75, 0.625.
    expected = 0.25 * (0.25 + 0.75) / 2 + 0.75 * (0.75 + 0.625) / 2
    assert insertion_auc(by_hand) == pytest.approx(expected)


def test_deletion_auc_by_hand(by_hand):
    # Means over the tokens: 0.625, 0.5, 0.25, over the area removed.
    expected = 0.25 * (0.625 + 0.5) / 2 + 0.75 * (0.5 + 0.25) / 2
    assert deletion_auc(by_hand) == pytest.approx(expected)
    assert faithfulness_gap(by_hand) == pytest.approx(insertion_auc(by_hand) - expected)


def test_the_highest_score_is_of_the_mean_not_the_mean_of_the_highest(by_hand):
    assert average_highest_score(by_hand) == 0.75
    assert average_highest_score(by_hand, tokens=[0]) == 1.0


def test_a_word_is_measured_by_its_own_tokens(by_hand):
    assert insertion_auc(by_hand, tokens=[1]) == pytest.approx(0.25 * 0.5 + 0.75 * 0.625)
    assert deletion_auc(by_hand, tokens=np.array([0])) == pytest.approx(0.25 * 0.375 + 0.75 * 0.125)


def test_areas_agree_with_scikit_learn(random):
    assert insertion_auc(random) == pytest.approx(auc(random.area, random.insertion.mean(axis=1)))
    assert deletion_auc(random) == pytest.approx(auc(random.area, random.deletion.mean(axis=1)))


def test_deletion_over_the_area_removed_equals_deletion_over_the_area_left(random):
    left = 1 - random.area
    assert deletion_auc(random) == pytest.approx(auc(left, random.deletion.mean(axis=1)))


def test_the_measure_of_all_tokens_is_the_mean_of_each(random):
    each = [insertion_auc(random, tokens=[token]) for token in range(3)]
    assert insertion_auc(random) == pytest.approx(np.mean(each))


def test_the_planted_word_scores_by_hand(attribution):
    # p is 0.1, 0.55, 0.775, 1, 1, 1, 1 shown, and 1, 0.55, 0.325, 0.1, 0.1, 0.1, 0.1 hidden.
    assert insertion_auc(attribution.trace) == pytest.approx(4.875 / 6)
    assert deletion_auc(attribution.trace) == pytest.approx(1.725 / 6)
    assert average_highest_score(attribution.trace) == 1.0


def test_sensitive_tokens_gain_more_than_the_threshold(by_hand):
    assert sensitive_tokens(by_hand).tolist() == [0, 1]  # gains of 0.5 and 0.25
    assert sensitive_tokens(by_hand, threshold=0.25).tolist() == [0]
    assert sensitive_tokens(by_hand, threshold=0.5).tolist() == []


@pytest.mark.parametrize("measure", MEASURES)
def test_no_tokens_are_missing_not_zero(by_hand, measure):
    assert math.isnan(measure(by_hand, tokens=[]))
    assert math.isnan(measure(by_hand, tokens=sensitive_tokens(by_hand, threshold=0.9)))


@pytest.mark.parametrize("measure", MEASURES)
def test_a_token_outside_the_target_is_refused(by_hand, measure):
    with pytest.raises(TargetError):
        measure(by_hand, tokens=[2])
