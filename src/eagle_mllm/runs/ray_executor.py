"""Samples on a Ray cluster, or on the cores and GPUs of this machine. No other file knows Ray.

Ray is asked for as little as possible: actors that hold a model, and one sample at a time for
each. A lost actor (out of memory, a machine that went away) is replaced, and its sample tried
again a few times.
"""

import logging
import math
import os
import socket
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from eagle_mllm.attribution.model import ModelInfo
from eagle_mllm.datasets.sample import Sample
from eagle_mllm.errors import MissingDependency, ModelError, SettingError
from eagle_mllm.runs.executors import Executor
from eagle_mllm.runs.signal_handlers import SignalHandlers
from eagle_mllm.runs.worker import Finished, LoadWorker, Worker, failed

_TRIES = 3
"""How often a sample may lose its worker, and how often in a row workers may die loading."""

_CORES_A_MODEL = 4

_PATIENCE_SECONDS = 10.0


class _Actor:
    """What lives in a Ray worker. Loading is a call of its own, so that its errors reach us."""

    def __init__(self, load: LoadWorker) -> None:
        self._load = load
        self._worker: Worker | None = None

    def load(self) -> ModelInfo:
        self._worker = self._load()
        return self._worker.info

    def explain(self, sample: Sample) -> Finished:
        assert self._worker is not None, "an actor is given samples once it has loaded"
        return self._worker(sample)


@dataclass(frozen=True, kw_only=True)
class _Job:
    """What an actor is busy with."""

    actor: Any
    sample: Sample | None
    """None while it loads its model."""

    tries: int


