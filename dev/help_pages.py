"""The help texts in docs/cli.md: `python dev/help_pages.py docs/cli.md` renews them.

A text stands between `<!-- help: eagle explain -->` and `<!-- end -->`; a command of a group is
named with its group, as in `eagle data check`.
"""

import re
import sys
from pathlib import Path

from typer.testing import CliRunner

from eagle_mllm.cli.main import app

_BLOCK = re.compile(r"(<!-- help: eagle ?(?P<command>[\w -]*?) -->\n).*?(<!-- end -->)", re.DOTALL)
# Help is laid out for the terminal it is printed on; the page has one of its own.
_TERMINAL = {"COLUMNS": "96", "NO_COLOR": "1", "FORCE_COLOR": None, "TERM": "dumb"}


def help_text(command: str) -> str:
    """What `eagle COMMAND --help` prints; an empty name is `eagle --help`."""
    printed = (
        CliRunner(env=_TERMINAL).invoke(app, [*command.split(), "--help"], prog_name="eagle").stdout
    )
    return "\n".join(line.rstrip() for line in printed.strip("\n").splitlines()).strip("\n")


def with_current_help(page: str) -> str:
    """The page with every help text replaced by what the command prints today."""

    def block(match: re.Match[str]) -> str:
        return f"{match[1]}```text\n{help_text(match['command'])}\n```\n{match[3]}"

    return _BLOCK.sub(block, page)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        path = Path(name)
        path.write_text(with_current_help(path.read_text(encoding="utf-8")), encoding="utf-8")
