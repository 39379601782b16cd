"""Both pixel paths of the shipped models on real photographs of all shapes.

The judge is one plain pass of the float32 model for each masked image: its image processor, no
batch, all logits.
"""

from functools import cache, partial

import numpy as np
import pytest
import torch
from PIL import Image

DEMOS = ["demo/llava", "demo/qwen2_5_vl", "demo/internvl"]
PROMPT = "Describe the image."


@cache
def photograph(name):
    from skimage import data

    return {
        "square": lambda: data.astronaut(),
        "landscape": lambda: data.rocket(),
        "portrait": lambda: np.ascontiguousarray(data.coffee().transpose(1, 0, 2)),
        "strip": lambda: np.ascontiguousarray(data.coffee()[150:200]),
        "tiny": lambda: np.ascontiguousarray(data.chelsea()[::25, ::25]),
        "large": lambda: np.asarray(Image.fromarray(data.astronaut()).resize((4000, 3000))),
    }[name]()


def subsets(n_regions, n_rows):
    shown = np.random.default_rng(2).random((n_rows, n_regions)) < 0.6
    shown[0], shown[-1] = True, False
    return shown


@pytest.mark.parametrize("shape", ["square", "landscape", "portrait", "strip", "tiny"])
@pytest.mark.parametrize("name", DEMOS)
def test_both_paths_score_as_one_plain_pass_an_image(load, reference, name, shape, blocks):
    from eagle_mllm.attribution.masking import fill_image, masked_image

    exact, fast = load(name, batch_size=4), load(name, batch_size=4, pixels="component")
    image = photograph(shape)
    regions = blocks(image, 3, 4)
    generation = exact.generate(image, PROMPT, max_new_tokens=8)
    target = generation.all()
    shown = subsets(len(regions), 5)
    filled = fill_image(image, "black")
    expected = np.stack(
        [
            reference(exact, generation, target, masked_image(image, filled, row[regions.labels]))[
                0
            ]
            for row in shown
        ]
    )
    assert expected.std(axis=0).max() > 1e-2
    slow, quick = (model.scorer(generation, target, regions)(shown) for model in (exact, fast))
    np.testing.assert_allclose(slow.probability, expected, atol=1e-4)
    np.testing.assert_allclose(quick.probability, expected, atol=2e-2)


@pytest.fixture(scope="session")
def large(blocks):
    """Twelve megapixels and 64 regions of them."""
    image = photograph("large")
    return image, blocks(image, 8, 8)


def components(family, image, regions):
    from eagle_mllm.models.pixels.components import ComponentPixels

    pipeline = family.pixel_pipeline(image.shape[:2])
    return ComponentPixels(
        pipeline, image, regions=regions, fill="black", device=torch.device("cpu")
    )


@pytest.mark.parametrize("name", DEMOS)
def test_pixels_of_twelve_megapixels_are_those_of_the_image_processor(load, large, name):
    from eagle_mllm.models.pixels.processor import ProcessorPixels

    family, (image, regions) = load(name).family, large
    shown = subsets(64, 3)[1:2]
    prompt = family.encode(photograph("tiny"), PROMPT)  # of which the pixels need nothing
    process = partial(family.pixels, prompt=prompt)
    exact = ProcessorPixels(process, image, regions=regions, fill="black")
    difference = components(family, image, regions)(shown)["pixel_values"]
    difference = (difference - exact(shown)["pixel_values"]).abs()
    grey_level = family.pixel_pipeline(image.shape[:2]).grey_level
    assert difference.mean() / grey_level < 0.01
    assert difference.max() / grey_level < 1.1


@pytest.mark.parametrize("name", DEMOS)
def test_twelve_megapixels_in_64_regions_need_little_memory(load, large, name):
    from eagle_mllm.models.memory import ProcessMemory

    family, size = load(name).family, large[0].shape[:2]
    plain = ProcessMemory().taken_by(lambda: family.encode(large[0], PROMPT))
    # Its steps are told from images of the same size, of which one is kept meanwhile.
    assert ProcessMemory().taken_by(lambda: family.pixel_pipeline(size)) < plain + 150 * 2**20
    taken = ProcessMemory().taken_by(lambda: components(family, *large))
    # The photograph itself has 34 MiB; in float32 it would have 137, and a region as much again.
    assert taken < 200 * 2**20
