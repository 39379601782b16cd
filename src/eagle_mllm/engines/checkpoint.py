"""A vocabulary from a local checkpoint of the served model: exact ids, and what the model sees."""

from collections.abc import Sequence
from functools import cached_property, partial

from eagle_mllm.arrays import RGBImage
from eagle_mllm.attribution.conversation import Asked, prompt_of
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.attribution.words.departure import Encode
from eagle_mllm.engines.vocabulary import Opened, Reach, Vocabulary
from eagle_mllm.models.families.base import Family
from eagle_mllm.models.last_prompt import LastPrompt
from eagle_mllm.models.pixels.seen import hideable_regions, seen_regions


class CheckpointVocabulary(Vocabulary):
    """The tokenizer, chat template and image processor of a checkpoint, without its weights.

    Args:
        family: how its inputs are made
        ends: the ids that end an answer, the usual one first
    """

    source = "checkpoint"

    def __init__(self, family: Family, ends: Sequence[int]) -> None:
        self.family = family
        self.family_name = family.name
        self._ends = list(ends)
        self._encode = LastPrompt(family)

    @property
    def ends(self) -> frozenset[int]:
        """See `Vocabulary`."""
        return frozenset(self._ends)

    @cached_property
    def special(self) -> frozenset[int]:
        """See `Vocabulary`."""
        return frozenset({*self.family.chat.control_tokens, *self._ends})

    def open(self, image: RGBImage, prompt: Asked) -> Opened:
        """See `Vocabulary`.

        Raises:
            ImageError: the image processor refuses an image of this size
        """
        chat = self.family.chat
        encoded = self._encode(image, prompt_of(prompt), text=chat.prompt_text(prompt))
        return Opened(
            prompt=prompt,
            text=encoded.text,
            placeholder=chat.image_token,
            ids=encoded.ids,
            short_ids=chat.encode_prompt(encoded.text),
            starts=chat.adds_special_tokens(encoded.text),
        )

    def encode_answer(self, prompt: Asked, answer: str) -> tuple[int, ...]:
        """See `Vocabulary`."""
        return self.family.chat.encode_answer(prompt, answer)

    def encoder(self, prompt: Asked) -> Encode:
        """See `Vocabulary`; of the tokenizer alone, without the last image."""
        return partial(self.family.chat.encode_answer, prompt)

    def end_id(self, prompt: Asked) -> int | None:
        """See `Vocabulary`."""
        return self.family.chat.end_id(prompt, self._ends)

    def decode(self, ids: Sequence[int]) -> str:
        """See `Vocabulary`."""
        return self.family.chat.decode(ids)

    def reach(self, image: RGBImage, filled: RGBImage, regions: Regions) -> Reach:
        """See `Vocabulary`."""
        size = image.shape[:2]
        views = self.family.views(size)
        if views is None:
            return super().reach(image, filled, regions)
        return Reach(
            seen_regions(views, size, regions=regions),
            hideable_regions(views, image, filled=filled, regions=regions),
        )
