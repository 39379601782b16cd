"""The image processor as a linear map of pixels, through which gradients flow."""

import torch
from jaxtyping import Float
from torch import Tensor

from eagle_mllm.models.pixels.pipeline import PixelPipeline, Step
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
        self._pipeline = pipeline.to(device)
        self._levels = [
            tuple(values.to(device, dtype) for values in pair)
            for pair in zip(pipeline.gains, pipeline.shifts, strict=True)
        ]

        def matrices(step: Step) -> tuple[Tensor, ...]:
            source = size if step.source is None else pipeline.steps[step.source].view.size
            return tuple(
                torch.from_numpy(
                    AxisWeights(before, after, resample=step.resample).matrix(
                        kept, slice(0, before)
                    )
                ).to(device, dtype)
                for before, after, kept in zip(
                    source, step.view.size, (step.view.rows, step.view.columns), strict=True
                )
            )

        self._maps = [matrices(step) for step in pipeline.steps]

    def views(self, images: Float[Tensor, "batch 3 h w"]) -> list[Tensor]:
        """Normalised views, each (batch, 3, height, width), of images on the 8-bit scale."""
        results: list[Tensor] = []
        for step, (down, across) in zip(self._pipeline.steps, self._maps, strict=True):
            source = images if step.source is None else results[step.source]
            results.append(down @ source @ across.T)
        return [
            results[index] * gain + shift
            for index, (gain, shift) in zip(self._pipeline.shown, self._levels, strict=True)
        ]

    def arrange(self, views: list[Tensor]) -> Tensors:
        """Pixel arguments of normalised views."""
        return self._pipeline.arrange(views)
