import sys
import types

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

OPENCV = ["slico-opencv", "seeds"]
METHODS = ["slico", "grid", *OPENCV]


def segment(image, **options):
    from eagle_mllm.attribution import segmentation

    return segmentation.segment(image, **options)


@pytest.fixture
def refused():
    """The one-line message with which an image is not divided."""
    from eagle_mllm.errors import RegionError

    def message(image, **options):
        with pytest.raises(RegionError) as error:
            segment(image, **options)
        assert "\n" not in str(error.value)
        return str(error.value)

    return message


@pytest.fixture
def picture(rng):
    """96 rows of 128 columns: a red and a blue half that meet at column 50, with some noise."""
    pixels = rng.integers(0, 30, size=(96, 128, 3))
    pixels[:, :50, 0] += 200
    pixels[:, 50:, 2] += 200
    return pixels.astype(np.uint8)


def with_opencv(method):
    if method in OPENCV:
        pytest.importorskip("cv2.ximgproc")


@pytest.mark.parametrize("method", METHODS)
def test_about_as_many_regions_come_as_are_asked_for(picture, method):
    with_opencv(method)
    regions = segment(picture, method=method, n_regions=48)
    assert regions.shape == (96, 128)
    assert (regions.method, regions.asked) == (method, 48)
    assert 36 <= len(regions) <= 60
    assert regions.areas.max() < 4 / 48


@pytest.mark.parametrize("method", METHODS)
def test_the_same_image_is_always_divided_in_the_same_way(picture, method):
    with_opencv(method)
    assert segment(picture, method=method) == segment(picture.copy(), method=method)


@pytest.mark.parametrize("method", ["slico", *OPENCV])
def test_superpixels_keep_to_the_edges_of_things(picture, method):
    with_opencv(method)
    regions = segment(picture, method=method, n_regions=48)
    red = np.arange(128) < 50
    in_red = np.bincount(regions.labels[:, red].ravel(), minlength=len(regions))
    purity = np.abs(2 * in_red / (regions.areas * picture[:, :, 0].size) - 1)
    assert (purity * regions.areas).sum() > 0.95


def test_sixty_four_slico_regions_are_the_default(picture):
    regions = segment(picture)
    assert (regions.method, regions.asked) == ("slico", 64)


def test_slico_regions_are_connected(picture):
    from skimage.measure import label

    regions = segment(picture, n_regions=48)
    assert label(regions.labels, background=-1, connectivity=1).max() == len(regions)


def test_a_large_photograph_is_divided_at_reduced_size(picture, monkeypatch):
    from eagle_mllm.attribution import segmentation

    small = segment(picture, n_regions=48)
    large = picture.repeat(3, axis=0).repeat(3, axis=1)[:-1, :-2]
    monkeypatch.setattr(segmentation, "_SLICO_PIXELS", picture[:, :, 0].size)
    regions = segment(large, n_regions=48)
    assert regions.shape == large.shape[:2]
    np.testing.assert_array_equal(regions.labels[1::3, 1::3], small.labels[:, :127])


def test_an_image_is_divided_as_it_is_read(picture, tmp_path):
    path = tmp_path / "picture.png"
    Image.fromarray(picture).save(path)
    assert segment(path) == segment(Image.open(path)) == segment(picture)


# --- Grid ----------------------------------------------------------------------------------------


def test_a_grid_is_rows_and_columns_of_rectangles(image):
    np.testing.assert_array_equal(
        segment(image[:4, :6], method="grid", n_regions=6).labels,
        [[0, 0, 1, 1, 2, 2], [0, 0, 1, 1, 2, 2], [3, 3, 4, 4, 5, 5], [3, 3, 4, 4, 5, 5]],
    )


@pytest.mark.parametrize(
    ("height", "width", "asked", "got"),
    [
        (224, 224, 64, (8, 8)),
        (480, 640, 64, (7, 9)),
        (640, 480, 64, (9, 7)),
        (100, 400, 64, (4, 16)),
        (3, 100, 10, (1, 10)),
        (5, 5, 25, (5, 5)),
        (224, 224, 2, (1, 2)),
    ],
)
def test_the_cells_of_a_grid_are_nearly_square(height, width, asked, got):
    regions = segment(np.zeros((height, width, 3), np.uint8), method="grid", n_regions=asked)
    rows = len(np.unique(regions.labels[:, 0]))
    columns = len(np.unique(regions.labels[0]))
    assert sorted([rows, columns]) == sorted(got) if height == width else (rows, columns) == got


