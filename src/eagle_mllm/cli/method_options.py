"""The options that choose methods and their settings."""

from typing import Annotated, Literal

import typer

from eagle_mllm.baselines.registry import BASELINES
from eagle_mllm.cli.options import METHOD
from eagle_mllm.cli.parsing import parse_duration

FillChoice = Literal["black", "mean", "blur"]
RankingChoice = Literal["regions", "pixels"]
SearchChoice = Literal["multilevel", "greedy", "windowed"]
ScaleChoice = Literal["probability", "log-probability"]

Fill = Annotated[
    FillChoice,
    typer.Option(help="What hidden pixels show.", rich_help_panel=METHOD),
]
Method = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help=f"How the explanation is found: eagle, or to compare with: {', '.join(BASELINES)}.",
        rich_help_panel=METHOD,
    ),
]
Methods = Annotated[
    str,
    typer.Option(
        metavar="NAME,NAME",
        help=f"Which methods: two or more of eagle, {', '.join(BASELINES)}.",
        rich_help_panel=METHOD,
    ),
]
Ranking = Annotated[
    RankingChoice | None,
    typer.Option(
        show_default="regions",
        help="What the map of another method than eagle orders: the regions by their mean, or "
        "pixels in 64 steps of equal area.",
        rich_help_panel=METHOD,
    ),
]
Search = Annotated[
    SearchChoice | None,
    typer.Option(
        show_default="multilevel", help="How the order is searched.", rich_help_panel=METHOD
    ),
]
Budget = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="Score no more than this many images, at least two per region; by default what the "
        "search is made for.",
        rich_help_panel=METHOD,
    ),
]
Time = Annotated[
    float | None,
    typer.Option(
        "--time",
        parser=parse_duration,
        metavar="TIME",
        help="End the search after so long, as in 20s or 2m, and explain by the best order so far. "
        "Ctrl-C does the same; a second one aborts.",
        rich_help_panel=METHOD,
    ),
]
Insight = Annotated[
    float | None,
    typer.Option(
        show_default="1",
        min=0,
        metavar="X",
        help="Weight of insight: the regions shown alone.",
        rich_help_panel=METHOD,
    ),
]
Necessity = Annotated[
    float | None,
    typer.Option(
        show_default="1",
        min=0,
        metavar="X",
        help="Weight of necessity: the regions taken away.",
        rich_help_panel=METHOD,
    ),
]
Scale = Annotated[
    ScaleChoice | None,
    typer.Option(
        show_default="probability",
        help="What insight and necessity average over the target's tokens.",
        rich_help_panel=METHOD,
    ),
]
Sensitive = Annotated[
    float | None,
    typer.Option(
        min=0,
        max=1,
        metavar="X",
        help="Seek only the tokens to which the image adds more probability than this, such as "
        "0.2, of a long answer.",
        rich_help_panel=METHOD,
    ),
]
