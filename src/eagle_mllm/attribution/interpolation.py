"""Linear interpolation between the centres of equal cells, as weights along one axis."""

import numpy as np
from jaxtyping import Float


def cell_weights(
    places: Float[np.ndarray, " pixels"], cells: int
) -> Float[np.ndarray, "pixels cells"]:
    """Weights of equal cells at places along an axis; none where a place is outside [0, 1).

    Args:
        places: where pixels are, as a share of what the cells cover together
        cells: how many there are
    """
    inside = (places >= 0) & (places < 1)
    # The centre of cell j is at j; beyond the outermost centres the outermost cells continue.
    centres = np.clip(places * cells - 0.5, 0, cells - 1)
    distance = np.abs(centres[:, np.newaxis] - np.arange(cells))
    weights: Float[np.ndarray, "pixels cells"] = np.maximum(1 - distance, 0)
    return (weights * inside[:, np.newaxis]).astype(np.float32)
