"""The tree over the regions: which belong together."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eagle_mllm.attribution.hierarchy import joined, require_merges, restricted
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.attribution.segmentation import segment
from eagle_mllm.errors import RegionError


def groups(merges):
    """The regions that each step brings together."""
    n_regions = len(merges) + 1
    made = [frozenset([region]) for region in range(n_regions)]
    for first, second in merges.tolist():
        made.append(made[first] | made[second])
    return made[n_regions:]


def test_near_regions_are_joined_first():
    places = np.array([[0.0, 0.0], [0.0, 0.9], [0.0, 0.1], [0.0, 0.6]])
    assert groups(joined(places)) == [{0, 2}, {1, 3}, {0, 1, 2, 3}]


def test_a_large_difference_in_colour_outweighs_a_small_one_in_place():
    places = np.array([[0.0, 0.0], [0.0, 0.2], [0.0, 0.4]])
    colours = np.array([[1.0, 0, 0], [0, 0, 1.0], [1.0, 0, 0]])
    assert groups(joined(places))[0] in ({0, 1}, {1, 2})
    assert groups(joined(places, colours))[0] == {0, 2}


@pytest.mark.parametrize("n_regions", [0, 1])
def test_one_region_needs_no_step(n_regions):
    assert joined(np.zeros((n_regions, 2))).shape == (0, 2)


@given(st.integers(1, 20), st.data())
def test_a_restricted_tree_joins_what_is_left_in_the_same_order(n_regions, data):
    merges = joined(np.random.default_rng(n_regions).random((n_regions, 2)))
    kept = np.array(data.draw(st.lists(st.integers(0, n_regions - 1), min_size=1, unique=True)))
    few = restricted(merges, kept)
    require_merges(few, len(kept))
    left = [{region for region in group if region in kept} for group in groups(merges)]
    found = [frozenset(kept[list(group)].tolist()) for group in groups(few)]
    expected = [frozenset(group) for group in left if len(group) > 1]
    assert found == list(dict.fromkeys(expected))


@pytest.mark.parametrize(
    ("merges", "message"),
    [
        ([[0, 1]], r"shape \(1, 2\) and dtype int64; expected integers of shape \(2, 2\)"),
        ([[0, 1], [2, 2]], "must be joined once"),
        ([[0, 3], [1, 2]], "after it is made"),
        ([[0, -1], [2, 3]], "must be joined once"),
    ],
)
def test_what_is_not_a_tree_is_refused(merges, message):
    with pytest.raises(RegionError, match=message):
        Regions(labels=np.arange(3).reshape(1, 3), merges=np.array(merges))


def test_segment_links_regions_that_look_alike():
    image = np.zeros((48, 48, 3), dtype=np.uint8)
    image[:, 32:] = (255, 0, 0)
    regions = segment(image, method="grid", n_regions=9)  # two columns are black, one is red
    assert {2, 5, 8} in groups(regions.merges)
    assert {0, 1, 3, 4, 6, 7} in groups(regions.merges)


def test_regions_of_ones_own_are_linked_by_an_image_unless_they_bring_a_tree():
    labels = np.array([[0, 1, 2]])
    image = np.array([[[255, 0, 0], [0, 0, 255], [255, 0, 0]]], dtype=np.uint8)
    own = Regions(labels=labels, merges=np.array([[1, 2], [0, 3]]))
    assert own.linked(image) is own
    plain = Regions(labels=labels)
    assert groups(plain.linked(image).merges)[0] == {0, 2}
    assert plain.linked(image) == plain
    assert plain.merges is None


def test_so_many_regions_that_their_tree_is_large_come_without_one(monkeypatch):
    monkeypatch.setattr("eagle_mllm.attribution.segmentation._MOST_LINKED", 8)
    image = np.zeros((48, 48, 3), dtype=np.uint8)
    assert segment(image, method="grid", n_regions=4).merges is not None
    assert segment(image, method="grid", n_regions=9).merges is None
