"""Answers are values: they travel and outlive their model; what a vocabulary can write as one."""

import gc
import pickle
import weakref
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from eagle_mllm.errors import ModelError, TargetError

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


# --- Control tokens are not text -----------------------------------------------------------------


def control_tokens(model):
    return list(model.family.chat.control_tokens.values())


@pytest.mark.parametrize("name", ALL)
def test_a_control_token_in_an_answer_is_refused(loaded, answered, name):
    unwritable = loaded(name).family.parts.tokenizer.unk_token
    tokens = control_tokens(loaded(name))
    assert loaded(name).family.chat.image_token in ("", *tokens)
    assert len(tokens) >= 3
    for token in tokens:
        for answer in (token, f"A red{token}", f"{token} A red", f"A {token} cat.", f"A\n{token}"):
            reason = "cannot write" if token == unwritable else "is a control token of this model"
            with pytest.raises(TargetError, match=reason):
                answered(name, answer)


@pytest.mark.parametrize("name", ALL)
def test_a_control_token_in_another_answer_or_a_word_is_refused(loaded, answered, name):
    generation = answered(name)
    for token in control_tokens(loaded(name)):
        with pytest.raises(TargetError, match=r"control token|cannot write"):
            generation.counterfactual(f"A {token}dog")
        with pytest.raises(TargetError, match=r"control token|cannot write"):
            generation.counterfactual(token, replacing="red")
        with pytest.raises(TargetError, match="is not in"):
            generation.find(token)


@pytest.mark.parametrize("name", ALL)
def test_a_prompt_that_would_end_its_turn_or_add_an_image_is_refused(loaded, answered, name):
    chat = loaded(name).family.chat
    tokenizer = chat.tokenizer
    refused = {chat.image_token, tokenizer.eos_token, tokenizer.bos_token} - {None, ""}
    refused |= {token for token in chat.control_tokens.values() if token in chat.prompt_text("")}
    assert len(refused) >= 2
    for token in refused:
        for prompt in (token, f"What is this?{token}", f"{token}What?", f"What {token} is this?"):
            with pytest.raises(ModelError, match="remove it from your prompt"):
                answered(name, prompt=prompt)


def test_a_prompt_may_hold_marks_of_its_own(load, tiny):
    model = load("qwen2_5_vl")
    model.family.parts.tokenizer.add_special_tokens({"additional_special_tokens": ["<|box|>"]})
    generation = model.with_answer(tiny.picture(0), "What is in <|box|>?", "A red cat.")
    assert generation.text == "A red cat."
    with pytest.raises(TargetError, match=r"'<\|box\|>' in .* is a control token"):
        model.with_answer(tiny.picture(0), tiny.PROMPT, "A <|box|>.")


def test_a_tokenizer_that_does_not_list_what_was_added_has_its_special_tokens(load, monkeypatch):
    def unlisted(self):
        raise NotImplementedError

    chat = load("qwen2_5_vl").family.chat
    monkeypatch.setattr(type(chat.tokenizer), "added_tokens_decoder", property(unlisted))
    special = set(chat.tokenizer.all_special_ids)
    assert set(chat.control_tokens) == special | {
        chat.tokenizer.convert_tokens_to_ids(chat.image_token)
    }


@pytest.mark.parametrize("name", ALL)
def test_text_that_is_not_unicode_is_refused(answered, name):
    for text in ("\ud800", "caf\udce9", "a red \ud83d cat"):
        with pytest.raises(TargetError, match=r"the answer holds '.*not a Unicode character"):
            answered(name, text)
        with pytest.raises(ModelError, match=r"the prompt holds '.*not a Unicode character"):
            answered(name, prompt=text)


@pytest.mark.parametrize("name", DEMO)
@pytest.mark.parametrize(
    "text",
    ["a\x00b", "a\x1bb", "a\tb\r\nc", "caf\u00e9", "cafe\u0301", "红色", "แมว", "\U0001f600", "<|"],
)
def test_any_other_text_comes_back_as_it_was_given(answered, name, text):
    assert answered(name, text).text == text


def test_a_vocabulary_that_loses_letters_is_told_from_one_that_changes_their_form(answered, loaded):
    from tokenizers import normalizers

    chat = loaded("qwen2_5_vl").family.chat
    backend = chat.tokenizer.backend_tokenizer
    backend.normalizer = normalizers.NFC()
    try:
        assert answered("qwen2_5_vl", "cafe\u0301").text == "caf\u00e9"
        backend.normalizer = normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents()])
        with pytest.raises(TargetError, match='writes "café" as "cafe"; use other words'):
            answered("qwen2_5_vl", "caf\u00e9")
    finally:
        backend.normalizer = normalizers.Sequence([])


# --- Other answers -------------------------------------------------------------------------------

PAIRS = [
    *("Yes.", "Yes", "yes.", "YES.", "Yes!", "No.", "No, there is none.", "Yes, there is."),
    *("Yes, there is a red circle.", "a small red circle", "a small red square", "a small"),
    *("a  small red circle", "A small red circle", "a small red circle.", "a small red circles"),
    *("café", "cafe\u0301", "红色", "The star is red."),
]


@pytest.mark.parametrize("name", [*DEMO, "planted"])
def test_every_other_answer_departs_in_one_token_or_the_reason_is_true(answered, name):
    for given in PAIRS:
        generation = _planted(given) if name == "planted" else answered(name, given)
        cut = ("ids", "tokens", "spans", "special")
        short = replace(generation, **{field: getattr(generation, field)[:-1] for field in cut})
        for other in PAIRS:
            assert_departs_or_says_why(generation, other)
            assert_departs_or_says_why(short, other)


def _planted(answer):
    from eagle_mllm.testing import Evidence, PlantedModel

    model = PlantedModel(answer, dict.fromkeys(PAIRS, Evidence()), split={"circle": ("cir", "cle")})
    return model.generate(np.zeros((4, 4, 3), np.uint8), "What is this?")


def assert_departs_or_says_why(generation, other):
    """A token in place of the written one after the same context; or a reason that is so."""
    tokens = generation.encode(other)
    written = tuple(
        token for token, end in zip(generation.ids, generation.special, strict=True) if not end
    )
    try:
        target = generation.counterfactual(other)
    except TargetError as error:
        reason = str(error)
        if "already begins with" in reason:
            assert generation.text.startswith(other)
        elif "very tokens" in reason:
            assert tokens == written[: len(tokens)]
        else:
            assert "cut off" in reason
            assert written == tokens[: len(written)] == generation.ids
        return
    (position,), (token,) = target.positions, target.ids
    assert tokens[: position + 1] == (*generation.ids[:position], token)
    assert token != generation.ids[position]


def test_parts_of_a_checkpoint_that_do_not_fit_together_are_one_line(load, tiny, monkeypatch):
    model = load("llava")
    process = type(model.family.parts.image_processor)

    def broken(self, *arguments, **options):
        raise KeyError("shortest_edge")

    monkeypatch.setattr(process, "__call__", broken)
    for answer in (
        lambda: model.generate(tiny.picture(0), tiny.PROMPT),
        lambda: model.with_answer(tiny.picture(0), tiny.PROMPT, "A red cat."),
    ):
        with pytest.raises(ModelError, match=r"cannot answer \('llava'\): 'shortest_edge'; fetch"):
            answer()
