"""Conversations: what is read, what is refused in one line, and where they are kept."""

from dataclasses import replace

import numpy as np
import pytest

from eagle_mllm.attribution.conversation import Conversation, question_of
from eagle_mllm.errors import ModelError
from eagle_mllm.testing import PlantedModel

IMAGE, ASK = {"type": "image"}, {"role": "user", "content": "Is it red?"}
LOOK = {"role": "user", "content": "What is this?"}
SAID = {"role": "assistant", "content": "A cat."}


def test_the_image_is_first_in_the_first_turn_unless_an_item_says_where():
    read = Conversation.from_messages([LOOK, SAID, ASK])
    assert [turn.parts for turn in read.turns] == [
        (None, "What is this?"), ("A cat.",), ("Is it red?",)
    ]  # fmt: skip
    late = {"role": "user", "content": [{"type": "text", "text": "And this?"}, IMAGE]}
    assert Conversation.from_messages([LOOK, SAID, late]).turns[2].parts == ("And this?", None)
    assert read.prompt == "Is it red?"


def test_messages_are_written_as_they_are_read():
    messages = [{"role": "system", "content": "Be terse."}, LOOK, SAID, ASK]
    read = Conversation.from_messages(messages)
    assert read.system == "Be terse."
    assert Conversation.from_messages(read.messages) == read
    assert [message["role"] for message in read.messages] == [one["role"] for one in messages]


def test_a_conversation_of_one_prompt_is_that_prompt():
    assert question_of(None, [ASK]) == "Is it red?"
    assert question_of("Is it red?", None) == "Is it red?"
    placed = [{"role": "user", "content": [IMAGE, {"type": "text", "text": "Is it red?"}]}]
    assert question_of(None, placed) == "Is it red?"
    assert not isinstance(question_of(None, [LOOK, SAID, ASK]), str)


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ({"role": "user"}, "messages are a list .* got dict"),
        ("Is it red?", "messages are a list .* got str"),
        ([], "the conversation is empty"),
        ([{"role": "system", "content": "Be terse."}], "the conversation is empty"),
        (["Is it red?"], "message 1 is not a turn"),
        ([{"role": "user"}], "message 1 is not a turn"),
        ([{**ASK, "name": "me"}], "message 1 is not a turn"),
        ([{"role": "tool", "content": "x"}], "message 1 has the role 'tool'; choose system, user"),
        ([{"role": 3, "content": "x"}], "message 1 has the role '3'"),
        ([{"role": "user", "content": []}], "message 1 says nothing"),
        ([{"role": "user", "content": None}], "message 1 says nothing"),
        ([{"role": "user", "content": [{"type": "video"}]}], "message 1 holds .*video.* expected"),
        ([{"role": "user", "content": ["x"]}], "message 1 holds"),
        ([{"role": "user", "content": [{"type": "text", "text": 1}]}], "message 1 holds"),
        ([{"role": "user", "content": [{**IMAGE, "url": "a.png"}]}], "an image of its own"),
        ([{"role": "user", "content": "\ud83d"}], "not a Unicode character"),
        ([LOOK, SAID], "ends with the assistant; end it with the user's question"),
        ([LOOK, ASK], "turn 2 of the conversation is the user's; user and assistant take turns"),
        ([SAID, ASK], "turn 1 of the conversation is the assistant's"),
        ([LOOK, {"role": "system", "content": "x"}, ASK], "a system message stands before all"),
        ([{"role": "system", "content": [IMAGE]}, ASK], "the system message holds the image"),
        ([{"role": "user", "content": [IMAGE, IMAGE]}], "has 2 images; expected one"),
        (
            [LOOK, {"role": "assistant", "content": [IMAGE]}, ASK],
            "has 1 images, of the assistant too; expected one, in a turn of the user",
        ),
        ([{"role": "user", "content": [IMAGE]}], "the last message holds no text"),
    ],
)
def test_what_is_no_conversation_about_one_image_is_refused_in_one_line(messages, said):
    with pytest.raises(ModelError, match=said) as caught:
        Conversation.from_messages(messages)
    assert "\n" not in str(caught.value)


def test_a_model_is_asked_by_a_prompt_or_by_messages():
    model, image = PlantedModel("Yes.", {}), np.zeros((8, 8, 3), np.uint8)
    with pytest.raises(ModelError, match="nothing is asked"):
        model.generate(image)
    with pytest.raises(ModelError, match="a prompt and messages are given"):
        model.generate(image, "Is it red?", messages=[ASK])
    asked = model.with_answer(image, messages=[LOOK, SAID, ASK], answer="Yes.")
    assert asked.prompt == "Is it red?"
    assert asked.conversation == Conversation.from_messages([LOOK, SAID, ASK])
    assert model.generate(image, asked.asked).conversation == asked.conversation


def test_a_prompt_that_does_not_end_its_conversation_is_refused():
    model, image = PlantedModel("Yes.", {}), np.zeros((8, 8, 3), np.uint8)
    asked = model.generate(image, messages=[LOOK, SAID, ASK])
    with pytest.raises(ModelError, match="another than the last of its conversation"):
        replace(asked, prompt="Is it blue?")
