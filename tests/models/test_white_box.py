"""What a model shows of its inside: true to its forward, and gone without a trace afterwards."""

import copy

import numpy as np
import pytest
import torch

from eagle_mllm.errors import ModelError, TargetError

OWN = ["llava", "qwen2_5_vl", "qwen2_vl", "qwen3_vl", "internvl"]


@pytest.fixture
def looked(load, tiny):
    """A fresh model, an answer that it would not give, and a look into it.

    log p of what a model says itself is nearly 0 everywhere, and so are its gradients.
    """

    def get(name, *, wide=False, prepare=lambda module: None):
        model = load(name)
        prepare(model.module)
        generation = model.with_answer(tiny.picture(0), tiny.PROMPT, tiny.ANSWERS[1])
        if wide:
            model.module.double()
        return model, generation, model.white_box(generation, generation.all())

    return get


def picture_of(generation):
    return generation.image[np.newaxis].astype(np.float64)


def state(module):
    return [
        (
            *(len(hooks) for hooks in (part._forward_hooks, part._forward_pre_hooks)),
            part.training,
            [(parameter.requires_grad, parameter.grad) for parameter in part.parameters()],
        )
        for part in module.modules()
    ] + [module.config._attn_implementation]


LOOKS = {
    "layer": lambda look, image: look.layer([image], layer=1),
    "pixels": lambda look, image: look.pixels(image[np.newaxis].astype(np.float32)),
    "lens": lambda look, image: look.lens([5, 6], layer=1),
    "attention": lambda look, image: look.attention([0, 1]),
}


@pytest.mark.parametrize("name", OWN)
def test_the_pixel_gradient_is_a_finite_difference_through_the_family_s_preprocessing(looked, name):
    _, generation, look = looked(name, wide=True)
    image = picture_of(generation)
    gradient = look.pixels(image).gradient
    assert gradient.dtype == np.float64
    size = np.linalg.norm(gradient)
    assert size > 1e-4
    # The norms of these models compute in float32, so the step is a few grey levels.
    step = 4 * gradient / size
    up, down = (look.pixels(other).log_probability.sum() for other in (image + step, image - step))
    assert (up - down) / 8 == pytest.approx(size, rel=3e-2)


@pytest.mark.parametrize("name", ["qwen2_5_vl", "qwen2_vl", "qwen3_vl"])
def test_windows_in_one_batch_have_the_gradient_of_the_model_s_own_tower(looked, name):
    _, generation, look = looked(name)
    _, _, slow = looked(name)
    slow._encoder = None
    assert look._encoder is not None
    images = picture_of(generation).astype(np.float32)
    ours, theirs = look.pixels(images), slow.pixels(images)
    np.testing.assert_allclose(ours.log_probability, theirs.log_probability, atol=1e-5)
    scale = np.abs(theirs.gradient).max()
    np.testing.assert_allclose(ours.gradient, theirs.gradient, atol=1e-4 * scale)
    layers = [one.layer([generation.image], layer=0) for one in (look, slow)]
    np.testing.assert_allclose(layers[0].gradients, layers[1].gradients, atol=1e-6)


@pytest.mark.parametrize("name", OWN)
def test_linear_pixels_score_as_the_scorer_does(looked, regions, name):
    model, generation, look = looked(name)
    target = generation.all()
    scores = model.scorer(generation, target, regions)(np.ones((1, 12), bool))
    ours = np.exp(look.pixels(picture_of(generation).astype(np.float32)).log_probability)
    np.testing.assert_allclose(ours, scores.probability, atol=2e-3)


@pytest.mark.parametrize("name", OWN)
def test_a_gradient_is_of_the_chosen_tokens_alone(looked, name):
    _, generation, look = looked(name)
    image = picture_of(generation).astype(np.float32)
    n_tokens = look.pixels(image).log_probability.shape[1]
    parts = [look.pixels(image, tokens=[token]).gradient for token in range(n_tokens)]
    whole = look.pixels(image).gradient
    np.testing.assert_allclose(sum(parts), whole, atol=1e-5 * np.abs(whole).max() * n_tokens)


