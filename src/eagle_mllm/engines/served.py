"""A served model behind the `Model` interface."""

from collections.abc import Mapping, Sequence

from eagle_mllm.arrays import RGBImage
from eagle_mllm.attribution.conversation import Asked, Messages, question_of
from eagle_mllm.attribution.generation import Generation, Target
from eagle_mllm.attribution.images import ImageLike, path_of, pixels_of
from eagle_mllm.attribution.masking import FillName
from eagle_mllm.attribution.model import Model, ModelInfo, require_explainable
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.engines.asking import Asking
from eagle_mllm.engines.cache import key_of, pixels_digest
from eagle_mllm.engines.scorer import Question, ServedScorer, questions_for
from eagle_mllm.engines.usage import Usage
from eagle_mllm.engines.vocabulary import Opened
from eagle_mllm.errors import ModelError, TargetError


class ServedModel(Model):
    """A model that one or more servers answer for; `eagle_mllm.connect` makes one.

    Where there are several servers, each image and prompt has its own, so that all scores of an
    explanation come from one.

    Args:
        servers: the same model on each, at least one
        name: that the servers know it by
        details: what the probe found, and whatever else changes the numbers
        concurrency: requests at once
        usage: what was sent so far, to all servers together
    """

    def __init__(
        self,
        servers: Sequence[Asking],
        *,
        name: str,
        details: Mapping[str, str],
        concurrency: int,
        usage: Usage,
    ) -> None:
        self._servers = list(servers)
        self._name = name
        self._details = dict(details)
        self._concurrency = concurrency
        self.usage = usage

    @property
    def info(self) -> ModelInfo:
        """Which model this is, on which engine, and how exact that is."""
        engine = self._servers[0].engine
        return ModelInfo(
            id=self._name,
            revision=None,
            family=engine.vocabulary.family_name,
            dtype=None,
            device=None,
            details={"engine": engine.name, "engine_version": engine.version, **self._details},
        )

    @property
    def concurrency(self) -> int:
        """Requests at once."""
        return self._concurrency

    @property
    def first_token_only(self) -> bool:
        """Whether the server can score nothing but the first token of an answer."""
        return not self._servers[0].engine.scores_answers

    def with_details(self, **details: str) -> "ServedModel":
        """The same with something more to say of it."""
        return ServedModel(
            self._servers,
            name=self._name,
            details={**self._details, **details},
            concurrency=self._concurrency,
            usage=self.usage,
        )

    def __repr__(self) -> str:
        """Short: name, engine and how many servers."""
        servers = len(self._servers)
        return f"ServedModel({self._name!r}, {self.info.details['engine']}, {servers} server(s))"

    def generate(
        self,
        image: ImageLike,
        prompt: Asked | None = None,
        *,
        messages: Messages | None = None,
        max_new_tokens: int = 128,
        image_path: str | None = None,
    ) -> Generation:
        """The model's own answer, by greedy decoding: one request.

        Raises:
            ImageError: the image cannot be read
            ModelError: the prompt is refused, the server cannot be reached or refuses
        """
        if max_new_tokens < 1:
            raise ModelError(f"max_new_tokens must be at least 1; got {max_new_tokens}")
        pixels, asked = pixels_of(image), question_of(prompt, messages)
        asking = self._server(pixels, asked)
        opened = asking.engine.vocabulary.open(pixels, asked)
        ids = asking.write(pixels, opened, max_new_tokens=max_new_tokens)
        return self._generation(asking, pixels, opened, ids, path=image_path or path_of(image))

    def with_answer(
        self,
        image: ImageLike,
        prompt: Asked | None = None,
        answer: str = "",
        *,
        messages: Messages | None = None,
        image_path: str | None = None,
    ) -> Generation:
        """A given answer, encoded as the model itself would write it and ended by EOS.

        Raises:
            ImageError: the image cannot be read
            ModelError: the prompt is refused
            TargetError: the answer is empty, is not Unicode, or holds a control token
        """
        pixels, asked = pixels_of(image), question_of(prompt, messages)
        asking = self._server(pixels, asked)
        vocabulary = asking.engine.vocabulary
        opened = vocabulary.open(pixels, asked)
        ids = vocabulary.encode_answer(asked, answer)
        end = vocabulary.end_id(asked)
        written = ids if end is None else (*ids, end)
        return self._generation(asking, pixels, opened, written, path=image_path or path_of(image))

    def scorer(
        self,
        generation: Generation,
        target: Target,
        regions: Regions,
        *,
        fill: FillName = "black",
    ) -> ServedScorer:
        """A scorer bound to one answer, its target tokens and a partition of its image.

        Raises:
            RegionError: the partition has another size than the image
            TargetError: a target position lies outside the answer, or beyond its first token where
                the server can score no other
            ModelError: the answer was not written with this model's vocabulary
        """
        require_explainable(generation, target, regions)
        asking, questions = self.questions(generation, target)
        return ServedScorer(
            asking,
            generation.image,
            regions,
            fill=fill,
            questions=questions,
            concurrency=self._concurrency,
        )

    def questions(self, generation: Generation, target: Target) -> tuple[Asking, list[Question]]:
        """Whom to ask about a target, and what; nothing is sent that a server charges for.

        Raises:
            TargetError: the server cannot score it
            ModelError: the answer was not written with this model's vocabulary
        """
        asking = self._server(generation.image, generation.asked)
        engine = asking.engine
        if not engine.scores_answers and any(target.positions):
            raise TargetError(
                f"the target lies at {target.positions}, and {engine.name} servers tell the "
                "probabilities of the first token only: they cannot score a given answer, and we "
                "do not simulate it; explain the token at 0 (--token 0), or serve the model by "
                "vLLM or llama.cpp"
            )
        if engine.vocabulary.decode(generation.ids) != generation.text:
            raise ModelError(
                f"the ids of this generation do not read {generation.text!r:.80} in the vocabulary "
                f"of {self._name}; generate the answer, or give it by with_answer, on this model"
            )
        opened = engine.vocabulary.open(generation.image, generation.asked)
        is_known = engine.vocabulary.source == "checkpoint"
        if is_known and generation.rendered not in (None, opened.text):
            raise ModelError(
                "the chat template writes this prompt otherwise than when it was answered, as one "
                "with today's date does; ask again"
            )
        return asking, questions_for(generation.ids, target, opened, engine)

    def prompt_tokens(self, image: RGBImage, prompt: Asked) -> int | None:
        """Tokens of a prompt about an image; None where only the server knows.

        Raises:
            ModelError: the prompt is refused
        """
        opened = self._server(image, prompt).engine.vocabulary.open(image, prompt)
        return None if opened.ids is None else len(opened.ids)

    def _server(self, image: RGBImage, asked: Asked) -> Asking:
        """The server of this sample: the same in every process and at every time."""
        if len(self._servers) == 1:
            return self._servers[0]
        plain = asked if isinstance(asked, str) else asked.messages
        digest = key_of(pixels_digest(image), plain)
        return self._servers[int.from_bytes(digest) % len(self._servers)]

    def _generation(
        self,
        asking: Asking,
        pixels: RGBImage,
        opened: Opened,
        ids: Sequence[int],
        *,
        path: str | None,
    ) -> Generation:
        vocabulary = asking.engine.vocabulary
        return Generation.from_ids(
            ids,
            image=pixels,
            prompt=opened.prompt,
            decode=vocabulary.decode,
            special=vocabulary.special,
            image_path=path,
            encode=vocabulary.encoder(opened.prompt),
            # A server writes an image in its own way, which no checkpoint reads.
            rendered=opened.text if vocabulary.source == "checkpoint" else None,
        )
