"""Memory and start-up, each measured in a fresh process."""

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import numpy as np
import torch
from machine import peak_memory_mib, run_record
from options import Options
from reference import ReferenceScorer
from samples import first_right_sample
from speed import quartiles
from store import ResultFile

MEMORY_KEY = ("family", "dtype", "threads", "side")
STARTUP_KEY = ("module",)
SIDES = ("reference", "ours")

_REGIONS = 64
_IMPORT = (
    "import sys, time; start = time.perf_counter(); import eagle_mllm; "
    "print(time.perf_counter() - start, 'torch' in sys.modules)"
)


def measure_memory(options: Options) -> None:
    """Peak memory of a process that scores a few dozen images, one process a side."""
    file = ResultFile(options.out / "memory.json", key=MEMORY_KEY)
    for family in options.families:
        for side in SIDES:
            key = {**options.conditions(family), "side": side}
            if key in file:
                continue
            values, run = _in_fresh_process(scored_memory, options, family, side)
            file.add({**key, **values}, run=run)
            print("memory", family, side, values, flush=True)


def scored_memory(
    options: Options, family: str, side: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Peaks of this process before and after scoring, and the record of its run."""
    torch.set_num_threads(options.threads)
    model = options.model(family)
    sample = first_right_sample(model, options.first)
    regions, target = sample.regions(_REGIONS), sample.targets["sentence"]
    before = peak_memory_mib()
    shown = np.random.default_rng(0).random((8 if options.quick else 64, len(regions))) < 0.5
    if side == "reference":
        score = ReferenceScorer(model, sample.generation, target, regions=regions)
        for row in shown:
            score(row)
    else:
        model.scorer(sample.generation, target, regions)(shown)
    values = {"before_mib": before, "peak_mib": peak_memory_mib()}
    return values, run_record(model.info, settings=options.settings())


def measure_startup(options: Options) -> None:
    """Seconds that `import eagle_mllm` takes, and whether it loads torch."""
    file = ResultFile(options.out / "startup.json", key=STARTUP_KEY)
    key = {"module": "eagle_mllm"}
    if key in file:
        return
    info = options.model(options.families[0]).info
    answers = [_imported() for _ in range(2 if options.quick else 9)]
    values = {
        "seconds": quartiles([seconds for seconds, _ in answers]),
        "loads_torch": any(loads for _, loads in answers),
    }
    file.add({**key, **values}, run=run_record(info, settings=options.settings()))
    print("startup", values, flush=True)


def _imported() -> tuple[float, bool]:
    done = subprocess.run(
        [sys.executable, "-c", _IMPORT], capture_output=True, text=True, check=True
    )
    seconds, loads_torch = done.stdout.split()
    return float(seconds), loads_torch == "True"


def _in_fresh_process(function: Callable[..., Any], *arguments: Any) -> Any:
    # Spawned, not forked: a fork would begin with all that this process holds.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()