@given(st.integers(1, 40), st.integers(1, 40), st.data())
def test_a_grid_has_cells_of_nearly_one_size(height, width, data):
    if height * width < 2:
        return
    asked = data.draw(st.integers(2, height * width))
    regions = segment(np.zeros((height, width, 3), np.uint8), method="grid", n_regions=asked)
    rows, columns = (len(np.unique(line)) for line in (regions.labels[:, 0], regions.labels[0]))
    assert len(regions) == rows * columns
    sizes = np.bincount(regions.labels.ravel())
    assert sizes.max() <= np.ceil(height / rows) * np.ceil(width / columns)
    assert sizes.min() >= (height // rows) * (width // columns)


# --- Small and odd images ------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.data())
@pytest.mark.parametrize("method", METHODS)
def test_any_image_is_divided_or_refused(method, height, width, data):
    from eagle_mllm.errors import RegionError

    with_opencv(method)
    if height * width < 2:
        return
    asked = data.draw(st.integers(2, height * width))
    image = np.random.default_rng(asked).integers(0, 256, (height, width, 3), np.uint8)
    try:
        regions = segment(image, method=method, n_regions=asked)
    except RegionError:
        assert method in OPENCV
        return
    assert regions.shape == (height, width)


@pytest.mark.parametrize("method", METHODS)
def test_an_image_of_one_colour_is_divided_too(method):
    with_opencv(method)
    grey = np.full((64, 64, 3), 90, np.uint8)
    assert 12 <= len(segment(grey, method=method, n_regions=16)) <= 16


def test_empty_superpixels_are_dropped():
    pytest.importorskip("cv2.ximgproc")
    noise = np.random.default_rng(0).integers(0, 256, (10, 10, 3), np.uint8)
    # OpenCV numbers a hundred superpixels here and leaves some of them without a pixel.
    regions = segment(noise, method="slico-opencv", n_regions=100)
    assert len(regions) < regions.asked == 100
    assert regions.areas.min() > 0


@pytest.mark.parametrize("asked", [-1, 0, 1, 385])
@pytest.mark.parametrize("method", METHODS)
def test_fewer_than_two_regions_or_more_than_pixels_are_refused(image, refused, method, asked):
    message = refused(image, method=method, n_regions=asked)
    assert message == f"{asked} regions cannot be made of 384 pixels; expected 2 to 384"


def test_an_unknown_method_is_refused_with_the_known_ones(image, refused):
    message = refused(image, method="slic")
    assert "unknown method 'slic'" in message
    assert all(method in message for method in METHODS)


@pytest.mark.parametrize(
    ("method", "shape", "asked"),
    [("slico-opencv", (1, 50), 8), ("seeds", (2, 2), 2), ("seeds", (100, 100), 4)],
)
def test_images_that_would_crash_opencv_are_refused(refused, method, shape, asked):
    height, width = shape
    message = refused(np.zeros((*shape, 3), np.uint8), method=method, n_regions=asked)
    assert f"{method!r} cannot make {asked} regions" in message
    assert f"{width} x {height} pixels" in message


# --- OpenCV, as the reference calls it, or not there ----------------------------------------------


def test_opencv_slico_is_called_as_in_the_reference(picture):
    cv2 = pytest.importorskip("cv2")
    pytest.importorskip("cv2.ximgproc")
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    slic = cv2.ximgproc.createSuperpixelSLIC(bgr, region_size=16, ruler=20.0)
    slic.iterate(20)
    ours = segment(picture, method="slico-opencv", n_regions=48)  # sqrt(96 * 128 / 48) = 16
    from eagle_mllm.attribution.regions import Regions

    np.testing.assert_array_equal(ours.labels, Regions.from_labels(slic.getLabels()).labels)


@pytest.mark.parametrize("method", OPENCV)
def test_without_opencv_the_line_to_install_it_is_given(picture, monkeypatch, method):
    from eagle_mllm.errors import MissingDependency

    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(MissingDependency) as error:
        segment(picture, method=method)
    assert 'pip install "eagle-mllm[superpixels]"' in str(error.value)
    assert "only one OpenCV package" in str(error.value)


def test_an_opencv_without_superpixels_is_named_as_the_cause(picture, monkeypatch):
    from eagle_mllm.errors import MissingDependency

    monkeypatch.setitem(sys.modules, "cv2", types.ModuleType("cv2"))
    with pytest.raises(MissingDependency) as error:
        segment(picture, method="seeds")
    assert "has no ximgproc" in str(error.value)
    assert "pip uninstall opencv-python" in str(error.value)
