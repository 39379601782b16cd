"""Which regions belong together: a tree that joins two of them, or two groups, at every step.

The tree is that of Ward (1963), over the place and the mean colour of each region: what is
joined early lies side by side and looks alike, as the parts of one object do.
"""

import numpy as np
from jaxtyping import Float, Int, Integer

from eagle_mllm.errors import RegionError

Merges = Int[np.ndarray, "merges 2"]
"""What each of N - 1 steps joins: k < N is region k, N + k is what step k made, as SciPy counts.
The closest are joined first, so undoing the last three steps leaves four groups."""

_COLOUR = 2.0
"""How much a difference in colour weighs, in [0, 1] for each of red, green and blue, against one in
place, as a share of the image's longer side."""


def joined(
    places: Float[np.ndarray, "regions axes"],
    colours: Float[np.ndarray, "regions 3"] | None = None,
) -> Merges:
    """The tree of some regions.

    Args:
        places: where each region is, as a share of the image's longer side
        colours: mean red, green and blue of each region in [0, 1]; by default places decide alone
    """
    from scipy.cluster.hierarchy import ward

    if len(places) < 2:
        return np.empty((0, 2), dtype=np.int32)
    features = places if colours is None else np.hstack([places, _COLOUR * colours])
    merges: Merges = ward(features)[:, :2].astype(np.int32)
    return merges


def restricted(merges: Merges, kept: Int[np.ndarray, " kept"]) -> Int[np.ndarray, "fewer 2"]:
    """The tree of some of the regions, which are numbered anew in the order given.

    Args:
        merges: the tree of all
        kept: indices of regions
    """
    n_regions = len(merges) + 1
    number = {region: new for new, region in enumerate(kept.tolist())}
    steps = list[list[int]]()
    for step, pair in enumerate(merges.tolist()):
        parts = [number[part] for part in pair if part in number]
        if len(parts) == 2:
            number[n_regions + step] = len(kept) + len(steps)
            steps.append(parts)
        elif parts:
            (number[n_regions + step],) = parts
    return np.array(steps, dtype=np.int32).reshape(-1, 2)


def require_merges(merges: Integer[np.ndarray, "..."], n_regions: int) -> None:
    """Refuse what is not a tree of so many regions.

    Raises:
        RegionError: a step is missing, joins what is not made yet, or something is joined twice
    """
    expected = (n_regions - 1, 2)
    if merges.shape != expected or merges.dtype.kind not in "iu":
        raise RegionError(
            f"merges has shape {merges.shape} and dtype {merges.dtype}; expected integers of shape "
            f"{expected} for {n_regions} regions"
        )
    made = n_regions + np.arange(n_regions - 1)[:, np.newaxis]
    if not (np.sort(merges, axis=None) == np.arange(merges.size)).all() or (merges >= made).any():
        raise RegionError(
            f"merges is not a tree of {n_regions} regions: every region and every group but the "
            "last must be joined once, after it is made"
        )
