"""How many images a forward pass: as many as help, and as fit."""

from collections.abc import Callable, Hashable

import torch

from eagle_mllm.models.memory import MemoryProbe, memory_of

LARGEST_BATCH = 8
"""The most images a pass that help. A 7B model gains 2 to 7 % a pass on an H200 from 8 to 32,
but half of the scans of the default search ask for eight subsets or fewer, and the last pass is
padded: with 32 it would compute two images for each asked for. See `docs/performance.md`."""

MEMORY_SHARE = 0.5
"""Of the free memory, how much a pass may take. The rest is for what a search keeps meanwhile, for
fragments, and for others on the device."""

_TRIAL = 2


class AutoBatchSize:
    """Chooses a batch size once for each shape of sample.

    One pass of two images is measured, which counts what a pass takes once, such as workspaces,
    half to each image and so errs to the safe side. The choice is the largest power of two whose
    pass fits into a share of the free memory, so that small changes of it do not matter.

    Args:
        largest: the largest choice
        memory: of the device
    """

    def __init__(self, largest: int, memory: MemoryProbe) -> None:
        self._largest = largest
        self._memory = memory
        self._chosen: dict[Hashable, int] = {}

    @classmethod
    def on(cls, device: torch.device) -> "AutoBatchSize":
        """For a device."""
        return cls(LARGEST_BATCH, memory_of(device))

    def __call__(self, shape: Hashable, run: Callable[[int], bool]) -> int:
        """The batch size for samples of one shape.

        Args:
            shape: whatever the memory of a pass depends on; it is measured once for each
            run: makes a pass of so many images of the sample; false if they did not fit
        """
        if shape not in self._chosen:
            self._chosen[shape] = self._choose(run)
        return self._chosen[shape]

    def _choose(self, run: Callable[[int], bool]) -> int:
        free = self._memory.free()
        fits = []
        taken = self._memory.taken_by(lambda: fits.append(run(_TRIAL)))
        if not fits[0]:
            return 1
        size = self._largest
        while size > 1 and size * taken > MEMORY_SHARE * free * _TRIAL:
            size //= 2
        return size
