"""What every model must do, whatever its architecture; on tiny models and on the shipped ones."""

from pathlib import Path

import numpy as np
import pytest
import torch

from eagle_mllm.errors import ImageError, ModelError, RegionError, TargetError
from eagle_mllm.scenes import scene
from eagle_mllm.scenes.language import CAPTION_PROMPT

# PaliGemma's processor turns tensors into arrays in a way that numpy 2 warns about.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

CHECKPOINTS = Path(__file__).parents[2] / "src" / "eagle_mllm" / "scenes" / "checkpoints"
SHIPPED = [
    f"demo/{name}"
    for name in ("llava", "qwen2_5_vl", "internvl")
    if (CHECKPOINTS / name / "config.json").is_file()
]
OWN = ["llava", "qwen2_5_vl", "qwen2_vl", "qwen3_vl", "internvl"]
GENERIC = ["llava_next", "idefics3", "paligemma", "gemma3", "mllama"]
TINY = OWN + GENERIC
ALL = TINY + SHIPPED


@pytest.fixture(scope="session")
def cached(load, tiny):
    """A model and its own answer about the first picture, made once."""
    known = {}

    def get(name):
        if name not in known:
            model = load(name)
            known[name] = model, model.generate(tiny.picture(0), tiny.PROMPT, max_new_tokens=30)
        return known[name]

    return get


def subsets(n_rows, n_regions=12, seed=0):
    shown = np.random.default_rng(seed).random((n_rows, n_regions)) < 0.5
    shown[0], shown[-1] = True, False
    return shown


@pytest.mark.parametrize("name", TINY)
def test_a_tiny_model_has_learned_its_sentence(cached, tiny, name):
    _, generation = cached(name)
    assert generation.text.strip() == tiny.ANSWERS[0]
    assert generation.special[-1]
    assert [word.text for word in generation.words][:3] == ["A", "red", "cat"]


@pytest.mark.parametrize("name", ALL)
def test_a_generation_reads_as_its_ids_decode(cached, name):
    model, generation = cached(name)
    assert generation.text == model.family.chat.decode(generation.ids)
    assert len(generation.tokens) == len(generation.spans) == len(generation.ids)
    assert "".join(generation.tokens) == generation.text
    for span, special in zip(generation.spans, generation.special, strict=True):
        assert (span.start == span.stop) == special


@pytest.mark.parametrize("name", ALL)
def test_giving_back_the_generated_answer_gives_the_generated_ids(cached, name):
    model, generation = cached(name)
    if name.startswith("demo"):  # of other pictures than scenes it babbles on to the limit
        generation = model.generate(scene(0).image, CAPTION_PROMPT)
    given = model.with_answer(generation.image, generation.prompt, generation.text)
    assert given.ids == generation.ids
    assert given.spans == generation.spans
    assert (*generation.encode(generation.text),) == generation.ids[:-1]


@pytest.mark.parametrize("name", ALL)
def test_scores_equal_a_plain_forward_on_the_masked_image(cached, reference, regions, name):
    from eagle_mllm.attribution.masking import fill_image, masked_image

    model, generation = cached(name)
    target = generation.all(include_eos=True)
    shown = subsets(7)
    for fill in ("black", "mean"):
        scores = model.scorer(generation, target, regions, fill=fill)(shown)
        filled = fill_image(generation.image, fill)
        for row, probability, predicted in zip(shown, *scores, strict=True):
            image = masked_image(generation.image, filled, row[regions.labels])
            expected, arg_max = reference(model, generation, target, image)
            np.testing.assert_allclose(probability, expected, atol=1e-5)
            assert predicted.tolist() == arg_max.tolist()


@pytest.mark.parametrize("name", TINY)
def test_scores_see_which_regions_are_shown(cached, regions, name):
    model, generation = cached(name)
    scores = model.scorer(generation, generation.all(), regions)(subsets(6))
    assert scores.probability.std(axis=0).max() > 1e-3
    assert scores.probability.dtype == np.float32
    assert scores.probability.min() >= 0
    assert scores.probability.max() <= 1 + 1e-6


