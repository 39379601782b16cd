"""Models of transformers behind the `Model` interface."""

from collections.abc import Callable, Collection, Hashable, Mapping
from functools import cached_property, partial
from typing import Any

from eagle_mllm.arrays import RGBImage
from eagle_mllm.attribution.conversation import Asked, Messages, prompt_of, question_of
from eagle_mllm.attribution.generation import Generation, Target
from eagle_mllm.attribution.images import ImageLike, path_of, pixels_of
from eagle_mllm.attribution.masking import FillName
from eagle_mllm.attribution.model import ModelInfo, require_explainable, require_within
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.attribution.white_box import WhiteBoxModel
from eagle_mllm.attribution.words.spelling import spelled
from eagle_mllm.errors import ModelError
from eagle_mllm.models.adapters import without_wrapper
from eagle_mllm.models.batch_size import AutoBatchSize
from eagle_mllm.models.compiling import compiled
from eagle_mllm.models.decoding import end_ids, written
from eagle_mllm.models.details import details_of
from eagle_mllm.models.families import family_class
from eagle_mllm.models.families.base import EncodedPrompt, Family, given_parts
from eagle_mllm.models.last_prompt import LastPrompt
from eagle_mllm.models.pixel_choice import bind_pixels, offered_path
from eagle_mllm.models.placing import input_device, to_module
from eagle_mllm.models.prompt_start import PromptStart, prompt_start
from eagle_mllm.models.scorer import HuggingFaceScorer, fits, require_evaluation_mode
from eagle_mllm.models.self_check import SelfCheck, model_border
from eagle_mllm.models.settings import BatchSize, PixelChoice, checked_batch_size
from eagle_mllm.models.vocabulary import token_texts_of
from eagle_mllm.models.white_box import HuggingFaceWhiteBox


