"""The steps of image processors, learnt from what they do: one contract for all of them."""

import numpy as np
import pytest
import torch
import transformers as hf
from PIL import Image


def size(height, width):
    return {"height": height, "width": width}


CLIP = {"size": {"shortest_edge": 24}, "crop_size": size(24, 24)}
PINPOINTS = [[24, 48], [48, 24], [48, 48], [72, 24], [24, 72]]
PATCHES = {"patch_size": 4, "merge_size": 2, "size": {"shortest_edge": 64, "longest_edge": 6400}}
TILES = {"size": {"longest_edge": 64}, "max_image_size": {"longest_edge": 16}}

PROCESSORS = {
    "llava": lambda: hf.CLIPImageProcessorPil(**CLIP),
    "llava-padded": lambda: hf.CLIPImageProcessorPil(
        size={"shortest_edge": 20}, crop_size=size(24, 28)
    ),
    "llava-as-it-is": lambda: hf.CLIPImageProcessorPil(do_resize=False, do_center_crop=False),
    "siglip": lambda: hf.SiglipImageProcessorPil(size=size(24, 32)),
    "qwen2_vl": lambda: hf.Qwen2VLImageProcessorPil(**PATCHES),
    "qwen3_vl": lambda: hf.Qwen2VLImageProcessorPil(
        patch_size=16, size={"shortest_edge": 4096, "longest_edge": 16384}
    ),
    "glm4v": lambda: hf.Glm4vImageProcessorPil(
        patch_size=4, merge_size=2, size={"shortest_edge": 256, "longest_edge": 6400}
    ),
    "glm46v": lambda: hf.Glm46VImageProcessorPil(
        patch_size=4, merge_size=2, size={"shortest_edge": 256, "longest_edge": 6400}
    ),
    "ernie": lambda: hf.Ernie4_5_VLMoeImageProcessorPil(**PATCHES),
    "paddleocr": lambda: hf.PaddleOCRVLImageProcessorPil(**PATCHES),
    "internvl": lambda: hf.GotOcr2ImageProcessorPil(
        size=size(16, 16), crop_to_patches=True, max_patches=6
    ),
    "llava_next": lambda: hf.LlavaNextImageProcessorPil(**CLIP, image_grid_pinpoints=PINPOINTS),
    "llava_onevision": lambda: hf.LlavaOnevisionImageProcessorPil(
        size=size(24, 24), image_grid_pinpoints=PINPOINTS
    ),
    "smolvlm": lambda: hf.SmolVLMImageProcessorPil(**TILES),
    "smolvlm-whole": lambda: hf.SmolVLMImageProcessorPil(**TILES, do_image_splitting=False),
    "idefics3": lambda: hf.Idefics3ImageProcessorPil(**TILES),
    "paligemma": lambda: hf.SiglipImageProcessorPil(size=size(16, 16)),
    "gemma3": lambda: hf.Gemma3ImageProcessorPil(size=size(16, 16)),
    "gemma4": lambda: hf.Gemma4ImageProcessorPil(patch_size=8, max_soft_tokens=70),
    "pixtral": lambda: hf.PixtralImageProcessorPil(size={"longest_edge": 64}, patch_size=8),
    "mllama": lambda: hf.MllamaImageProcessorPil(size=size(32, 32), max_image_tiles=4),
    "ovis2": lambda: hf.Ovis2ImageProcessorPil(size=size(16, 16), crop_to_patches=True),
    "janus": lambda: hf.JanusImageProcessorPil(size=size(16, 16)),
}

SIZES = {"square": (48, 48), "upright": (61, 43), "wide": (31, 101), "tiny": (9, 14)}


def process_of(image_processor):
    def process(images):
        made = image_processor(
            images=[Image.fromarray(image) for image in images], return_tensors="pt"
        )
        return {name: value for name, value in made.items() if isinstance(value, torch.Tensor)}

    return process