@pytest.mark.parametrize("name", ALL)
def test_the_whole_image_predicts_what_greedy_decoding_wrote(cached, reference, regions, name):
    model, generation = cached(name)
    target = generation.all(include_eos=True)
    scores = model.scorer(generation, target, regions)(np.ones((1, 12), bool))
    assert scores.predicted[0].tolist() == list(generation.ids)
    expected, _ = reference(model, generation, target, generation.image)
    np.testing.assert_allclose(scores.probability[0], expected, atol=1e-5)


@pytest.mark.parametrize("name", TINY)
def test_scores_are_the_probabilities_that_decoding_saw(cached, regions, name):
    from eagle_mllm.models.decoding import greedy

    model, generation = cached(name)
    encoded = model.family.encode(generation.image, generation.prompt)
    steps = model.module.generate(
        **model.family.generation_inputs(encoded),
        generation_config=greedy(model.module, ends=list(generation.ids[-1:]), max_new_tokens=30),
        output_logits=True,
        return_dict_in_generate=True,
    ).logits
    seen = [
        step[0].softmax(-1)[token].item() for step, token in zip(steps, generation.ids, strict=True)
    ]
    scorer = model.scorer(generation, generation.all(include_eos=True), regions)
    np.testing.assert_allclose(scorer(np.ones((1, 12), bool)).probability[0], seen, atol=1e-5)


@pytest.mark.parametrize("name", ALL)
def test_batch_size_does_not_change_scores(load, cached, regions, name):
    _, generation = cached(name)
    target = generation.all()
    shown = subsets(7)
    together = [
        load(name, batch_size=size).scorer(generation, target, regions)(shown) for size in (1, 3, 8)
    ]
    for scores in together[1:]:
        np.testing.assert_allclose(scores.probability, together[0].probability, atol=1e-5)
        assert (scores.predicted == together[0].predicted).all()


@pytest.mark.parametrize("name", TINY)
def test_a_score_does_not_depend_on_its_batch_mates(cached, regions, name):
    model, generation = cached(name)
    scorer = model.scorer(generation, generation.all(), regions)
    shown = subsets(6)
    together = scorer(shown).probability
    alone = np.concatenate([scorer(row[np.newaxis]).probability for row in shown])
    np.testing.assert_allclose(alone, together, atol=1e-6)
    assert scorer(shown[:0]).probability.shape == (0, together.shape[1])


@pytest.mark.parametrize("name", TINY)
def test_on_a_cpu_no_image_is_computed_in_vain(load, cached, regions, name):
    _, generation = cached(name)
    model, sizes = load(name, batch_size=4), []
    scorer = model.scorer(generation, generation.all(), regions)
    model.module.register_forward_pre_hook(
        lambda module, args, arguments: sizes.append(len(arguments["input_ids"])), with_kwargs=True
    )
    scorer(subsets(7))
    assert sizes == [4, 3]


@pytest.mark.parametrize("name", TINY)
def test_part_of_the_target_scores_as_within_the_whole(cached, regions, name):
    model, generation = cached(name)
    shown = subsets(3)
    everything = model.scorer(generation, generation.all(), regions)(shown)
    part = model.scorer(generation, generation.at(1, 3), regions)(shown)
    np.testing.assert_allclose(part.probability, everything.probability[:, 1:3], atol=1e-5)


@pytest.mark.parametrize("name", TINY)
def test_a_counterfactual_asks_for_another_token_at_the_same_place(
    cached, reference, regions, name
):
    model, generation = cached(name)
    target = generation.counterfactual("blue", replacing="red")
    assert len(target) == 1
    assert target.ids[0] != generation.ids[target.positions[0]]
    expected, _ = reference(model, generation, target, generation.image)
    score = model.scorer(generation, target, regions)(np.ones((1, 12), bool))
    np.testing.assert_allclose(score.probability[0], expected, atol=1e-5)


