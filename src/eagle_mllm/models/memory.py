"""How much memory of a device is free, and how much a forward pass takes."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from threading import Event, Thread

import psutil
import torch

_TICK = 0.001
"""Seconds between two looks at the memory of this process."""


class MemoryProbe(ABC):
    """Reads the memory of one device, in bytes."""

    @abstractmethod
    def free(self) -> int:
        """What may still be taken."""

    @abstractmethod
    def taken_by(self, run: Callable[[], object]) -> int:
        """The most that a run held at one time, beyond what was held before."""


class CudaMemory(MemoryProbe):
    """A CUDA device. A measurement starts torch's peak statistics of the device anew."""

    def __init__(self, device: torch.device) -> None:
        self._device = device

    def free(self) -> int:
        """What the driver has, and what torch holds without using it."""
        available, _ = torch.cuda.mem_get_info(self._device)
        idle = torch.cuda.memory_reserved(self._device) - self._held()
        return int(available + idle)

    def taken_by(self, run: Callable[[], object]) -> int:
        """See `MemoryProbe`."""
        torch.cuda.reset_peak_memory_stats(self._device)
        before = self._held()
        run()
        return int(torch.cuda.max_memory_allocated(self._device)) - before

    def _held(self) -> int:
        return int(torch.cuda.memory_allocated(self._device))


class MpsMemory(MemoryProbe):
    """Apple's GPU. It keeps no peak; what it takes from the system and holds is one."""

    def free(self) -> int:
        """See `MemoryProbe`."""
        return int(torch.mps.recommended_max_memory() - torch.mps.current_allocated_memory())

    def taken_by(self, run: Callable[[], object]) -> int:
        """See `MemoryProbe`."""
        torch.mps.empty_cache()
        before = torch.mps.driver_allocated_memory()
        run()
        torch.mps.synchronize()
        return int(torch.mps.driver_allocated_memory() - before)


class ProcessMemory(MemoryProbe):
    """The CPU's memory. Looked at every millisecond: the passes that matter take longer."""

    def __init__(self) -> None:
        self._process = psutil.Process()

    def free(self) -> int:
        """See `MemoryProbe`."""
        return int(psutil.virtual_memory().available)

    def taken_by(self, run: Callable[[], object]) -> int:
        """See `MemoryProbe`."""
        before = peak = self._held()
        done = Event()

        def watch() -> None:
            nonlocal peak
            while not done.wait(_TICK):
                peak = max(peak, self._held())

        watcher = Thread(target=watch, daemon=True)
        watcher.start()
        try:
            run()
        finally:
            done.set()
            watcher.join()
        return max(peak, self._held()) - before

    def _held(self) -> int:
        return int(self._process.memory_info().rss)


def memory_of(device: torch.device) -> MemoryProbe:
    """The probe of a device."""
    if device.type == "cuda":
        return CudaMemory(device)
    return MpsMemory() if device.type == "mps" else ProcessMemory()
