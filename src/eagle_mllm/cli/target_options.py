"""The options that choose what of an answer is explained."""

from typing import Annotated

import typer

from eagle_mllm.cli.options import TARGET

Words = Annotated[
    list[str] | None,
    typer.Option(
        "--word",
        metavar="WORD",
        help="A word of the answer, all its tokens together: 'cat', or 'cat#3' for the third, "
        "'cat#last', 'cat#all' for each. May be repeated.",
        rich_help_panel=TARGET,
    ),
]
Spans = Annotated[
    list[str] | None,
    typer.Option(
        "--span",
        metavar="TEXT",
        help="Any piece of the answer, such as 'a cat on a tree', or 'a#2' for the second. "
        "May be repeated.",
        rich_help_panel=TARGET,
    ),
]
Tokens = Annotated[
    list[str] | None,
    typer.Option(
        "--token",
        metavar="I|I:J",
        help="Token positions, counted from 0: 3, or 3:5 for 3 and 4. May be repeated.",
        rich_help_panel=TARGET,
    ),
]
Matches = Annotated[
    list[str] | None,
    typer.Option(
        "--match",
        metavar="REGEX",
        help="What a regular expression matches, or its first group: 'Answer: (\\w+)#last' is the "
        "word behind the last 'Answer: '. May be repeated.",
        rich_help_panel=TARGET,
    ),
]
Boxed = Annotated[
    bool,
    typer.Option("--boxed", help="What stands in the last \\boxed{...}.", rich_help_panel=TARGET),
]
LastLine = Annotated[
    bool,
    typer.Option("--last-line", help="The last line that is not empty.", rich_help_panel=TARGET),
]
AllWords = Annotated[
    bool,
    typer.Option("--all-words", help="Every word by itself.", rich_help_panel=TARGET),
]
Counterfactual = Annotated[
    str | None,
    typer.Option(
        metavar="TEXT",
        help="Explain why not this answer: the first token where it departs from the one given. "
        "With --word, the answer in which that word is replaced by this one.",
        rich_help_panel=TARGET,
    ),
]
