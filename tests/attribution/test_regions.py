import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

SMALL_IMAGES = npst.array_shapes(min_dims=2, max_dims=2, max_side=8)
LABELS = npst.arrays(st.sampled_from([np.int64, np.uint8]), SMALL_IMAGES)
MASKS = SMALL_IMAGES.flatmap(
    lambda shape: st.lists(npst.arrays(np.bool_, shape), min_size=1, max_size=5)
)


def regions_class():
    from eagle_mllm.attribution.regions import Regions

    return Regions


@pytest.fixture
def make():
    return regions_class()


@pytest.fixture
def refused():
    """The one-line message with which a partition is refused."""
    from eagle_mllm.errors import RegionError

    def message(function, *args, **kwargs):
        with pytest.raises(RegionError) as error:
            function(*args, **kwargs)
        assert "\n" not in str(error.value)
        return str(error.value)

    return message


def test_a_partition_says_what_it_is(make):
    regions = make(labels=np.array([[0, 1, 1], [0, 2, 2]]), method="grid", asked=4)
    assert len(regions) == 3
    assert regions.shape == (2, 3)
    assert regions.labels.dtype == np.int32
    assert repr(regions) == "Regions(3 regions of 2x3, method='grid', asked=4)"
    assert repr(make(labels=np.zeros((2, 3), int))) == "Regions(1 regions of 2x3, method='labels')"


def test_areas_are_shares_of_the_pixels(make):
    regions = make(labels=np.array([[0, 1, 1], [0, 1, 2]]))
    np.testing.assert_allclose(regions.areas, [2 / 6, 3 / 6, 1 / 6])
    with pytest.raises(ValueError, match="read-only"):
        regions.areas[0] = 1


def test_centroids_are_mean_rows_and_columns(make):
    regions = make(labels=np.array([[0, 0, 1], [0, 0, 1], [0, 0, 2]]))
    np.testing.assert_allclose(regions.centroids, [[1, 0.5], [0.5, 2], [2, 2]])


def test_a_mask_holds_the_pixels_of_the_chosen_regions(make):
    regions = make(labels=np.array([[0, 1, 1], [0, 2, 2]]))
    np.testing.assert_array_equal(regions.mask([0, 2]), [[1, 0, 0], [1, 1, 1]])
    np.testing.assert_array_equal(regions.mask([]), np.zeros((2, 3)))
    np.testing.assert_array_equal(
        regions.mask(np.array([1, 1], dtype=np.int32)), [[0, 1, 1], [0] * 3]
    )


@pytest.mark.parametrize("index", [-1, 3])
def test_a_region_that_is_not_there_is_refused(make, refused, index):
    regions = make(labels=np.array([[0, 1, 2]]))
    assert refused(regions.mask, [index]) == f"there is no region {index}; expected 0..2"


@pytest.mark.usefixtures("as_users_run_it")
@pytest.mark.parametrize("shown", [[True, False, True], np.array([True, False, True])])
def test_truth_values_are_no_region_indices(make, refused, shown):
    regions = make(labels=np.array([[0, 1, 2]]))
    assert "np.flatnonzero(shown)" in refused(regions.mask, shown)


@pytest.mark.parametrize("last", [2, 3, 99])
@pytest.mark.parametrize("first", [-1, 0, 1])
def test_labels_that_skip_a_number_are_refused_with_what_to_do(make, refused, first, last):
    message = refused(make, labels=np.array([[first, last, first, first]]))
    assert f"run from {first} to {last} but not through 0..N-1" in message
    assert "Regions.from_labels" in message


@pytest.mark.usefixtures("as_users_run_it")
@pytest.mark.parametrize("labels", [np.zeros(4, int), np.zeros((2, 2)), np.zeros((2, 2, 1), int)])
def test_labels_are_one_integer_for_each_pixel(make, refused, labels):
    for function in (make.from_labels, lambda labels: make(labels=labels)):
        assert f"shape {labels.shape} and dtype {labels.dtype}" in refused(function, labels)


def test_an_image_without_pixels_has_no_regions(make, refused):
    assert "no pixels" in refused(make.from_labels, np.zeros((0, 3), dtype=int))


def test_labels_are_numbered_in_the_order_of_their_values(make):
    regions = make.from_labels(np.array([[7, -1], [3, 7]]))
    np.testing.assert_array_equal(regions.labels, [[2, 0], [1, 2]])
    assert (regions.method, regions.asked) == ("labels", None)


