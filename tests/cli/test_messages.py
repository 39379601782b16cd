"""`--messages`: a conversation from a file, on every command that asks."""

import json

import pytest

TURNS = [
    {"role": "user", "content": "Is there a cat?"},
    {"role": "assistant", "content": "Yes."},
    {"role": "user", "content": "Describe it."},
]
GRID = ("--regions", "grid", "--n-regions", "4", "--quiet")


@pytest.fixture
def turns(folder):
    """Write messages to a file."""

    def write(messages):
        (folder / "turns.json").write_text(
            messages if isinstance(messages, str) else json.dumps(messages)
        )
        return "turns.json"

    return write


def test_an_explanation_keeps_the_turns_of_a_file(eagle, planted, picture, sketches, turns, folder):
    from eagle_mllm import load

    done = eagle(
        "explain", picture, *GRID, "--word", "cat", "--messages", turns(TURNS), "--out", "here"
    )
    assert done.exit_code == 0, done.stderr
    generation = load("here/explanation.npz").generation
    assert generation.prompt == "Describe it."
    assert [turn.text for turn in generation.conversation.turns] == [
        "Is there a cat?", "Yes.", "Describe it."
    ]  # fmt: skip
    assert "user: Is there a cat? / assistant: Yes." in (folder / "here/report.html").read_text()


@pytest.mark.parametrize("command", ["explain", "compare", "diagnose", "audit"])
@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ("{", "turns.json is not a JSON file"),
        ("null", "messages are a list with a turn of the conversation each; got NoneType"),
        ("[]", "the conversation is empty"),
        ({"messages": []}, "messages are a list with a turn of the conversation each; got dict"),
        (TURNS[:2], "turns.json: the conversation ends with the assistant"),
        ([{"role": "tool", "content": "x"}], "turns.json: message 1 has the role 'tool'"),
    ],
)
def test_a_file_that_holds_no_conversation_is_one_line(
    eagle, planted, picture, turns, command, messages, said
):
    more = ("--truth", "no") if command == "diagnose" else ()
    done = eagle(command, picture, *more, "--messages", turns(messages))
    assert done.exit_code == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert not planted


def test_a_prompt_beside_messages_and_a_missing_file_are_refused(eagle, planted, picture, turns):
    both = eagle("explain", picture, "--prompt", "Why?", "--messages", turns(TURNS))
    assert "'--messages': goes without --prompt" in both.stderr
    gone = eagle("explain", picture, "--messages", "gone.json")
    assert "cannot read gone.json: No such file or directory" in gone.stderr
    assert (both.exit_code, gone.exit_code) == (2, 2)
