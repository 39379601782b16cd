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


def test_the_evidence_of_a_word_is_that_of_the_product_of_its_tokens():
    import eagle_mllm as eagle

    trace = eagle.Trace(
        order=np.array([0, 1]),
        insertion=np.array([[0.0, 0.5], [0.5, 0.5], [1.0, 0.8]], np.float32),
        deletion=np.array([[1.0, 0.8], [0.5, 0.5], [0.0, 0.5]], np.float32),
        area=np.array([0.0, 0.5, 1.0]),
        insertion_predicted=np.array([[1, 2], [3, 4], [5, 6]]),
        deletion_predicted=np.array([[1, 2], [3, 4], [5, 6]]),
        searched=2,
    )
    from eagle_mllm.attribution.reliance import joint_trace

    joint = joint_trace(trace, [[0, 1]])
    assert joint.insertion[:, 0] == pytest.approx([0.0, 0.25, 0.8])
    assert joint.insertion_predicted[:, 0].tolist() == [1, 3, 5]
    # Eq. 5 over r = 1, 2: the mean of .25 and .8, less their minimum.
    assert eagle.modality_reliance(joint).evidence[0] == pytest.approx((0.25 + 0.8) / 2 - 0.25)
    alone = joint_trace(trace, [[0], [1]])
    assert np.array_equal(alone.insertion, trace.insertion)


def test_a_word_of_several_tokens_is_told_as_one():
    import eagle_mllm as eagle

    circle = eagle.testing.Evidence(boxes=[(0, 0, 4, 8)])
    model = eagle.testing.PlantedModel(
        "a circle.", {"circle": circle}, split={"circle": ("cir", "cle")}, prior=0.9
    )
    generation = model.generate(np.zeros((8, 8, 3), np.uint8), "What is this?")
    halves = eagle.Regions.from_labels(np.repeat([[1, 0]], 8, axis=0).repeat(4, axis=1))
    found = eagle.attribute(model, generation, generation.all(), regions=halves)
    assert [word.text for word in found.words] == ["a", "circle", "."]
    assert [word.positions for word in found.words] == [(0,), (1, 2), (3,)]
    circle_word = found.words[1]
    assert circle_word.confidence == pytest.approx(1.0)
    assert circle_word.prior == pytest.approx(0.0)
    assert found.words[0].evidence == pytest.approx(0.0)
