"""The steps of an image processor, whatever its family and its settings: learnt, then judged."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from eagle_mllm.models.pixels.arrangement import Arrangement, Constant, largest_block
from eagle_mllm.models.pixels.coding import CodedImages, Origins, Process, Resize
from eagle_mllm.models.pixels.pipeline import PixelPipeline, Step, View
from eagle_mllm.models.pixels.resampling import ANY_FILTER
from eagle_mllm.models.pixels.watching import Unusual

_EXACT = 1e-3
"""Largest difference between the processor and what was learnt of it, in grey levels: rounding to
float32."""

_GOOD_BLOCK = 8
"""Values that are moved together; where they are fewer, another order of them is tried."""


def traced_pipeline(
    process: Process, size: tuple[int, int], *, batch: Callable[[str], int]
) -> PixelPipeline | None:
    """The steps of an image processor for images of one size.

    None where it does anything but resize whole images by Pillow, scale and shift each channel of
    the results, and move their values elsewhere. What was learnt is judged by what the processor
    itself makes of noise, given Pillow's resizes of it.

    Args:
        process: the image processor
        size: height and width of the images
        batch: from an argument's name to the dimension along which the images of a batch are joined
    """
    try:
        coded = CodedImages(process, size)
        pipeline, shown = _learnt(coded, coded.origins(), batch)
    except Exception:  # `Unusual`, or whatever a processor raises on what is no photograph
        return None
    return pipeline if _reproduces(pipeline, coded, shown) else None


def _learnt(
    coded: CodedImages, origins: Mapping[str, Origins], batch: Callable[[str], int]
) -> tuple[PixelPipeline, Sequence[int]]:
    """The pipeline, and the numbers of the images that are its views."""
    used = _used(coded, origins)
    if not used:
        raise Unusual
    steps, place = _steps(coded, used)
    views = {image: steps[place[image]].view for image in used}
    gains, shifts = _levels(coded, origins)
    by_pixel, places = False, _places(coded, views, by_pixel=False)
    if _block(origins, places) < _GOOD_BLOCK:
        other = _places(coded, views, by_pixel=True)
        if _block(origins, other) > _block(origins, places):
            by_pixel, places = True, other
    pipeline = PixelPipeline(
        steps=steps,
        shown=tuple(place[image] for image in used),
        gains=tuple(gains[image] for image in used),
        shifts=tuple(shifts[image] for image in used),
        by_pixel=by_pixel,
        arrangements={
            name: _arrangement(one, places, like=coded.expected[name], batch=batch(name))
            for name, one in origins.items()
        },
        constants={
            name: Constant(value, batch(name))
            for name, value in coded.expected.items()
            if name not in origins
        },
    )
    return pipeline, [*used]


def _used(coded: CodedImages, origins: Mapping[str, Origins]) -> dict[int, tuple[slice, slice]]:
    """The images of which something reaches the model, and the rows and columns that do."""
    present = np.zeros(coded.starts[-1], bool)
    for one in origins.values():
        present[one.places[one.places >= 0]] = True
    used: dict[int, tuple[slice, slice]] = {}
    for image, size in enumerate(coded.sizes):
        planes = present[coded.starts[image] : coded.starts[image + 1]].reshape(3, *size)
        shown: Bool[np.ndarray, "h w"] = planes.max(axis=0)
        if shown.any():
            used[image] = _extent(shown, axis=0), _extent(shown, axis=1)
    return used


def _steps(
    coded: CodedImages, used: Mapping[int, tuple[slice, slice]]
) -> tuple[tuple[Step, ...], dict[int, int]]:
    """The steps that lead to the used images, and the step that makes each."""
    # A photograph that is not resized is a step too, from itself.
    resizes = [Resize(0, ANY_FILTER), *coded.resizes]
    parents: set[int] = set()
    for image in reversed(range(1, len(coded.sizes))):
        if image in used or image in parents:
            parents.add(resizes[image].source)
    parents.discard(0)
    place = {image: step for step, image in enumerate(sorted({*used, *parents}))}
    steps = []
    for image in place:
        source = resizes[image].source
        view = View.whole(coded.sizes[image])
        if image not in parents:  # another resize needs all of it
            view = View(view.size, *used[image])
        steps.append(Step(place[source] if source else None, view, resizes[image].resample))
    return tuple(steps), place


def _levels(
    coded: CodedImages, origins: Mapping[str, Origins]
) -> tuple[Float[Tensor, "images 3 1 1"], Float[Tensor, "images 3 1 1"]]:
    """Gain and shift of each channel of each image, of any value that comes from it."""
    gains, shifts = (torch.zeros(len(coded.sizes), 3, 1, 1) for _ in range(2))
    for one in origins.values():
        goes_to = np.full(coded.starts[-1], -1, np.int32)
        (inside,) = np.nonzero(one.places >= 0)
        goes_to[one.places[inside]] = inside
        for image in range(len(coded.sizes)):
            planes = goes_to[coded.starts[image] : coded.starts[image + 1]].reshape(3, -1)
            for channel, value in enumerate(planes.max(axis=1)):
                if value >= 0:
                    gains[image, channel] = float(one.gain[value])
                    shifts[image, channel] = float(one.low[value])
    return gains, shifts


def _places(
    coded: CodedImages, views: Mapping[int, View], *, by_pixel: bool
) -> Int[np.ndarray, " numbers"]:
    """From the number of a value to its place among what is kept of the views; -1 if it is not."""
    places = np.full(coded.starts[-1], -1, np.int32)
    start = 0
    for image, view in views.items():
        height, width = (kept.stop - kept.start for kept in (view.rows, view.columns))
        kept = np.arange(start, start + 3 * height * width, dtype=np.int32)
        planes = (
            kept.reshape(height, width, 3).transpose(2, 0, 1)
            if by_pixel
            else kept.reshape(3, height, width)
        )
        of_image = places[coded.starts[image] : coded.starts[image + 1]]
        of_image.reshape(3, *coded.sizes[image])[:, view.rows, view.columns] = planes
        start += kept.size
    return places


def _block(origins: Mapping[str, Origins], places: Int[np.ndarray, " numbers"]) -> int:
    return min(_block_of(one, places) for one in origins.values())


def _block_of(origins: Origins, places: Int[np.ndarray, " numbers"]) -> int:
    found = places[origins.places]  # of padding the last, which is put right
    found[origins.places < 0] = -1
    return largest_block(found, origins.low, n_values=int(places.max()) + 1)


def _arrangement(
    origins: Origins, places: Int[np.ndarray, " numbers"], *, like: Tensor, batch: int
) -> Arrangement:
    block = _block_of(origins, places)
    numbers = origins.places[::block]
    (padded,) = np.nonzero(numbers < 0)
    chosen = np.where(numbers < 0, 0, places[numbers])
    return Arrangement(
        shape=tuple(like.shape),
        batch=batch,
        block=block,
        places=torch.from_numpy(chosen.astype(np.int64) // block),
        padded=torch.from_numpy(padded),
        padding=torch.from_numpy(origins.low[::block][padded]),
        dtype=like.dtype,
    )


def _reproduces(pipeline: PixelPipeline, coded: CodedImages, shown: Sequence[int]) -> bool:
    """Whether the pipeline makes of noise, and its resizes, what the processor makes of it."""
    levels = [
        torch.from_numpy(coded.noise[image][view.rows, view.columns].transpose(2, 0, 1)[None])
        for image, view in zip(shown, pipeline.views, strict=True)
    ]
    made = pipeline.finish(levels)
    return all(
        made[name].shape == expected.shape
        and float((made[name] - expected).abs().max()) <= _EXACT * pipeline.grey_level
        for name, expected in coded.expected.items()
        if name in pipeline.arrangements
    )


def _extent(shown: Bool[np.ndarray, "h w"], *, axis: int) -> slice:
    """From the first to the last row (0) or column (1) with something."""
    (places,) = np.nonzero(shown.any(axis=1 - axis))
    return slice(int(places[0]), int(places[-1]) + 1)
