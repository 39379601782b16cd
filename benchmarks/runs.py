"""`eagle run` stopped in the middle, and its speed with and without Ray, by real processes.

Demo LLaVA captions held-out scenes. Runs with equal threads must be equal to the byte.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from part import Key, Measurement, Options, Part
from store import ROOT

from eagle_mllm.runs.files import PLACES
from eagle_mllm.runs.journal import read_events

THROUGHPUT = "throughput"

_EXPERIMENT = ROOT / "experiments" / "demo" / "llava-caption-default.toml"
_WORKERS = 2
_THREADS_PER_WORKER = max(1, (os.cpu_count() or 1) // _WORKERS)
_POLL_SECONDS = 0.02
_PATIENCE_SECONDS = 3600.0

Outcomes = dict[str, bytes]
"""Place and name of a sample's file → its bytes."""


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    samples: int
    regions: int
    rounds: int
    """How often serial and Ray take turns."""

    def command(self, out: Path, *others: str) -> list[str]:
        """`eagle run` on the demo LLaVA, so that equal runs are equal to the byte."""
        settings = {
            "regions.count": self.regions,
            "model.device": "cpu",
            "model.dtype": "float32",
            "model.batch_size": 32,  # "auto" would ask how much memory is free
        }
        pairs = [text for item in settings.items() for text in ("--set", "{}={}".format(*item))]
        run = [sys.executable, "-m", "eagle_mllm", "run", str(_EXPERIMENT), *pairs]
        return [*run, "--limit", str(self.samples), "--out", str(out), "--quiet", *others]


@dataclass(frozen=True, kw_only=True)
class Side:
    """Where samples are worked on."""

    arguments: Sequence[str] = ()
    threads: int | None = None
    """Of a model; None is one per core. They decide the last digits of a probability."""

    @property
    def environment(self) -> dict[str, str]:
        """Of the command. Ray gives its workers the same number where it is set."""
        set_threads = {} if self.threads is None else {"OMP_NUM_THREADS": str(self.threads)}
        return {**os.environ, **set_threads}


SERIAL = Side()
RAY = Side(arguments=("--executor", "ray", "--workers", str(_WORKERS)), threads=_THREADS_PER_WORKER)
SIDES = {
    "serial": SERIAL,
    "serial, with the threads of one worker": Side(threads=_THREADS_PER_WORKER),
    "two Ray workers": RAY,
}


@dataclass(frozen=True, kw_only=True)
class Stop:
    """How a run is stopped in the middle."""

    signal: signal.Signals
    side: Side = SERIAL
    hits_worker: bool = False
    """Whether a worker gets the signal, which the run survives, or the command itself."""


STOPS = {
    "kill -9": Stop(signal=signal.SIGKILL),
    "Ctrl-C": Stop(signal=signal.SIGINT),
    "kill -9 of one of two Ray workers": Stop(signal=signal.SIGKILL, side=RAY, hits_worker=True),
}


