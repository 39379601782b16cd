"""`eagle check`: what to run first with a new model, and what to attach to a report."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from eagle_mllm import scenes
from eagle_mllm.cli import options
from eagle_mllm.cli.display import print_json
from eagle_mllm.cli.files import output_files
from eagle_mllm.cli.loading import ModelChoice, library_bars, open_model
from eagle_mllm.cli.model_options import with_model
from eagle_mllm.errors import ModelError

_SIZES = ((480, 640), (640, 427), (300, 900))
"""Height and width of the pictures: an oblong one, an upright one, a strip."""


@with_model
def check(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[MODEL]", help="The same as --model.", show_default=False),
    ] = None,
    *,
    model: ModelChoice,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write the result here too, as JSON, to attach it to a report.",
            rich_help_panel=options.OUTPUT,
        ),
    ] = None,
    force: options.ForceFiles = False,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Check whether a model works here: what to run first, and to attach to a report.

    It answers, is checked as when it is first scored, its two ways to make pixels are compared on
    three drawn pictures, passes are timed, and up to five words are explained.
    """
    if name is not None:
        if model.name not in (name, "demo"):
            raise typer.BadParameter(f"named twice, here as {name}", param_hint="'--model'")
        model = replace(model, name=name)
    if model.server is not None:
        raise ModelError("a served model has no pixels to check; leave --server out")
    found: dict[str, Any] = {}
    with library_bars(show=not quiet and not as_json):
        loaded = open_model(model, show_bars=not quiet and not as_json)
        from eagle_mllm.models.examination import examine

        for name, step in examine(loaded, pictures()):  # type: ignore[arg-type]
            found[name] = step
            if not quiet and not as_json:
                typer.echo(f"{'ok  ' if step['ok'] else 'FAIL'}  {name:<12} {step['found']}")
    if out is not None:
        with output_files({"--out": out}, force=force) as staged:
            staged["--out"].write_text(as_text(found), encoding="utf-8")
    if as_json:
        print_json(found)
    if failed := [name for name, step in found.items() if not step["ok"]]:
        raise ModelError(f"{failed[0]} failed: {found[failed[0]]['found']}")


def pictures() -> list[np.ndarray]:
    """Three drawn pictures of usual shapes, with the texture of a photograph."""
    made = []
    for seed, (height, width) in enumerate(_SIZES):
        drawn = scenes.scene(seed).image.convert("RGB").resize((width, height))
        noise = np.random.default_rng(seed).normal(0, 6, (height, width, 3))
        made.append((np.asarray(drawn) + noise).clip(0, 255).astype(np.uint8))
    return made


def as_text(found: dict[str, Any]) -> str:
    """The result as JSON, a step a line."""
    lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(step)}" for name, step in found.items())
    return "{\n" + lines + "\n}\n"
