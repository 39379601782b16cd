"""The image processor as a linear map of pixels, through which gradients flow."""

import torch
from jaxtyping import Float
from torch import Tensor

from eagle_mllm.models.pixels.pipeline import PixelPipeline, View
from eagle_mllm.models.pixels.resampling import AxisWeights
from eagle_mllm.models.pixels.source import Tensors


class LinearPixels:
    """Resize and normalisation without the rounding and the clipping to 8 bits between them.

    Its pixels differ from the image processor's by a grey level or two, and where a bicubic filter
    overshoots at a sharp edge.

    Args:
        pipeline: the steps of the image processor for images of this size
        size: their height and width
        device: where images are
        dtype: in which precision they are resized
    """

    def __init__(
        self,
        pipeline: PixelPipeline,
        size: tuple[int, int],
        *,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        self._pipeline = pipeline
        gain, shift = pipeline.gain_and_shift()
        self._gain, self._shift = gain.to(device, dtype), shift.to(device, dtype)

        def matrix(axis: int, view: View) -> Tensor:
            weights = AxisWeights(size[axis], view.size[axis], resample=pipeline.resample)
            kept = (view.rows, view.columns)[axis]
            return torch.from_numpy(weights.matrix(kept, slice(0, size[axis]))).to(device, dtype)

        self._maps = [(matrix(0, view), matrix(1, view)) for view in pipeline.views]

    def views(self, images: Float[Tensor, "batch 3 h w"]) -> list[Tensor]:
        """Normalised views, each (batch, 3, height, width), of images on the 8-bit scale."""
        return [
            (down @ images @ across.T) * self._gain + self._shift for down, across in self._maps
        ]

    def arrange(self, views: list[Tensor]) -> Tensors:
        """Pixel arguments of normalised views."""
        return self._pipeline.arrange(views)
