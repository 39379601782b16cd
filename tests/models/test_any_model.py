"""Models that nobody wrote an adapter for: what is learnt of them, and what is checked."""

import re

import numpy as np
import pytest
import torch
import transformers as hf

from eagle_mllm import load_model
from eagle_mllm.errors import ModelError
from eagle_mllm.models.decoding import written

IMAGE = np.random.default_rng(0).integers(0, 256, (6, 4, 3), dtype=np.uint8)


def pixels_of(images):
    return torch.stack([torch.from_numpy(image).flatten()[:5] for image in images]).float()


def words(text):
    return torch.arange(len(text.split()))[None]


def along_the_last(images, text):
    """Patches of all images behind one another, as MiniCPM-V has them."""
    ids = words(text).expand(len(images), -1)
    return {"input_ids": ids, "mask": ids + 1, "pixel_values": pixels_of(images).view(1, 1, -1)}


def with_offsets(images, text):
    """Indices into the patches of the whole batch, as Molmo2 has them."""
    ids = words(text).expand(len(images), -1)
    places = torch.arange(len(images) * 3).view(len(images), 3)
    return {"input_ids": ids, "pixel_values": pixels_of(images), "places": places}


def one_at_a_time(images, text):
    if len(images) > 1:
        raise TypeError("one image only")
    return with_offsets(images, text)


def test_the_dimension_of_a_batch_and_what_is_per_token_are_learnt_from_the_processor():
    from eagle_mllm.models.families.layout import learnt_layout

    layout = learnt_layout(along_the_last, IMAGE, "what is this")
    assert layout.per_token == {"mask"}
    assert layout.batch == {"pixel_values": 2}
    each = [{"pixel_values": torch.full((1, 1, 5), value)} for value in (1.0, 2.0)]
    joined = layout.joined(each)["pixel_values"]
    assert joined.tolist() == [[[1.0] * 5 + [2.0] * 5]]


@pytest.mark.parametrize("processor", [with_offsets, one_at_a_time])
def test_a_batch_that_is_not_its_images_one_after_the_other_is_not_made(processor):
    from eagle_mllm.models.families.layout import learnt_layout

    layout = learnt_layout(processor, IMAGE, "what is this")
    assert layout.batch is None
    alone = {"pixel_values": torch.ones(1, 5), "places": torch.arange(3)[None]}
    assert layout.joined([alone]) == alone


@pytest.fixture(scope="module")
def untrained(tiny, tmp_path_factory):
    """Models with random weights by name."""
    made = {}

    def model(name):
        if name not in made:
            folder = tmp_path_factory.mktemp(name)
            tiny.UNTRAINED[name](folder)
            made[name] = load_model(folder, device="cpu", batch_size=2, pixels="processor")
        return made[name]

    return model


@pytest.mark.parametrize("name", ["pixtral", "blip", "git"])
def test_a_score_is_the_probability_with_which_the_model_itself_writes(
    untrained, tiny, blocks, name
):
    model = untrained(name)
    image = tiny.picture(0)
    generation = model.with_answer(image, tiny.PROMPT, "a red cat")
    target = generation.all()
    scored = model.scorer(generation, target, blocks(image, 2, 2))(np.ones((1, 4), bool))
    inputs = model.family.generation_inputs(model._encoded(generation.image, tiny.PROMPT))
    length = max(target.positions) + 1
    forced = written(
        model.module, inputs, ends=[], max_new_tokens=length, forced=generation.ids[:length]
    )
    expected = forced.logits.double().softmax(-1)[list(target.positions), list(target.ids)]
    np.testing.assert_allclose(scored.probability[0], expected.numpy(), rtol=1e-4)


@pytest.mark.parametrize("name", ["pixtral", "blip", "git"])
def test_the_answer_is_what_the_models_own_generate_adds(untrained, tiny, name):
    model = untrained(name)
    generation = model.generate(tiny.picture(0), tiny.PROMPT, max_new_tokens=3)
    inputs = model.family.generation_inputs(model._encoded(generation.image, tiny.PROMPT))
    inputs.pop("token_type_ids", None)
    ends = {} if name == "blip" else {"eos_token_id": model.module.generation_config.eos_token_id}
    own = model.module.generate(**inputs, max_new_tokens=3, do_sample=False, **ends)[0].tolist()
    assert tuple(own[-len(generation.ids) :]) == generation.ids
    assert 1 <= len(generation.ids) <= 3


def test_rows_of_image_tokens_end_with_a_token_and_the_last_with_another(untrained, tiny):
    model = untrained("pixtral")
    encoded = model.family.encode(np.zeros((16, 24, 3), np.uint8), tiny.PROMPT)
    names = model.family.parts.tokenizer.convert_ids_to_tokens(encoded.ids)
    row = ["[IMG]"] * 3
    assert names[1:9] == [*row, "[IMG_BREAK]", *row, "[IMG_END]"]


def broken(model, name, value):
    """The model with one thing of its family replaced."""
    from eagle_mllm.models.huggingface import HuggingFaceModel

    parts = model.family.parts
    fresh = HuggingFaceModel.from_model(
        model.module,
        tokenizer=parts.tokenizer,
        image_processor=parts.image_processor,
        batch_size=4,
        pixels="processor",
    )
    monkey = value(getattr(fresh.family, name))
    setattr(fresh.family, name, monkey)
    return fresh


def scorer_of(model, tiny, blocks):
    generation = model.with_answer(tiny.picture(0), tiny.PROMPT, tiny.ANSWERS[0])
    return model.scorer(generation, generation.all(), blocks(generation.image, 2, 2))


def changing_places(pixels):
    return lambda images, prompt: pixels([images[-1], *images[:-1]], prompt)