def test_a_truth_map_makes_two_regions(make):
    np.testing.assert_array_equal(make.from_labels(np.array([[False, True]])).labels, [[0, 1]])


def test_pickling_keeps_a_partition(make):
    regions = make.from_labels(np.array([[0, 1], [1, 1]]))
    assert len(regions) == 2
    again = pickle.loads(pickle.dumps(regions))
    assert again == regions
    assert not again.areas.flags.writeable


@given(LABELS)
def test_the_regions_divide_the_image(labels):
    regions = regions_class().from_labels(labels)
    assert regions.areas.min() > 0
    assert regions.areas.sum() == pytest.approx(1)
    cover = sum(regions.mask([index]).astype(int) for index in range(len(regions)))
    np.testing.assert_array_equal(cover, 1)


@given(LABELS)
def test_pixels_are_together_exactly_if_their_labels_are_equal(labels):
    regions = regions_class().from_labels(labels)
    ours, given_labels = regions.labels.ravel(), labels.ravel()
    together = ours[:, None] == ours
    np.testing.assert_array_equal(together, given_labels[:, None] == given_labels)


@given(LABELS)
def test_numbering_a_partition_again_changes_nothing(labels):
    regions = regions_class().from_labels(labels)
    assert regions_class().from_labels(regions.labels) == regions


# --- Masks ---------------------------------------------------------------------------------------


def test_uncovered_pixels_make_one_more_region_the_last(make):
    regions = make.from_masks([np.array([[1, 0, 0]], bool), np.array([[0, 0, 1]], bool)])
    np.testing.assert_array_equal(regions.labels, [[0, 2, 1]])
    assert regions.method == "masks"


def test_masks_that_cover_the_image_make_no_further_region(make):
    regions = make.from_masks([np.array([[1, 0]], bool), np.array([[0, 1]], bool)])
    np.testing.assert_array_equal(regions.labels, [[0, 1]])


def test_the_smaller_mask_wins_whichever_comes_first(make):
    face, person = np.array([[0, 1, 0, 0]], bool), np.array([[1, 1, 1, 0]], bool)
    np.testing.assert_array_equal(make.from_masks([face, person]).labels, [[1, 0, 1, 2]])
    np.testing.assert_array_equal(make.from_masks([person, face]).labels, [[0, 1, 0, 2]])


def test_of_equally_small_masks_the_first_wins(make):
    masks = [np.array([[1, 1, 0]], bool), np.array([[0, 1, 1]], bool)]
    np.testing.assert_array_equal(make.from_masks(masks).labels, [[0, 0, 1]])


def test_masks_left_without_pixels_are_dropped(make):
    part, whole = np.array([[1, 0]], bool), np.array([[1, 1]], bool)
    twin, empty = part.copy(), np.zeros((1, 2), bool)
    np.testing.assert_array_equal(make.from_masks([empty, part, twin, whole]).labels, [[0, 1]])


def test_masks_of_integers_and_a_stack_of_masks_will_do(make):
    stack = np.array([[[255, 0, 0]], [[0, 255, 0]]], dtype=np.uint8)
    np.testing.assert_array_equal(make.from_masks(stack).labels, [[0, 1, 2]])


@pytest.mark.parametrize(
    ("masks", "message"),
    [
        ([], "there are no masks"),
        ([np.zeros((2, 2), bool)] * 3, "none of the 3 masks has a pixel"),
        ([np.ones((2, 2), bool), np.ones((2, 3), bool)], "mask 1 has shape (2, 3), not (2, 2)"),
        ([np.ones((2, 2))], "mask 0 has dtype float64; pass `mask > 0.5`"),
        ([np.ones(4, bool)], "mask 0 has shape (4,) and dtype bool"),
    ],
    ids=["none", "empty", "shapes", "floats", "axes"],
)
def test_unusable_masks_are_refused(make, refused, masks, message):
    assert message in refused(make.from_masks, masks)


@given(MASKS)
def test_each_pixel_goes_to_the_smallest_mask_that_has_it(masks):
    if not np.any(masks):
        return
    labels = regions_class().from_masks(masks).labels
    sizes = [mask.sum() for mask in masks]
    n_masks = len(masks)
    owner = np.empty(labels.shape, int)
    for pixel in np.ndindex(labels.shape):
        holders = [index for index in range(n_masks) if masks[index][pixel]]
        owner[pixel] = min(holders, key=lambda index: (sizes[index], index), default=n_masks)
    np.testing.assert_array_equal(labels, regions_class().from_labels(owner).labels)
