"""Calibration by hand."""

import numpy as np
import pytest

from eagle_mllm.errors import ResultError
from eagle_mllm.hallucination.calibration import (
    Logistic,
    average_precision,
    calibration_error,
    fit_logistic,
    reliability,
)


def test_a_logistic_model_is_its_formula():
    model = Logistic(names=("a", "b"), weights=(2.0, -1.0), bias=0.5)
    assert model({"a": 1.0, "b": 0.5, "c": 9.0}) == pytest.approx(1 / (1 + np.exp(-2.0)))
    with pytest.raises(ResultError, match="'b' is missing"):
        model({"a": 1.0})


def test_a_fit_on_one_score_gives_the_share_of_each_group():
    # Two groups of four: one of four is true where the score is 0, three of four where it is 1.
    scores = np.array([[0.0]] * 4 + [[1.0]] * 4)
    labels = np.array([True, False, False, False, True, True, True, False])
    model = fit_logistic(["a"], scores, labels)
    assert model({"a": 0.0}) == pytest.approx(0.25, abs=0.01)
    assert model({"a": 1.0}) == pytest.approx(0.75, abs=0.01)
    assert model.weights[0] == pytest.approx(2 * np.log(3), abs=0.1)


def test_classes_that_part_cleanly_give_finite_weights():
    model = fit_logistic(["a"], np.array([[0.0], [1.0]]), np.array([False, True]))
    assert np.isfinite(model.weights).all()
    assert model({"a": 1.0}) > 0.9


@pytest.mark.parametrize(
    ("scores", "labels"), [([[0.0], [1.0]], [True, True]), ([[0.0], [np.nan]], [True, False])]
)
def test_one_class_or_a_missing_score_cannot_be_fitted(scores, labels):
    with pytest.raises(ResultError, match="finite scores of both classes"):
        fit_logistic(["a"], np.array(scores), np.array(labels))


def test_the_points_of_a_calibration_plot_by_hand():
    p = np.array([0.05, 0.05, 0.95, 1.0])
    came = np.array([False, True, True, True])
    low, high = reliability(p, came)
    assert low == pytest.approx((0.05, 0.5, 2))
    assert high == pytest.approx((0.975, 1.0, 2))
    assert calibration_error(p, came) == pytest.approx((2 * 0.45 + 2 * 0.025) / 4)


def test_average_precision_by_hand():
    scores = np.array([0.9, 0.8, 0.7, 0.6])
    labels = np.array([True, False, True, False])
    assert average_precision(scores, labels) == pytest.approx((1 / 1 + 2 / 3) / 2)
    assert average_precision(np.zeros(4), labels) == pytest.approx(0.5)
    assert np.isnan(average_precision(scores, np.zeros(4, dtype=bool)))
