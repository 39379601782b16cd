"""`eagle run`: a data set explained by a configuration file, resumable."""

import contextlib
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from eagle_mllm.cli import options
from eagle_mllm.cli.display import print_json
from eagle_mllm.cli.dry_run import tell
from eagle_mllm.cli.loading import library_bars
from eagle_mllm.printable import printable
from eagle_mllm.runs.config import RunConfig, load_config, parse_setting
from eagle_mllm.runs.executors import Executor, SerialExecutor
from eagle_mllm.runs.planning import planned
from eagle_mllm.runs.ray_executor import RayExecutor
from eagle_mllm.runs.runner import OnTally, Shard, Tally
from eagle_mllm.runs.runner import run as run_samples
from eagle_mllm.runs.store import SET_ASIDE

SAMPLES = "Which samples"
WHERE = "Where"

_SHARD_NUMBER = re.compile(r"[0-9]{1,9}")


def run(
    config: Annotated[
        Path,
        typer.Argument(metavar="CONFIG.toml", help="What to run.", show_default=False),
    ],
    limit: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="At most this many.", rich_help_panel=SAMPLES),
    ] = None,
    offset: Annotated[
        int | None,
        typer.Option(
            min=0, metavar="N", help="Pass over this many first.", rich_help_panel=SAMPLES
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Shuffle the data set by this seed first.", rich_help_panel=SAMPLES
        ),
    ] = None,
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="I/N",
            help="Every N-th of them, from the I-th; the shards 1/N to N/N are the whole.",
            rich_help_panel=SAMPLES,
        ),
    ] = None,
    retry_failed: Annotated[
        bool,
        typer.Option("--retry-failed", help="Try failed samples again.", rich_help_panel=SAMPLES),
    ] = False,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Replace a setting of the file, as in regions.count=32. May be repeated.",
        ),
    ] = None,
    executor: Annotated[
        Literal["serial", "ray"],
        typer.Option(
            help="serial: in this process; ray: in workers on the cluster of RAY_ADDRESS, or on "
            "this machine.",
            rich_help_panel=WHERE,
        ),
    ] = "serial",
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="How many Ray workers, each with its own model. By default one per GPU, or one "
            "per four cores.",
            rich_help_panel=WHERE,
        ),
    ] = None,
    dry_run: options.DryRun = False,
    out: Annotated[
        Path,
        typer.Option(
            metavar="FOLDER",
            help="Where the run's own folder <name>-<key> is made, or found again.",
            rich_help_panel=options.OUTPUT,
        ),
    ] = Path("runs"),
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Explain the samples of a data set, one record each.

    A run that was stopped continues where it was when it is started again; with other
    settings it begins a folder of its own. A sample that fails is counted, not fatal.

    Exit code: 0 done, 2 the input cannot be used, 130 interrupted, 143 terminated.
    """
    chosen = {"run.limit": limit, "run.offset": offset, "run.seed": seed}
    replaced = dict(map(parse_setting, settings or ()))
    replaced |= {name: value for name, value in chosen.items() if value is not None}
    what = load_config(config, settings=replaced)
    if dry_run:
        tell(planned(what), as_json=as_json)
        return
    where = _executor(executor, workers=workers, config=what)
    with _stopping(), _undisturbed(what.name, quiet=quiet) as on_tally:
        tally = run_samples(
            what,
            where,
            out=out,
            shard=parse_shard(shard) if shard else Shard(),
            retry_failed=retry_failed,
            on_tally=on_tally,
        )
    if as_json:
        print_json(_values(tally))
    elif not quiet:
        typer.echo(printable(_summary(tally)))


def parse_shard(text: str) -> Shard:
    """`2/4` -> the second of four."""
    number, slash, count = text.partition("/")
    if not (slash and _SHARD_NUMBER.fullmatch(number) and _SHARD_NUMBER.fullmatch(count)):
        raise typer.BadParameter(
            f"{text!r:.40} is not a shard; write 2/4 for the second of four",
            param_hint="'--shard'",
        )
    return Shard(number=int(number), count=int(count))


def _executor(name: str, *, workers: int | None, config: RunConfig) -> Executor:
    if name == "ray":
        return RayExecutor(workers=workers, use_gpus=_wants_gpus(config))
    if workers is not None:
        raise typer.BadParameter("goes with --executor ray", param_hint="'--workers'")
    return SerialExecutor()


def _wants_gpus(config: RunConfig) -> bool:
    return config.model.server is None and config.model.device != "cpu"


@contextmanager
def _undisturbed(label: str, *, quiet: bool) -> Iterator[OnTally]:
    """The progress bar, and nothing else."""
    # Libraries that print on stdout must not spoil it for whoever reads our results there.
    with (
        contextlib.redirect_stdout(sys.stderr),
        library_bars(show=False),
        _progress(label, quiet=quiet) as on_tally,
    ):
        yield on_tally


@contextmanager
def _stopping() -> Iterator[None]:
    """Ctrl-C, SIGTERM and a closed terminal say how to continue."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit) as stop:
        word = "interrupted" if isinstance(stop, KeyboardInterrupt) else "terminated"
        typer.echo(f"{word}; the same command continues from here", err=True)
        raise