def numbering(step):
    """The further back in a pass, the brighter a little, as HunYuanVL counts its pictures on."""

    def fault(pixels):
        def numbered(images, prompt):
            made = pixels(images, prompt)
            places = torch.arange(len(images)).view(-1, 1, 1, 1)
            return made | {"pixel_values": made["pixel_values"] + step * places}

        return numbered

    return fault


def taking_one(pixels):
    def one(images, prompt):
        (image,) = images
        return pixels([image], prompt)

    return one


def running_out(pixels):
    def few(images, prompt):
        if len(images) > 1:
            raise RuntimeError("MPS backend out of memory")
        return pixels(images, prompt)

    return few


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (running_out, "several pictures did not fit into memory"),
        (changing_places, "a picture differs by"),
        (numbering(3e-3), "a picture differs by 0.00"),
        (taking_one, "a pass of several pictures fails"),
    ],
)
def test_pictures_that_do_not_score_together_as_alone_are_scored_one_a_pass(
    load, tiny, blocks, fault, why
):
    right, wrong = load("llava"), broken(load("llava"), "pixels", fault)
    scorers = [scorer_of(model, tiny, blocks) for model in (right, wrong)]
    assert [scorer.preferred_batch_size for scorer in scorers] == [4, 1]
    assert wrong.info.details["batch_reason"].startswith(why)
    assert "batch_reason" not in right.info.details
    shown = np.eye(4, dtype=bool)
    alone = [np.concatenate([scorer(row[None]).probability for row in shown]) for scorer in scorers]
    assert np.array_equal(*alone)
    assert np.array_equal(scorers[1](shown).probability, alone[1])


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_in_half_precision_a_picture_scores_the_same_at_two_places_of_a_pass(
    checkpoint, tiny, blocks, dtype
):
    right = load_model(checkpoint("llava"), device="cpu", dtype=dtype, batch_size=4)
    wrong = broken(right, "pixels", numbering(0.01))
    sizes = [scorer_of(model, tiny, blocks).preferred_batch_size for model in (right, wrong)]
    assert sizes == [4, 1]
    assert re.match(r"a picture differs by 0\.[0-4]", wrong.info.details["batch_reason"])


def test_scores_of_another_prompt_than_is_generated_from_are_refused(load, tiny, blocks):
    def other(text_inputs):
        def changed(module, prompt, ids, *, batch):
            made = text_inputs(module, prompt, ids, batch=batch)
            return made | {"input_ids": made["input_ids"].roll(1, dims=1)}

        return changed

    model = broken(load("llava"), "text_inputs", other)
    with pytest.raises(ModelError, match=r"'llava' model .* scoring a token and generating it"):
        scorer_of(model, tiny, blocks)


def test_a_model_that_does_not_see_its_picture_is_warned_about(load, tiny, blocks):
    def always_black(pixels):
        return lambda images, prompt: pixels([image * 0 for image in images], prompt)

    model = broken(load("llava"), "pixels", always_black)
    with pytest.warns(UserWarning, match="'llava' model does not see the picture"):
        scorer_of(model, tiny, blocks)


def test_a_model_is_checked_once(load, tiny, blocks, monkeypatch):
    from eagle_mllm.models import self_check

    checked = []
    monkeypatch.setattr(self_check._Check, "batches", lambda _: checked.append(1))
    model = load("llava")
    for _ in range(2):
        scorer_of(model, tiny, blocks)
    assert checked == [1]


def test_many_patches_of_one_image_are_plausible_where_a_patch_has_a_size():
    from eagle_mllm.models.plausible import require_plausible_pixels

    require_plausible_pixels({"patch_size": 14, "max_patches": 16384}, name="kimi")
    sides = {"height": 16, "width": 16}
    require_plausible_pixels({"patch_size": sides, "max_patches": 4096}, name="kosmos")
    with pytest.raises(ModelError, match="max_patches is 16384, more than 1,000"):
        require_plausible_pixels({"max_patches": 16384}, name="tiles")


class Reticent:
    """A processor that returns the types of tokens, which it names, only when it is asked."""

    model_input_names = ("input_ids", "attention_mask", "mm_token_type_ids")
    return_mm_token_type_ids = False
    return_text_replacement_offsets = False


class Open(Reticent):
    return_mm_token_type_ids = True


def test_a_processor_is_asked_for_what_it_names_and_leaves_out():
    from eagle_mllm.models.families.generic import _unasked

    assert _unasked(Reticent()) == ["return_mm_token_type_ids"]
    assert _unasked(Open()) == _unasked(object()) == []


@pytest.mark.parametrize(
    ("kind", "why"),
    [("unlimited_ocr", "forgets all but the last words"), ("pi0", "writes no text")],
)
def test_models_of_other_kinds_are_refused_for_what_they_do(kind, why):
    from eagle_mllm.models.refusals import require_image_input

    with pytest.raises(ModelError, match=rf"^x \({kind}\) .*{why}"):
        require_image_input({"model_type": kind}, name="x")


def test_an_image_processor_that_cuts_arrays_cuts_tensors_as_well():
    from eagle_mllm.models.processors import taking_tensors

    picture = np.random.default_rng(0).random((3, 20, 30), np.float32)
    patch = {"height": 10, "width": 10}
    plain = hf.FuyuImageProcessorPil(patch_size=patch)
    expected = plain.patchify_image(image=picture)
    ours = taking_tensors(hf.FuyuImageProcessorPil(patch_size=patch))
    np.testing.assert_array_equal(ours.patchify_image(image=picture), expected)
    made = ours.patchify_image(image=torch.from_numpy(picture))
    assert made.shape == (1, *expected.shape)
    np.testing.assert_array_equal(made[0], expected)
    other = hf.CLIPImageProcessorPil()
    assert taking_tensors(other) is other
