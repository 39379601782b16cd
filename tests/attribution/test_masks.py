"""Masks from wherever they come give one partition; what is none is refused with what to do."""

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask

SHAPE = (5, 6)
# A rectangle of 3 rows and 4 columns, and the pixel at row 2, column 2 in it.
RECTANGLE = np.zeros(SHAPE, dtype=bool)
RECTANGLE[1:4, 1:5] = True
DOT = np.zeros(SHAPE, dtype=bool)
DOT[2, 2] = True
BOTH = [RECTANGLE, DOT]
STACK = np.stack(BOTH)
GREY = STACK.astype(np.uint8) * 255
LABELS = np.where(DOT, 1, np.where(RECTANGLE, 0, 2))
POLYGON = [1, 1, 5, 1, 5, 4, 1, 4]
DOT_POLYGON = [2, 2, 3, 2, 3, 3, 2, 3]


def _packed(mask):
    coded = coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))
    return {"size": [int(side) for side in coded["size"]], "counts": coded["counts"]}


def _runs(mask):
    flat = mask.ravel(order="F")
    edges = np.flatnonzero(np.diff(flat)) + 1
    return np.diff([0, *edges, flat.size]).tolist()


def _tensor(masks, **options):
    import torch

    return torch.tensor(np.asarray(masks), **options)


class _Exchanged:
    """An array of a library that speaks DLPack alone."""

    def __init__(self, array):
        self._array = array

    def __dlpack__(self, **options):
        return self._array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self._array.__dlpack_device__()


USABLE = {
    "a list of arrays": lambda: BOTH,
    "a generator": lambda: iter(BOTH),
    "a stack": lambda: STACK,
    "a stack with one channel": lambda: STACK[:, np.newaxis],
    "a batch of one stack": lambda: STACK[np.newaxis],
    "the stack of the reference": lambda: STACK[..., np.newaxis],
    "masks with a channel each": lambda: [mask[np.newaxis] for mask in BOTH],
    "bytes of 0 and 255": lambda: GREY,
    "integers of 0 and 7": lambda: STACK.astype(np.int64) * 7,
    "nested lists of 0 and 1": lambda: STACK.astype(int).tolist(),
    "nested lists of truth values": lambda: STACK.tolist(),
    "a tensor": lambda: _tensor(STACK),
    "a tensor with one channel": lambda: _tensor(STACK)[:, None],
    "a list of tensors": lambda: [_tensor(mask) for mask in BOTH],
    "an array by DLPack": lambda: _Exchanged(GREY),
    "pictures of bits": lambda: [Image.fromarray(mask) for mask in BOTH],
    "grey pictures": lambda: [Image.fromarray(mask) for mask in GREY],
    "SAM's dictionaries": lambda: [
        {"segmentation": mask, "area": int(mask.sum()), "bbox": [0, 0, 1, 1]} for mask in BOTH
    ],
    "SAM's packed dictionaries": lambda: [{"segmentation": _packed(mask)} for mask in BOTH],
    "a pipeline's dictionaries": lambda: [{"mask": Image.fromarray(m), "score": 1} for m in GREY],
    "a pipeline's dictionary": lambda: {"masks": BOTH, "scores": [0.9, 0.8]},
    "packed run lengths": lambda: [_packed(mask) for mask in BOTH],
    "run lengths": lambda: [{"size": list(SHAPE), "counts": _runs(mask)} for mask in BOTH],
    "run lengths in arrays": lambda: [
        {"size": np.array(SHAPE), "counts": np.array(_runs(mask))} for mask in BOTH
    ],
    "polygons after a mask": lambda: [RECTANGLE, [DOT_POLYGON]],
}
POLYGONS = {
    "polygons": lambda: [[POLYGON], [DOT_POLYGON]],
    "polygons in arrays": lambda: [[np.array(POLYGON)], [np.array(DOT_POLYGON, dtype=float)]],
    "COCO's annotations": lambda: {
        "annotations": [{"segmentation": [POLYGON]}, {"segmentation": [DOT_POLYGON]}]
    },
}


@pytest.fixture
def from_masks():
    from eagle_mllm.attribution.regions import Regions

    return Regions.from_masks


