"""Pixels as sums of region components, judged by the image processors themselves."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers as hf
from PIL import Image

from eagle_mllm.errors import ModelError

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

OWN = ["llava", "qwen2_5_vl", "qwen2_vl", "qwen3_vl", "internvl"]
OTHERS = ["llava_next", "idefics3", "paligemma", "gemma3", "mllama"]
COCO = Path(__file__).parents[3] / "shared" / "data" / "coco" / "val2017"
FILLS = ["black", "mean", "blur"]


def size(height, width):
    return {"height": height, "width": width}


PROCESSORS = {
    "llava": lambda: hf.CLIPImageProcessorPil(
        size={"shortest_edge": 336}, crop_size=size(336, 336)
    ),
    "llava-siglip": lambda: hf.SiglipImageProcessorPil(size=size(224, 256), resample=2),
    "llava-own": lambda: hf.LlavaImageProcessorPil(do_center_crop=False, do_normalize=False),
    "qwen2_5_vl": lambda: hf.Qwen2VLImageProcessorPil(
        size={"shortest_edge": 56 * 56, "longest_edge": 28 * 28 * 200}
    ),
    "internvl": lambda: hf.GotOcr2ImageProcessorPil(size=size(168, 168), max_patches=6),
    "internvl-one-tile": lambda: hf.GotOcr2ImageProcessorPil(size=size(224, 224), max_patches=1),
}


@pytest.fixture(scope="session")
def family(load):
    """A family with an image processor of real size, by name in PROCESSORS."""

    def get(name):
        return with_processor(load(name.split("-")[0]).family, PROCESSORS[name]())

    return get


def with_processor(family, image_processor):
    parts = replace(family.parts, image_processor=image_processor)
    return type(family)(family.config, parts)


def photographs():
    from skimage import data

    astronaut, cat, coffee = (getattr(data, name)() for name in ("astronaut", "chelsea", "coffee"))
    return {
        "square": astronaut,
        "wide": cat,
        "upright": np.ascontiguousarray(coffee.transpose(1, 0, 2)),
        "strip": np.ascontiguousarray(coffee[150:200]),
        "small": np.ascontiguousarray(cat[::7, ::5]),
    }


def grey_differences(family, image, regions, *, fill):
    """Mean difference of each of five subsets, in steps of 256; the first shows everything."""
    from eagle_mllm.attribution.masking import fill_image, masked_image
    from eagle_mllm.models.pixels.components import ComponentPixels

    shown = np.random.default_rng(1).random((5, len(regions))) < 0.5
    shown[0], shown[1] = True, False
    pipeline = family.pixel_pipeline(image.shape[:2])
    source = ComponentPixels(
        pipeline, image, regions=regions, fill=fill, device=torch.device("cpu")
    )
    ours = source(shown)
    filled = fill_image(image, fill)
    images = [masked_image(image, filled, row[regions.labels]) for row in shown]
    expected = family.process([Image.fromarray(one) for one in images])
    assert (images[0] == image).all()
    assert ours.keys() == expected.keys()
    for name in ours.keys() - {"pixel_values"}:
        assert torch.equal(ours[name], expected[name])
    assert ours["pixel_values"].shape == expected["pixel_values"].shape
    difference = (ours["pixel_values"] - expected["pixel_values"]).abs().view(5, -1)
    return difference.mean(dim=1).numpy() / pipeline.grey_level


@pytest.mark.parametrize("name", PROCESSORS)
def test_pixels_are_those_of_the_image_processor(family, name, blocks):
    one = family(name)
    for number, image in enumerate(photographs().values()):
        differences = grey_differences(one, image, blocks(image, 5, 4), fill=FILLS[number % 3])
        assert differences.max() < 0.05


@pytest.mark.parametrize("shape", [(501, 336), (336, 500)])
def test_an_image_that_is_cropped_but_not_resized_keeps_its_pixels(family, shape, blocks):
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    for fill in FILLS:
        differences = grey_differences(family("llava"), image, blocks(image, 5, 4), fill=fill)
        assert differences.max() < 1e-3


@pytest.mark.skipif(not COCO.is_dir(), reason="there are no COCO photographs beside the checkout")
@pytest.mark.parametrize("name", PROCESSORS)
def test_pixels_are_those_of_the_image_processor_on_coco(family, name):
    from eagle_mllm.attribution.images import read_image
    from eagle_mllm.attribution.segmentation import segment

    one = family(name)
    for path in sorted(COCO.glob("*.jpg"))[:2]:
        image = read_image(path)
        regions = segment(image, n_regions=24)
        assert grey_differences(one, image, regions, fill="black").max() < 0.05


@pytest.mark.parametrize("name", OWN + OTHERS)
def test_scores_are_those_of_the_processor_path(load, tiny, regions, name):
    exact, fast = load(name), load(name, pixels="component")
    assert exact.info.details["pixels"] == "processor"
    assert fast.info.details["pixels"] == "component"
    generation = exact.generate(tiny.picture(0), tiny.PROMPT, max_new_tokens=30)
    shown = np.random.default_rng(0).random((9, len(regions))) < 0.5
    shown[0], shown[-1] = True, False
    for fill in FILLS:
        expected, scores = (
            model.scorer(generation, generation.all(), regions, fill=fill)(shown)
            for model in (exact, fast)
        )
        if fill == "black":  # the other fills look much like the picture, which is coloured noise
            assert scores.probability.std(axis=0).max() > 1e-3
        np.testing.assert_allclose(scores.probability, expected.probability, atol=1e-5)


@pytest.mark.parametrize("name", [*OWN, "llava_next", "mllama"])
def test_neither_batch_size_nor_batch_mates_change_scores(load, tiny, regions, name):
    model = load(name, batch_size=4, pixels="component")
    generation = model.generate(tiny.picture(0), tiny.PROMPT, max_new_tokens=30)
    shown = np.random.default_rng(0).random((7, len(regions))) < 0.5
    scorer = model.scorer(generation, generation.all(), regions)
    together = scorer(shown)
    alone = np.concatenate([scorer(row[np.newaxis]).probability for row in shown])
    np.testing.assert_allclose(alone, together.probability, atol=1e-6)
    for batch_size in (1, 3, 8):
        other = load(name, batch_size=batch_size, pixels="component")
        scores = other.scorer(generation, generation.all(), regions)(shown)
        np.testing.assert_allclose(scores.probability, together.probability, atol=1e-5)


def test_regions_outside_the_crop_are_scored_once(load, tiny, blocks):
    from eagle_mllm.attribution.evaluator import SubsetEvaluator

    image = np.concatenate([tiny.picture(0).transpose(1, 0, 2)] * 2, axis=1)
    regions = blocks(image, 1, 8)
    model = load("llava", pixels="component")
    generation = model.with_answer(image, tiny.PROMPT, tiny.ANSWERS[0])
    scorer = model.scorer(generation, generation.all(), regions)
    # 28 x 80 pixels are resized to 24 x 68, of which columns 22 to 46 are kept.
    assert scorer.seen_regions.tolist() == [False, False, *[True] * 4, False, False]
    evaluate = SubsetEvaluator(scorer, 8)
    single = np.concatenate([np.eye(8, dtype=bool), np.zeros((1, 8), bool), np.ones((1, 8), bool)])
    scores = evaluate(single).probability
    assert evaluate.forward_passes == 6
    np.testing.assert_array_equal(scores[[0, 1, 6, 7]], scores[[8] * 4])
    judge = load("llava").scorer(generation, generation.all(), regions)
    assert judge.seen_regions.tolist() == scorer.seen_regions.tolist()
    np.testing.assert_allclose(scores, judge(single).probability, atol=2e-2)


def test_hiding_a_region_that_equals_its_fill_changes_nothing_though_it_is_seen(
    load, tiny, regions
):
    image = tiny.picture(0)
    image[regions.labels == 4] = 0
    model = load("internvl", pixels="component")
    generation = model.with_answer(image, tiny.PROMPT, tiny.ANSWERS[0])
    black, blur = (
        model.scorer(generation, generation.all(), regions, fill=fill) for fill in ("black", "blur")
    )
    assert np.flatnonzero(~black.hideable_regions).tolist() == [4]
    assert blur.hideable_regions.all()
    assert black.seen_regions.all()


@pytest.mark.parametrize("name", ["llava", "qwen2_5_vl", "internvl"])
def test_a_large_photograph_with_many_regions_stays_small(family, name, blocks):
    from eagle_mllm.models.pixels.components import ComponentPixels

    row = np.linspace(0, 255, 4000).astype(np.uint8)
    image = np.broadcast_to(row[:, np.newaxis], (3000, 4000, 3)).copy()
    pipeline = family(name).pixel_pipeline((3000, 4000))
    source = ComponentPixels(
        pipeline, image, regions=blocks(image, 8, 8), fill="black", device=torch.device("cpu")
    )
    # Resized along the rows alone.
    half_resized = sum(
        3 * 3000 * (view.columns.stop - view.columns.start) for view in pipeline.views
    )
    # Nothing hidden, the regions, and the borders where filters reach into the neighbour.
    assert source.stored_values < 3 * half_resized
    assert source(np.ones((1, 64), bool))["pixel_values"].isfinite().all()


@pytest.mark.parametrize("resample", [Image.Resampling.BILINEAR, Image.Resampling.BICUBIC])
def test_the_order_of_the_two_axes_is_that_of_pillow(resample):
    from eagle_mllm.models.pixels.resampling import AxisWeights, columns_come_first

    generator = np.random.default_rng(0)
    orders = set()
    for source, target in [
        ((600, 400), (224, 212)),
        ((600, 400), (224, 213)),
        ((300, 300), (100, 200)),
        ((300, 300), (100, 201)),
        ((200, 600), (100, 551)),
        ((100, 100), (200, 300)),
        ((90, 120), (30, 40)),
        ((120, 90), (40, 30)),
    ]:
        image = generator.integers(0, 256, source, dtype=np.uint8)
        image[::2] = 0
        expected = np.asarray(Image.fromarray(image).resize(target[::-1], resample)).astype(int)
        down, across = (
            AxisWeights(*axis, resample=resample).matrix(slice(0, axis[1]), slice(0, axis[0]))
            for axis in zip(source, target, strict=True)
        )
        rows_first = (down @ (image @ across.T).clip(0, 255).round()).clip(0, 255).round()
        columns_first = ((down @ image).clip(0, 255).round() @ across.T).clip(0, 255).round()
        columns_win = np.abs(columns_first - expected).mean() < np.abs(rows_first - expected).mean()
        assert columns_come_first(source, target) == columns_win
        orders.add(bool(columns_win))
    assert orders == {True, False}


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("llava", {"resample": Image.Resampling.HAMMING}),
        ("llava", {"size": {"shortest_edge": 2000}, "resample": Image.Resampling.BOX}),
        ("qwen2_5_vl", {"resample": Image.Resampling.NEAREST}),
    ],
)
def test_filters_that_are_not_reproduced_leave_it_to_the_processor(family, name, settings):
    unusual = family(name)
    for key, value in settings.items():
        setattr(unusual.parts.image_processor, key, value)
    assert unusual.pixel_pipeline((64, 64)) is None


def gamma(image_processor):
    """Brighter shadows, which no setting names."""
    original = image_processor.rescale
    image_processor.rescale = lambda image, *rest, **named: original(image, *rest, **named) ** 0.5


@pytest.mark.parametrize("name", ["llava", "llava_next"])
def test_a_processor_that_does_something_else_makes_the_pixels_itself(load, tiny, regions, name):
    models = {path: load(name, pixels=path) for path in ("processor", "component", "auto")}
    for model in models.values():
        gamma(model.family.parts.image_processor)
    generation = models["auto"].with_answer(tiny.picture(0), tiny.PROMPT, tiny.ANSWERS[0])
    with pytest.raises(ModelError, match=r"with an image of 28x40 is not a resize of the whole im"):
        models["component"].scorer(generation, generation.all(), regions)
    shown = np.random.default_rng(0).random((3, len(regions))) < 0.5
    exact, auto = (
        models[path].scorer(generation, generation.all(), regions)(shown).probability
        for path in ("processor", "auto")
    )
    np.testing.assert_array_equal(auto, exact)
    assert models["auto"].info.details["pixels"] == "processor"
    assert models["auto"].info.details["pixels_reason"].startswith("what ")
    assert "pixels_reason" not in models["processor"].info.details


def test_a_processor_that_is_changed_meanwhile_is_found_out(load, tiny, regions):
    fast, auto = load("llava_next", pixels="component"), load("llava_next", pixels="auto")
    for model in (fast, auto):
        generation = model.with_answer(tiny.picture(0), tiny.PROMPT, tiny.ANSWERS[0])
        model.scorer(generation, generation.all(), regions)
        assert model.info.details["pixels"] == "component"
        gamma(model.family.parts.image_processor)
        generation = model.with_answer(tiny.picture(1), tiny.PROMPT, tiny.ANSWERS[1])
    with pytest.raises(ModelError, match=r"differs from components by \d+\.\d\d grey levels on av"):
        fast.scorer(generation, generation.all(), regions)
    auto.scorer(generation, generation.all(), regions)
    assert auto.info.details["pixels"] == "processor"
    assert "grey levels" in auto.info.details["pixels_reason"]


def test_torchvision_is_left_to_itself(family, load):
    from eagle_mllm.models.huggingface import HuggingFaceModel

    class ByTorchvision(hf.CLIPImageProcessorPil):
        backend = "torchvision"

    other = with_processor(family("llava"), ByTorchvision())
    assert other.pixel_pipeline((64, 64)) is None
    model = HuggingFaceModel(load("llava").module, other, name="other")
    assert model.info.details["pixels"] == "processor"
    with pytest.raises(ModelError, match="Pillow's resize, which ByTorchvision does not use; use"):
        HuggingFaceModel(load("llava").module, other, name="other", pixels="component")


def test_what_happens_between_resize_and_model_is_followed_whatever_it_is(load, tiny, regions):
    model = load("llava", pixels="component")
    image_processor = model.family.parts.image_processor
    original = image_processor.center_crop
    image_processor.center_crop = lambda image, crop: original(image, crop)[:, ::-1]
    generation = model.with_answer(tiny.picture(0), tiny.PROMPT, tiny.ANSWERS[0])
    shown = np.random.default_rng(0).random((3, len(regions))) < 0.5
    scores = model.scorer(generation, generation.all(), regions)(shown).probability
    plain = load("llava").scorer(generation, generation.all(), regions)(shown).probability
    assert np.abs(scores - plain).max() > 1e-3
