"""What a search knows of a partition: how many regions there are, and where."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from eagle_mllm.values import ArrayValue


@dataclass(frozen=True, kw_only=True, eq=False)
class Layout(ArrayValue):
    """The places of some regions. It holds no image, so a search cannot look at one."""

    centroids: Float[np.ndarray, "regions axes"]
    """Mean row and column of each region's pixels, after the mean frame if there are frames."""

    def __post_init__(self) -> None:
        self._freeze_arrays()

    def __len__(self) -> int:
        """How many regions there are."""
        return len(self.centroids)

    def only(self, kept: Int[np.ndarray, " kept"]) -> "Layout":
        """The layout of some of the regions, which are numbered anew in the order given.

        Args:
            kept: indices of regions
        """
        return Layout(centroids=self.centroids[kept])