@pytest.fixture
def refused(from_masks):
    """The one-line message with which masks are refused."""
    from eagle_mllm.errors import RegionError

    def message(masks, **options):
        with pytest.raises(RegionError) as error:
            from_masks(masks, **options)
        assert "\n" not in str(error.value)
        return str(error.value)

    return message


@pytest.mark.parametrize("make", USABLE.values(), ids=USABLE)
def test_masks_of_every_kind_give_the_same_partition(from_masks, make):
    regions = from_masks(make())
    np.testing.assert_array_equal(regions.labels, LABELS)
    assert regions.method == "masks"
    assert from_masks(make(), shape=SHAPE) == regions


@pytest.mark.parametrize("make", POLYGONS.values(), ids=POLYGONS)
def test_polygons_need_to_be_told_the_size_of_the_image(from_masks, refused, make):
    np.testing.assert_array_equal(from_masks(make(), shape=SHAPE).labels, LABELS)
    assert "pass `shape=(h, w)`" in refused(make())


SINGLE = {
    "an array": RECTANGLE,
    "a picture": Image.fromarray(RECTANGLE),
    "nested lists": RECTANGLE.tolist(),
    "a dictionary": {"segmentation": RECTANGLE},
    "run lengths": {"size": list(SHAPE), "counts": _runs(RECTANGLE)},
    "polygons": [POLYGON],
}


@pytest.mark.parametrize("mask", SINGLE.values(), ids=SINGLE)
def test_a_single_mask_divides_the_image_into_it_and_the_rest(from_masks, mask):
    np.testing.assert_array_equal(from_masks(mask, shape=SHAPE).labels, ~RECTANGLE)


FLOATS = {
    "shares": (RECTANGLE * 0.9, "pass `mask > 0.5`, for shares"),
    "ones": (RECTANGLE.astype(np.float32), "pass `mask > 0.5`, for shares"),
    "logits": (RECTANGLE * 9.0 - 4, "pass `mask > 0`, for logits"),
    "not a number": (np.full(SHAPE, np.nan), "not finite"),
}


@pytest.mark.parametrize(("mask", "advice"), FLOATS.values(), ids=FLOATS)
@pytest.mark.parametrize("kind", ["array", "tensor", "tensor that learns", "SAM"])
def test_numbers_without_a_threshold_are_refused_with_the_one_to_apply(refused, mask, advice, kind):
    masks = {
        "array": lambda: [mask],
        "tensor": lambda: _tensor([mask]),
        "tensor that learns": lambda: _tensor([mask], requires_grad=True),
        "SAM": lambda: [{"segmentation": mask}],
    }[kind]()
    assert "mask 0 has dtype float" in refused(masks)
    assert advice in refused(masks)


