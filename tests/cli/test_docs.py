"""docs/cli.md says what the commands really say."""

import re
import sys
from pathlib import Path

import pytest

from eagle_mllm.cli.commands import COMMANDS, loaded

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "cli.md"
sys.path.insert(0, str(ROOT / "dev"))

from help_pages import help_text, with_current_help  # noqa: E402


def test_the_help_texts_in_the_page_are_current():
    page = PAGE.read_text(encoding="utf-8")
    assert with_current_help(page) == page, "run: python dev/help_pages.py docs/cli.md"


def test_the_page_has_the_help_of_every_command():
    described = re.findall(r"<!-- help: eagle ?([\w -]*?) -->", PAGE.read_text(encoding="utf-8"))
    commands = set[str]()
    for name in COMMANDS:
        command = loaded(name)
        inner = getattr(command, "commands", None)
        commands |= {f"{name} {one}" for one in inner} if inner else {name}
    assert set(described) == {"", *commands}


@pytest.mark.parametrize(
    "command", ["", "explain", "compare", "show", "run", "tables", "data check", "scene", "demo"]
)
def test_help_fits_a_page_and_holds_no_escape_codes(command):
    lines = help_text(command).splitlines()
    assert max(len(line) for line in lines) <= 96
    assert "\x1b" not in help_text(command)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_what_each_says_of_itself(name):
    assert loaded(name).help.splitlines()[0] == COMMANDS[name]


def test_every_option_in_the_examples_exists():
    page = PAGE.read_text(encoding="utf-8")
    examples = re.findall(r"^eagle (\w+) (.*)$", page, re.MULTILINE)
    assert examples
    for command, rest in examples:
        for option in re.findall(r"(?<!\S)--[\w-]+", rest):
            assert option in help_text(command), f"eagle {command} {option}"
