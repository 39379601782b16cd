"""How many images per forward pass: as many as pay off and fit into memory."""

from collections.abc import Callable, Hashable

import torch

from eagle_mllm.models.memory import MemoryProbe, memory_of

LARGEST_BATCH = 8
"""Larger batches do not pay off. From 8 to 32 images a 7B model gains 2 to 7 % on an H200, but half
of the scans of the default search ask for eight subsets or fewer, and the last pass is
padded: with 32 it would compute two images for each one asked for. See `docs/performance.md`."""

MEMORY_SHARE = 0.5
"""The share of the free memory that a pass may take. The rest is for what a search keeps meanwhile,
for fragmentation, and for others on the device."""

_TRIAL = 2


class AutoBatchSize:
    """Chooses a batch size once for each shape of sample.

    One pass of two images is measured. Half of what a pass takes only once, such as workspaces,
    counts for each image, which errs on the safe side. The choice is the largest power of two whose
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
            run: makes a pass with this many images of the sample; false if they did not fit
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
