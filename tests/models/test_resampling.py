"""The resize of Pillow, written as matrices."""

import numpy as np
import pytest
import torch
from PIL import Image

SIZES = [(40, 24), (24, 40), (224, 112), (37, 37), (500, 7), (7, 500), (640, 448), (3, 1)]


FILTERS = [Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS]


@pytest.mark.parametrize("resample", FILTERS)
@pytest.mark.parametrize(("source", "target"), SIZES)
def test_a_row_is_resized_as_by_pillow(rng, source, target, resample):
    from eagle_mllm.models.pixels.resampling import AxisWeights

    # Floating-point images are neither rounded nor clipped by Pillow.
    row = rng.random((1, source), dtype=np.float32)
    expected = np.asarray(Image.fromarray(row).resize((target, 1), resample=resample))[0]
    axis = AxisWeights(source, target, resample=int(resample))
    matrix = axis.matrix(slice(0, target), slice(0, source))
    np.testing.assert_allclose(matrix @ row[0], expected, atol=2e-6)


@pytest.mark.parametrize(("source", "target"), SIZES)
def test_a_part_of_the_matrix_is_the_matrix_of_the_part(source, target):
    from eagle_mllm.models.pixels.resampling import AxisWeights

    axis = AxisWeights(source, target, resample=Image.Resampling.BICUBIC)
    whole = axis.matrix(slice(0, target), slice(0, source))
    some = slice(source // 3, max(2 * source // 3, source // 3 + 1))
    reached = axis.reached(some)
    assert (axis.matrix(reached, some) == whole[reached, some]).all()
    outside = np.ones(target, bool)
    outside[reached] = False
    assert (whole[outside, some] == 0).all()


def test_only_filters_that_are_reproduced_are_offered():
    from eagle_mllm.models.pixels.resampling import is_reproducible

    assert is_reproducible(3)
    assert is_reproducible(Image.Resampling.BILINEAR)
    assert not is_reproducible(Image.Resampling.NEAREST)
    assert is_reproducible(Image.Resampling.LANCZOS)
    assert not is_reproducible(Image.Resampling.HAMMING)
    assert not is_reproducible(None)


@pytest.mark.parametrize("axis", [0, 1])
def test_bands_of_rows_are_the_rows_of_the_whole_product(rng, axis):
    from eagle_mllm.models.pixels.bands import Bands
    from eagle_mllm.models.pixels.resampling import AxisWeights

    weights = AxisWeights(90, 300, resample=Image.Resampling.BICUBIC)
    target, source = slice(7, 290), weights.needed(slice(7, 290))
    bands = Bands(weights, target=target, source=source, device=torch.device("cpu"))
    shape = (2, 3, 90, 5) if axis == 0 else (2, 3, 5, 90)
    levels = torch.from_numpy(rng.integers(0, 256, shape))
    found = bands(levels.narrow(axis + 2, source.start, source.stop - source.start), axis=axis)
    units = torch.from_numpy(weights.units(target, slice(0, 90)))
    whole = units @ levels.double() if axis == 0 else levels.double() @ units.T
    assert torch.equal(found.double(), (whole / 2**22 + 0.5).floor().clamp(0, 255))