@pytest.mark.parametrize("name", TINY)
def test_generating_in_between_does_not_change_scores(cached, tiny, regions, name):
    model, generation = cached(name)
    shown = subsets(4)
    before = model.scorer(generation, generation.all(), regions)(shown)
    wide = np.ascontiguousarray(tiny.picture(1).transpose(1, 0, 2))
    model.generate(wide, "Describe the image in other words.", max_new_tokens=3)
    after = model.scorer(generation, generation.all(), regions)(shown)
    assert (before.probability == after.probability).all()


@pytest.mark.parametrize("name", TINY)
def test_nothing_global_is_touched(load, tiny, regions, name):
    torch.manual_seed(3)
    random_state = torch.get_rng_state()
    grad, precision = torch.is_grad_enabled(), torch.get_default_dtype()
    model = load(name)
    generation = model.generate(tiny.picture(0), tiny.PROMPT, max_new_tokens=4)
    model.scorer(generation, generation.all(), regions)(subsets(2))
    assert torch.equal(torch.get_rng_state(), random_state)
    assert (torch.is_grad_enabled(), torch.get_default_dtype()) == (grad, precision)
    assert not model.module.training
    assert all(parameter.requires_grad for parameter in model.module.parameters())


@pytest.mark.parametrize("limit", [1, 3])
def test_the_batch_shrinks_to_what_fits_and_stays_small(load, cached, regions, monkeypatch, limit):
    _, generation = cached("llava")
    model = load("llava", batch_size=8)
    forward, sizes = type(model.module).forward, []

    def small_memory(self, *args, **arguments):
        sizes.append(len(arguments["input_ids"]))
        if sizes[-1] > limit:
            raise torch.OutOfMemoryError("out of memory")
        return forward(self, *args, **arguments)

    shown = subsets(11)
    expected = model.scorer(generation, generation.all(), regions)(shown)
    forward_with_signature = _like(forward, small_memory)
    monkeypatch.setattr(type(model.module), "forward", forward_with_signature)
    scorer = model.scorer(generation, generation.all(), regions)
    np.testing.assert_allclose(scorer(shown).probability, expected.probability, atol=1e-5)
    fits = {1: 1, 3: 2}[limit]
    assert scorer.preferred_batch_size == fits
    sizes.clear()
    scorer(shown)
    scorer(shown[:1])
    assert max(sizes) == fits


def _like(original, replacement):
    from functools import wraps

    return wraps(original)(replacement)


def test_one_image_that_does_not_fit_is_an_error(load, cached, regions, monkeypatch):
    _, generation = cached("llava")
    model = load("llava", batch_size=2)

    def no_memory(*_, **__):
        raise torch.OutOfMemoryError("out of memory")

    scorer = model.scorer(generation, generation.all(), regions)
    monkeypatch.setattr(type(model.module), "forward", no_memory)
    with pytest.raises(ModelError, match="one image does not fit into the memory of cpu"):
        scorer(subsets(2))


def test_other_runtime_errors_are_not_taken_for_missing_memory(load, cached, regions, monkeypatch):
    _, generation = cached("llava")
    model = load("llava")

    def broken(*_, **__):
        raise RuntimeError("shape mismatch")

    scorer = model.scorer(generation, generation.all(), regions)
    monkeypatch.setattr(type(model.module), "forward", broken)
    with pytest.raises(RuntimeError, match="shape mismatch"):
        scorer(subsets(2))


def test_a_class_without_logits_to_keep_gives_the_same_scores(cached, regions, monkeypatch):
    model, generation = cached("llava_next")
    shown = subsets(5)
    expected = model.scorer(generation, generation.all(), regions)(shown)
    forward = type(model.module).forward

    def old_style(self, input_ids=None, pixel_values=None, **arguments):
        assert "logits_to_keep" not in arguments
        return forward(self, input_ids=input_ids, pixel_values=pixel_values, **arguments)

    monkeypatch.setattr(type(model.module), "forward", old_style)
    scores = model.scorer(generation, generation.all(), regions)(shown)
    np.testing.assert_allclose(scores.probability, expected.probability, atol=1e-6)