REFUSED = {
    "None": (None, "masks cannot be read from NoneType"),
    "a number": (7, "masks cannot be read from int"),
    "a path": ("masks.npz", "masks cannot be read from str"),
    "bytes": (b"abc", "masks cannot be read from bytes"),
    "nothing": ([], "there are no masks"),
    "an empty stack": (np.zeros((0, 5, 6), bool), "there are no masks"),
    "a list of nothing": ([None], "mask 0 is None"),
    "a list of numbers": ([1, 2, 3], "mask 0 has shape ()"),
    "a list of paths": (["a.png"], "mask 0 is 'a.png'"),
    "an empty list": ([[]], "mask 0: segmentation is []"),
    "an empty dictionary": ({}, "mask 0 is a dictionary of nothing"),
    "another dictionary": ([{"bbox": [1, 2, 3, 4]}], "mask 0 is a dictionary of bbox"),
    "an object": ([object()], "mask 0 has shape ()"),
    "empty masks": (np.zeros((3, 5, 6), bool), "none of the 3 masks has a pixel"),
    "other shapes": ([RECTANGLE, RECTANGLE.T], "mask 1 has shape (6, 5), not (5, 6)"),
    "one axis": ([np.ones(4, bool)], "mask 0 has shape (4,) and dtype bool"),
    "no pixels": ([np.zeros((0, 4), bool)], "mask 0 has shape (0, 4)"),
    "five axes": (np.ones((1, 1, 1, 2, 2), bool), "expected (N, h, w) or (N, 1, h, w)"),
    "several channels": (np.ones((2, 3, 5, 6), bool), "expected (N, h, w) or (N, 1, h, w)"),
    "masks last": (np.ones((50, 60, 4), bool), "np.moveaxis(masks, -1, 0)"),
    "a map of labels": (np.arange(6).reshape(2, 3), "Regions.from_labels(labels)"),
    "a grey mask": ([np.arange(6, dtype=np.uint8).reshape(2, 3)], "pass `mask > 127`"),
    "texts": ([np.array([["a", "b"]])], "mask 0 has dtype <U1"),
    "objects": ([np.array([[None, 1]])], "mask 0 has dtype object"),
    "complex numbers": ([np.ones((2, 2), complex)], "mask 0 has dtype complex128"),
    "a colour picture": ([Image.new("RGB", (6, 5))], "expected one channel"),
    "polygons without a size": ([[POLYGON]], "pass `shape=(h, w)`"),
    "polygons of zeros and ones": ([[[0, 0, 1, 0, 1, 1]]], "pass `shape=(h, w)`"),
    "run lengths of another sum": ([{"size": [5, 6], "counts": [3]}], "cover 3 pixels of 30"),
    "run lengths of nothing": ([{"size": [5, 6], "counts": [30]}], "mark no pixel"),
    "run lengths of a huge image": (
        [{"size": [10**6, 10**6], "counts": [10**12]}],
        "expected from 1 to",
    ),
    "run lengths without counts": ([{"size": [5, 6], "counts": None}], "expected run lengths"),
    "ragged lists": ([[[0, 1], [1]]], "mask 0: "),
}


@pytest.mark.usefixtures("as_users_run_it")
@pytest.mark.parametrize(("masks", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_mask_is_refused_in_one_line(refused, masks, message):
    assert message in refused(masks)


def test_a_stack_with_the_masks_last_is_told_by_the_image(refused):
    assert "np.moveaxis" in refused(np.ones((5, 6, 4), bool), shape=(5, 6))
    assert "mask 0 has shape (4, 6), not (5, 6)" in refused(np.ones((5, 4, 6), bool), shape=(5, 6))


def test_numbers_of_half_precision_are_told_their_threshold_too(refused):
    import torch

    for dtype in (torch.bfloat16, torch.float16):
        assert "pass `mask > 0.5`" in refused(torch.ones((1, 2, 2), dtype=dtype))


def test_a_tensor_that_has_no_pixels_to_read_is_refused(refused):
    import torch

    message = refused(torch.ones((1, 2, 2), device="meta"))
    assert message.startswith("the masks cannot be read as an array: ")


def test_labels_are_read_from_tensors_lists_and_pictures():
    from eagle_mllm.attribution.regions import Regions

    labels = np.array([[7, 7, 0], [3, 3, 0]], dtype=np.uint8)
    for given in (labels, _tensor(labels), labels.tolist(), Image.fromarray(labels)):
        np.testing.assert_array_equal(
            Regions.from_labels(given).labels, [[2, 2, 0], [1, 1, 0]], strict=False
        )


@pytest.mark.usefixtures("as_users_run_it")
@pytest.mark.parametrize(
    "labels", [None, "a.png", 7, [], [[1, 2], [3]], [[None]], [[0.5]], {}, object(), [["a"]]]
)
def test_what_is_no_map_of_labels_is_refused_in_one_line(labels):
    from eagle_mllm.attribution.regions import Regions
    from eagle_mllm.errors import RegionError

    for make in (Regions.from_labels, lambda labels: Regions(labels=labels)):
        with pytest.raises(RegionError) as error:
            make(labels)
        assert "\n" not in str(error.value)


@pytest.mark.usefixtures("as_users_run_it")
@pytest.mark.parametrize("index", [1.0, "1", None, [0], np.array([0, 1])])
def test_what_is_no_index_of_a_region_is_refused(index):
    from eagle_mllm.attribution.regions import Regions
    from eagle_mllm.errors import RegionError

    with pytest.raises(RegionError, match="is not the index of a region"):
        Regions.from_labels(LABELS).mask([index])
