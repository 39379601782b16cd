"""The shipped models on a CUDA device, judged by themselves on the CPU in float32."""

import gc
from functools import partial

import numpy as np
import pytest
import torch

from eagle_mllm.scenes import scene
from eagle_mllm.scenes.language import CAPTION_PROMPT

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device"),
]

DEMOS = ["demo/llava", "demo/qwen2_5_vl", "demo/internvl"]
MEAN_DIFFERENCE = {"float32": 1e-5, "float16": 5e-3, "bfloat16": 3e-2}
"""Of probabilities. Half precisions round the logits, of which a sharp answer has large ones."""

N_REGIONS = 16


@pytest.fixture(autouse=True)
def _exact_float32():
    """No TF32, in which cuDNN otherwise runs the convolutions of float32 models."""
    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    yield
    torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = before


@pytest.fixture
def image():
    return np.asarray(scene(3).image)


@pytest.fixture
def regions(image):
    from eagle_mllm.attribution.segmentation import segment

    return segment(image, method="grid", n_regions=N_REGIONS)


@pytest.fixture
def shown(regions):
    rows = np.random.default_rng(0).random((21, len(regions))) < 0.5
    rows[0], rows[-1] = True, False
    return rows


@pytest.fixture
def scorer(image, regions):
    """A scorer by model, all else by keyword; it explains what the CPU answered."""
    from eagle_mllm import load_model

    def get(name, **settings):
        generation = load_model(name, device="cpu").generate(image, CAPTION_PROMPT)
        model = load_model(name, **settings)
        given = model.with_answer(image, CAPTION_PROMPT, generation.text)
        return model.scorer(given, given.all(), regions)

    return get


@pytest.mark.parametrize("pixels", ["processor", "component"])
@pytest.mark.parametrize("dtype", MEAN_DIFFERENCE)
@pytest.mark.parametrize("name", DEMOS)
def test_scores_are_those_of_the_cpu(scorer, shown, name, dtype, pixels):
    expected = scorer(name, device="cpu", pixels=pixels)(shown).probability
    scores = scorer(name, device="cuda", dtype=dtype, pixels=pixels, batch_size=8)(shown)
    assert scores.probability.dtype == np.float32
    assert np.abs(scores.probability - expected).mean() < MEAN_DIFFERENCE[dtype]
    if dtype == "float32":
        np.testing.assert_allclose(scores.probability, expected, atol=1e-3)


def test_the_device_is_named_in_the_record():
    from eagle_mllm import load_model

    details = load_model("demo/llava", device="cuda").info.details
    assert details["accelerator"] == torch.cuda.get_device_name()


@pytest.mark.parametrize("dtype", MEAN_DIFFERENCE)
@pytest.mark.parametrize("name", DEMOS)
def test_a_score_does_not_depend_on_its_batch_mates(scorer, shown, name, dtype):
    score = scorer(name, device="cuda", dtype=dtype, batch_size=8)
    together = score(shown).probability
    alone = np.concatenate([score(row[np.newaxis]).probability for row in shown])
    assert np.abs(alone - together).mean() < MEAN_DIFFERENCE[dtype] / 10


@pytest.mark.parametrize("dtype", MEAN_DIFFERENCE)
@pytest.mark.parametrize("name", ["demo/qwen2_5_vl"])
def test_our_vision_encoder_gives_the_scores_of_the_models_own_tower(scorer, shown, name, dtype):
    ours, own = (scorer(name, device="cuda", dtype=dtype, batch_size=8) for _ in range(2))
    assert ours._vision is not None
    own._vision = None
    difference = np.abs(ours(shown).probability - own(shown).probability).mean()
    assert difference < MEAN_DIFFERENCE[dtype]


@pytest.mark.parametrize("name", DEMOS)
def test_a_batch_that_does_not_fit_is_halved(scorer, shown, name):
    from eagle_mllm.models.memory import CudaMemory

    small = scorer(name, device="cuda", dtype="float32", batch_size=8)
    expected = small(shown).probability
    device = torch.device("cuda", torch.cuda.current_device())
    taken = CudaMemory(device).taken_by(lambda: small(shown[:8]))
    large = scorer(name, device="cuda", dtype="float32", batch_size=512)
    gc.collect()
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(device).total_memory
    torch.cuda.set_per_process_memory_fraction(
        (torch.cuda.memory_reserved(device) + 4 * taken) / total, device
    )
    try:
        scores = large(shown).probability
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, device)
    assert 1 <= large.preferred_batch_size <= 64
    np.testing.assert_allclose(scores, expected, atol=1e-3)


@pytest.mark.parametrize("name", DEMOS)
def test_the_chosen_batch_stays_within_its_share_of_the_free_memory(scorer, shown, name):
    from eagle_mllm.models.batch_size import MEMORY_SHARE, AutoBatchSize
    from eagle_mllm.models.memory import CudaMemory

    class Pretended(CudaMemory):
        bytes = 0

        def free(self):
            return self.bytes

    memory = Pretended(torch.device("cuda", torch.cuda.current_device()))
    sizes = {size: scorer(name, device="cuda", batch_size=size) for size in (1, 2, 4, 8, 16, 32)}
    for score in sizes.values():
        score(shown[:1])  # what is only taken once is not the batch's
    for wanted in (4, 16):
        memory.bytes = int(memory.taken_by(partial(sizes[wanted], shown)) / MEMORY_SHARE) + 1
        chosen = AutoBatchSize(32, memory)(wanted, lambda size: sizes[size](shown[:2]) is not None)
        assert wanted // 2 <= chosen <= wanted
        assert memory.taken_by(partial(sizes[chosen], shown)) <= MEMORY_SHARE * memory.bytes


@pytest.mark.parametrize("name", DEMOS)
def test_a_small_model_gets_the_largest_batch(scorer, name):
    from eagle_mllm.models.batch_size import LARGEST_BATCH

    score = scorer(name, device="cuda", batch_size="auto")
    assert score.preferred_batch_size == LARGEST_BATCH
