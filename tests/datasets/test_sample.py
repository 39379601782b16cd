"""A sample is a frozen, cheap value that can travel, and its truth fits its image."""

import hashlib
import pickle
from dataclasses import FrozenInstanceError
from pathlib import Path

import numpy as np
import pytest

from eagle_mllm.attribution.rle import Rle
from eagle_mllm.datasets.dataset import DataSet, fingerprint
from eagle_mllm.datasets.names import file_id, object_names
from eagle_mllm.datasets.problems import Place, Problem
from eagle_mllm.datasets.sample import FileImage, ObjectTruth, Sample, SceneImage, SceneRef
from eagle_mllm.errors import DataError, ImageError


def _sample(**other: object) -> Sample:
    fields = {
        "id": "a",
        "task": "caption",
        "image": FileImage(Path("a.png")),
        "prompt": "Describe.",
    }
    return Sample(**{**fields, **other})


def _truth(*box: float) -> ObjectTruth:
    mask = np.zeros((5, 6), dtype=bool)
    mask[2, 3] = True
    return ObjectTruth(box=box, segmentation=Rle.from_mask(mask))


def test_a_sample_travels_and_stays_equal() -> None:
    sample = _sample(object=_truth(1.0, 1.0, 5.0, 4.0), scene=SceneRef(3), answer_ids=(1, 2))
    assert pickle.loads(pickle.dumps(sample)) == sample
    assert len(pickle.dumps(sample)) < 2000  # no pixels in it


def test_a_sample_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        _sample().prompt = "another"


@pytest.mark.parametrize("name", ["", "a/b", "..", "a b", "é", "a\n"])
def test_an_id_must_be_safe_as_a_file_name(name: str) -> None:
    with pytest.raises(DataError, match="cannot name a file"):
        _sample(id=name)


def test_an_empty_prompt_is_refused() -> None:
    with pytest.raises(DataError, match="empty prompt"):
        _sample(prompt=" ")


def test_a_file_image_is_read_when_asked_and_not_before(tmp_path: Path, photo) -> None:
    image = FileImage(tmp_path / "later.png")
    with pytest.raises(ImageError, match="no such file"):
        image.read()
    photo(image.path)
    assert image.name == "later.png"
    assert image.read()[0, 1].tolist() == [3, 4, 5]


def test_a_scene_image_is_the_scenes_picture() -> None:
    from eagle_mllm.scenes import scene

    for split in ("held-out", "train"):
        expected = np.asarray(scene(5, split=split).image)
        assert np.array_equal(SceneImage(5, split).read(), expected)
    assert SceneImage(5).name != SceneImage(5, "train").name


def test_a_digest_is_that_of_the_content_wherever_and_whenever_it_is_stored(
    tmp_path, photo
) -> None:
    first, other = FileImage(photo(tmp_path / "a.png")), FileImage(photo(tmp_path / "b/c.png"))
    expected = hashlib.blake2b(first.path.read_bytes(), digest_size=16).hexdigest()
    assert first.digest() == other.digest() == expected
    data = bytearray(other.path.read_bytes())
    data[-20] ^= 1
    other.path.write_bytes(bytes(data))
    assert other.digest() != expected
    with pytest.raises(ImageError, match="no such file"):
        FileImage(tmp_path / "absent.png").digest()


def test_the_digest_of_a_scene_follows_from_its_seed() -> None:
    digests = [SceneImage(seed).digest() for seed in (5, 5, 6)]
    assert digests[0] == digests[1] != digests[2]
    assert len(digests[0]) == 32


@pytest.mark.parametrize(
    ("box", "rows", "columns"),
    [
        ((1.0, 1.0, 5.0, 4.0), slice(1, 4), slice(1, 5)),  # whole numbers: exclusive
        ((1.2, 1.9, 4.1, 3.5), slice(1, 4), slice(1, 5)),  # touched pixels
        ((2.4, 2.4, 2.6, 2.6), slice(2, 3), slice(2, 3)),  # thinner than a pixel
        ((-3.0, -2.0, 2.0, 99.0), slice(0, 5), slice(0, 2)),  # cut at the borders
    ],
)
def test_a_box_marks_each_pixel_it_touches(box, rows, columns) -> None:
    expected = np.zeros((5, 6), dtype=bool)
    expected[rows, columns] = True
    assert np.array_equal(_truth(*box).box_mask((5, 6)), expected)


