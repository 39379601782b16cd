"""What a search knows of a partition: how many regions there are, where, and what goes together."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from eagle_mllm.attribution.hierarchy import Merges, restricted
from eagle_mllm.values import ArrayValue


@dataclass(frozen=True, kw_only=True, eq=False)
class Layout(ArrayValue):
    """The places of some regions and the tree over them. It holds no image."""

    places: Float[np.ndarray, "regions axes"]
    """Mean row and column of each region's pixels as a share of the image's longer side, after the
    mean frame as a share of the frames if there are any."""

    merges: Merges
    """Which regions and groups belong together most, the closest first."""

    def __post_init__(self) -> None:
        self._freeze_arrays()

    def __len__(self) -> int:
        """How many regions there are."""
        return len(self.places)

    def only(self, kept: Int[np.ndarray, " kept"]) -> "Layout":
        """The layout of some of the regions, which are numbered anew in the order given.

        Args:
            kept: indices of regions
        """
        return Layout(places=self.places[kept], merges=restricted(self.merges, kept))
