"""Memory and start-up, each measured in a fresh process."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from part import Key, Measurement, Options, Part
from reference import ReferenceScorer
from samples import first_right_sample
from speed import quartiles

SIDES = ("reference", "ours")

_REGIONS = 64
_IMPORT = (
    "import sys, time; start = time.perf_counter(); import eagle_mllm; "
    "print(time.perf_counter() - start, 'torch' in sys.modules)"
)


def _startup_keys(_: Options) -> Iterator[Key]:
    yield {"module": "eagle_mllm"}


def _startup(options: Options, missing: Iterator[Key]) -> Iterator[Measurement]:
    for key in missing:
        answers = [_imported() for _ in range(2 if options.quick else 9)]
        values = {
            "seconds": quartiles([seconds for seconds, _ in answers]),
            "loads_torch": any(loads for _, loads in answers),
        }
        yield key, values, options.model(options.models[0]).info


def _imported() -> tuple[float, bool]:
    done = subprocess.run(
        [sys.executable, "-c", _IMPORT], capture_output=True, text=True, check=True
    )
    seconds, loads_torch = done.stdout.split()
    return float(seconds), loads_torch == "True"


STARTUP = Part(name="startup", keys=_startup_keys, measure=_startup)
"""Seconds that `import eagle_mllm` takes, and whether it loads torch."""


def _memory_keys(options: Options) -> Iterator[Key]:
    for model in options.models:
        yield from ({**options.conditions(model), "side": side} for side in SIDES)


def _memory(options: Options, missing: Iterator[Key]) -> Iterator[Measurement]:
    for key in missing:
        # Spawned, not forked: a fork would begin with all that this process holds.
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            values = pool.submit(_scored_memory, options, key).result()
        yield key, values, options.model(key["model"]).info


def _scored_memory(options: Options, key: Key) -> dict[str, Any]:
    """Peaks of this process before and after scoring a few dozen images."""
    torch.set_num_threads(options.threads)
    model = options.model(key["model"])
    sample = first_right_sample(model, options.first)
    regions, target = sample.regions(_REGIONS), sample.targets["sentence"]
    before = peak_memory_mib()
    shown = np.random.default_rng(0).random((8 if options.quick else 64, len(regions))) < 0.5
    if key["side"] == "reference":
        score = ReferenceScorer(model, sample.generation, target, regions=regions)
        for row in shown:
            score(row)
    else:
        model.scorer(sample.generation, target, regions)(shown)
    return {"before_mib": before, "peak_mib": peak_memory_mib()}


def peak_memory_mib() -> float | None:
    """The most memory that this process ever held; None where the system does not tell.

    Not `getrusage`, whose peak a child inherits from the process that started it.
    """
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    (peak,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
    return round(int(peak.split()[1]) / 1024, 1)


MEMORY = Part(name="memory", keys=_memory_keys, measure=_memory)
"""Peak memory of a process that scores images, one process per side."""