class RayExecutor(Executor):
    """Workers as Ray actors, each with its own model."""

    def __init__(
        self, *, workers: int | None = None, address: str | None = None, use_gpus: bool = True
    ) -> None:
        """Choose a cluster and how many workers it shall have.

        Args:
            workers: how many; None is one per GPU, or one per four cores without GPUs. More
                workers than GPUs share them evenly, and without GPUs they share the cores
            address: of a running cluster; None is the one that `RAY_ADDRESS` names, or else a
                new one on this machine, which is there for this run alone
            use_gpus: whether workers reserve GPUs, where the cluster has some

        Raises:
            MissingDependency: ray is not installed
            SettingError: there is less than one worker
        """
        if workers is not None and workers < 1:
            raise SettingError(f"there must be at least one worker; got {workers}")
        self._ray = _ray()
        self._n_workers = workers
        self._address = address or os.environ.get("RAY_ADDRESS")
        self._use_gpus = use_gpus
        self._is_connected = False
        self._signals = SignalHandlers()
        self._jobs: dict[Any, _Job] = {}
        self._idle: list[Any] = []
        self._again: deque[tuple[Sample, int]] = deque()
        self._deaths_in_loading = 0

    def start(self, load: LoadWorker) -> ModelInfo:
        """Connect, start every worker, and wait until the first one has its model."""
        if not self._ray.is_initialized():
            self._connect()
        n_workers, reserved = self._plan()
        self._new_actor = self._ray.remote(max_restarts=0, max_task_retries=0, **reserved)(_Actor)
        self._load_worker = self._ray.put(load)
        for _ in range(n_workers):
            self._load()
        while True:
            job, result = self._next()
            if isinstance(result, ModelInfo):
                self._idle.append(job.actor)
                return result
            list(self._replace(job))

    def run(self, samples: Iterable[Sample]) -> Iterator[Finished]:
        """Each sample on whichever worker is free; outcomes in the order in which they come."""
        waiting = ((sample, 1) for sample in samples)
        while True:
            while self._idle and (given := self._take(waiting)):
                self._explain(*given)
            if not any(job.sample for job in self._jobs.values()) and self._idle:
                return
            job, result = self._next()
            if result is None:
                yield from self._replace(job)
                continue
            self._idle.append(job.actor)
            self._deaths_in_loading = 0
            if isinstance(result, Finished):
                yield result

    def stop(self) -> None:
        """Kill the actors, and leave the cluster; one that was made for this run ends."""
        for actor in (*self._idle, *(job.actor for job in self._jobs.values())):
            self._ray.kill(actor)
        self._idle, self._jobs = [], {}
        if self._is_connected:
            self._ray.shutdown()
            self._is_connected = False
        self._signals.restore()

    def _connect(self) -> None:
        quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
        try:
            if self._address is not None:
                _require_listener(self._address)
            with self._signals.ours():
                if self._address is None:
                    self._ray.init("local", include_dashboard=False, **quiet)
                else:
                    self._ray.init(self._address, **quiet)
        except (OSError, RuntimeError, ValueError) as error:
            where = f"at {self._address}" if self._address else "on this machine"
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise SettingError(
                f"there is no Ray cluster {where} ({reason}); check RAY_ADDRESS"
            ) from error
        self._is_connected = True

    def _plan(self) -> tuple[int, dict[str, float]]:
        """How many workers, and what each reserves, which must lie on one machine or one GPU.

        Ray gives a process as many threads as it reserves cores.
        """
        there = self._ray.cluster_resources()
        cores = int(there.get("CPU", 1))
        gpus = int(there.get("GPU", 0)) if self._use_gpus else 0
        n_workers = self._n_workers or gpus or max(1, cores // _CORES_A_MODEL)
        if gpus:
            on_each = math.ceil(n_workers / gpus)
            return n_workers, {"num_cpus": 1.0, "num_gpus": _share(1, on_each)}
        machines = (node["Resources"] for node in self._ray.nodes() if node["Alive"])
        largest = max(machine.get("CPU", 0.0) for machine in machines)
        return n_workers, {"num_cpus": min(_share(cores, n_workers), largest), "num_gpus": 0.0}

    def _load(self) -> None:
        actor = self._new_actor.remote(self._load_worker)
        self._jobs[actor.load.remote()] = _Job(actor=actor, sample=None, tries=1)

    def _take(self, waiting: Iterator[tuple[Sample, int]]) -> tuple[Sample, int] | None:
        """The next sample to hand out, and which try it is."""
        return self._again.popleft() if self._again else next(waiting, None)

    def _explain(self, sample: Sample, tries: int) -> None:
        actor = self._idle.pop()
        self._jobs[actor.explain.remote(sample)] = _Job(actor=actor, sample=sample, tries=tries)

    def _next(self) -> tuple[_Job, ModelInfo | Finished | None]:
        """The next job to end, and its result; None if its actor is lost."""
        with self._signals.exit_code_kept():
            (done, *_), _ = self._ray.wait(list(self._jobs), num_returns=1)
        job = self._jobs.pop(done)
        try:
            return job, self._ray.get(done)
        except self._ray.exceptions.RayTaskError as error:
            if job.sample is None:
                self._ray.kill(job.actor)
                raise error.cause from None
            return job, failed(job.sample, error.cause)
        except self._ray.exceptions.RayError:
            self._ray.kill(job.actor)  # it may be out of reach only
            return job, None

    def _replace(self, lost: _Job) -> Iterator[Finished]:
        """A new actor for a lost one; its sample waits for another try, or has failed."""
        self._load()
        if lost.sample is None:
            self._deaths_in_loading += 1
            if self._deaths_in_loading >= _TRIES:
                raise ModelError(
                    "workers die while they load the model, most likely for want of memory; "
                    "use fewer of them (--workers)"
                )
        elif lost.tries < _TRIES:
            self._again.append((lost.sample, lost.tries + 1))
        else:
            reason = f"its worker died {_TRIES} times, most likely for want of memory"
            yield failed(lost.sample, ModelError(reason))


def _ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise MissingDependency(
            "running on Ray needs ray, which is not installed; pip install 'eagle-mllm[scale]'"
        ) from error
    return ray


def _require_listener(address: str) -> None:
    """Fails at once where nobody listens; Ray itself would wait for many minutes."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=_PATIENCE_SECONDS).close()


def _share(total: int, n_workers: int) -> float:
    """Whole things where there are enough of them, else a part in Ray's steps of 1/10000."""
    if total >= n_workers:
        return float(total // n_workers)
    return math.floor(total / n_workers * 10_000) / 10_000
