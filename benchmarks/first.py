"""How long a person waits for `eagle explain`: for the first map, and for the end.

Each figure is of a fresh process, from its start. The command explains the whole caption of a
scene with its default settings; its first map is on disk when `preview.png` is there.
"""

import compileall
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, sleep
from typing import Any

import psutil
from part import Key, Measurement, Options, Part
from speed import quartiles
from store import Row, rows_of

import eagle_mllm as eagle
from eagle_mllm.cli.preview import NAME
from eagle_mllm.loading import DEMO_TITLES
from tables import Cell, Table, spread

_COMMAND = "from eagle_mllm.cli.main import main; main()"
_STEPS = {
    "import": "import eagle_mllm.cli.explain",
    "load": "import eagle_mllm; eagle_mllm.load_model('demo/{model}', device='cpu')",
}
"""What a process does before it can ask anything, each measured alone."""

_POLL = 0.005
"""Seconds from one look for the map to the next."""


def _keys(options: Options) -> Iterator[Key]:
    regions = 6 if options.quick else 64
    for model in options.models:
        yield {**options.conditions(model), "regions_asked": regions}


def _measure(options: Options, missing: Iterator[Key]) -> Iterator[Measurement]:
    rounds = 1 if options.quick else 3
    # Installed packages are compiled, an editable one only where Python may write what it compiles.
    compileall.compile_dir(Path(eagle.__file__).parent, quiet=1)
    for key in missing:
        waits = [waited(key) for _ in range(rounds)]
        values = {name: quartiles([one[name] for one in waits]) for name in waits[0]}
        yield key, {"rounds": rounds, **values}, options.model(key["model"]).info


def waited(key: Key) -> dict[str, float]:
    """Seconds of each step alone, to the first map and to the end.

    Until the first map also as the seconds of a processor, which others that use the machine
    lengthen less.
    """
    env = {**os.environ, "OMP_NUM_THREADS": str(key["threads"])}
    with TemporaryDirectory() as folder:
        picture, out = Path(folder, "scene.png"), Path(folder, "out")
        eagle.scenes.scene(0).image.save(picture)
        steps = {step: _seconds(["-c", code.format(**key)], env) for step, code in _STEPS.items()}
        arguments = [
            *("explain", str(picture), "--model", f"demo/{key['model']}", "--device", "cpu"),
            *("--dtype", key["dtype"], "--n-regions", str(key["regions_asked"])),
            *("--out", str(out), "--quiet"),
        ]
        start = perf_counter()
        with subprocess.Popen([sys.executable, "-c", _COMMAND, *arguments], env=env) as process:
            watched = psutil.Process(process.pid)
            while not (out / NAME).exists() and process.poll() is None:
                sleep(_POLL)
            first = perf_counter() - start
            # Of a process that has ended already nothing can be asked.
            spent = watched.cpu_times() if process.poll() is None else None
            process.wait()
            end = perf_counter() - start
    if process.returncode or spent is None:
        raise RuntimeError(
            f"eagle {' '.join(arguments)} ended with {process.returncode} and without a first map"
        )
    return {**steps, "first": first, "first_processor": spent.user + spent.system, "end": end}


def _seconds(arguments: list[str], env: dict[str, str]) -> float:
    start = perf_counter()
    subprocess.run([sys.executable, *arguments], env=env, check=True, capture_output=True)
    return perf_counter() - start


FIRST = Part(name="first", keys=_keys, measure=_measure)
"""The default command on each demo model."""


def first_table(results: Path) -> Table:
    """Median seconds with quartiles."""
    columns: dict[str, Cell] = {
        "demo model": lambda row: (
            f"{DEMO_TITLES[row['model']]} ({row['dtype']}, {row['threads']} threads)"
        ),
        "command imported, s": _cell("import"),
        "model loaded, s": _cell("load"),
        "first map, s": lambda row: f"**{spread(row['first'])}**",
        "of a processor, s": _cell("first_processor"),
        "end, s": _cell("end"),
    }
    return Table(columns, rows_of(results / "first.json"))


def _cell(name: str) -> Any:
    def cell(row: Row) -> str:
        return spread(row[name])

    return cell
