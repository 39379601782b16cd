"""Encodes an image and a prompt once for an answer and the scorers that explain it."""

from hashlib import blake2b
from typing import NamedTuple

import numpy as np

from eagle_mllm.arrays import RGBImage
from eagle_mllm.models.families.base import EncodedPrompt, Family


class _Key(NamedTuple):
    prompt: str
    text: str
    """As the chat template writes it."""
    shape: tuple[int, ...]
    digest: bytes
    """Of the pixels: a photograph is not kept, and the caller may write to its own."""


class LastPrompt:
    """Encodes prompts of a family and remembers the last one, image processor and all.

    Args:
        family: how a model's inputs are made
    """

    def __init__(self, family: Family) -> None:
        self._family = family
        self._last: tuple[_Key, EncodedPrompt] | None = None

    def __call__(self, image: RGBImage, prompt: str, *, text: str) -> EncodedPrompt:
        """See `Family.encode`; the text is as the chat template writes it."""
        digest = blake2b(np.ascontiguousarray(image).data).digest()
        key = _Key(prompt, text, image.shape, digest)
        last = self._last  # another thread may replace it
        if last is not None and last[0] == key:
            return last[1]
        encoded = self._family.encode(image, prompt, text=text)
        self._last = key, encoded
        return encoded
