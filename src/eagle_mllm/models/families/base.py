"""What every model family must be able to do."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from torch import Tensor

from eagle_mllm.arrays import RGBImage
from eagle_mllm.errors import ModelError
from eagle_mllm.models.chat import Chat, chat_template
from eagle_mllm.models.families.bare import bare_template, surrounded
from eagle_mllm.models.pixels.pipeline import PixelPipeline, View
from eagle_mllm.models.pixels.source import PixelSource, Tensors
from eagle_mllm.models.token_grid import TokenGrid
from eagle_mllm.models.vision import VisionEncoder


@dataclass(frozen=True, kw_only=True)
class ProcessorParts:
    """The pieces of a checkpoint that turn an image and a prompt into numbers."""

    tokenizer: Any
    image_processor: Any
    chat_template: str | None = None
    processor: Any = None
    """The whole processor; only families that go through it need one."""
    template_options: Mapping[str, Any] = field(default_factory=dict)
    """Options of the chat template."""
    system: str | None = None
    """The system prompt."""


def given_parts(processor: Any, *, tokenizer: Any, image_processor: Any) -> ProcessorParts:
    """The parts that somebody has read already.

    Args:
        processor: the whole processor, or None
        tokenizer: by default the processor's
        image_processor: by default the processor's

    Raises:
        ModelError: neither a processor nor both of its parts are given
    """
    tokenizer = tokenizer or getattr(processor, "tokenizer", None)
    image_processor = image_processor or getattr(processor, "image_processor", None)
    if tokenizer is None or (processor is None and image_processor is None):
        raise ModelError(
            "a loaded model needs `processor=`, or both `tokenizer=` and `image_processor=`"
        )
    return ProcessorParts(
        tokenizer=tokenizer,
        image_processor=image_processor,
        chat_template=chat_template(processor, tokenizer),
        processor=processor,
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class EncodedPrompt:
    """One image and one prompt, ready for a model."""

    prompt: str
    size: tuple[int, int]
    """Height and width of the image."""
    text: str
    """The prompt as the chat template writes it, with one image placeholder."""
    ids: tuple[int, ...]
    """Token ids of `text`, the placeholder repeated once for each image feature."""
    pixels: Mapping[str, Tensor]
    """Pixel arguments of the untouched image."""
    extras: Mapping[str, Tensor]
    """Other arguments that came with the prompt (token types and the like), batch of one."""
    given_ids: tuple[int, ...] | None = None
    """What the model's `generate` has to be given, where it makes `ids` of it; None: the ids."""


_KEPT_SIZES = 4
"""Of images: an evaluation returns to none, a demonstration to a few."""


class Family(ABC):
    """Assembles the inputs of one kind of model.

    Args:
        config: the model's transformers configuration
        parts: tokenizer, image processor and chat template of the checkpoint
    """

    name: ClassVar[str]
    needs_processor: ClassVar[bool] = False

    def __init__(self, config: Any, parts: ProcessorParts) -> None:
        self.config = config
        self.parts = parts
        template = parts.chat_template or bare_template(config)
        self.chat = Chat(
            parts.tokenizer,
            template,
            self._image_token(),
            bare_image=None if template else self._bare_image(),
            options=parts.template_options,
            system=parts.system,
        )
        self._pipelines: dict[tuple[int, int], PixelPipeline | None] = {}

    @classmethod
    def supports(cls, config: Any) -> bool:
        """Whether this family can serve a model of its `model_type`; if not, `generic` does."""
        del config
        return True

    @property
    def images_per_pass(self) -> int | None:
        """The most images that a pass may have; None where any number may."""
        return None

    @abstractmethod
    def encode(self, image: RGBImage, prompt: str, *, text: str | None = None) -> EncodedPrompt:
        """Everything the model needs to answer `prompt` about `image`.

        Args:
            image: the image
            prompt: what the user asks
            text: the prompt as the chat template wrote it before; by default it is written now

        Raises:
            ImageError: the image processor refuses an image of this size
            ModelError: the prompt holds a placeholder of its own, or its template holds none
        """

    @abstractmethod
    def pixels(self, images: Sequence[RGBImage], prompt: EncodedPrompt) -> Tensors:
        """Pixel arguments of a batch of images that all have the size of the prompt's image."""

    @property
    def uses_pillow(self) -> bool:
        """Whether the image processor may be one whose steps can be told: one that uses Pillow."""
        return getattr(self.parts.image_processor, "backend", "pil") == "pil"

    def pixel_pipeline(self, size: tuple[int, int]) -> PixelPipeline | None:
        """The steps of `pixels` for images of this height and width, as data.

        None where they cannot be told from what the image processor does, and where none was
        processed yet if it takes a prompt for that. The last few sizes are kept.
        """
        if size not in self._pipelines:
            while len(self._pipelines) >= _KEPT_SIZES:
                self._pipelines.pop(next(iter(self._pipelines)))
            self._pipelines[size] = self._traced(size) if self.uses_pillow else None
        return self._pipelines[size]

    def views(self, size: tuple[int, int]) -> tuple[View, ...] | None:
        """What the model gets to see of images of this height and width; None if not known."""
        pipeline = self.pixel_pipeline(size)
        return None if pipeline is None else pipeline.views

    @abstractmethod
    def _traced(self, size: tuple[int, int]) -> PixelPipeline | None:
        """`pixel_pipeline`, told from the image processor."""

    def token_grid(self, prompt: EncodedPrompt) -> TokenGrid:
        """Where each image token of the prompt looks.

        Raises:
            ModelError: it is not known for this model or the settings of its image processor
        """
        del prompt
        raise ModelError(
            f"where the image tokens of a {self.config.model_type!r} model look is not known; use "
            "a LLaVA 1.5, Qwen-VL or InternVL checkpoint, or a method that only asks for scores"
        )

    def vision_encoder(
        self, module: Any, prompt: EncodedPrompt, pixels: PixelSource
    ) -> VisionEncoder | None:
        """A faster way to the image features of one sample; None leaves it to the model's own.

        Args:
            module: the transformers model
            prompt: the encoded image, whose grid or tiles all subsets share
            pixels: where the pixels of subsets come from
        """
        del module, prompt, pixels
        return None

    def image_encoder(self, module: Any, prompt: EncodedPrompt) -> VisionEncoder | None:
        """The same for any images of one size, with gradients if asked for; None as there.

        Args:
            module: the transformers model
            prompt: the encoded image, whose grid the others share
        """
        del module, prompt
        return None

    @abstractmethod
    def text_inputs(
        self, module: Any, prompt: EncodedPrompt, ids: Tensor, *, batch: int
    ) -> Tensors:
        """Text arguments of a scoring pass: `ids` (prompt and answer) repeated `batch` times."""

    @abstractmethod
    def generation_inputs(self, prompt: EncodedPrompt) -> Tensors:
        """Arguments of `generate`, a batch of one."""

    def _image_token(self) -> str:
        return str(self.parts.tokenizer.convert_ids_to_tokens(int(self.config.image_token_id)))

    def _bare_image(self) -> str:
        """What stands for the image where there is no chat template."""
        return surrounded(self._image_token(), self.config, self.parts.tokenizer)