@contextmanager
def _progress(label: str, *, quiet: bool) -> Iterator[OnTally]:
    """A bar on stderr, if somebody watches there; what was mended is said in any case."""
    console = Console(stderr=True, highlight=False)
    if quiet or not console.is_terminal:
        yield _telling(lambda note: typer.echo(note, err=True))
        return
    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("samples, {task.fields[rate]}, {task.fields[failed]} failed,"),
        TimeRemainingColumn(),
        TextColumn("left"),
        console=console,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
    with bar:
        task = bar.add_task(label, total=None, rate="loading the model", failed=0)

        def on_tally(tally: Tally) -> None:
            bar.update(task, completed=tally.ended, total=tally.planned, failed=tally.failed)
            speed = bar.tasks[0].speed
            bar.update(task, rate=f"{speed * 60:.1f} per minute" if speed else "counting")

        yield _telling(lambda note: console.print(note, markup=False), then=on_tally)


def _telling(say: Callable[[str], None], *, then: OnTally | None = None) -> OnTally:
    """Says once, before the first sample, what was wrong with the folder and is right again."""
    is_first = True

    def on_tally(tally: Tally) -> None:
        nonlocal is_first
        if is_first and (note := _mended(tally)):
            say(note)
        is_first = False
        if then is not None:
            then(tally)

    return on_tally


def _values(tally: Tally) -> dict[str, Any]:
    return {
        "planned": tally.planned,
        "done": tally.done,
        "not_applicable": tally.not_applicable,
        "failed": tally.failed,
        "problems": tally.problems,
        "set_aside": tally.set_aside,
        "adopted": tally.adopted,
        "folder": str(tally.folder),
    }


def _mended(tally: Tally) -> str:
    """What was wrong with the folder and is right again, on one line; "" as a rule."""
    aside = (
        f"{tally.set_aside} damaged, foreign or outdated files were set aside and are made again "
        f"({tally.folder / SET_ASIDE}, reasons in journal.jsonl)"
    )
    adopted = f"{tally.adopted} outcomes that no plan listed count again"
    return "; ".join(
        part for part, count in ((aside, tally.set_aside), (adopted, tally.adopted)) if count
    )


def _summary(tally: Tally) -> str:
    retry = " (--retry-failed tries again)" if tally.failed else ""
    journal = f", {tally.problems} problems with the data (journal.jsonl)" if tally.problems else ""
    return (
        f"{tally.done} done, {tally.not_applicable} not applicable, "
        f"{tally.failed} failed{retry}{journal}: {tally.folder}"
    )
