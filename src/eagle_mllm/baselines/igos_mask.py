"""The mask of IGOS++: a coarse grid over the image, what keeps it smooth, and how it moves."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from eagle_mllm.arrays import RGBImage
from eagle_mllm.attribution.interpolation import cell_weights

Mask = Float[np.ndarray, "size size"]
"""One number for each cell: 1 keeps what is there, 0 is salient."""

_EDGE = 0.01
"""Squared difference of neighbouring pixels, normalised, across which a step costs 1/e."""


class Grid:
    """A square mask stretched over an image, linearly between the centres of its cells.

    Args:
        size: cells on each side
        shape: height and width of the image
    """

    def __init__(self, size: int, shape: tuple[int, int]) -> None:
        self._down, self._across = (
            cell_weights((np.arange(length) + 0.5) / length, size) for length in shape
        )

    def up(self, mask: Mask) -> Float[np.ndarray, "h w"]:
        """The mask at each pixel."""
        return np.asarray(self._down @ mask @ self._across.T)

    def back(self, gradient: Float[np.ndarray, "h w"]) -> Mask:
        """The gradient with respect to the mask of what has this gradient at each pixel."""
        return np.asarray(self._down.T @ gradient @ self._across)


@dataclass(frozen=True, kw_only=True)
class Penalty:
    """R(M) = a·mean|1 − M| + b·BTV(M) + λ·Σ(1 − M)², over the cells.

        BTV(M) = ½ [ mean|∂v M|² + mean|∂h M|² + mean(e_v·|∂v M↑|²) + mean(e_h·|∂h M↑|²) ]

    with M↑ the mask at each pixel and e small across the edges of the image:
    e_v = exp(−(mean_c ∂v I)² / 0.01), e_h = mean_c exp(−(∂h I_c)² / 0.01), as unlike as in the
    published code.
    """

    sparsity: float
    """a."""

    smoothness: float
    """b."""

    def gradient(
        self, mask: Mask, *, grid: Grid, edges: "Edges", convexity: float
    ) -> Float[np.ndarray, "size size"]:
        """Of R with respect to the mask.

        Args:
            mask: M
            grid: how it is stretched over the image
            edges: of the image
            convexity: λ
        """
        at_pixels = grid.up(mask)
        smooth = sum(_step_gradient(mask, axis=axis) for axis in (0, 1))
        smooth = smooth + grid.back(
            _step_gradient(at_pixels, axis=0, weights=edges.down)
            + _step_gradient(at_pixels, axis=1, weights=edges.across)
        )
        sparse = -np.sign(1 - mask) / mask.size
        convex = -2 * (1 - mask)
        return np.asarray(
            self.sparsity * sparse + self.smoothness * smooth / 2 + convexity * convex
        )


@dataclass(frozen=True, eq=False)
class Edges:
    """How freely a mask may change between neighbouring pixels, in (0, 1]; small is free."""

    down: Float[np.ndarray, "h_gaps w"]
    across: Float[np.ndarray, "h w_gaps"]

    @classmethod
    def of(cls, image: RGBImage, *, grey_level: float) -> "Edges":
        """The edges of an image.

        Args:
            image: the image
            grey_level: one step of the 8-bit scale in normalised units
        """
        values = image.astype(np.float32) * np.float32(grey_level)
        down, across = np.diff(values, axis=0), np.diff(values, axis=1)
        return cls(
            np.exp(-(down.mean(axis=-1) ** 2) / _EDGE),
            np.exp(-(across**2) / _EDGE).mean(axis=-1),
        )


class Nesterov:
    """Nesterov's accelerated steps within [0, 1].

    c_k = M_k − η·g_k, then M_{k+1} = clip(c_k + k/(k + μ)·(c_k − c_{k−1}), 0, 1).

    Args:
        mask: M_0
        rate: η
        momentum: μ
    """

    def __init__(self, mask: Mask, *, rate: float, momentum: float) -> None:
        self.mask = mask
        self._rate = rate
        self._momentum = momentum
        self._last = mask
        self._steps = 0

    def step(self, gradient: Mask) -> None:
        """Move the mask."""
        candidate = self.mask - self._rate * gradient
        share = self._steps / (self._steps + self._momentum) if self._steps else 0.0
        self.mask = np.clip(candidate + share * (candidate - self._last), 0, 1)
        self._last = candidate
        self._steps += 1


def _step_gradient(
    values: Float[np.ndarray, "rows columns"],
    *,
    axis: int,
    weights: Float[np.ndarray, "*gaps"] | float = 1.0,
) -> Float[np.ndarray, "rows columns"]:
    """Of mean(weights · difference²) between neighbours along an axis."""
    difference = np.diff(values, axis=axis)
    gradient = np.zeros(values.shape, difference.dtype)
    if not difference.size:
        return gradient
    pull = 2 * weights * difference / difference.size
    before, behind = [slice(None)] * 2, [slice(None)] * 2
    before[axis], behind[axis] = slice(0, -1), slice(1, None)
    gradient[tuple(before)] -= pull
    gradient[tuple(behind)] += pull
    return gradient
