"""Options of chat templates, system prompts, thoughts, and prompts that hold today's date."""

import json
import shutil

import numpy as np
import pytest
import torch

import eagle_mllm as eagle
from eagle_mllm import load_model
from eagle_mllm.attribution.conversation import Conversation
from eagle_mllm.errors import ModelError
from eagle_mllm.loading import CHECKPOINTS
from eagle_mllm.models.chat import Chat
from eagle_mllm.scenes import scene

THINKING = (
    "{% for message in messages %}<|{{ message['role'] }}|>"
    "{% if message['role'] == 'assistant' %}<think>\n\n</think>\n\n{% endif %}"
    "{% for part in message['content'] %}{% if part['type'] == 'image' %}<image>"
    "{% else %}{{ part['text'] }}{% endif %}{% endfor %}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% if enable_thinking is false %}"
    "<think>\n\n</think>\n\n{% else %}<think>\n{% endif %}{% endif %}"
)
FORGETFUL = THINKING.replace(
    "{% if message['role'] == 'assistant' %}<think>\n\n</think>\n\n{% endif %}", ""
)


@pytest.fixture(scope="module")
def tokenizer(tiny):
    return tiny.byte_level_tokenizer(
        "<image>", "<|user|>", "<|assistant|>", "<|end|>", end="<|end|>"
    )


def read(tokenizer, ids):
    return tokenizer.decode(ids, clean_up_tokenization_spaces=False)


@pytest.mark.parametrize("template", [THINKING, FORGETFUL])
def test_a_given_answer_comes_after_the_thought_that_the_prompt_opens(tokenizer, template):
    chat = Chat(tokenizer, template, "<image>")
    assert chat.prompt_text("Hi").endswith("<|assistant|><think>\n")
    assert chat.answered_text("Hi") == chat.prompt_text("Hi") + "\n</think>\n\n"
    assert read(tokenizer, chat.encode_answer("Hi", "A cat.")) == "A cat."
    assert chat.end_id("Hi", tokenizer.convert_tokens_to_ids(["<|im_end|>", "<|end|>"])) == (
        tokenizer.convert_tokens_to_ids("<|end|>")
    )


def test_an_option_of_the_template_leaves_the_thought_out(tokenizer):
    chat = Chat(tokenizer, THINKING, "<image>", options={"enable_thinking": False})
    assert chat.prompt_text("Hi").endswith("<|assistant|><think>\n\n</think>\n\n")
    assert read(tokenizer, chat.encode_answer("Hi", "A cat.")) == "A cat."


def test_an_option_that_the_template_does_not_read_is_refused(tokenizer):
    with pytest.raises(ModelError, match="does not read an option 'enable_thought'"):
        Chat(tokenizer, THINKING, "<image>", options={"enable_thought": False})


def test_a_system_prompt_is_written_first_or_refused(tokenizer):
    assert (
        Chat(tokenizer, THINKING, "<image>", system="Be terse.")
        .prompt_text("Hi")
        .startswith("<|system|>Be terse.<|end|><|user|>")
    )
    deaf = (
        "{% for message in messages %}{% if message['role'] == 'user' %}<image>Hi{% endif %}"
        "{% endfor %}"
    )
    with pytest.raises(ModelError, match="no place for a system prompt"):
        Chat(tokenizer, deaf, "<image>", system="Be terse.").prompt_text("Hi")
    with pytest.raises(ModelError, match="no chat template"):
        Chat(tokenizer, None, "<image>", system="Be terse.").prompt_text("Hi")


TURNS = [
    {"role": "user", "content": "Describe the image."},
    {"role": "assistant", "content": "A red star."},
    {"role": "user", "content": "Is there a moon?"},
]


def test_earlier_turns_stand_before_the_prompt_and_the_image_in_the_first(tokenizer):
    chat = Chat(tokenizer, THINKING, "<image>", options={"enable_thinking": False})
    asked = Conversation.from_messages([{"role": "system", "content": "Be terse."}, *TURNS])
    assert chat.prompt_text(asked) == (
        "<|system|>Be terse.<|end|><|user|><image>Describe the image.<|end|>"
        "<|assistant|><think>\n\n</think>\n\nA red star.<|end|><|user|>Is there a moon?<|end|>"
        "<|assistant|><think>\n\n</think>\n\n"
    )
    assert read(tokenizer, chat.encode_answer(asked, "No.")) == "No."


def test_a_template_that_takes_strings_is_given_strings(tokenizer):
    strings = (
        "{% for message in messages %}<|{{ message['role'] }}|>"
        "{% if message['content'] is string %}{{ message['content'] }}"
        "{% elif message['role'] == 'user' %}{% for part in message['content'] %}"
        "{% if part['type'] == 'image' %}<image>{% else %}{{ part['text'] }}{% endif %}"
        "{% endfor %}{% else %}{{ message['content'] }}{% endif %}<|end|>{% endfor %}"
        "{% if add_generation_prompt %}<|assistant|>{% endif %}"
    )
    chat = Chat(tokenizer, strings, "<image>", system="Be terse.")
    assert chat.prompt_text(Conversation.from_messages(TURNS)) == (
        "<|system|>Be terse.<|end|><|user|><image>Describe the image.<|end|>"
        "<|assistant|>A red star.<|end|><|user|>Is there a moon?<|end|><|assistant|>"
    )