def picture(shape):
    """Noise over a ramp, with a black and a white corner, so that filters overshoot."""
    image = np.random.default_rng(shape[0]).integers(0, 256, (*shape, 3), dtype=np.uint8)
    image[: shape[0] // 3] = np.linspace(0, 255, shape[1]).astype(np.uint8)[:, np.newaxis]
    image[-3:, :4], image[-3:, -4:] = 0, 255
    return image


def traced(name, shape):
    from eagle_mllm.models.pixels.tracing import traced_pipeline

    process = process_of(PROCESSORS[name]())
    return process, traced_pipeline(process, shape, batch=lambda _: 0)


@pytest.mark.parametrize("shape", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("name", PROCESSORS)
def test_component_pixels_are_those_of_the_image_processor(name, shape, blocks):
    from eagle_mllm.attribution.masking import fill_image, masked_image
    from eagle_mllm.models.pixels.components import ComponentPixels

    image = picture(shape)
    regions = blocks(image, 3, 4)
    process, pipeline = traced(name, shape)
    shown = np.random.default_rng(1).random((4, len(regions))) < 0.5
    shown[0], shown[1] = True, False
    for fill in ("black", "mean", "blur"):
        components = ComponentPixels(
            pipeline, image, regions=regions, fill=fill, device=torch.device("cpu")
        )
        filled = fill_image(image, fill)
        each = [process([masked_image(image, filled, row[regions.labels])]) for row in shown]
        together = components(shown)
        assert together.keys() == each[0].keys()
        for key, value in together.items():
            expected = torch.cat([one[key] for one in each])
            assert value.shape == expected.shape
            assert value.dtype == expected.dtype
            if key in pipeline.arrangements:
                assert (value - expected).abs().max() < 1e-3 * pipeline.grey_level
            else:
                assert value.equal(expected)


@pytest.mark.parametrize("name", ["llava-padded", "smolvlm", "llava_next", "gemma4", "mllama"])
def test_linear_pixels_are_those_of_the_image_processor_but_for_rounding(name):
    from eagle_mllm.models.pixels.linear import LinearPixels

    shape = SIZES["upright"]
    process, pipeline = traced(name, shape)
    image = np.linspace(30, 220, 61 * 43 * 3).reshape(61, 43, 3).astype(np.uint8)  # no overshoot
    linear = LinearPixels(pipeline, shape, device=torch.device("cpu"), dtype=torch.float64)
    values = torch.from_numpy(image.transpose(2, 0, 1)[np.newaxis].astype(float)).requires_grad_()
    made = linear.arrange(linear.views(values))
    expected = process([image])
    for key in pipeline.arrangements:
        steps = (made[key] - expected[key]).abs() / pipeline.grey_level
        assert steps.max() < 2.5
    made["pixel_values"].sum().backward()
    assert values.grad.any()


def test_a_part_of_the_image_that_is_resized_is_not_followed():
    from eagle_mllm.models.pixels.tracing import traced_pipeline

    plain = process_of(hf.SiglipImageProcessorPil(size=size(16, 16)))

    def cropped(images):
        return plain([np.ascontiguousarray(image[5:]) for image in images])

    assert traced_pipeline(plain, (48, 48), batch=lambda _: 0) is not None
    assert traced_pipeline(cropped, (48, 48), batch=lambda _: 0) is None


def test_other_threads_keep_pillow_meanwhile():
    from concurrent.futures import ThreadPoolExecutor

    from eagle_mllm.models.pixels.watching import answered_resizes

    image = Image.fromarray(picture((20, 20)))
    with answered_resizes(lambda *_: Image.new("RGB", (5, 5))):
        assert np.asarray(image.resize((5, 5))).max() == 0
        with ThreadPoolExecutor(1) as pool:
            assert np.asarray(pool.submit(image.resize, (5, 5)).result()).max() > 0
    assert np.asarray(image.resize((5, 5))).max() > 0