def test_nan_from_the_model_is_an_error(load, cached, regions):
    _, generation = cached("qwen2_5_vl")
    model = load("qwen2_5_vl")
    scorer = model.scorer(generation, generation.all(), regions)
    model.module.lm_head.weight.data[0, 0] = float("nan")
    with pytest.raises(ModelError, match=r"returned NaN in torch\.float32; its weights are broken"):
        scorer(subsets(2))


def test_a_model_in_training_mode_is_refused_and_left_so(load, cached, tiny, regions):
    _, generation = cached("llava")
    model = load("llava")
    scorer = model.scorer(generation, generation.all(), regions)
    model.module.train()
    with pytest.raises(ModelError, match=r"training mode.*call .eval\(\)"):
        scorer(subsets(2))
    with pytest.raises(ModelError, match="training mode"):
        model.generate(tiny.picture(0), tiny.PROMPT)
    assert model.module.training


def test_half_precision_gives_float32_scores_nearby(checkpoint, cached, regions):
    from eagle_mllm import load_model

    model, generation = cached("qwen2_5_vl")
    half = load_model(checkpoint("qwen2_5_vl"), device="cpu", dtype="bfloat16")
    assert half.info.dtype == "bfloat16"
    shown = subsets(4)
    scores = half.scorer(generation, generation.all(), regions)(shown)
    exact = model.scorer(generation, generation.all(), regions)(shown)
    assert scores.probability.dtype == np.float32
    np.testing.assert_allclose(scores.probability, exact.probability, atol=0.1)


def test_an_oblong_image_has_many_tiles_and_an_uneven_grid(cached):
    internvl, generation = cached("internvl")
    encoded = internvl.family.encode(generation.image, generation.prompt)
    tiles = len(encoded.pixels["pixel_values"])
    assert tiles == 7
    assert encoded.ids.count(internvl.module.config.image_token_id) == 4 * tiles
    qwen, generation = cached("qwen2_5_vl")
    encoded = qwen.family.encode(generation.image, generation.prompt)
    _, height, width = encoded.pixels["image_grid_thw"][0].tolist()
    assert (height, width) == (10, 8)
    assert encoded.ids.count(qwen.module.config.image_token_id) == height * width // 4


def test_arguments_that_do_not_belong_together_are_refused(load, cached, tiny, regions):
    from eagle_mllm.attribution.regions import Regions

    model, generation = cached("llava")
    other = Regions.from_labels(np.arange(16).reshape(4, 4))
    with pytest.raises(RegionError, match="segment this image"):
        model.scorer(generation, generation.all(), other)
    short = model.with_answer(tiny.picture(0), tiny.PROMPT, "A red")
    with pytest.raises(TargetError, match="the answer has 3 tokens"):
        model.scorer(short, generation.all(), regions)
    with pytest.raises(ModelError, match="do not read"):
        load("qwen2_5_vl").scorer(generation, generation.all(), regions)
    with pytest.raises(TargetError, match="the answer is empty"):
        model.with_answer(tiny.picture(0), tiny.PROMPT, "  ")
    with pytest.raises(ModelError, match="max_new_tokens must be at least 1; got 0"):
        model.generate(tiny.picture(0), tiny.PROMPT, max_new_tokens=0)
    with pytest.raises(ModelError, match=r"contains '<image>', .*remove it from your prompt"):
        model.generate(tiny.picture(0), "<image> Describe the image.")
    with pytest.raises(ImageError, match="refuses an image of 900x2 pixels"):
        load("qwen2_5_vl").generate(np.zeros((2, 900, 3), np.uint8), tiny.PROMPT)
