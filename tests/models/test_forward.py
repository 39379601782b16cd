"""One call of a model on one answer: what it returns, and that nothing of it stays behind."""

import copy

import numpy as np
import pytest
import torch

OWN = ["llava", "qwen2_5_vl", "qwen2_vl", "qwen3_vl", "internvl"]
GENERIC = ["llava_next", "idefics3", "paligemma", "gemma3", "mllama"]
# PaliGemma's processor turns tensors into arrays in a way that numpy 2 warns about.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="session")
def asked(load, tiny):
    """A model, its answer about a picture, and the answer's forward with the picture's pixels."""
    from eagle_mllm.models.forward import TeacherForced

    def get(name):
        model = load(name)
        generation = model.generate(tiny.picture(0), tiny.PROMPT, max_new_tokens=30)
        prompt = model.family.encode(generation.image, generation.prompt)
        forced = TeacherForced(
            model.module, model.family, prompt, answer=generation.ids, target=generation.all()
        )
        return model, generation, forced, dict(prompt.pixels)

    return get


@pytest.mark.parametrize("name", OWN + GENERIC)
def test_the_scorer_returns_the_same_probabilities(asked, regions, name):
    model, generation, forced, pixels = asked(name)
    with torch.no_grad():
        output = forced(pixels, batch=1)
    scores = model.scorer(generation, generation.all(), regions)(np.ones((1, 12), bool))
    # Not to the last digit: the scorer may have an encoder of its own.
    ours = output.log_probability.exp().numpy()
    np.testing.assert_allclose(ours, scores.probability, atol=1e-6)
    np.testing.assert_array_equal(output.logits.argmax(-1).numpy(), scores.predicted)
    assert output.hidden_states == ()


@pytest.mark.parametrize("name", OWN + GENERIC)
def test_the_last_hidden_state_explains_the_logits(asked, name):
    model, generation, forced, pixels = asked(name)
    with torch.no_grad():
        output = forced(pixels, batch=1, hidden_states=True)
        last = output.hidden_states[-1]
        logits = model.module.get_output_embeddings()(last[:, -len(generation.all()) :])
    layers = model.module.config.get_text_config().num_hidden_layers
    assert len(output.hidden_states) == layers + 1
    assert last.shape[:2] == (1, len(forced.ids))
    torch.testing.assert_close(logits, output.logits)


# Qwen3-VL adds image features between its first layers, which transformers leaves out here.
@pytest.mark.parametrize("name", sorted({*OWN} - {"qwen3_vl"}))
def test_hidden_states_are_those_that_transformers_records(asked, name):
    model, _, forced, pixels = asked(name)
    recorder = copy.deepcopy(model.module)
    with torch.no_grad():
        ours = forced(pixels, batch=1, hidden_states=True).hidden_states
        text = forced._text_inputs(1)
        theirs = recorder(**text, **pixels, output_hidden_states=True).hidden_states
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("name", OWN)
def test_gradients_reach_hidden_states_and_pixels(asked, name):
    _, _, forced, pixels = asked(name)
    pixels["pixel_values"] = pixels["pixel_values"].clone().requires_grad_()
    output = forced(pixels, batch=1, hidden_states=True)
    wanted = [pixels["pixel_values"], *output.hidden_states]
    gradients = torch.autograd.grad(output.log_probability.sum(), wanted)
    for gradient in gradients:
        assert gradient.isfinite().all()
        assert gradient.abs().max() > 0


def test_the_pixel_gradient_is_a_finite_difference(load, tiny):
    from eagle_mllm.models.forward import TeacherForced

    model = load("llava")
    # Of what the model does not say, because log p of what it says is nearly 0 everywhere.
    generation = model.with_answer(tiny.picture(0), tiny.PROMPT, tiny.ANSWERS[1])
    prompt = model.family.encode(generation.image, generation.prompt)
    forced = TeacherForced(
        model.module, model.family, prompt, answer=generation.ids, target=generation.all()
    )
    model.module.double()
    values = prompt.pixels["pixel_values"].double().requires_grad_()

    def score(values):
        return forced({"pixel_values": values}, batch=1).log_probability.sum()

    (gradient,) = torch.autograd.grad(score(values), values)
    direction = gradient / gradient.norm()
    # Llama's norms compute in float32 all the same, so the step cannot be as small as for float64.
    step = 1e-2
    with torch.no_grad():
        difference = score(values + step * direction) - score(values - step * direction)
    assert difference.dtype == torch.float64
    assert float(gradient.norm()) > 1e-3
    assert float(difference) / (2 * step) == pytest.approx(float(gradient.norm()), rel=1e-2)


def hooks_and_modes(module):
    return [
        (len(part._forward_hooks), len(part._forward_pre_hooks), part.training)
        for part in module.modules()
    ]


def interrupt(*_):
    raise KeyboardInterrupt


@pytest.mark.parametrize("name", OWN + GENERIC)
def test_the_module_is_left_as_it_was(asked, name):
    model, _, forced, pixels = asked(name)
    before = hooks_and_modes(model.module)
    forced(pixels, batch=1, hidden_states=True)
    assert hooks_and_modes(model.module) == before
    assert all(parameter.grad is None for parameter in model.module.parameters())
    handle = model.module.get_output_embeddings().register_forward_pre_hook(interrupt)
    with pytest.raises(KeyboardInterrupt):
        forced(pixels, batch=1, hidden_states=True)
    handle.remove()
    assert hooks_and_modes(model.module) == before


def test_a_batch_holds_what_single_images_hold(asked):
    _, _, forced, pixels = asked("llava")
    other = {"pixel_values": pixels["pixel_values"].flip(-1)}
    together = {"pixel_values": torch.cat([pixels["pixel_values"], other["pixel_values"]])}
    with torch.no_grad():
        both = forced(together, batch=2)
        alone = [forced(one, batch=1) for one in (pixels, other)]
    assert (alone[0].logits - alone[1].logits).abs().max() > 1e-3
    torch.testing.assert_close(both.logits, torch.cat([one.logits for one in alone]))


def test_a_token_that_the_model_cannot_write_is_refused_with_its_number(asked):
    from eagle_mllm.attribution.generation import Target
    from eagle_mllm.errors import ModelError
    from eagle_mllm.models.forward import TeacherForced

    model, generation, _, pixels = asked("llava")
    beyond = model.module.config.get_text_config().vocab_size
    forced = TeacherForced(
        model.module,
        model.family,
        model.family.encode(generation.image, generation.prompt),
        answer=(beyond,),
        target=Target(positions=(0,), ids=(beyond,), text=""),
    )
    with pytest.raises(ModelError, match=f"token {beyond} is asked about .* below {beyond};"):
        forced(pixels, batch=1)
