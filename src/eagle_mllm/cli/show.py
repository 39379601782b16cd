"""`eagle show`: read an explanation again, and render it."""

from pathlib import Path
from typing import Annotated

import typer

from eagle_mllm import report
from eagle_mllm.attribution.files import io
from eagle_mllm.attribution.image_files import MAX_PIXELS
from eagle_mllm.cli import options
from eagle_mllm.cli.display import tell
from eagle_mllm.cli.files import output_files


def show(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="An explanation (.npz).", show_default=False)
    ],
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the report here.", rich_help_panel=options.OUTPUT),
    ] = None,
    figure: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write the figure here; the ending chooses the format (png, pdf, svg).",
            rich_help_panel=options.OUTPUT,
        ),
    ] = None,
    max_pixels: Annotated[
        int,
        typer.Option(
            min=1,
            metavar="N",
            help="Largest explanation: 12 bytes of memory for each pixel of a picture of this "
            "size.",
            rich_help_panel=options.OUTPUT,
        ),
    ] = MAX_PIXELS,
    force: options.ForceFiles = False,
    per: options.PerWord = "word",
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Show a stored explanation again: a summary, a report, a figure.

    No model is loaded. Exit code: 0 done, 2 the file cannot be used, 130 interrupted, 143
    terminated.
    """
    attribution = io.load(file, max_pixels=max_pixels)
    wanted = {"--figure": figure, "--html": html}
    writes = {option: path for option, path in wanted.items() if path}
    with output_files(writes, reads=[file], force=force) as staged:
        if figure:
            report.save_figure(attribution, staged["--figure"], per=per)
        if html:
            report.save_html(attribution, staged["--html"])
    kinds = {"--figure": "figure", "--html": "report"}
    files = {kinds[option]: path for option, path in writes.items()}
    tell([attribution], {"explanation": file, **files}, as_json=as_json, quiet=quiet, per=per)
