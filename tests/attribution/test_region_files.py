"""Label maps and masks in files: read for an image of their size, refused in one line otherwise."""

import io
import json
import os
import struct
import zipfile
import zlib
from collections import Counter

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask

SHAPE = (5, 6)
LABELS = np.zeros(SHAPE, dtype=np.int64)
LABELS[1:4, 1:5] = 1
LABELS[2, 2] = 2
STACK = np.stack([label == LABELS for label in range(3)])


@pytest.fixture
def read(tmp_path):
    from eagle_mllm.attribution.region_files import read_regions

    def read(name, content, shape=SHAPE):
        (tmp_path / name).write_bytes(content)
        return read_regions(tmp_path / name, shape=shape)

    return read


@pytest.fixture
def refused(read, tmp_path):
    from eagle_mllm.errors import RegionError

    def message(name, content, shape=SHAPE):
        with pytest.raises(RegionError) as error:
            read(name, content, shape)
        assert "\n" not in str(error.value)
        assert str(tmp_path / name) in str(error.value)
        return str(error.value)

    return message


def _npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def _npz(*arrays, pack=np.savez_compressed, **named):
    file = io.BytesIO()
    pack(file, *arrays, **named)
    return file.getvalue()


def _png(picture, kind="PNG", **options):
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def _json(value):
    return json.dumps(value).encode()


def _packed(mask):
    coded = coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))
    return {"size": [int(side) for side in coded["size"]], "counts": coded["counts"].decode()}


def _palette():
    picture = Image.fromarray(LABELS.astype(np.uint8), "P")
    picture.putpalette([255, 0, 0, 255, 0, 0, 0, 0, 255])
    return picture


GREY = Image.fromarray((LABELS * 100).astype(np.uint8))
COLOURS = Image.fromarray(np.array([[9, 9, 9], [9, 9, 10], [200, 0, 0]], np.uint8)[LABELS])
LABEL_FILES = {
    "an array": ("a.npy", _npy(LABELS)),
    "an array in another order": ("a.npy", _npy(np.asfortranarray(LABELS))),
    "bytes": ("a.NPY", _npy(LABELS.astype(np.uint8) * 7)),
    "one array in an archive": ("a.npz", _npz(LABELS)),
    "an array by its name": ("a.npz", _npz(image=np.zeros(3), labels=LABELS)),
    "an archive that is not packed": ("a.npz", _npz(LABELS, pack=np.savez)),
    "grey values": ("a.png", _png(GREY)),
    "palette entries of one colour": ("a.png", _png(_palette())),
    "colours": ("a.png", _png(COLOURS)),
    "16 bits": ("a.png", _png(Image.fromarray((LABELS * 300).astype(np.uint16)))),
    "nested lists": ("a.json", _json(LABELS.tolist())),
}
MASK_FILES = {
    "a stack": ("a.npy", _npy(STACK)),
    "a stack with a channel": ("a.npy", _npy(STACK[:, np.newaxis].astype(np.uint8) * 255)),
    "a stack in an archive": ("a.npz", _npz(STACK)),
    "a stack by its name": ("a.npz", _npz(masks=STACK, scores=np.ones(3))),
    "an array for each mask": ("a.npz", _npz(*STACK)),
    "SAM's list": ("a.json", _json([{"segmentation": _packed(mask)} for mask in STACK])),
    "run lengths": ("a.json", _json([_packed(mask) for mask in STACK])),
    "annotations": (
        "a.json",
        _json({"annotations": [{"image_id": 1, "segmentation": _packed(mask)} for mask in STACK]}),
    ),
    "lists of masks": ("a.json", _json(STACK.astype(int).tolist())),
}


@pytest.mark.parametrize(("name", "content"), LABEL_FILES.values(), ids=LABEL_FILES)
def test_every_kind_of_label_map_gives_its_regions(read, name, content):
    regions = read(name, content)
    np.testing.assert_array_equal(regions.labels, LABELS)
    assert regions.method == "labels"


@pytest.mark.parametrize(("name", "content"), MASK_FILES.values(), ids=MASK_FILES)
def test_every_kind_of_masks_gives_its_regions(read, name, content):
    regions = read(name, content)
    np.testing.assert_array_equal(regions.labels, LABELS)
    assert regions.method == "masks"


