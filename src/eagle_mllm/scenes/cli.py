"""`eagle-scenes`: make and examine the demo models."""

import enum
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from eagle_mllm.errors import EagleError

app = typer.Typer(
    help="Make and examine the demo models of the generated world.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
CHECKPOINTS = Path(__file__).parent / "checkpoints"


class Family(enum.StrEnum):
    """The families a demo model can be trained in."""

    LLAVA = "llava"
    QWEN2_5_VL = "qwen2_5_vl"
    INTERNVL = "internvl"


@app.command()
def train(
    family: Annotated[Family, typer.Option(help="Architecture of the model.")],
    out: Annotated[
        Path, typer.Option(help="Folder of this run: state, log and the finished checkpoint.")
    ],
    corpus: Annotated[
        Path | None,
        typer.Option(help="Folder of the drawn scenes, shared by runs. Default: OUT/../corpus."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of weights and batches.")] = 0,
    smoke: Annotated[
        bool, typer.Option("--smoke", help="Twenty tiny steps, to see that it runs.")
    ] = False,
    threads: Annotated[int | None, typer.Option(help="CPU threads.", min=1)] = None,
) -> None:
    """Train a demo model; called again with the same OUT, it goes on where it stopped."""
    from dataclasses import replace

    import torch

    from eagle_mllm.scenes.training.checkpoint import write_checkpoint
    from eagle_mllm.scenes.training.loop import train as train_family
    from eagle_mllm.scenes.training.recipe import SHIPPED, SMOKE

    if threads is not None:
        torch.set_num_threads(threads)
    recipe = replace(SMOKE if smoke else SHIPPED[family.value], seed=seed)
    trained = train_family(
        family.value, recipe, folder=out, corpus_folder=corpus or out.parent / "corpus"
    )
    accuracy = write_checkpoint(trained, recipe, out / "checkpoint", n_scenes=20 if smoke else 500)
    Console().print_json(data=accuracy.to_json())


@app.command()
def examine(
    family: Annotated[Family, typer.Argument(help="Architecture of the model.")],
    folder: Annotated[
        Path | None, typer.Option(help="Checkpoint folder. Default: the shipped one.")
    ] = None,
    scenes: Annotated[int, typer.Option(help="Held-out scenes to ask about.", min=1)] = 500,
) -> None:
    """Print a checkpoint's accuracy on held-out scenes as JSON."""
    from eagle_mllm.scenes.training.accuracy import examine as examine_model
    from eagle_mllm.scenes.training.accuracy import load_learner

    learner, encoder = load_learner(folder or CHECKPOINTS / family.value, family.value)
    Console().print_json(data=examine_model(learner, encoder, n_scenes=scenes).to_json())


def main() -> None:
    """Entry point: an expected error is one line and exit code 2."""
    try:
        app()
    except EagleError as error:
        Console(stderr=True).print(f"eagle-scenes: error: {error}", highlight=False, markup=False)
        sys.exit(2)
