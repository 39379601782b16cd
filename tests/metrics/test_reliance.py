"""AUROC of evidence, by hand and against scikit-learn."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from eagle_mllm.metrics import evidence_auroc


def test_pairs_are_counted_and_ties_are_half():
    scores = np.array([0.9, 0.5, 0.5, 0.1])
    labels = np.array([True, True, False, False])
    assert evidence_auroc(scores, labels) == (2 + 1.5) / 4


def test_a_perfect_order_is_one_and_its_reverse_zero():
    scores, labels = np.array([0.1, 0.2, 0.8, 0.9]), np.array([False, False, True, True])
    assert evidence_auroc(scores, labels) == 1.0
    assert evidence_auroc(scores, ~labels) == 0.0
    assert evidence_auroc(np.zeros(4), labels) == 0.5


@given(
    pairs=st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=30).filter(
        lambda pairs: len({label for _, label in pairs}) == 2
    )
)
@settings(max_examples=50, deadline=None)
def test_it_agrees_with_scikit_learn(pairs):
    scores = np.array([score / 5 for score, _ in pairs])
    labels = np.array([label for _, label in pairs])
    assert evidence_auroc(scores, labels) == pytest.approx(roc_auc_score(labels, scores))


@pytest.mark.parametrize(
    ("scores", "labels"),
    [([0.1, 0.2], [True, True]), ([0.1, 0.2], [False, False]), ([], []), ([0.1, np.nan], [1, 0])],
)
def test_what_cannot_be_compared_is_missing(scores, labels):
    assert math.isnan(evidence_auroc(np.array(scores, float), np.array(labels, bool)))