def test_polygons_know_the_size_from_the_image(read):
    pieces = [{"segmentation": [[1, 1, 5, 1, 5, 4, 1, 4]]}]
    np.testing.assert_array_equal(read("a.json", _json(pieces)).labels, LABELS == 0)


def _bomb_png():
    data = bytearray(_png(Image.new("L", (1, 1))))
    data[16:24] = struct.pack(">II", 20000, 20000)
    data[29:33] = struct.pack(">I", zlib.crc32(bytes(data[12:29])))
    return bytes(data)


def _npy_header(text):
    header = text.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header


def _declaring(shape, dtype="<i8"):
    return _npy_header(repr({"descr": dtype, "fortran_order": False, "shape": shape}))


def _bomb_npz():
    """4 GB by its directory, of a packed member of 8 MB."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", _declaring((1 << 29,)) + bytes(8 << 20))
    data = bytearray(file.getvalue())
    place = data.rindex(b"PK\x01\x02")
    data[place + 24 : place + 28] = b"\xfe\xff\xff\xff"
    return bytes(data)


def _other_packing(kind):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", kind) as archive:
        archive.writestr("a.npy", _npy(LABELS))
    return file.getvalue()


REFUSED = {
    "floats": ("a.npy", _npy(LABELS * 1.0), "float64 values; a label map holds whole numbers"),
    "objects": (
        "a.npy",
        _npy_header("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"),
        "Python objects",
    ),
    "another size": ("a.npy", _npy(LABELS.T), "(6, 5) and the image (5, 6)"),
    "a picture of another size": ("a.png", _png(Image.new("L", (3, 2))), "shape (2, 3)"),
    "masks of another size": ("a.npz", _npz(STACK[:, :4]), "(4, 6), not (5, 6)"),
    "shares": ("a.npz", _npz(STACK * 0.7), "pass `mask > 0.5`"),
    "one axis": ("a.npy", _npy(LABELS.ravel()), "shape (30,)"),
    "a picture that declares gigabytes": ("a.png", _bomb_png(), "(20000, 20000)"),
    "an array that declares terabytes": ("a.npy", _declaring((1 << 20, 1 << 20)), "declares"),
    "an array of negative size": ("a.npy", _declaring((-1, -1)), "declares"),
    "an open bracket": ("a.npy", _npy_header("{'descr': ("), "expected a label map"),
    "a deep header": ("a.npy", _npy_header("(" * 5000), "expected a label map"),
    "another version": ("a.npy", b"\x93NUMPY\x09\x00" + bytes(40), "format version (9, 0)"),
    "an archive called .npy": ("a.npy", b"PK\x03\x04" + bytes(60), "expected a label map"),
    "an archive that declares gigabytes": ("a.npz", _bomb_npz(), "expected a label map"),
    "another packing": ("a.npz", _other_packing(zipfile.ZIP_LZMA), "save it again"),
    "an empty archive": ("a.npz", _npz(), "there are no masks"),
    "text": ("a.png", b"a cat", "is not an image"),
    "nothing at all": ("a.npy", b"", "expected a label map"),
    "no JSON": ("a.json", b"{", "expected a label map"),
    "no text": ("a.json", b"\xff\xfe\x00", "expected a label map"),
    "endless lists": ("a.json", b"[" * 200_000, "nests too deeply"),
    "a number of 5,000 digits": ("a.json", b"[" + b"9" * 5000 + b"]", "expected a label map"),
    "null": ("a.json", b"null", "cannot be read from NoneType"),
    "no masks": ("a.json", b"[]", "there are no masks"),
    "boxes": ("a.json", b'[{"bbox": [1, 2, 3, 4]}]', "mask 0 is a dictionary of bbox"),
    "several images": (
        "a.json",
        _json([{"image_id": one, "segmentation": [[0, 0, 1, 0, 1, 1]]} for one in (1, 2)]),
        "annotations are of 2 images",
    ),
    "another ending": ("a.tiff", b"", "its ending is none of .npy, .npz, .png, .json"),
}


@pytest.mark.parametrize(("name", "content", "says"), REFUSED.values(), ids=REFUSED)
def test_what_gives_no_regions_is_refused_in_one_line(refused, name, content, says):
    assert says in refused(name, content)


def test_a_map_of_terabytes_costs_no_memory(tmp_path, refused):
    path = tmp_path / "sparse.npy"
    path.touch()
    os.truncate(path, 1 << 42)
    from eagle_mllm.attribution.region_files import read_regions
    from eagle_mllm.errors import RegionError

    with pytest.raises(RegionError, match="it holds more than 4,294,967,296 bytes"):
        read_regions(path, shape=SHAPE)


@pytest.mark.parametrize("name", ["absent.npy", "a" * 5000 + ".npy", "a\0.png", "folder.npz"])
def test_a_place_without_a_file_is_refused_in_one_line(tmp_path, name):
    from eagle_mllm.attribution.region_files import read_regions
    from eagle_mllm.errors import RegionError

    (tmp_path / "folder.npz").mkdir()
    with pytest.raises(RegionError, match="cannot read the regions in "):
        read_regions(tmp_path / name, shape=SHAPE)


# --- Smoothed maps -------------------------------------------------------------------------------


def _large():
    """Four labels in two rows and two columns of 60 x 60 pixels each."""
    return np.kron(np.array([[10, 90], [170, 250]], dtype=np.uint8), np.ones((60, 60), np.uint8))


@pytest.mark.parametrize("how", ["scaled", "lossy"])
def test_a_smoothed_map_is_told_apart_from_a_clean_one(read, how):
    from eagle_mllm.attribution.region_files import smoothing

    picture = Image.fromarray(_large()).rotate(10)
    if how == "scaled":
        content = _png(picture.resize((300, 280), Image.Resampling.BICUBIC))
    else:
        content = _png(Image.open(io.BytesIO(_png(picture, "JPEG", quality=60))))
    shape = (280, 300) if how == "scaled" else (120, 120)
    assert "as if it had been smoothed" in smoothing(read("a.png", content, shape))
    clean = picture.resize(shape[::-1], Image.Resampling.NEAREST)
    assert smoothing(read("a.png", _png(clean), shape)) is None


@pytest.mark.parametrize("side", [1, 2, 3, 8])
def test_many_small_regions_are_no_smoothing(read, side):
    from eagle_mllm.attribution.region_files import smoothing

    labels = np.kron(np.arange(400).reshape(20, 20), np.ones((side, side), int))
    assert smoothing(read("a.npy", _npy(labels), labels.shape)) is None


def test_a_map_of_many_labels_that_was_scaled_up_smoothly_is_told(read):
    from eagle_mllm.attribution.region_files import smoothing

    labels = (np.add.outer(np.arange(40) // 10 * 6, np.arange(60) // 10) * 10).astype(np.uint8)
    for how in (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS):
        large = Image.fromarray(labels).resize((600, 400), how)
        assert smoothing(read("a.png", _png(large), (400, 600)))


# --- Damaged at random ---------------------------------------------------------------------------


def _damage(rng, data):
    content = bytearray(data)
    for _ in range(rng.integers(1, 5)):
        place = int(min(rng.exponential(80), len(content) - 1))
        place = place if rng.random() < 0.6 else int(rng.integers(len(content)))
        match rng.integers(4):
            case 0:
                content[place] = rng.integers(256)
            case 1:
                content[place : place + 2] = rng.choice([b"((", b"[[", b"99", b"\xff\xff", b"{}"])
            case 2:
                content[place:place] = content[: rng.integers(1, 20)]
            case _:
                del content[place : place + int(rng.integers(1, 40))]
        content = content or bytearray(b"x")
    return bytes(content)


def _outcome(path):
    from eagle_mllm.attribution.region_files import read_regions
    from eagle_mllm.errors import RegionError

    try:
        read_regions(path, shape=SHAPE)
    except RegionError as error:
        message = str(error)
    else:
        return "read"
    assert str(path) in message
    assert "\n" not in message
    return "refused"


@pytest.mark.parametrize(
    "count",
    [500, pytest.param(20_000, marks=[pytest.mark.slow, pytest.mark.timeout(900)])],
)
def test_damaged_files_are_read_or_refused_in_one_line(tmp_path, rng, count):
    whole = [*LABEL_FILES.values(), *MASK_FILES.values()]
    outcomes = Counter()
    for index in range(count):
        name, content = whole[index % len(whole)]
        path = tmp_path / name
        path.write_bytes(_damage(rng, content))
        outcomes[_outcome(path)] += 1
    assert min(outcomes["read"], outcomes["refused"]) > count / 25
