"""`eagle scene`: a picture to try things on, with everything that is true of it."""

from pathlib import Path
from typing import Annotated

import typer

from eagle_mllm import scenes
from eagle_mllm.cli import options
from eagle_mllm.cli.display import print_json, print_scene
from eagle_mllm.cli.files import output_files


def scene(
    seed: Annotated[
        int, typer.Argument(min=0, metavar="SEED", help="Which scene.", show_default=False)
    ],
    out: Annotated[
        Path,
        typer.Option(
            metavar="FILE", help="Write the picture here (PNG).", rich_help_panel=options.OUTPUT
        ),
    ] = Path("scene.png"),
    force: options.ForceFiles = False,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Draw a generated scene, and print its caption, questions and true answers.

    The same seed always gives the same scene. The demo models have never seen these.
    """
    drawn = scenes.scene(seed)
    with output_files({"--out": out}, force=force) as staged:
        drawn.image.save(staged["--out"], format="PNG")
    if as_json:
        print_json(_described(drawn, out))
    elif not quiet:
        print_scene(drawn, out)


def _described(drawn: scenes.Scene, path: Path) -> dict[str, object]:
    return {
        "image": str(path),
        "seed": drawn.seed,
        "caption": drawn.caption,
        "objects": [
            {
                "shape": one.shape,
                "colour": one.colour,
                "size": one.size,
                "box": [int(edge) for edge in one.box],
            }
            for one in drawn.objects
        ],
        "questions": [
            {"question": question.text, "answer": question.answer, "kind": question.kind}
            for question in drawn.questions
        ],
    }
