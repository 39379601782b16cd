"""Hidden pixels take the fill, visible pixels stay."""

import numpy as np
import pytest

from eagle_mllm.attribution.masking import fill_image, masked_image


def test_black_hides_everything_in_black(image):
    assert (fill_image(image, "black") == 0).all()


def test_mean_hides_everything_in_the_rounded_mean_of_each_channel():
    image = np.array([[[0, 10, 255], [1, 20, 255]]], dtype=np.uint8)
    assert fill_image(image, "mean").tolist() == [[[0, 15, 255], [0, 15, 255]]]


def test_blur_keeps_the_mean_colour_and_loses_the_contrast(image):
    blurred = fill_image(image, "blur")
    assert blurred.dtype == np.uint8
    assert blurred.shape == image.shape
    assert abs(blurred.mean() - image.mean()) < 2
    assert blurred.std() < image.std() / 3


def test_an_image_of_one_colour_looks_the_same_out_of_focus():
    plain = np.full((9, 5, 3), (10, 200, 30), dtype=np.uint8)
    assert (fill_image(plain, "blur") == plain).all()


@pytest.mark.parametrize("fill", ["black", "mean", "blur"])
def test_filling_leaves_the_image_itself_alone(image, fill):
    before = image.copy()
    fill_image(image, fill)[:] = 7
    assert (image == before).all()


def test_an_unknown_fill_is_refused_with_the_names_that_exist(image):
    with pytest.raises(ValueError, match=r"'noise'; choose one of black, mean, blur"):
        fill_image(image, "noise")


def test_visible_pixels_are_the_images_and_hidden_ones_the_fills(image):
    filled = fill_image(image, "mean")
    visible = np.zeros(image.shape[:2], dtype=bool)
    visible[:, :10] = True
    masked = masked_image(image, filled, visible)
    assert (masked[:, :10] == image[:, :10]).all()
    assert (masked[:, 10:] == filled[:, 10:]).all()
    assert masked.dtype == np.uint8


def test_everything_visible_is_the_untouched_image(image):
    visible = np.ones(image.shape[:2], dtype=bool)
    assert (masked_image(image, fill_image(image, "black"), visible) == image).all()