@pytest.mark.parametrize("name", OWN)
def test_a_layer_s_gradient_is_that_of_the_whole_graph(looked, name):
    model, generation, look = looked(name)
    target = generation.all()
    ours = look.layer([generation.image], layer=0)
    kept = []
    norm = model.module.get_decoder().layers[0].post_attention_layernorm
    handle = norm.register_forward_hook(lambda _, __, output: kept.append(output))
    output = look._forced(look._own_pixels(), batch=1)
    handle.remove()
    score = output.logits[0, range(len(target)), list(target.ids)].sum()
    (gradient,) = torch.autograd.grad(score, kept)
    positions = look.image_positions.tolist()
    np.testing.assert_allclose(ours.activations[0], kept[0][0, positions].detach(), atol=1e-5)
    np.testing.assert_allclose(ours.gradients[0], gradient[0, positions], atol=1e-6)
    assert np.abs(ours.gradients).max() > 0


@pytest.mark.parametrize("name", OWN)
def test_the_lens_reads_the_logits_of_the_answer_off_its_rows(looked, name):
    _, generation, look = looked(name)
    target = generation.all()
    with torch.no_grad():
        logits = look._forced(look._own_pixels(), batch=1).logits[0].numpy()
    rows = look.n_prompt + np.array(target.positions) - 1
    seen = look.lens(target.ids)[rows]
    np.testing.assert_allclose(seen, logits[:, list(target.ids)], atol=1e-4)
    assert [look.predicted(int(row)) for row in rows] == logits.argmax(-1).tolist()


@pytest.mark.parametrize("name", OWN)
def test_an_earlier_layer_is_read_through_the_final_norm(looked, name):
    model, _, look = looked(name)
    decoder = model.module.get_decoder()
    with torch.no_grad():
        normed = decoder.norm(torch.from_numpy(look.hidden(1)))
        read = model.module.get_output_embeddings()(normed)[:, [5, 6]]
    np.testing.assert_allclose(look.lens([5, 6], layer=1), read, atol=1e-4)
    np.testing.assert_allclose(
        look.hidden(look.n_layers)
        @ model.module.get_output_embeddings().weight[5].detach().numpy(),
        look.lens([5])[:, 0],
        atol=1e-4,
    )


@pytest.mark.parametrize("name", OWN)
def test_the_user_s_words_and_the_image_are_found_in_the_prompt(looked, tiny, name):
    model, generation, look = looked(name)
    words = model.family.chat.decode([look.ids[place] for place in look.prompt_positions])
    assert words.strip() == tiny.PROMPT
    image_token = model.module.config.image_token_id
    assert {look.ids[place] for place in look.image_positions} == {image_token}
    assert sorted(np.concatenate([grid.ravel() for grid in look.grids])) == list(
        range(len(look.image_positions))
    )
    assert look.to_image(np.ones(len(look.image_positions))).shape == generation.image.shape[:2]


@pytest.mark.parametrize("name", OWN)
def test_attention_rows_are_those_that_eager_attention_returns(looked, name):
    model, generation, look = looked(name)
    eager = copy.deepcopy(model.module)
    eager.set_attn_implementation("eager")
    text = look._forced._text_inputs(1)
    with torch.no_grad():
        whole = eager(**text, **look._own_pixels(), output_attentions=True, use_cache=False)
    target = generation.all()
    rows = look.n_prompt + np.array(target.positions) - 1
    expected = [
        layer[0].mean(0)[rows.tolist()][:, look.image_positions.tolist()].numpy()
        for layer in whole.attentions
    ]
    np.testing.assert_allclose(look.attention([0, 1]), np.stack(expected), atol=1e-5)
    model.module.set_attn_implementation("eager")
    np.testing.assert_allclose(look.attention([1])[0], expected[1], atol=1e-5)


def test_attention_that_hides_everything_is_refused(looked, monkeypatch):
    from eagle_mllm.models import looking

    _, _, look = looked("llava")
    monkeypatch.setattr(looking, "scaled_dot_product_attention", object())
    with pytest.raises(ModelError, match=r"keeps no weights .* 'sdpa' or 'eager'"):
        look.attention([0])


@pytest.mark.parametrize("kind", LOOKS)
def test_the_module_is_left_as_it_was(looked, kind):
    def prepare(module):
        next(module.parameters()).requires_grad_(False)

    model, generation, look = looked("llava", prepare=prepare)
    model.generate(generation.image, "What?")  # transformers installs hooks of its own for LLaVA
    before = state(model.module)
    LOOKS[kind](look, generation.image)
    assert state(model.module) == before
    assert torch.is_grad_enabled()


