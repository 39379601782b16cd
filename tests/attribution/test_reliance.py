"""Three definitions of modality reliance, by hand."""

import numpy as np
import pytest

from eagle_mllm.attribution.reliance import (
    ModalityReliance,
    modality_reliance,
    modality_reliance_algorithm1,
    modality_reliance_reference,
)
from eagle_mllm.attribution.trace import Trace
from eagle_mllm.errors import ResultError


@pytest.fixture
def trace():
    """Two tokens: one rises with the regions, one stays where it is."""
    insertion = np.array([[0.125, 0.75], [0.25, 0.75], [0.5, 0.75], [1.0, 0.75]], dtype=np.float32)
    ids = np.zeros((4, 2), dtype=int)
    return Trace(
        order=np.array([0, 2, 1]),
        insertion=insertion,
        deletion=insertion[::-1],
        area=np.array([0.0, 0.5, 0.75, 1.0]),
        insertion_predicted=ids,
        deletion_predicted=ids,
        searched=3,
    )


def test_equation_5_by_hand(trace):
    # ((0.25 − 0.25) + (0.5 − 0.25) + (1 − 0.25)) / 3: the empty image takes no part.
    np.testing.assert_allclose(modality_reliance(trace).evidence, [1 / 3, 0])


def test_algorithm_1_by_hand(trace):
    # ((1 − 0.25) + (1 − 0.5) + (1 − 1)) / 3
    np.testing.assert_allclose(modality_reliance_algorithm1(trace).evidence, [1.25 / 3, 0])


def test_the_reference_by_hand(trace):
    # 0.5 · (0.125 + 0.25)/2 + 0.25 · (0.25 + 0.5)/2 + 0.25 · (0.5 + 1)/2 − 0.125
    expected = 0.09375 + 0.09375 + 0.1875 - 0.125
    np.testing.assert_allclose(modality_reliance_reference(trace).evidence, [expected, 0])


def test_a_token_that_needs_no_region_is_a_language_prior(trace):
    assert modality_reliance(trace).evidence[1] == 0


def test_rounding_never_makes_evidence_negative():
    constant = np.full((8, 1), 0.1, dtype=np.float32)
    ids = np.zeros((8, 1), dtype=int)
    flat = Trace(
        order=np.arange(7),
        insertion=constant,
        deletion=constant,
        area=np.linspace(0, 1, 8),
        insertion_predicted=ids,
        deletion_predicted=ids,
        searched=7,
    )
    for definition in (
        modality_reliance,
        modality_reliance_algorithm1,
        modality_reliance_reference,
    ):
        evidence = definition(flat).evidence
        assert (evidence >= 0).all()
        np.testing.assert_allclose(evidence, 0, atol=1e-12)


def test_tokens_are_counted_from_zero_unless_their_positions_are_given(trace):
    assert modality_reliance(trace).positions == (0, 1)
    assert modality_reliance(trace, positions=(4, 9)).positions == (4, 9)
    assert len(modality_reliance(trace)) == 2


def test_positions_must_go_with_tokens(trace):
    with pytest.raises(ResultError, match="2 tokens need as many positions; got 1"):
        modality_reliance(trace, positions=(4,))


def test_reliance_is_a_value():
    one = ModalityReliance(evidence=np.array([0.5]), positions=(3,))
    assert one == ModalityReliance(evidence=np.array([0.5]), positions=(3,))
    assert one != ModalityReliance(evidence=np.array([0.25]), positions=(3,))
