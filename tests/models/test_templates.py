"""Options of chat templates, system prompts, thoughts, and prompts that hold today's date."""

import json
import shutil

import numpy as np
import pytest

import eagle_mllm as eagle
from eagle_mllm import load_model
from eagle_mllm.errors import ModelError
from eagle_mllm.loading import CHECKPOINTS
from eagle_mllm.models.chat import Chat

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