def test_a_box_needs_an_outline_or_the_size_of_its_image() -> None:
    truth = ObjectTruth(box=(1.0, 1.0, 5.0, 4.0), size=(5, 6))
    assert truth.mask((5, 6)) is None
    assert truth.box_mask((5, 6)).sum() == 12
    with pytest.raises(DataError, match="needs the size of its image"):
        ObjectTruth(box=(1.0, 1.0, 5.0, 4.0))


def test_a_box_that_reaches_infinity_is_cut_at_the_image() -> None:
    truth = ObjectTruth(box=(1.0, 1.0, float("inf"), 1e308), size=(5, 6))
    assert truth.box_mask((5, 6)).sum() == 4 * 5


def test_the_mask_is_that_of_the_segmentation() -> None:
    assert np.argwhere(_truth(1.0, 1.0, 5.0, 4.0).mask((5, 6))).tolist() == [[2, 3]]


@pytest.mark.parametrize("kind", ["mask", "box_mask"])
def test_the_truth_of_another_image_is_refused(kind: str) -> None:
    with pytest.raises(DataError, match="5 x 6 pixels, not of 6 x 5"):
        getattr(_truth(1.0, 1.0, 5.0, 4.0), kind)((6, 5))


@pytest.mark.parametrize(
    "box",
    [
        (2.0, 1.0, 2.0, 4.0),
        (3.0, 1.0, 2.0, 4.0),
        (1.0, 4.0, 2.0, 1.0),
        (1.0, 1.0, 2.0, float("nan")),
        (-3.0, 1.0, 0.0, 4.0),
        (6.0, 1.0, 9.0, 4.0),
        (1.0, 5.0, 2.0, 9.0),
    ],
)
def test_a_box_without_any_part_of_the_image_is_refused(box) -> None:
    with pytest.raises(DataError, match="no part of the box"):
        _truth(*box)


@pytest.mark.parametrize(
    ("category", "names"),
    [
        ("cat", ("cat", "cats")),
        ("bus", ("bus", "buses")),
        ("couch", ("couch", "couches")),
        ("toothbrush", ("toothbrush", "toothbrushes")),
        ("person", ("person", "people")),
        ("mouse", ("mouse", "mice")),
        ("knife", ("knife", "knives")),
        ("sheep", ("sheep",)),
        ("scissors", ("scissors",)),
        ("skis", ("skis", "ski")),
        ("toy", ("toy", "toys")),
        ("berry", ("berry", "berries")),
        ("hot dog", ("hot dog", "hot dogs", "hotdog", "hotdogs")),
    ],
)
def test_an_object_is_named_by_its_category_alone(category, names) -> None:
    assert object_names(category) == names


def test_texts_become_file_names_that_tell_them_apart() -> None:
    assert file_id("COCO_val2014_000000310196", "Is there a cell phone in the image?") == (
        "COCO_val2014_000000310196-is-there-a-cell-phone-in-the-image"
    )
    texts = ["x" * 200, "x" * 201, "a" * 200, "é", "è", "", "?", "日本", "a cat", "a cat é"]
    ids = [file_id(text) for text in texts]
    assert len(set(ids)) == len(texts)
    assert all(_sample(id=name) and len(name) < 100 for name in ids)


def test_a_data_set_is_a_sequence_of_its_samples() -> None:
    samples = tuple(_sample(id=name) for name in "abc")
    problem = Problem(kind="missing image", place=Place(file="x"), what="missing", advice="add it")
    data = DataSet(name="letters", samples=samples, problems=(problem,), fingerprint="0")
    assert [sample.id for sample in data] == ["a", "b", "c"]
    assert (len(data), data[-1].id, data[1:]) == (3, "c", samples[1:])
    assert samples[1] in data
    assert repr(data) == "DataSet('letters', 3 samples, 1 problems)"
    with pytest.raises(IndexError):
        data[3]


def test_the_fingerprint_changes_with_the_bytes_and_with_the_ids() -> None:
    prints = [
        fingerprint([b"ab"], ["c"]),
        fingerprint([b"a"], ["bc"]),
        fingerprint([b"ab"], ["d"]),
        fingerprint([b"ab"], []),
        fingerprint([], ["ab", "c"]),
    ]
    assert len(set(prints)) == 4  # bytes and ids are one stream
    assert fingerprint([b"ab"], ["c"]) == prints[0]


def test_a_place_reads_as_editors_write_it() -> None:
    assert str(Place(file="a.json", line=3)) == "a.json:3"
    assert str(Place(file="a.json", entry="annotations[3]")) == "a.json: annotations[3]"
    problem = Problem(
        kind="malformed row", place=Place(file="a", line=3), what="is bad", advice="fix"
    )
    assert str(problem) == "a:3: is bad; fix"
