"""Pixels of the report."""

from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image


def pixels(png):
    return np.asarray(Image.open(BytesIO(png)).convert("RGBA"))


def test_large_images_shrink_and_tiny_ones_grow_by_whole_factors():
    from eagle_mllm.report.pictures import picture_shape

    assert picture_shape((3000, 1500), max_side=1024) == (1024, 512)
    assert picture_shape((28, 14), max_side=1024) == (448, 224)
    assert picture_shape((600, 448), max_side=1024) == (600, 448)
    assert picture_shape((5000, 1), max_side=1024) == (1024, 1)


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 30), st.integers(1, 30))
def test_resized_labels_are_never_mixed(height, width, new_height, new_width):
    from eagle_mllm.report.pictures import resized_values

    labels = np.arange(height * width).reshape(height, width)
    resized = resized_values(labels, (new_height, new_width))
    assert resized.shape == (new_height, new_width)
    assert np.isin(resized, labels).all()
    assert (np.diff(resized, axis=0) >= 0).all()


def test_boundaries_lie_between_regions_only():
    from eagle_mllm.report.pictures import boundaries

    labels = np.array([[0, 0, 1], [0, 0, 1], [2, 2, 2]])
    expected = np.array([[0, 1, 0], [1, 1, 1], [0, 0, 0]], dtype=bool)
    np.testing.assert_array_equal(boundaries(labels), expected)


def test_a_number_stands_on_its_region_even_if_the_centroid_does_not():
    from eagle_mllm.report.pictures import interior_point

    ring = np.ones((21, 21), dtype=bool)
    ring[4:17, 4:17] = False
    assert ring[interior_point(ring)]
    square = np.zeros((20, 20), dtype=bool)
    square[5:12, 8:15] = True
    assert interior_point(square) == (8, 11)


def test_numbers_keep_apart_and_vanished_regions_have_none():
    from eagle_mllm.report.pictures import badges

    labels = np.repeat(np.arange(8), 10)[None].repeat(10, axis=0)
    order = np.array([3, 4, 9, 0, 1, 2, 5, 6, 7, 8])
    placed = badges(labels, order, count=4, apart=15.0)
    assert [badge.rank for badge in placed] == [1, 4]
    assert labels[placed[0].row, placed[0].column] == 3


def test_numbers_fit_into_small_regions():
    from eagle_mllm.report.pictures import badge_radius

    assert badge_radius((100, 100), 25, least=1.0, most=99.0) == pytest.approx(8.4)
    assert badge_radius((100, 100), 2500, least=1.0, most=99.0) == 1.0
    assert badge_radius((100, 100), 1, least=1.0, most=9.0) == 9.0


def test_a_veil_leaves_the_shown_regions_clear():
    from eagle_mllm.report.pictures import veil

    labels = np.repeat([0, 1], 4)[None].repeat(4, axis=0)
    alpha = pixels(veil(labels, [1]))[..., 3]
    assert (alpha[:, 4:] == 0).all()
    assert (alpha[:, :3] == 186).all()
    assert (alpha[:, 3] == 240).all()  # the line between them


def test_the_saliency_layer_has_the_colours_of_its_values():
    from eagle_mllm.report.colors import saliency_colors
    from eagle_mllm.report.pictures import saliency_layer

    saliency = np.linspace(0.0, 1.0, 256, dtype=np.float32)[None]
    drawn = pixels(saliency_layer(saliency))
    np.testing.assert_array_equal(drawn[..., :3], saliency_colors(saliency))
    assert (drawn[..., 3] == 255).all()


def test_a_constant_saliency_can_be_drawn():
    from eagle_mllm.report.pictures import saliency_layer

    drawn = pixels(saliency_layer(np.zeros((4, 6), dtype=np.float32)))
    assert drawn.shape == (4, 6, 4)
    assert len(np.unique(drawn.reshape(-1, 4), axis=0)) == 1


def test_an_image_survives_as_png(image):
    from eagle_mllm.report.pictures import png

    np.testing.assert_array_equal(pixels(png(image))[..., :3], image)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=40))
def test_run_lengths_tell_the_whole_label_map(values):
    from eagle_mllm.report.pictures import run_lengths

    runs = np.array(run_lengths(np.array([values]))).reshape(-1, 2)
    assert np.repeat(runs[:, 0], runs[:, 1]).tolist() == values
    assert (np.diff(runs[:, 0]) != 0).all()


def relative_luminance(color):
    linear = np.array(list(bytes.fromhex(color[1:]))) / 255
    linear = np.where(linear <= 0.04045, linear / 12.92, ((linear + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("evidence", np.linspace(0, 1, 11))
def test_token_text_can_be_read_on_every_colour_of_evidence(evidence):
    from eagle_mllm.report.colors import INK, evidence_color

    light, dark = relative_luminance(evidence_color(float(evidence))), relative_luminance(INK)
    assert (light + 0.05) / (dark + 0.05) >= 4.5


def test_the_scales_run_as_they_should():
    from eagle_mllm.report.colors import evidence_color, hex_color, saliency_colors

    ramp = [relative_luminance(hex_color(c)) for c in saliency_colors(np.linspace(0, 1, 64))]
    assert (np.diff(ramp) > 0).all()  # saliency rises in lightness, so it survives a photocopy
    prior, middle, evidence = map(evidence_color, (0.0, 0.5, 1.0))
    assert prior == "#a79af6"
    assert evidence == "#e8a41e"
    assert relative_luminance(middle) > max(relative_luminance(prior), relative_luminance(evidence))


def test_values_outside_the_scale_are_clipped():
    from eagle_mllm.report.colors import evidence_color

    assert evidence_color(-0.1) == evidence_color(0.0)
    assert evidence_color(1.1) == evidence_color(1.0)
