"""The options that commands share, each with its help text."""

from pathlib import Path
from typing import Annotated

import typer

from eagle_mllm.models import settings
from eagle_mllm.report.tokens import Per

TARGET = "What to explain"
METHOD = "Method"
MODEL = "Model"
OUTPUT = "Output"

Prompt = Annotated[
    str, typer.Option(metavar="TEXT", help="What the model is asked.", rich_help_panel=TARGET)
]
Answer = Annotated[
    str | None,
    typer.Option(
        metavar="TEXT",
        help="Explain this answer instead of the one the model would write.",
        rich_help_panel=TARGET,
    ),
]

RegionsFrom = Annotated[
    str,
    typer.Option(
        "--regions",
        metavar="METHOD|FILE",
        help="How the image is cut: slico, grid, slico-opencv, seeds; or a file: a label map "
        "(.npy of whole numbers, .png with a colour for each region) or masks (.npz, .json).",
        rich_help_panel=METHOD,
    ),
]
RegionCount = Annotated[
    int,
    typer.Option(
        metavar="N",
        help="How many regions to ask for (a file brings its own number).",
        rich_help_panel=METHOD,
    ),
]
ModelName = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="NAME",
        show_default="demo",
        help="demo, demo/llava, demo/qwen2_5_vl, demo/internvl; a hub id; or a local folder. With "
        "--server, what it calls its model, if it has several.",
        rich_help_panel=MODEL,
    ),
]
Revision = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="Branch, tag or commit of a hub model.", rich_help_panel=MODEL
    ),
]
Device = Annotated[
    str, typer.Option(metavar="NAME", help="auto, cpu, cuda, cuda:1, mps.", rich_help_panel=MODEL)
]
Dtype = Annotated[
    settings.Dtype, typer.Option(help="Number format of the weights.", rich_help_panel=MODEL)
]
Batch = Annotated[
    str,
    typer.Option(
        "--batch-size",
        metavar="N|auto",
        help="Masked images scored at once; auto fits the free memory.",
        rich_help_panel=MODEL,
    ),
]
Pixels = Annotated[
    settings.PixelChoice,
    typer.Option(
        help="How images with hidden regions are made: component adds up regions that are resized "
        "once, processor runs the model's image processor on each (exact, slow).",
        rich_help_panel=MODEL,
    ),
]
Compile = Annotated[
    bool,
    typer.Option(
        "--compile",
        help="Let torch compile the model for the shapes of each sample; takes minutes at first.",
        rich_help_panel=MODEL,
    ),
]
Template = Annotated[
    list[str] | None,
    typer.Option(
        "--template",
        metavar="OPTION=VALUE",
        help="An option of the model's chat template, as in enable_thinking=false. May be "
        "repeated.",
        rich_help_panel=MODEL,
    ),
]
System = Annotated[
    str | None,
    typer.Option("--system", metavar="TEXT", help="The system prompt.", rich_help_panel=MODEL),
]
DeviceMap = Annotated[
    str | None,
    typer.Option(
        metavar="auto",
        help="Spread the weights over all devices, by accelerate; instead of --device.",
        rich_help_panel=MODEL,
    ),
]
TrustRemoteCode = Annotated[
    bool,
    typer.Option(
        "--trust-remote-code",
        help="Run code that comes with the checkpoint. It may do anything that you may do: only "
        "for one whose code you have read.",
        rich_help_panel=MODEL,
    ),
]
MaxNewTokens = Annotated[
    int, typer.Option(min=1, metavar="N", help="Longest answer, in tokens.", rich_help_panel=MODEL)
]
MaxPixels = Annotated[
    int,
    typer.Option(
        min=1,
        metavar="N",
        help="Largest picture, in pixels; memory grows with it.",
        rich_help_panel=MODEL,
    ),
]

DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="Only tell how many images would be scored and, of a served model, how much would "
        "be sent.",
        rich_help_panel=OUTPUT,
    ),
]
OutFolder = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="FOLDER",
        help="Where the files go. By default a fresh folder eagle-out/<image>, "
        "eagle-out/<image>-2, and so on.",
        rich_help_panel=OUTPUT,
    ),
]
Force = Annotated[
    bool,
    typer.Option(
        "--force",
        help="Replace the results that the folder already holds (refused without this).",
        rich_help_panel=OUTPUT,
    ),
]
ForceFiles = Annotated[
    bool,
    typer.Option(
        "--force",
        help="Replace a file that exists (refused without this).",
        rich_help_panel=OUTPUT,
    ),
]
PerWord = Annotated[
    Per,
    typer.Option(
        "--per",
        help="Tell evidence of whole words, or of the model's tokens.",
        rich_help_panel=OUTPUT,
    ),
]
AsJson = Annotated[
    bool,
    typer.Option(
        "--json",
        help="Print one JSON object on stdout, and nothing else.",
        rich_help_panel=OUTPUT,
    ),
]
Quiet = Annotated[
    bool,
    typer.Option(
        "--quiet",
        "-q",
        help="Print no table and no progress; errors and --json still appear.",
        rich_help_panel=OUTPUT,
    ),
]
