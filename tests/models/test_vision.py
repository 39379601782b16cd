"""Our own way to the image features of Qwen-VL, judged by the model's own tower."""

from functools import partial

import numpy as np
import pytest
import torch
import transformers as hf
from torch.overrides import TorchFunctionMode

QWEN = ["qwen2_5_vl", "qwen2_vl", "qwen3_vl", "demo/qwen2_5_vl"]
SIZES = [(40, 28), (28, 60), (33, 12), (64, 64)]


class AttentionCalls(TorchFunctionMode):
    """Counts calls of scaled dot product attention."""

    count = 0

    def __torch_function__(self, function, types, args=(), kwargs=None):
        self.count += function is torch.nn.functional.scaled_dot_product_attention
        return function(*args, **(kwargs or {}))


def encoder(model, size, *, batch=3):
    """Our encoder, and the pixel arguments of some images of noise."""
    from eagle_mllm.attribution.regions import Regions
    from eagle_mllm.models.pixels.processor import ProcessorPixels

    images = np.random.default_rng(0).integers(0, 256, (batch, *size, 3), dtype=np.uint8)
    prompt = model.family.encode(images[0], "What is this?")
    regions = Regions.from_labels(np.zeros(size, int))
    process = partial(model.family.pixels, prompt=prompt)
    source = ProcessorPixels(process, images[0], regions=regions, fill="black")
    vision = model.family.vision_encoder(model.module, prompt, source)
    return vision, model.family.pixels(list(images), prompt)


@torch.no_grad()
def both(model, vision, pixels):
    """Features of our encoder and of the model's own tower, deep ones last."""
    ours = vision(pixels, np.ones((len(pixels["image_grid_thw"]), 1), bool))["image"]
    own = model.module.model.get_image_features(**pixels, return_dict=True)
    deep = getattr(own, "deepstack_features", [])
    assert len(deep) == len(ours.deepstack_features)
    return [
        (torch.cat(one), torch.cat(other))
        for one, other in zip(
            (ours.pooler_output, *ours.deepstack_features), (own.pooler_output, *deep), strict=True
        )
    ]


