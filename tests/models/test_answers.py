"""Answers are values: they travel and outlive their model; what a vocabulary can write as one."""

import gc
import pickle
import weakref
from pathlib import Path

import numpy as np
import pytest

# PaliGemma's processor turns tensors into arrays in a way that numpy 2 warns about.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

DEMO = ["demo/llava", "demo/qwen2_5_vl", "demo/internvl"]
TINY = [
    *("llava", "qwen2_5_vl", "qwen2_vl", "qwen3_vl", "internvl"),
    *("llava_next", "idefics3", "paligemma", "gemma3", "mllama"),
]
ALL = TINY + DEMO


@pytest.fixture(scope="session")
def loaded(load):
    """A model by name, loaded once."""
    known = {}

    def get(name):
        if name not in known:
            known[name] = load(name)
        return known[name]

    return get


@pytest.fixture
def answered(loaded, tiny):
    """The answer of a model to the first picture, given by us."""

    def get(name, answer="A red cat.", prompt=None):
        return loaded(name).with_answer(tiny.picture(0), prompt or tiny.PROMPT, answer)

    return get


# --- Answers are values --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
def test_an_answer_travels_to_another_process_and_still_encodes(answered, name):
    generation = answered(name)
    packed = pickle.dumps(generation)
    again = pickle.loads(packed)
    assert again == generation
    assert again.encode("A blue dog.") == generation.encode("A blue dog.")
    assert again.counterfactual("blue", replacing="red") == generation.counterfactual(
        "blue", replacing="red"
    )


@pytest.mark.parametrize("name", ["llava", "qwen2_5_vl", "internvl", "idefics3"])
def test_a_model_is_freed_when_only_its_results_are_kept(load, tiny, blocks, name):
    from eagle_mllm.attribution.method import attribute

    model = load(name, pixels="auto")
    picture = tiny.picture(0)
    generation = model.generate(picture, tiny.PROMPT, max_new_tokens=8)
    attribution = attribute(
        model, generation, generation.all(), regions=blocks(generation.image, 2, 2)
    )
    module = weakref.ref(model.module)
    del model
    gc.collect()
    assert module() is None
    assert generation.encode("A red cat.")
    assert attribution.generation == generation
    assert pickle.loads(pickle.dumps(attribution)) == attribution


@pytest.mark.parametrize("name", ["llava", "idefics3"])
def test_pixels_that_are_read_already_keep_the_path_of_their_photo(loaded, tiny, tmp_path, name):
    from PIL import Image

    path, model = str(tmp_path / "photo.png"), loaded(name)
    Image.fromarray(tiny.picture(0)).save(path)
    read = model.with_answer(path, tiny.PROMPT, "A red cat.")
    Path(path).unlink()
    given = model.with_answer(read.image, tiny.PROMPT, "A red cat.", image_path=path)
    assert given == read
    assert given.image_path == path
    said = model.generate(read.image, tiny.PROMPT, max_new_tokens=2, image_path=path)
    assert said.image_path == path
    assert np.array_equal(said.image, read.image)
