"""An image processor run on images of our own making: what it resizes, and where values go.

Which resizes it asks Pillow for is seen on noise. Their results are then replaced by images that
hold numbers instead of a picture: black and white ones show by how much each output is scaled and
shifted, the digits of a running number show where each output comes from.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from PIL import Image

from eagle_mllm.arrays import RGBImage
from eagle_mllm.models.pixels.resampling import is_reproducible
from eagle_mllm.models.pixels.source import Tensors
from eagle_mllm.models.pixels.watching import Unusual, answered_resizes

Process = Callable[[Sequence[RGBImage]], Tensors]
"""Pixel arguments of a batch, by the model's image processor."""


class Resize(NamedTuple):
    """A resize as it was asked for."""

    source: int
    """The number of the image that is resized."""

    resample: int
    """The filter, in Pillow's numbering."""


class Origins(NamedTuple):
    """Where the values of one argument of the model come from."""

    places: Int[np.ndarray, " values"]
    """The number of each among all values of all images; -1 where it is none of them."""

    low: Float[np.ndarray, " values"]
    """The value where that is black."""

    gain: Float[np.ndarray, " values"]
    """What a step of the 8-bit scale adds."""


class CodedImages:
    """An image processor and the images that it makes of one of some size.

    Image number 0 is the image itself; the others are what it is resized to, in the order in which
    that is done. Every value of all of them has a number: image after image, channel after channel,
    row after row.

    Args:
        process: the image processor
        size: height and width of the image

    Raises:
        Unusual: it resizes something else than a whole image, or by another filter
    """

    def __init__(self, process: Process, size: tuple[int, int]) -> None:
        self._process = process
        self.noise = [np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)]
        """The images where the first is noise."""
        self.resizes: list[Resize] = []
        """How each of the images after the first is made."""
        self.expected = self._watched()
        """What the processor makes of the noise."""
        self.sizes = [image.shape[:2] for image in self.noise]
        lengths = [0, *[image.size for image in self.noise]]
        self.starts = np.cumsum(lengths)
        """The number of the first value of each image, and then how many there are."""
        if self.starts[-1] >= 2**31:
            raise Unusual

    def origins(self) -> Mapping[str, Origins]:
        """The arguments that depend on the image.

        Raises:
            Unusual: a value is not simply that of an image, scaled and shifted
        """
        low = self._coded(lambda image: self._plain(image, 0))
        high = self._coded(lambda image: self._plain(image, 255))
        # A photograph is large: it is numbered only where it gets further without a resize.
        whole = self._coded(lambda image: self._plain(image, 0 if image else 255))
        first = 0 if _changed(low, whole) else 1
        names = _changed(low, high)
        black = {name: _flat(low, name) for name in names}
        gains = {name: (_flat(high, name) - black[name]) / 255 for name in names}
        inverse = {
            name: np.divide(1, gain, out=np.zeros_like(gain), where=gain != 0)
            for name, gain in gains.items()
        }
        places = {name: np.zeros(len(black[name]), np.int32) for name in names}
        for shift in range(0, int(self.starts[-1]).bit_length(), 8):
            made = self._coded(partial(self._digits, first=first, shift=shift))
            for name in names:
                level = np.rint((_flat(made, name) - black[name]) * inverse[name])
                places[name] |= (level.astype(np.int32) & 255) << shift
        for name in names:
            places[name][gains[name] == 0] = -1
            if places[name].max() >= self.starts[-1]:
                raise Unusual
        return {name: Origins(places[name], black[name], gains[name]) for name in names}

    def _watched(self) -> Tensors:
        def answer(image: Image.Image, size: tuple[int, int], resample: int) -> Image.Image:
            pixels = np.asarray(image)
            same = (
                number for number, known in enumerate(self.noise) if np.array_equal(known, pixels)
            )
            source = next(same, None)
            if source is None or not is_reproducible(resample):
                raise Unusual
            made = original(image, size, resample)
            self.noise.append(np.array(made))
            self.resizes.append(Resize(source, resample))
            return made

        original = Image.Image.resize
        with answered_resizes(answer):
            return self._process([self.noise[0]])

    def _coded(self, code: Callable[[int], RGBImage]) -> Tensors:
        """What the processor makes of images by their number."""
        numbers = iter(range(1, len(self.sizes)))

        def answer(image: Image.Image, size: tuple[int, int], resample: int) -> Image.Image:
            del image, resample
            number = next(numbers, None)
            if number is None or self.sizes[number] != size[::-1]:
                raise Unusual
            return Image.fromarray(code(number))

        with answered_resizes(answer):
            made = self._process([code(0)])
        if _shapes(made) != _shapes(self.expected):
            raise Unusual
        return made

    def _plain(self, image: int, level: int) -> RGBImage:
        return np.full((*self.sizes[image], 3), level, np.uint8)

    def _digits(self, image: int, *, first: int, shift: int) -> RGBImage:
        """A digit, to the base 256, of the number of each value; black before the first image."""
        if image < first:
            return self._plain(image, 0)
        numbers = np.arange(*self.starts[image : image + 2], dtype=np.int32)
        planes = (numbers >> shift).astype(np.uint8).reshape(3, *self.sizes[image])
        return np.ascontiguousarray(planes.transpose(1, 2, 0))


def _flat(made: Tensors, name: str) -> Float[np.ndarray, " values"]:
    return np.asarray(made[name].float().flatten())


def _changed(one: Tensors, other: Tensors) -> list[str]:
    return [name for name in one if not one[name].equal(other[name])]


def _shapes(made: Tensors) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in made.items()}
