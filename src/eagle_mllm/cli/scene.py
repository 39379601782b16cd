"""`eagle scene`: a picture out of the box, with everything that is true of it."""

from pathlib import Path
from typing import Annotated

import typer

from eagle_mllm import scenes
from eagle_mllm.attribution.atomic import atomic_write
from eagle_mllm.cli import options
from eagle_mllm.cli.display import print_json, print_scene
from eagle_mllm.cli.outputs import require_free


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

    The same seed gives the same scene for ever. The demo models have never seen these.
    """
    require_free(out, force=force)
    drawn = scenes.scene(seed)
    write_picture(drawn, out)
    if as_json:
        print_json(_described(drawn, out))
    elif not quiet:
        print_scene(drawn, out)


def write_picture(drawn: scenes.Scene, path: Path) -> None:
    """Write the picture of a scene as PNG, whole or not at all.

    Raises:
        ResultError: If the file cannot be written.
    """
    with atomic_write(path) as temporary:
        drawn.image.save(temporary, format="PNG")


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