def own_way(scorer):
    scorer._vision = None
    return scorer


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", QWEN)
def test_features_are_those_of_the_models_own_tower(load, name, size):
    model = load(name)
    for ours, own in both(model, *encoder(model, size)):
        assert own.std() > 1e-2
        torch.testing.assert_close(ours, own, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("size", [(300, 451), (427, 640), (512, 200), (100, 800)])
def test_features_are_the_same_on_grids_with_ragged_windows(load, size):
    model = load("demo/qwen2_5_vl")
    model.family.parts.image_processor.size = {
        "shortest_edge": 56 * 56,
        "longest_edge": 28 * 28 * 400,
    }
    vision, pixels = encoder(model, size, batch=2)
    assert len(vision._windows) > 1
    ((ours, own),) = both(model, vision, pixels)
    torch.testing.assert_close(ours, own, atol=1e-5, rtol=1e-5)


def test_an_inner_width_between_multiples_of_eight_gives_the_same_features(load, monkeypatch):
    from eagle_mllm.models.families.aligned_mlp import AlignedMLP

    model = load("qwen2_5_vl")
    tower = model.module.model.visual
    for block in tower.blocks:
        narrow(block.mlp, 13)
    before = {name: weight.clone() for name, weight in tower.state_dict().items()}
    monkeypatch.setattr(AlignedMLP, "pays_for", AlignedMLP.is_served)
    vision, pixels = encoder(model, (64, 64))
    assert all(type(mlp) is AlignedMLP for mlp in vision._mlps)
    assert vision._mlps[0]._back.shape[1] == 16
    for ours, own in both(model, vision, pixels):
        torch.testing.assert_close(ours, own, atol=1e-5, rtol=1e-5)
    for name, weight in tower.state_dict().items():
        assert torch.equal(weight, before[name])


def narrow(mlp, width):
    """Cut a gated MLP to an inner width."""
    for layer in (mlp.gate_proj, mlp.up_proj):
        layer.weight = torch.nn.Parameter(layer.weight[:width].clone())
        layer.bias = None if layer.bias is None else torch.nn.Parameter(layer.bias[:width].clone())
        layer.out_features = width
    mlp.down_proj.weight = torch.nn.Parameter(mlp.down_proj.weight[:, :width].clone())
    mlp.down_proj.in_features = width


@pytest.mark.parametrize("name", QWEN)
def test_on_a_cpu_the_layers_are_the_models_own(load, name):
    model = load(name)
    vision, _ = encoder(model, (64, 64))
    assert vision._mlps == [block.mlp for block in model.module.model.visual.blocks]


def test_windows_of_one_length_are_one_call(load):
    model = load("demo/qwen2_5_vl")
    vision, pixels = encoder(model, (300, 450), batch=2)
    _, rows, columns = pixels["image_grid_thw"][0].tolist()
    assert (rows, columns) == (12, 18)
    # Windows of 8 x 8 patches: two of 8 x 8, then 8 x 2, 4 x 8 twice, and 4 x 2.
    assert [tuple(group) for group in vision._windows] == [(1, 8), (1, 16), (2, 32), (2, 64)]
    with AttentionCalls() as ours, torch.no_grad():
        vision(pixels, np.ones((2, 1), bool))
    with AttentionCalls() as own, torch.no_grad():
        model.module.model.get_image_features(**pixels)
    assert ours.count == 2 * 4 + 2
    assert own.count == 2 * (2 * 6 + 2)


@pytest.mark.parametrize("name", QWEN)
def test_scores_are_those_of_the_models_own_tower(load, tiny, regions, name):
    for pixels in ("component", "processor"):
        model = load(name, pixels=pixels)
        generation = model.generate(tiny.picture(0), tiny.PROMPT, max_new_tokens=20)
        shown = np.random.default_rng(0).random((6, 12)) < 0.5
        scorer = model.scorer(generation, generation.all(), regions)
        assert scorer._vision is not None
        scores = scorer(shown)
        expected = own_way(model.scorer(generation, generation.all(), regions))(shown)
        np.testing.assert_allclose(scores.probability, expected.probability, atol=1e-5)


def test_the_module_is_only_called(load):
    model = load("qwen2_5_vl")

    def state():
        return {
            name: {key: id(value) for key, value in vars(part).items() if key != "training"}
            for name, part in model.module.named_modules()
        }

    before, weights = state(), {k: v.clone() for k, v in model.module.state_dict().items()}
    vision, pixels = encoder(model, (40, 28))
    both(model, vision, pixels)
    assert state() == before
    assert not any(part.training for part in model.module.modules())
    for key, value in model.module.state_dict().items():
        assert torch.equal(value, weights[key])


def refuses(model):
    vision, _ = encoder(model, (40, 28))
    return vision is None


def test_another_attention_keeps_the_models_own_way(load):
    model = load("qwen2_5_vl")
    assert not refuses(model)
    for other in ("eager", "flash_attention_2"):
        model.module.model.visual.config._attn_implementation = other
        assert refuses(model)


def test_a_tower_that_somebody_hooked_into_keeps_its_own_way(load):
    model = load("qwen2_5_vl")
    handle = model.module.model.visual.blocks[0].register_forward_hook(lambda *_: None)
    assert refuses(model)
    handle.remove()
    assert not refuses(model)


def test_a_tower_of_another_class_keeps_its_own_way(load):
    model = load("qwen2_5_vl")
    tower = model.module.model.visual
    tower.__class__ = type("Other", (type(tower),), {})
    assert refuses(model)


def test_a_model_that_takes_no_features_gets_pixels(load, monkeypatch):
    model = load("qwen2_5_vl")

    def older(self, input_ids=None, pixel_values=None):
        del self, input_ids, pixel_values

    monkeypatch.setattr(type(model.module), "forward", older)
    assert refuses(model)


def test_half_precision_is_as_near_to_float32_as_the_models_own(checkpoint, load):
    from eagle_mllm import load_model

    _, pixels = encoder(load("qwen2_5_vl"), (40, 28))
    ((exact, _),) = both(load("qwen2_5_vl"), *encoder(load("qwen2_5_vl"), (40, 28)))
    half = load_model(checkpoint("qwen2_5_vl"), device="cpu", dtype=torch.bfloat16)
    pixels["pixel_values"] = pixels["pixel_values"].bfloat16()
    vision, _ = encoder(half, (40, 28))
    ((ours, own),) = both(half, vision, pixels)
    assert ours.dtype == torch.bfloat16
    ours_error, own_error = ((one.float() - exact).abs().mean() for one in (ours, own))
    assert ours_error < 1.5 * own_error


def test_positions_are_shared_by_the_batch(load, tiny):
    model = load("qwen3_vl")
    prompt = model.family.encode(tiny.picture(0), tiny.PROMPT)
    ids = torch.tensor(prompt.ids)
    inputs = model.family.text_inputs(model.module, prompt, ids, batch=5)
    assert inputs["position_ids"].shape == (3, 1, len(prompt.ids))
    assert isinstance(model.module, hf.Qwen3VLForConditionalGeneration)