class HuggingFaceModel(WhiteBoxModel):
    """An image-text-to-text model of transformers, loaded and in evaluation mode.

    `eagle_mllm.load_model` makes one from a name; `from_model` wraps one that you have loaded
    yourself. The wrapped module is never changed: no mode, no precision, no hooks.

    Args:
        module: the transformers model
        family: how its inputs are made
        name: under which it is reported
        revision: commit of its hub repository
        base: the model that was adapted, where this is an adapter
        batch_size: images per forward pass
        pixels: how hidden regions reach the model; see `eagle_mllm.load_model`
        compile: whether torch compiles it; see `eagle_mllm.load_model`

    Raises:
        SettingError: the batch size or the choice of pixels is unknown
        ModelError: the pixels cannot be made so
    """

    def __init__(
        self,
        module: Any,
        family: Family,
        *,
        name: str,
        revision: str | None = None,
        base: str | None = None,
        batch_size: BatchSize = "auto",
        pixels: PixelChoice = "auto",
        compile: bool = False,  # as torch calls it
    ) -> None:
        self.module = module
        self._call = compiled(module) if compile else None
        self.family = family
        self._encode = LastPrompt(family)
        self._name = name
        self._revision = revision
        self._base = base
        self._batch_size = checked_batch_size(batch_size)
        self._auto_batch_size = AutoBatchSize.on(input_device(module))
        self._choice = pixels
        self._pixels = offered_path(pixels, family)
        self._pixels_reason: str | None = None
        self._check = SelfCheck(module, family, name=name)
        self._start: PromptStart | None = None

    @classmethod
    def from_model(
        cls,
        module: Any,
        *,
        processor: Any = None,
        tokenizer: Any = None,
        image_processor: Any = None,
        batch_size: BatchSize = "auto",
        pixels: PixelChoice = "auto",
        compile: bool = False,
    ) -> "HuggingFaceModel":
        """Wrap a model that is already loaded.

        Args:
            module: an image-text-to-text model of transformers, or a `PeftModel` of one
            processor: its processor; or, for the families with their own adapter (LLaVA,
                Qwen-VL, InternVL), where the processor needs torchvision,
            tokenizer: its tokenizer, with the chat template, and
            image_processor: its image processor
            batch_size: images per forward pass; see `eagle_mllm.load_model`
            pixels: how hidden regions reach the model; see `eagle_mllm.load_model`
            compile: whether torch compiles it; see `eagle_mllm.load_model`

        Raises:
            ModelError: neither a processor nor both of its parts are given
        """
        module = without_wrapper(module)
        parts = given_parts(processor, tokenizer=tokenizer, image_processor=image_processor)
        family = family_class(module.config)(module.config, parts)
        return cls(
            module,
            family,
            name=module.config.name_or_path or type(module).__name__,
            revision=getattr(module.config, "_commit_hash", None),
            batch_size=batch_size,
            pixels=pixels,
            compile=compile,
        )

    @property
    def info(self) -> ModelInfo:
        """Which model this is, and what changes its numbers."""
        details = details_of(self.module, self.family)
        details |= {"pixels": self._pixels, "batch_size": str(self._batch_size)}
        others = {
            "pixels_reason": self._pixels_reason,
            "batch_reason": self._check.batch_reason,
            "compiled": None if self._call is None else "yes",
            "base": self._base,
        }
        details |= {name: text for name, text in others.items() if text is not None}
        return ModelInfo(
            id=self._name,
            revision=self._revision,
            family=self.family.name,
            dtype=str(self.module.dtype).removeprefix("torch."),
            device=str(input_device(self.module)),
            details=details,
        )

    def __repr__(self) -> str:
        """Short: id, family, precision and device."""
        info = self.info
        return f"HuggingFaceModel({info.id!r}, {info.family}, {info.dtype}, {info.device})"

    def generate(
        self,
        image: ImageLike,
        prompt: Asked | None = None,
        *,
        messages: Messages | None = None,
        max_new_tokens: int = 128,
        image_path: str | None = None,
    ) -> Generation:
        """See `Model`. Greedy means the arg max of the model's distribution.

        Sampling, beams and repetition penalties that a checkpoint suggests are left out, because
        the explanation is about that distribution. An image that the processor refuses, and parts
        that do not fit together, are errors too.
        """
        if max_new_tokens < 1:
            raise ModelError(f"max_new_tokens must be at least 1; got {max_new_tokens}")
        require_evaluation_mode(self.module)
        pixels, asked = pixels_of(image), question_of(prompt, messages)
        with model_border(self.module, f"{self._name} cannot answer"):
            encoded = self._encoded(pixels, asked)
            inputs = to_module(self.family.generation_inputs(encoded), self.module)
            answer = written(
                self.module, inputs, ends=self._end_ids(), max_new_tokens=max_new_tokens
            )
        path = image_path or path_of(image)
        return self._generation(pixels, encoded, answer.ids, asked=asked, path=path)

    def with_answer(
        self,
        image: ImageLike,
        prompt: Asked | None = None,
        answer: str = "",
        *,
        messages: Messages | None = None,
        image_path: str | None = None,
    ) -> Generation:
        """See `Model`; an answer that the vocabulary cannot write is refused too."""
        pixels, asked = pixels_of(image), question_of(prompt, messages)
        with model_border(self.module, f"{self._name} cannot answer"):
            text = self.family.chat.answered_text(asked)
            encoded = self._encoded(pixels, asked, text=text)
        ids = self.family.chat.encode_answer(asked, answer)
        end = self.family.chat.end_id(asked, self._end_ids())
        written = ids if end is None else (*ids, end)
        path = image_path or path_of(image)
        return self._generation(pixels, encoded, written, asked=asked, path=path)

    def scorer(
        self,
        generation: Generation,
        target: Target,
        regions: Regions,
        *,
        fill: FillName = "black",
    ) -> HuggingFaceScorer:
        """A scorer bound to one answer, its target tokens and a partition of its image.

        Raises:
            RegionError: the partition has another size than the image
            TargetError: a target position lies outside the answer
            ModelError: the answer was not written with this model's vocabulary, or the fast
                pixels are not those of the image processor
        """
        require_explainable(generation, target, regions)
        self._require_own(generation)
        encoded = self._encoded(generation.image, generation.asked, text=generation.rendered)
        self._check(encoded, generation.ids)
        bound = bind_pixels(
            self._choice,
            self.family,
            encoded,
            image=generation.image,
            regions=regions,
            fill=fill,
            device=input_device(self.module),
        )
        self._pixels, self._pixels_reason = bound.path, bound.reason
        make = partial(
            HuggingFaceScorer,
            self.module,
            self.family,
            encoded,
            answer=generation.ids,
            target=target,
            pixels=bound.source,
            call=self._call,
        )
        shapes = [(name, *values.shape) for name, values in encoded.pixels.items()]
        shape = (len(encoded.ids) + max(target.positions), len(target), *shapes)
        return make(batch_size=self._images_a_pass(make, shape, n_regions=len(regions)))

    def spellings(self, words: Collection[str]) -> Mapping[int, str]:
        """See `Model`. The vocabulary is read once, at the first call."""
        return spelled(self._token_texts, words)

    @cached_property
    def _token_texts(self) -> tuple[tuple[int, str], ...]:
        return token_texts_of(self.family.parts.tokenizer)

    def white_box(self, generation: Generation, target: Target) -> HuggingFaceWhiteBox:
        """A look into the model at one answer: activations, gradients, attention.

        Raises:
            TargetError: a target position lies outside the answer
            ModelError: the answer was not written with this model's vocabulary, or the model is
                in training mode
        """
        require_within(generation, target)
        self._require_own(generation)
        encoded = self._encoded(generation.image, generation.asked, text=generation.rendered)
        self._check(encoded, generation.ids)
        return HuggingFaceWhiteBox(
            self.module, self.family, encoded, generation=generation, target=target
        )

    def _encoded(self, image: RGBImage, asked: Asked, *, text: str | None = None) -> EncodedPrompt:
        """The prompt as it is scored: from where the model's own `generate` starts."""
        if text is None:
            text = self.family.chat.prompt_text(asked)
        encoded = self._encode(image, prompt_of(asked), text=text)
        if self._start is None:
            self._start = prompt_start(self.module, self.family, encoded, ends=self._end_ids())
        return self._start(encoded)

    def _images_a_pass(
        self, make: Callable[..., HuggingFaceScorer], shape: Hashable, *, n_regions: int
    ) -> int:
        if (most := self._check.images_per_pass) is not None:
            return most
        if self._batch_size != "auto":
            return self._batch_size
        return self._auto_batch_size(shape, partial(fits, make, n_regions=n_regions))

    def _require_own(self, generation: Generation) -> None:
        if self.family.chat.decode(generation.ids) != generation.text:
            raise ModelError(
                f"the ids of this generation do not read {generation.text!r} in the vocabulary "
                f"of {self._name}; generate the answer, or give it by with_answer, on this model"
            )

    def _generation(
        self,
        pixels: RGBImage,
        encoded: EncodedPrompt,
        ids: tuple[int, ...],
        *,
        asked: Asked,
        path: str | None,
    ) -> Generation:
        chat = self.family.chat
        return Generation.from_ids(
            ids,
            image=pixels,
            prompt=asked,
            decode=chat.decode,
            special={*chat.control_tokens, *self._end_ids()},
            image_path=path,
            # Of the tokenizer alone: an answer that is kept does not keep the model in memory.
            encode=partial(chat.encode_answer, asked),
            rendered=encoded.text,
        )

    def _end_ids(self) -> list[int]:
        return end_ids(self.module, self.family.parts.tokenizer)
