"""What the model never sees: regions beyond the crop, whichever way pixels are made."""

from dataclasses import replace

import numpy as np
import pytest
import transformers as hf
from PIL import Image

SIZES = {
    "square": (48, 48),
    "wide": (40, 90),
    "strip": (24, 120),
    "high": (77, 50),
    "tall": (96, 32),
}
PATHS = ["component", "processor"]


def noise(size, seed=0):
    return np.random.default_rng(seed).integers(1, 256, (*size, 3), dtype=np.uint8)


def seen(model, image, regions, *, fill="black"):
    generation = model.with_answer(image, "What is this?", "It is dark.")
    return model.scorer(generation, generation.all(), regions, fill=fill).seen_regions


def thirds(size):
    """Three regions next to each other along the longer side."""
    from eagle_mllm.attribution.regions import Regions

    long = int(size[1] > size[0])
    parts = np.arange(size[long]) * 3 // size[long]
    return Regions.from_labels(
        np.broadcast_to(parts if long else parts[:, np.newaxis], size).copy()
    )


def kept_by_hand(size):
    """The pixels whose centre is in the central square, which is all that LLaVA keeps."""
    height, width = size
    short = min(size)
    rows = np.abs(np.arange(height) + 0.5 - height / 2) < short / 2
    columns = np.abs(np.arange(width) + 0.5 - width / 2) < short / 2
    return rows[:, np.newaxis] & columns


@pytest.mark.parametrize("pixels", PATHS)
@pytest.mark.parametrize("size", [(224, 672), (672, 224), (640, 213)])
def test_the_outer_thirds_of_a_picture_three_times_as_wide_are_not_seen(load, size, pixels):
    model = load("llava", pixels=pixels)
    assert seen(model, noise(size), thirds(size)).tolist() == [False, True, False]


def test_so_it_is_at_the_real_size_of_llava(load):
    from eagle_mllm.models.pixels.seen import seen_regions

    family = load("llava").family
    processor = hf.CLIPImageProcessorPil(
        size={"shortest_edge": 336}, crop_size={"height": 336, "width": 336}
    )
    family = type(family)(family.config, replace(family.parts, image_processor=processor))
    image = noise((224, 672))
    size = image.shape[:2]
    found = seen_regions(family.views(size), size, regions=thirds(size))
    assert found.tolist() == [False, True, False]


@pytest.mark.parametrize("pixels", PATHS)
@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_a_region_is_seen_if_two_percent_of_it_are_kept(load, blocks, size, pixels):
    image = noise(size)
    regions = blocks(image, 6, 7)
    # What the resize rounds away is less than half of a pixel of these pictures.
    kept, everything = kept_by_hand(size), np.ones(size, bool)
    n_kept, n_pixels = (
        np.bincount(regions.labels[where], minlength=len(regions)) for where in (kept, everything)
    )
    inside = n_kept >= 0.02 * n_pixels
    found = seen(load("llava", pixels=pixels), image, regions)
    assert found.tolist() == inside.tolist()
    assert found.all() == (size[0] == size[1])


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_unseen_regions_leave_a_trace_at_the_border_at_most_and_seen_ones_show(load, blocks, size):
    model = load("llava", pixels="processor")
    image = noise(size)
    regions = blocks(image, 6, 7)
    generation = model.with_answer(image, "What is this?", "It is dark.")
    scorer = model.scorer(generation, generation.all(), regions)
    shown = np.zeros((len(regions) + 1, len(regions)), bool)
    shown[1:] = np.eye(len(regions), dtype=bool)
    pixels = scorer._pixels(shown)["pixel_values"].numpy()
    changes = np.abs(pixels[1:] - pixels[0]).max(axis=1)
    for change, is_seen in zip(changes, scorer.seen_regions, strict=True):
        if is_seen:
            assert change.max() > 0
        else:
            assert change[2:-2, 2:-2].max() == 0


def test_of_a_background_it_is_enough_to_be_two_percent_of_what_the_model_gets(load):
    from eagle_mllm.attribution.regions import Regions

    # The square in the middle but for its first columns, and all the rest: 40 of 2,680 pixels of
    # the rest are kept in a column, which are 2.5 % of the 1,600 that the model gets.
    size = (40, 120)
    for columns, is_seen in ((0, False), (1, True)):
        labels = np.zeros(size, int)
        labels[:, 40 + columns : 80] = 1
        found = seen(load("llava", pixels="processor"), noise(size), Regions.from_labels(labels))
        assert found.tolist() == [is_seen, True]


@pytest.mark.parametrize("pixels", PATHS)
@pytest.mark.parametrize("name", ["qwen2_5_vl", "internvl"])
@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_models_without_a_crop_see_everything(load, blocks, name, size, pixels):
    image = noise(size)
    assert seen(load(name, pixels=pixels), image, blocks(image, 6, 7)).all()


@pytest.mark.parametrize("pixels", PATHS)
def test_hiding_a_region_that_equals_its_fill_changes_nothing_though_it_is_seen(
    load, blocks, pixels
):
    model = load("llava", pixels=pixels)
    image = noise((64, 64))
    regions = blocks(image, 3, 3)
    image[regions.labels == 4] = 0
    generation = model.with_answer(image, "What is this?", "It is dark.")
    black, blur = (
        model.scorer(generation, generation.all(), regions, fill=fill) for fill in ("black", "blur")
    )
    assert np.flatnonzero(~black.hideable_regions).tolist() == [4]
    assert black.seen_regions.all()
    assert blur.hideable_regions.all()


def test_it_is_not_known_of_a_model_whose_processor_is_not(load, blocks):
    image = noise((48, 48))
    regions = blocks(image, 4, 3)
    model = load("llava_next")
    assert seen(model, image, regions).all()
    other = load("llava_next")
    other.family.parts.image_processor.resample = Image.Resampling.NEAREST
    assert seen(other, image, regions) is None


@pytest.mark.parametrize("pixels", PATHS)
def test_what_is_not_seen_is_one_input_with_it_hidden(load, pixels):
    from eagle_mllm.attribution.evaluator import SubsetEvaluator

    size = (40, 120)
    model = load("llava", pixels=pixels)
    generation = model.with_answer(noise(size), "What is this?", "It is dark.")
    scorer = model.scorer(generation, generation.all(), thirds(size))
    evaluate = SubsetEvaluator(scorer, 3)
    rows = np.array([[True, True, True], [False, True, False], [True, True, False]])
    scores = evaluate(rows).probability
    assert evaluate.forward_passes == 1
    np.testing.assert_array_equal(scores, scorer(rows[[1, 1, 1]]).probability)
