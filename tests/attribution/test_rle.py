"""Masks as COCO writes them: three forms of one mask, and everything that is no mask."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from pycocotools import mask as coco_mask

from eagle_mllm.attribution.rle import Rle, dropped_pieces, unpacked
from eagle_mllm.errors import DataError

SIZE = (5, 6)
# Columns 1 to 4, rows 1 to 3 of 5 x 6 pixels, down the columns: 6 hidden, 3 shown, 2 hidden, ...
RUNS = [6, 3, 2, 3, 2, 3, 2, 3, 6]


def _rectangle() -> np.ndarray:
    mask = np.zeros(SIZE, dtype=bool)
    mask[1:4, 1:5] = True
    return mask


def test_a_polygon_marks_the_pixels_it_covers() -> None:
    rle = Rle.from_coco([[1, 1, 5, 1, 5, 4, 1, 4]], size=SIZE)
    assert np.array_equal(rle.mask(), _rectangle())
    assert rle.mask().sum() == 12


def test_several_polygons_are_one_mask() -> None:
    left, right = [0, 0, 1, 0, 1, 5, 0, 5], [5, 0, 6, 0, 6, 5, 5, 5]
    expected = np.zeros(SIZE, dtype=bool)
    expected[:, [0, 5]] = True
    assert np.array_equal(Rle.from_coco([left, right], size=SIZE).mask(), expected)


def test_a_piece_that_cannot_be_does_not_cost_the_others_and_is_told() -> None:
    good = [1, 1, 5, 1, 5, 4, 1, 4]
    pieces = [[1, 1, 5, 1], good, "x", [0, 0, 1, 0, 1, 900]]
    assert np.array_equal(Rle.from_coco(pieces, size=SIZE).mask(), _rectangle())
    assert dropped_pieces(pieces, size=SIZE) == (
        "polygon 0 has 2 corners, expected three or more",
        "polygon 2 is 'x', expected a list [x, y, x, y, ...]",
        "polygon 3 reaches 900, far outside the image of 5 x 6 pixels",
    )
    assert dropped_pieces([good], size=SIZE) == ()
    assert dropped_pieces({"size": [5, 6], "counts": RUNS}, size=SIZE) == ()


def test_run_lengths_bring_their_own_size_and_polygons_do_not() -> None:
    coded = {"size": [5, 6], "counts": RUNS}
    assert np.array_equal(Rle.from_coco(coded).mask(), _rectangle())
    with pytest.raises(DataError, match="polygons do not say how large"):
        Rle.from_coco([[1, 1, 5, 1, 5, 4, 1, 4]])
    for size in ([0, 6], [100_000, 100_000], [5], "56", [5.0, 6]):
        with pytest.raises(DataError, match="size is"):
            Rle.from_coco({**coded, "size": size})


def test_run_lengths_go_down_the_columns_from_hidden_pixels() -> None:
    rle = Rle.from_coco({"size": [5, 6], "counts": RUNS}, size=SIZE)
    assert np.array_equal(rle.mask(), _rectangle())


def test_packed_run_lengths_give_the_same_mask_as_plain_ones() -> None:
    plain = Rle.from_coco({"size": [5, 6], "counts": RUNS}, size=SIZE)
    packed = Rle.from_coco({"size": [5, 6], "counts": plain.counts}, size=SIZE)
    assert packed == plain == Rle.from_mask(_rectangle())


masks = arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=40))


@settings(max_examples=60, deadline=None)
@given(masks)
def test_packing_loses_nothing(mask: np.ndarray) -> None:
    rle = Rle.from_mask(mask)
    assert rle.size == mask.shape
    assert np.array_equal(rle.mask(), mask)


@settings(max_examples=30, deadline=None)
@given(masks)
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_the_library_reads_the_same_mask(mask: np.ndarray) -> None:
    rle = Rle.from_mask(mask)
    packed = {"size": list(rle.size), "counts": rle.counts.encode()}
    assert np.array_equal(coco_mask.decode(packed), rle.mask())


@given(st.lists(st.integers(1, 300_000), min_size=4, max_size=20))
@settings(max_examples=60, deadline=None)
def test_unpacking_inverts_the_library_for_long_runs_too(runs: list[int]) -> None:
    height = sum(runs)
    coded = coco_mask.frPyObjects({"size": [height, 1], "counts": runs}, height, 1)
    assert unpacked(coded["counts"].decode()) == runs


@pytest.mark.parametrize(
    ("segmentation", "says"),
    [
        (None, "polygons"),
        ([], "polygons"),
        ("abc", "polygons"),
        ([1, 1, 5, 1, 5, 4], "write a polygon as [[x, y, ...]]"),
        (
            [[1, 1, 4, 3]],
            "polygon 0 has 2 corners, expected three or more",
        ),  # the library would take it for a box
        ([[1, 1, 5, 1, 5, 4, 1]], "polygon 0 has 7 numbers, expected an even count"),
        ([[1, 1, 5, 1, 5, "4"]], "polygon 0 holds '4', expected numbers"),
        ([[1, 1, 5, 1, 5, float("nan")]], "reaches nan, far outside"),
        ([[1, 1, 5, 1, 5, 1e7]], "reaches 1e+07, far outside the image of 5 x 6 pixels"),
        ([[7, 7, 11, 7, 11, 9]], "marks no pixel: it lies outside the image of 5 x 6 pixels"),
        ([[1, 1, 1.1, 1, 1.1, 1.1]], "marks no pixel: it is thinner than a pixel"),
        ({"counts": RUNS}, "expected the image's [5, 6]"),
        ({"size": None, "counts": RUNS}, "expected the image's [5, 6]"),
        ({"size": [6, 5], "counts": RUNS}, "expected the image's [5, 6]"),
        ({"size": [5, 6]}, "run lengths"),
        ({"size": [5, 6], "counts": [6, -3, 27]}, "run lengths"),
        ({"size": [5, 6], "counts": [6.0, 24]}, "run lengths"),
        ({"size": [5, 6], "counts": RUNS[:-1]}, "24 pixels of 30"),
        ({"size": [5, 6], "counts": [30]}, "no pixel"),
        # Text that the library itself decodes, into whatever lay in memory.
        ({"size": [5, 6], "counts": ""}, "0 pixels of 30"),
        ({"size": [5, 6], "counts": "00000"}, "0 pixels of 30"),
        ({"size": [5, 6], "counts": "o" * 50}, "text form"),
        ({"size": [5, 6], "counts": "é"}, "text form"),
        ({"size": [5, 6], "counts": "o"}, "inside a number"),
    ],
    ids=repr,
)
def test_what_is_no_mask_is_refused(segmentation: object, says: str) -> None:
    with pytest.raises(DataError) as raised:
        Rle.from_coco(segmentation, size=SIZE)
    assert says in str(raised.value)
