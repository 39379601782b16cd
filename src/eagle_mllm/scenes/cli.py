"""`eagle-scenes`: make and examine the demo models."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from eagle_mllm.errors import EagleError, did_you_mean
from eagle_mllm.loading import CHECKPOINTS, DEMO_TITLES
from eagle_mllm.printable import printable

app = typer.Typer(
    help="Make and examine the demo models of the generated world.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _demo_model(name: str) -> str:
    if name not in DEMO_TITLES:
        raise typer.BadParameter(f"unknown demo model {name!r}; {did_you_mean(name, DEMO_TITLES)}")
    return name


Name = Annotated[
    str, typer.Argument(callback=_demo_model, help=f"Demo model: {', '.join(DEMO_TITLES)}.")
]


@app.command()
def train(
    name: Name,
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
    """Train a demo model; called again with the same OUT, it continues where it stopped."""
    from dataclasses import replace

    import torch

    from eagle_mllm.scenes.training.checkpoint import write_checkpoint
    from eagle_mllm.scenes.training.demo_models import DEMO_MODELS
    from eagle_mllm.scenes.training.loop import train as train_model
    from eagle_mllm.scenes.training.recipe import SMOKE

    if threads is not None:
        torch.set_num_threads(threads)
    demo = DEMO_MODELS[name]
    recipe = replace(SMOKE if smoke else demo.recipe, seed=seed)
    trained = train_model(demo, recipe, folder=out, corpus_folder=corpus or out.parent / "corpus")
    accuracy = write_checkpoint(trained, recipe, out / "checkpoint", n_scenes=20 if smoke else 500)
    Console().print_json(data=accuracy.to_json())


@app.command()
def twins(
    out: Annotated[Path, typer.Option(help="Folder of both runs, one folder each.")],
    steps: Annotated[int, typer.Option(help="Steps of each.", min=1)] = 240,
    threads: Annotated[int | None, typer.Option(help="CPU threads.", min=1)] = None,
) -> None:
    """Train the two models that differ in their teacher; resumable, as `train` is."""
    from dataclasses import asdict

    import torch

    from eagle_mllm.scenes.training.twin_cards import write_twin
    from eagle_mllm.scenes.training.twins import TWINS, TwinRecipe

    if threads is not None:
        torch.set_num_threads(threads)
    for name in TWINS:
        accuracy, habits = write_twin(name, TwinRecipe(steps=steps), folder=out / name)
        told = {"model": name, "accuracy": accuracy.to_json(), "habits": asdict(habits)}
        Console().print_json(data=told)


@app.command()
def examine(
    name: Name,
    folder: Annotated[
        Path | None, typer.Option(help="Checkpoint folder. Default: the shipped one.")
    ] = None,
    scenes: Annotated[int, typer.Option(help="Held-out scenes to ask about.", min=1)] = 500,
) -> None:
    """Print a checkpoint's accuracy on held-out scenes as JSON."""
    from eagle_mllm.scenes.training.accuracy import examine as examine_model
    from eagle_mllm.scenes.training.accuracy import load_learner
    from eagle_mllm.scenes.training.demo_models import DEMO_MODELS

    learner, encoder = load_learner(folder or CHECKPOINTS / name, DEMO_MODELS[name])
    Console().print_json(data=examine_model(learner, encoder, n_scenes=scenes).to_json())


@app.command()
def gguf(
    name: Name,
    out: Annotated[Path, typer.Option(help="Folder for text.gguf and vision.gguf.")],
    folder: Annotated[
        Path | None, typer.Option(help="Checkpoint folder. Default: the shipped one.")
    ] = None,
) -> None:
    """Write a demo model as files for llama.cpp (all but LLaVA); needs the package gguf."""
    from eagle_mllm.scenes.gguf_files import write_gguf

    out.mkdir(parents=True, exist_ok=True)
    text, vision = write_gguf(folder or CHECKPOINTS / name, out)
    Console().print(f"{text}\n{vision}", highlight=False, markup=False, soft_wrap=True)


def main() -> None:
    """Entry point: an expected error is one line and exit code 2."""
    try:
        app()
    except EagleError as error:
        message = f"eagle-scenes: error: {printable(str(error))}"
        Console(stderr=True).print(message, highlight=False, markup=False)
        sys.exit(2)