def survived(size: Size, stop: Stop, *, out: Path, whole: Outcomes) -> dict[str, Any]:
    """Stop a run halfway, let it finish, and compare it with one that was not stopped."""
    command = size.command(out, *stop.side.arguments)
    with subprocess.Popen(command, env=stop.side.environment, stderr=subprocess.DEVNULL) as process:
        _wait_for(max(1, size.samples // 2), out, process)
        there, target = outcomes(out), process.pid
        if stop.hits_worker:
            target = int(_samples(journal(out))[-1]["worker"].rpartition(":")[2])
        os.kill(target, stop.signal)
        code = process.wait(_PATIENCE_SECONDS)
    if not stop.hits_worker:
        there = outcomes(out)
        _run(size, stop.side, out=out)
    return {"exit_code": code, **verdict(there, outcomes(out), whole), **_told(journal(out))}


def verdict(there: Outcomes, after: Outcomes, whole: Outcomes) -> dict[str, Any]:
    """What a stop has cost.

    Args:
        there: when the run was stopped
        after: when it had finished
        whole: of a serial run with the same number of threads that was not stopped
    """
    return {
        "there": len(there),
        "lost": sum(after.get(name) != data for name, data in there.items()),
        "made_after": len(after.keys() - there.keys()),
        "equal": after == whole,
    }


def throughput(size: Size, *, out: Path) -> dict[str, Any]:
    """Samples per minute of all sides, which take turns.

    `equal` is whether all turns with the same number of threads found the same to the byte.
    """
    turns: dict[str, list[dict[str, float]]] = {name: [] for name in SIDES}
    found: dict[int | None, list[Outcomes]] = {side.threads: [] for side in SIDES.values()}
    for number in range(size.rounds):
        for name, side in SIDES.items():
            folder = out / f"{name} {number}"
            start = time.perf_counter()
            _run(size, side, out=folder)
            seconds = time.perf_counter() - start
            times = [event["time"] for event in _samples(journal(folder))]
            turns[name].append({"working": rate(times), "in_all": 60 * len(times) / seconds})
            found[side.threads].append(outcomes(folder))
    equal = all(one == same[0] for same in found.values() for one in same)
    return {"sides": turns, "equal": equal}


def rate(times: Sequence[float]) -> float:
    """Samples per minute from the first outcome to the last, given the second of each."""
    return 60 * (len(times) - 1) / (max(times) - min(times))


def outcomes(out: Path) -> Outcomes:
    """The file of every sample that has ended in the one run of a folder, or in none yet."""
    return {
        f"{place}/{path.name}": path.read_bytes()
        for place in PLACES.values()
        for path in out.glob(f"*/{place}/*.json")
    }


def journal(out: Path) -> list[dict[str, Any]]:
    """The events of the one run of a folder."""
    (path,) = out.glob("*/journal.jsonl")
    return read_events(path.parent)


def _samples(events: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [event for event in events if event["event"] == "sample"]


def _told(events: Sequence[dict[str, Any]]) -> dict[str, int]:
    """Starts, samples explained over all of them, and processes that did it."""
    samples = _samples(events)
    return {
        "starts": sum(event["event"] == "start" for event in events),
        "explained": len(samples),
        "processes": len({event["worker"] for event in samples}),
    }


def _wait_for(count: int, out: Path, process: subprocess.Popen[bytes]) -> None:
    while not any(out.glob("*/journal.jsonl")) or len(_samples(journal(out))) < count:
        if process.poll() is not None:
            raise SystemExit(f"the run ended with {process.returncode} before {count} samples")
        time.sleep(_POLL_SECONDS)


def _run(size: Size, side: Side, *, out: Path) -> None:
    """To the end, from the start or from where it was stopped."""
    command = size.command(out, *side.arguments)
    subprocess.run(command, env=side.environment, check=True, timeout=_PATIENCE_SECONDS)


def _keys(options: Options) -> Iterator[Key]:
    samples, regions = (4, 4) if options.quick else (12, 16)
    for case in (*STOPS, THROUGHPUT):
        yield {"case": case, "samples": samples, "regions": regions}


def _measure(options: Options, missing: Iterator[Key]) -> Iterator[Measurement]:
    # A shell that starts this with & has Ctrl-C ignored, which children would inherit.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with tempfile.TemporaryDirectory() as temporary:
        here = Path(temporary)
        for key in missing:
            size = Size(key["samples"], key["regions"], rounds=1 if options.quick else 2)
            if key["case"] == THROUGHPUT:
                values = throughput(size, out=here / THROUGHPUT)
            else:
                stop = STOPS[key["case"]]
                whole = _whole(size, stop.side.threads, here)
                values = survived(size, stop, out=here / key["case"], whole=whole)
            yield key, values, options.model("llava").info


@cache
def _whole(size: Size, threads: int | None, folder: Path) -> Outcomes:
    """The outcomes of a serial run that is not stopped, made once."""
    out = folder / "whole" / str(threads)
    _run(size, Side(threads=threads), out=out)
    return outcomes(out)


RUNS = Part(name="runs", keys=_keys, measure=_measure)
"""What each way to stop a run costs, and how fast runs are."""
