"""`eagle demo`: everything once, with what comes with the package."""

from pathlib import Path
from typing import Annotated

import typer

from eagle_mllm import scenes
from eagle_mllm.attribution.choice import TargetChoice
from eagle_mllm.attribution.image_files import MAX_PIXELS
from eagle_mllm.attribution.method import Eagle
from eagle_mllm.cli import options, target_options
from eagle_mllm.cli.explain import run
from eagle_mllm.cli.loading import ModelChoice
from eagle_mllm.cli.outputs import DEFAULT_ROOT, Place
from eagle_mllm.cli.parsing import path_text
from eagle_mllm.cli.request import DEFAULT_PROMPT, SCENE, Request


def demo(
    seed: Annotated[int, typer.Option(min=0, help="Which generated scene.")] = 5,
    prompt: options.Prompt = DEFAULT_PROMPT,
    word: target_options.Words = None,
    model: options.ModelName = "demo",
    n_regions: options.RegionCount = 64,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Where the files go. By default eagle-out/demo, where those of an earlier demo "
            "are replaced.",
            rich_help_panel=options.OUTPUT,
        ),
    ] = None,
    force: options.Force = False,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Explain a generated scene with a bundled model: no network, no GPU, a few seconds.

    Exit code: 0 done, 2 the input cannot be used, 130 interrupted, 143 terminated.
    """
    folder = out or DEFAULT_ROOT / "demo"
    picture = scenes.scene(seed).image
    request = Request(
        image=picture,
        asked=prompt,
        answer=None,
        targets=TargetChoice(words=tuple(word or ())),
        regions="slico",
        n_regions=n_regions,
        model=ModelChoice(name=model),
        max_new_tokens=128,
        max_pixels=MAX_PIXELS,
        place=Place(folder=folder, force=force or out is None),
        # The picture goes into the same folder: the run can be repeated with `eagle explain`.
        image_path=path_text(folder / SCENE),
        scene=picture,
    )
    run(request, Eagle(), as_json=as_json, quiet=quiet)
