"""How much of a map is on the evidence, by hand on six regions of 8 x 8 pixels."""

import math

import numpy as np
import pytest

from eagle_mllm.errors import ResultError
from eagle_mllm.metrics import evidence_recovered, relevance_mass, relevance_rank


@pytest.fixture
def evidence():
    """Two of eight pixels."""
    mask = np.zeros((2, 4), bool)
    mask[0, :2] = True
    return mask


def test_mass_is_the_share_of_what_is_positive(evidence):
    saliency = np.array([[0.5, 0.25, 0.25, 0.0], [-3.0, 0.0, 0.0, 1.0]], np.float32)
    assert relevance_mass(saliency, evidence) == 0.75 / 2.0


def test_rank_looks_at_as_many_pixels_as_the_evidence_has(evidence):
    saliency = np.array([[0.5, 0.1, 0.2, 0.3], [0.4, 0.0, 0.0, 0.0]], np.float32)
    assert relevance_rank(saliency, evidence) == 0.5  # of 0.5 and 0.4, the first
    assert relevance_rank(-saliency, evidence) == 0.0


def test_equal_pixels_at_the_limit_count_by_chance(evidence):
    saliency = np.array([[1.0, 0.5, 0.5, 0.5], [0.5, 0.0, 0.0, 0.0]], np.float32)
    # One place is left for four equal pixels, of which one is evidence.
    assert relevance_rank(saliency, evidence) == (1 + 1 / 4) / 2


def test_a_constant_map_has_the_share_of_the_evidence(evidence):
    flat = np.ones((2, 4), np.float32)
    assert relevance_mass(flat, evidence) == relevance_rank(flat, evidence) == 0.25


def test_the_mask_itself_is_a_perfect_map(evidence):
    assert relevance_mass(evidence.astype(np.float32), evidence) == 1
    assert relevance_rank(evidence.astype(np.float32), evidence) == 1


def test_without_evidence_or_anything_positive_there_is_no_number(evidence, attribution):
    nothing = np.zeros((2, 4), bool)
    flat = np.ones((2, 4), np.float32)
    assert math.isnan(relevance_mass(flat, nothing))
    assert math.isnan(relevance_rank(flat, nothing))
    assert math.isnan(relevance_mass(-flat, evidence))
    empty = np.zeros((16, 24), bool)
    assert math.isnan(evidence_recovered(attribution.trace, attribution.regions, empty))


def test_recovered_evidence_by_hand(attribution):
    # The order is 4, 3, 5, 2, 0, 1; of the evidence 3/4 is in region 4 and 1/4 in region 1.
    assert attribution.trace.order.tolist() == [4, 3, 5, 2, 0, 1]
    mask = np.zeros((16, 24), bool)
    mask[8:14, 8:16] = True
    mask[0:2, 8:16] = True
    steps = np.array([0, 0.75, 0.75, 0.75, 0.75, 0.75, 1.0])
    expected = ((steps[1:] + steps[:-1]) / 2).sum() / 6
    found = evidence_recovered(attribution.trace, attribution.regions, mask)
    assert found == pytest.approx(expected)


def test_recovered_evidence_has_the_bounds_that_the_docs_name(attribution):
    best, worst = (attribution.regions.mask([region]) for region in (4, 1))
    trace, regions = attribution.trace, attribution.regions
    assert evidence_recovered(trace, regions, best) == pytest.approx(1 - 1 / 12)
    assert evidence_recovered(trace, regions, worst) == pytest.approx(1 / 12)
    everywhere = np.ones(regions.shape, bool)
    assert evidence_recovered(trace, regions, everywhere) == pytest.approx(0.5)


@pytest.mark.usefixtures("as_users_run_it")
def test_shapes_must_agree(evidence, attribution):
    with pytest.raises(ResultError, match="bring both"):
        relevance_mass(np.ones((3, 4), np.float32), evidence)
    with pytest.raises(ResultError, match="bring both"):
        relevance_rank(np.ones((3, 4), np.float32), evidence)
    with pytest.raises(ResultError, match="bring both"):
        evidence_recovered(attribution.trace, attribution.regions, evidence)
