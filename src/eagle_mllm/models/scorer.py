"""Teacher-forced scores of subsets of regions, in batches of one fixed shape."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor

from eagle_mllm.arrays import Subsets
from eagle_mllm.attribution.generation import Target
from eagle_mllm.attribution.model import Scorer, SubsetScores
from eagle_mllm.errors import ModelError
from eagle_mllm.models.families.base import EncodedPrompt, Family
from eagle_mllm.models.forward import TeacherForced
from eagle_mllm.models.pixels.source import PixelSource
from eagle_mllm.models.placing import input_device, to_module


class HuggingFaceScorer(Scorer):
    """Probability of a target under subsets of the regions of one image.

    On a GPU every pass has the same number of images (the last one is padded by repetition),
    because its kernels round differently for different batch shapes; on a CPU it is smaller.

    Args:
        module: the transformers model
        family: how its inputs are made
        prompt: the encoded image and prompt
        answer: ids of the answer that is teacher forced
        target: positions in the answer and the id asked about at each
        pixels: pixel arguments of subsets
        batch_size: images per pass; halved for good when the device runs out of memory
        call: the module as torch has compiled it; None for the module as it is
    """

    def __init__(
        self,
        module: Any,
        family: Family,
        prompt: EncodedPrompt,
        *,
        answer: Sequence[int],
        target: Target,
        pixels: PixelSource,
        batch_size: int,
        call: Callable[..., Any] | None = None,
    ) -> None:
        self._module = module
        self._forced = TeacherForced(
            module, family, prompt, answer=answer, target=target, call=call
        )
        self._pixels = pixels
        self._batch_size = batch_size
        self._vision = family.vision_encoder(module, prompt, pixels)
        # Compiled for one shape, and on a GPU kernels round differently for others.
        self._has_one_shape = call is not None or input_device(module).type != "cpu"
        if call is not None and self._vision is not None:
            self._vision.compile()

    @property
    def preferred_batch_size(self) -> int:
        """Images per pass."""
        return self._batch_size

    @property
    def seen_regions(self) -> Bool[np.ndarray, " regions"] | None:
        """See `Scorer`."""
        return self._pixels.seen_regions

    @property
    def hideable_regions(self) -> Bool[np.ndarray, " regions"] | None:
        """See `Scorer`."""
        return self._pixels.hideable_regions

    def __call__(self, shown: Subsets) -> SubsetScores:
        """See `Scorer`.

        Raises:
            ModelError: the model returned NaN, is in training mode, or one image does not fit
                into the memory of its device
        """
        require_evaluation_mode(self._module)
        parts: list[tuple[Tensor, Tensor]] = []
        done = 0
        while done < len(shown):
            rows = shown[done : done + self._batch_size]
            scores = self._score(self._padded(rows))
            if scores is None:
                self._halve()
                continue
            parts.append((scores[0][: len(rows)], scores[1][: len(rows)]))
            done += len(rows)
        if not parts:
            empty = (0, self._forced.n_tokens)
            return SubsetScores(np.empty(empty, np.float32), np.empty(empty, np.int64))
        # The only look at the results, so that a GPU is never waited for between two passes.
        probability, predicted = (
            torch.cat(column).cpu().numpy() for column in zip(*parts, strict=True)
        )
        if np.isnan(probability).any():
            raise returned_nan(self._module)
        return SubsetScores(probability=probability, predicted=predicted)

    def _score(self, shown: Subsets) -> tuple[Tensor, Tensor] | None:
        """Probability and prediction at the target rows; None when memory is exhausted."""
        try:
            return self._forward(shown)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
        return None

    @torch.no_grad()
    def _forward(self, shown: Subsets) -> tuple[Tensor, Tensor]:
        output = self._forced(self._image_inputs(shown), batch=len(shown))
        return output.log_probability.exp().float(), output.logits.argmax(dim=-1)

    def _image_inputs(self, shown: Subsets) -> dict[str, Any]:
        """Pixels, or the features of an encoder of the family's own."""
        pixels = to_module(self._pixels(shown), self._module)
        if self._vision is None:
            return pixels
        return {"mm_encoder_outputs": self._vision(pixels, shown)}

    def _padded(self, rows: Bool[np.ndarray, "rows regions"]) -> Subsets:
        if not self._has_one_shape:
            return rows
        return rows[np.minimum(np.arange(self._batch_size), len(rows) - 1)]

    def _halve(self) -> None:
        if self._vision is not None:
            self._vision.forget()
        if input_device(self._module).type == "cuda":
            torch.cuda.empty_cache()
        if self._batch_size == 1:
            raise one_image_too_many(input_device(self._module))
        self._batch_size //= 2


def fits(make: Callable[..., HuggingFaceScorer], batch_size: int, *, n_regions: int) -> bool:
    """Whether a pass of so many images goes through the memory of the device.

    Args:
        make: makes the scorer of a `batch_size`
        batch_size: images per pass
        n_regions: how many regions its subsets have
    """
    trial = make(batch_size=batch_size)
    trial(np.array([[True], [False]]).repeat(n_regions, axis=1))
    return trial.preferred_batch_size == batch_size


def require_evaluation_mode(module: Any) -> None:
    """Refuse a model in training mode, whose dropout would make every score random.

    Raises:
        ModelError: it is
    """
    if module.training:
        raise ModelError("the model is in training mode, its scores would be random; call .eval()")


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether the memory of a device ran out."""
    # Only CUDA has an error of its own; the others say it in words.
    return isinstance(error, torch.OutOfMemoryError) or any(
        words in str(error) for words in ("out of memory", "can't allocate memory")
    )


def returned_nan(module: Any) -> ModelError:
    """The error for when probabilities are not numbers."""
    advice = "load it with dtype='bfloat16' or dtype='float32'"
    if module.dtype == torch.float32:
        advice = "its weights are broken, fetch the checkpoint again"
    return ModelError(f"the model returned NaN in {module.dtype}; {advice}")


def one_image_too_many(device: torch.device) -> ModelError:
    """The error for when the memory of a device does not hold a single image."""
    return ModelError(
        f"one image does not fit into the memory of {device}; use a smaller image, "
        "dtype='bfloat16', or another device"
    )
