"""Methods that look inside, on tiny models of each family, and slowly on the others."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from eagle_mllm.baselines.igos import IgosPlusPlus
from eagle_mllm.baselines.llava_cam import LlavaCam
from eagle_mllm.baselines.raw_attention import RawAttention
from eagle_mllm.baselines.tam import Tam
from eagle_mllm.errors import ModelError

FAMILIES = ["llava", "qwen2_5_vl", "internvl"]
OTHERS = ["qwen2_vl", "qwen3_vl", "demo/llava", "demo/qwen2_5_vl", "demo/internvl"]
QUICK = [
    LlavaCam(n_copies=2),
    IgosPlusPlus(iterations=1, samples=2, size=8),
    IgosPlusPlus(masks="one", iterations=1, samples=2, size=8),
    Tam(),
    RawAttention(),
]
NAMES = ["llava-cam", "igos++", "igos+", "tam", "raw-attention"]
TARGETS = {
    "answer": lambda generation: generation.all(),
    "word": lambda generation: generation.each_word()[1],
    "span": lambda generation: generation.span(generation.text.strip()[2:9]),
    "token": lambda generation: generation.at(0),
    "counterfactual": lambda generation: generation.counterfactual("It is dark."),
}


def check(model, generation, target, regions, method):
    found = method.attribute(model, generation, target, regions=regions)
    assert found.saliency.dtype == np.float32
    assert found.saliency.shape == generation.image.shape[:2]
    assert 0 <= found.saliency.min() <= found.saliency.max() <= 1
    assert found.saliency.max() in (0, 1)
    assert not found.saliency[np.isin(regions.labels, found.unseen)].any()
    assert found.forward_passes <= method.planned_passes(len(regions))
    return found


@pytest.fixture(scope="session")
def asked(load, tiny):
    known = {}

    def get(name):
        if name not in known:
            model = load(name, batch_size=8, pixels="auto")
            known[name] = (
                model,
                model.with_answer(tiny.picture(0), tiny.PROMPT, tiny.ANSWERS[1]),
            )
        return known[name]

    return get


@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize("method", QUICK, ids=NAMES)
@pytest.mark.parametrize("name", FAMILIES)
def test_every_target_of_every_family_has_a_map(asked, blocks, name, method, kind):
    model, generation = asked(name)
    regions = blocks(generation.image, 2, 2)
    check(model, generation, TARGETS[kind](generation), regions, method)


@pytest.mark.slow
@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize("method", QUICK, ids=NAMES)
@pytest.mark.parametrize("name", OTHERS)
def test_every_target_of_the_other_models_has_a_map(asked, blocks, name, method, kind):
    model, generation = asked(name)
    regions = blocks(generation.image, 2, 2)
    check(model, generation, TARGETS[kind](generation), regions, method)


@pytest.mark.parametrize("name", ["llava", "internvl"])
@pytest.mark.parametrize("method", QUICK[:2], ids=lambda method: method.name)
def test_how_many_are_computed_at_once_changes_nothing(asked, blocks, name, method):
    model, generation = asked(name)
    regions = blocks(generation.image, 2, 2)
    one, many = (
        check(model, generation, generation.all(), regions, replace(method, at_once=size))
        for size in (1, 3)
    )
    np.testing.assert_allclose(one.saliency, many.saliency, atol=1e-3)


@pytest.mark.parametrize("method", QUICK, ids=NAMES)
def test_half_precision_gives_a_map(load, tiny, blocks, method):
    model = load("qwen2_5_vl", pixels="auto")
    generation = model.with_answer(tiny.picture(0), tiny.PROMPT, tiny.ANSWERS[1])
    model.module.to(torch.bfloat16)
    regions = blocks(generation.image, 2, 2)
    assert check(model, generation, generation.all(), regions, method).saliency.max() == 1


@pytest.mark.parametrize("method", QUICK, ids=NAMES)
def test_a_family_without_a_known_geometry_is_explained_by_pixels_only(load, tiny, blocks, method):
    model = load("llava_next", pixels="auto")
    generation = model.with_answer(tiny.picture(0), tiny.PROMPT, tiny.ANSWERS[1])
    regions = blocks(generation.image, 2, 2)
    if isinstance(method, IgosPlusPlus):
        check(model, generation, generation.all(), regions, method)
        return
    with pytest.raises(ModelError, match=r"use a (LLaVA 1.5|method)"):
        method.attribute(model, generation, generation.all(), regions=regions)