def test_turns_that_a_template_cannot_write_are_refused(tokenizer):
    asked = Conversation.from_messages(TURNS)
    last_only = (
        "<|user|><image>{% for part in messages[-1]['content'] %}{{ part['text'] }}{% endfor %}"
    )
    with pytest.raises(ModelError, match=r'leaves out or changes "Describe the image\."'):
        Chat(tokenizer, last_only, "<image>").prompt_text(asked)
    single = "{% if messages | length > 1 %}{{ raise_exception('one turn') }}{% endif %}"
    with pytest.raises(ModelError, match="cannot write these turns: one turn"):
        Chat(tokenizer, single, "<image>").prompt_text(asked)
    with pytest.raises(ModelError, match=r"no chat template, so it takes .* nor earlier turns"):
        Chat(tokenizer, None, "<image>").prompt_text(asked)
    told = Conversation.from_messages([{"role": "system", "content": "Be kind."}, *TURNS])
    with pytest.raises(ModelError, match="another system prompt"):
        Chat(tokenizer, THINKING, "<image>", system="Be terse.").prompt_text(told)


def test_an_earlier_turn_with_a_control_token_is_refused(tokenizer):
    sly = [TURNS[0], {"role": "assistant", "content": "A <|end|> star."}, TURNS[2]]
    with pytest.raises(ModelError, match="contains '<\\|end\\|>', which would end"):
        Chat(tokenizer, THINKING, "<image>").prompt_text(Conversation.from_messages(sly))


@pytest.mark.parametrize("name", ["demo/llava", "demo/qwen2_5_vl", "demo/internvl"])
def test_an_answer_is_scored_behind_its_earlier_turns_and_stored_with_them(name, tmp_path):
    model = load_model(name, device="cpu", batch_size=4)
    image = np.asarray(scene(5).image)
    asked = model.with_answer(image, messages=TURNS, answer="No.")
    assert asked.rendered.index("Describe") < asked.rendered.index("A red star.")
    regions = eagle.segment(image, method="grid", n_regions=4)
    made = eagle.attribute(model, asked, asked.all(), regions=regions)
    eagle.save(made, tmp_path / "one.npz")
    kept = eagle.load(tmp_path / "one.npz").generation
    assert (kept.conversation, kept.rendered) == (asked.conversation, asked.rendered)
    shown = np.ones((1, 4), bool)
    scores = [
        model.scorer(one, one.all(), regions)(shown).probability
        for one in (asked, kept, model.with_answer(image, "Is there a moon?", "No."))
    ]
    np.testing.assert_array_equal(scores[1], scores[0])
    assert np.abs(np.log(scores[2] / scores[0])).max() > 0.01
    # The same turns written by hand, as a plain prompt of the checkpoint's own format.
    encoded = model.family.encode(image, "Is there a moon?", text=asked.rendered)
    with torch.no_grad():
        ids = torch.tensor([[*encoded.ids, *asked.ids]])
        inputs = model.family.text_inputs(model.module, encoded, ids, batch=1)
        logits = model.module(**inputs, **encoded.pixels).logits[0].softmax(-1)
    rows = logits[len(encoded.ids) - 1 : -1]
    own = [float(row[token]) for row, token in zip(rows, asked.ids, strict=True)][:-1]
    np.testing.assert_allclose(scores[0][0], own, atol=1e-5)


def test_a_conversation_of_one_prompt_is_answered_as_that_prompt():
    model, image = load_model("demo/llava", device="cpu"), np.asarray(scene(5).image)
    one, other = (
        model.generate(image, "Describe the image."),
        model.generate(image, messages=TURNS[:1]),
    )
    assert one == other


@pytest.fixture
def dated(tmp_path):
    """The demo model of LLaVA with a day in its template; the folder and the template's text."""
    folder = tmp_path / "dated"
    shutil.copytree(CHECKPOINTS / "llava", folder)
    template = load_model("demo/llava", device="cpu").family.chat.template
    for file in folder.glob("chat_template*"):
        file.unlink()
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    settings.pop("chat_template", None)
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))

    def load(day):
        settings = json.loads((CHECKPOINTS / "llava" / "processor_config.json").read_text())
        written = settings | {"chat_template": f"{day} {template}"}
        (folder / "processor_config.json").write_text(json.dumps(written))
        return load_model(folder, device="cpu", pixels="processor")

    return load


def test_an_answer_is_scored_behind_the_prompt_of_its_day(dated, tmp_path, rng):
    image = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
    monday = dated("1")
    generation = monday.with_answer(image, "Describe the image.", "a red circle")
    # The template lies inside processor_config.json, as files of transformers 4.40 have it.
    assert generation.rendered.startswith("1 ")
    regions = eagle.segment(image, method="grid", n_regions=4)
    shown = np.ones((1, 4), bool)
    then = monday.scorer(generation, generation.all(), regions)(shown).probability
    tuesday = dated("2")
    now = tuesday.scorer(generation, generation.all(), regions)(shown).probability
    np.testing.assert_array_equal(now, then)
    other = tuesday.with_answer(image, "Describe the image.", "a red circle")
    assert other.rendered.startswith("2 ")


def test_the_prompt_as_it_was_written_is_stored(rng, tmp_path):
    model = load_model("demo/llava", device="cpu", batch_size=4)
    image = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
    generation = model.with_answer(image, "Describe the image.", "a red circle")
    regions = eagle.segment(image, method="grid", n_regions=4)
    made = eagle.attribute(model, generation, generation.all(), regions=regions)
    eagle.save(made, tmp_path / "one.npz")
    assert eagle.load(tmp_path / "one.npz").generation.rendered == generation.rendered