@pytest.mark.parametrize("stop", [KeyboardInterrupt, ValueError])
@pytest.mark.parametrize("kind", LOOKS)
def test_the_module_is_left_as_it_was_when_a_look_ends_early(looked, kind, stop):
    def ends(*_):
        raise stop

    model, generation, look = looked("qwen2_5_vl")
    before = state(model.module)
    handle = model.module.get_decoder().layers[1].mlp.register_forward_pre_hook(ends)
    with pytest.raises(stop):
        LOOKS[kind](look, generation.image)
    handle.remove()
    assert state(model.module) == before
    assert torch.is_grad_enabled()


@pytest.mark.parametrize("name", ["llava", "qwen2_5_vl", "internvl"])
def test_half_precision_gives_finite_numbers_near_the_others(looked, name):
    _, generation, wide = looked(name)
    _, _, half = looked(name, prepare=lambda module: module.to(torch.bfloat16))
    image = picture_of(generation).astype(np.float32)
    one, other = wide.pixels(image), half.pixels(image)
    assert np.isfinite(other.gradient).all()
    np.testing.assert_allclose(one.log_probability, other.log_probability, rtol=0.1, atol=0.3)
    assert np.corrcoef(one.gradient.ravel(), other.gradient.ravel())[0, 1] > 0.8
    assert np.isfinite(half.layer([generation.image], layer=1).gradients).all()
    assert np.isfinite(half.attention([0, 1])).all()


@pytest.mark.parametrize("name", ["llava", "qwen2_5_vl", "internvl"])
def test_neither_neighbours_nor_a_halved_batch_change_a_look(looked, monkeypatch, name):
    from eagle_mllm.attribution.white_box import Noise

    _, generation, look = looked(name)
    image = picture_of(generation).astype(np.float32)
    images = np.concatenate([image, image[:, ::-1], image[:, :, ::-1]])
    together = look.pixels(images, noise=Noise(0.2, [1, 2, 3]))
    alone = [look.pixels(images[i : i + 1], noise=Noise(0.2, [i + 1])) for i in range(3)]
    forced = look._forced

    def small(pixels, *, batch, **options):
        if batch > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return forced(pixels, batch=batch, **options)

    monkeypatch.setattr(look, "_forced", small)
    halved = look.pixels(images, noise=Noise(0.2, [1, 2, 3]))
    scale = np.abs(together.gradient).max()
    for index in range(3):
        for other in (alone[index].gradient[0], halved.gradient[index]):
            np.testing.assert_allclose(together.gradient[index], other, atol=1e-4 * scale)
    assert np.abs(together.gradient[0] - look.pixels(image).gradient[0]).max() > 1e-3 * scale
    assert look.layer([generation.image] * 3, layer=0).activations.shape[0] == 3


def test_one_image_that_does_not_fit_is_an_error(looked, monkeypatch):
    _, generation, look = looked("llava")

    def never(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(look, "_forced", never)
    with pytest.raises(ModelError, match="one image does not fit into the memory of cpu"):
        look.layer([generation.image] * 2, layer=0)


def test_what_cannot_be_shown_is_refused_and_the_rest_is_not(load, tiny, looked):
    model = load("llava_next")
    generation = model.with_answer(tiny.picture(0), tiny.PROMPT, tiny.ANSWERS[1])
    look = model.white_box(generation, generation.all())
    assert look.pixels(picture_of(generation).astype(np.float32)).gradient.any()
    other = load("llava_next")
    other.family.parts.image_processor.resample = 0
    blind = other.white_box(generation, generation.all())
    with pytest.raises(ModelError, match=r"LlavaNextImageProcessor.* method .* 'tam' or 'eagle'"):
        blind.pixels(picture_of(generation).astype(np.float32))
    with pytest.raises(ModelError, match=r"'llava_next' model look is not known"):
        look.attention([0])
    model, generation, look = looked("llava")
    with pytest.raises(TargetError, match="the answer has"):
        model.white_box(generation, type(generation.all())(positions=(99,), ids=(1,), text=""))
    model.module.train()
    with pytest.raises(ModelError, match="training mode"):
        model.white_box(generation, generation.all())


def test_a_model_of_scores_alone_is_refused_by_one_line_that_says_what_remains():
    from eagle_mllm.attribution.white_box import white_box_of
    from eagle_mllm.testing import PlantedModel

    model = PlantedModel("a cat", {})
    generation = model.generate(np.zeros((8, 8, 3), np.uint8), "What?")
    with pytest.raises(ModelError, match=r"'planted' gives scores only.*'eagle', 'single-scan'"):
        white_box_of(model, generation, generation.all())
