"""Any image-text-to-text model of transformers, through its own processor."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from eagle_mllm.arrays import RGBImage
from eagle_mllm.errors import ImageError, ModelError
from eagle_mllm.models.families.bare import image_ids, surrounded
from eagle_mllm.models.families.base import EncodedPrompt, Family, ProcessorParts
from eagle_mllm.models.families.layout import IDS, Layout, learnt_layout
from eagle_mllm.models.pixels.pipeline import PixelPipeline
from eagle_mllm.models.pixels.source import Tensors
from eagle_mllm.models.pixels.tracing import traced_pipeline

_DROPPED = ("labels", "special_tokens_mask")

_ANSWER_TYPE = {"paligemma": 1}
"""Token type of an answer where it is not its prompt's: PaliGemma reads type 0 both ways."""

_ANY_IMAGE = np.zeros((64, 64, 3), np.uint8)


class Generic(Family):
    """A slower path that needs no knowledge of the model: the processor runs once per image."""

    name = "generic"
    needs_processor = True

    def __init__(self, config: Any, parts: ProcessorParts) -> None:
        if parts.processor is None:
            raise ModelError(
                f"a {config.model_type!r} model is served through its whole processor; "
                "pass `processor=`"
            )
        super().__init__(config, parts)
        self._learnt: Layout | None = None
        self._text = ""

    @property
    def images_per_pass(self) -> int | None:
        """One where a batch of the processor is not just its images one after the other."""
        return 1 if self._learnt is not None and self._learnt.batch is None else None

    def encode(self, image: RGBImage, prompt: str, *, text: str | None = None) -> EncodedPrompt:
        """See `Family.encode`."""
        text = self.chat.prompt_text(prompt) if text is None else text
        inputs = self._process([image], text)
        if self._learnt is None:
            self._learnt = learnt_layout(self._process, image, text)
        self._text = text
        per_token = self._learnt.per_token
        return EncodedPrompt(
            prompt=prompt,
            size=image.shape[:2],
            text=text,
            ids=tuple(inputs[IDS][0].tolist()),
            pixels=self._pixel_arguments(inputs),
            extras={name: value for name, value in inputs.items() if name in per_token},
        )

    def pixels(self, images: Sequence[RGBImage], prompt: EncodedPrompt) -> Tensors:
        """See `Family.pixels`."""
        # One call per image: processors differ in how they nest and pad larger batches.
        each = [self._pixel_arguments(self._process([image], prompt.text)) for image in images]
        return self._layout.joined(each)

    def text_inputs(
        self, module: Any, prompt: EncodedPrompt, ids: Tensor, *, batch: int
    ) -> Tensors:
        """Ids, and whatever the processor says about each token, continued over the answer."""
        del module
        row = ids.expand(1, -1)
        inputs = {IDS: row}
        for name, value in prompt.extras.items():
            inputs[name] = self._continued(name, value.to(ids.device), row.shape[1])
        return {
            name: value.expand(batch, *value.shape[1:]).contiguous()
            for name, value in inputs.items()
        }

    def generation_inputs(self, prompt: EncodedPrompt) -> Tensors:
        """See `Family.generation_inputs`."""
        ids = torch.tensor([prompt.given_ids or prompt.ids])
        return {IDS: ids, **prompt.extras, **prompt.pixels}

    def pixel_pipeline(self, size: tuple[int, int]) -> PixelPipeline | None:
        """See `Family.pixel_pipeline`. None before a prompt was encoded."""
        return None if self._learnt is None else super().pixel_pipeline(size)

    def _traced(self, size: tuple[int, int]) -> PixelPipeline | None:
        dimensions = self._layout.batch or {}

        def process(images: Sequence[RGBImage]) -> Tensors:
            return self._pixel_arguments(self._process(images, self._text))

        return traced_pipeline(process, size, batch=lambda name: dimensions.get(name, 0))

    @property
    def _layout(self) -> Layout:
        assert self._learnt is not None, "images are processed after a prompt was encoded"
        return self._learnt

    def _pixel_arguments(self, inputs: Tensors) -> Tensors:
        text = {IDS, *self._layout.per_token}
        return {name: value for name, value in inputs.items() if name not in text}

    def _continued(self, name: str, value: Tensor, length: int) -> Tensor:
        """What the processor says of the last token of a prompt, which is text, holds of all."""
        added = length - value.shape[1]
        if added <= 0:
            return value[:, :length]
        tail = value[:, -1:].repeat(1, added, *[1] * (value.ndim - 2))
        if name == "token_type_ids" and self.config.model_type in _ANSWER_TYPE:
            tail = torch.full_like(tail, _ANSWER_TYPE[self.config.model_type])
        return torch.cat([value, tail], dim=1)

    def _image_token(self) -> str:
        token = getattr(self.parts.processor, "image_token", None)
        return str(token) if token is not None else ""

    def _bare_image(self) -> str:
        """Nothing where the processor puts an image before a text itself."""
        token = self._image_token()
        wanted = image_ids(self.config, self.parts.processor)
        ids = self._ids_of("a", bare=True)
        if ids and (not wanted or wanted & ids):
            return ""
        around = surrounded(token, self.config, self.parts.tokenizer)
        # Some processors write what is around an image when they expand its placeholder.
        start = self.parts.tokenizer.convert_tokens_to_ids(around.partition(token)[0] or token)
        return token if start in self._ids_of(f"{token}a", bare=True) - wanted else around

    def _ids_of(self, text: str, *, bare: bool) -> set[int]:
        try:
            return {*self._process([_ANY_IMAGE], text, bare=bare)[IDS][0].tolist()}
        except (ImageError, IndexError, RuntimeError):
            return set()

    def _process(
        self, images: Sequence[RGBImage], text: str, *, bare: bool | None = None
    ) -> Tensors:
        try:
            return self._called([Image.fromarray(image) for image in images], text, bare=bare)
        except ValueError as error:
            height, width = images[0].shape[:2]
            raise ImageError(
                f"the model's processor refuses this prompt with an image of {width}x{height} "
                f"pixels: {error}"
            ) from error

    def _called(self, images: list[Image.Image], text: str, *, bare: bool | None) -> Tensors:
        options: dict[str, Any] = {}
        if not (self.chat.template is None if bare is None else bare):
            options["add_special_tokens"] = self.chat.adds_special_tokens(text)
        options |= dict.fromkeys(_unasked(self.parts.processor), True)
        call = partial(self.parts.processor, return_tensors="pt", **options)
        if len(images) == 1:
            processed = call(images=images, text=text)
        else:
            processed = _together(call, images, text)
        return {
            name: value
            for name, value in processed.items()
            if isinstance(value, Tensor) and name not in _DROPPED
        }


def _unasked(processor: Any) -> list[str]:
    """Options by which a processor returns what it names among its model's arguments.

    Cosmos 3 Edge cannot place its image without the types of its tokens, which its processor names
    and leaves out unless it is asked.
    """
    names = getattr(processor, "model_input_names", ())
    options = [f"return_{name}" for name in names]
    return [option for option in options if getattr(processor, option, None) is False]


def _together(call: Callable[..., Any], images: list[Image.Image], text: str) -> Any:
    """A batch with one image for each text, nested or flat, whichever a processor takes."""
    texts = [text] * len(images)
    try:
        return call(images=[[image] for image in images], text=texts)
    except (ValueError, TypeError, IndexError, AttributeError, RuntimeError):
        return call(images=images, text=texts)
