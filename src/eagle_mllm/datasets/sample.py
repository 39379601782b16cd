"""One question about one image, with everything that is known of its answer."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from eagle_mllm.arrays import Mask
from eagle_mllm.attribution.generation import Generation
from eagle_mllm.datasets.images import FileImage, ImageSource, SceneImage
from eagle_mllm.datasets.truth import ObjectTruth
from eagle_mllm.errors import DataError
from eagle_mllm.scenes.evidence import KnownWord, evidence_of, known_words
from eagle_mllm.scenes.scene import Scene, Split, scene

__all__ = ["FileImage", "ImageSource", "ObjectTruth", "Sample", "SceneImage", "SceneRef", "Task"]

Task = Literal["caption", "object", "vqa", "existence"]
"""What the paper explains: a caption, one object's word in it, an answer, a "Yes" or "No"."""

_ID = re.compile(r"[A-Za-z0-9._-]+")


@dataclass(frozen=True)
class SceneRef:
    """A generated scene by its seed; cheap to keep and to send."""

    seed: int
    split: Split = "held-out"

    def scene(self) -> Scene:
        """The scene itself: objects, caption, questions."""
        return scene(self.seed, split=self.split)

    def known_words(self, generation: Generation) -> tuple[KnownWord, ...]:
        """The words of a generated caption whose evidence is known."""
        return known_words(self.scene(), generation)

    def evidence(self, words: Iterable[KnownWord]) -> Mask:
        """True on the objects that are the evidence of some of these words."""
        return evidence_of(self.scene(), words)


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One thing to ask a model.

    Raises:
        DataError: the id is not safe as a file name, or the prompt is empty
    """

    id: str
    """Unique in its data set, of letters, digits, dots, hyphens and underscores."""
    task: Task
    image: ImageSource
    prompt: str
    answer: str | None = None
    """A recorded answer to explain instead of asking the model."""
    answer_ids: tuple[int, ...] | None = None
    """Its token ids as recorded, with the end-of-sequence token if there was one: to be compared
    with, never fed to a model."""
    truth: str | None = None
    """The right answer where one is known: "Yes", "No", "(a)", a sentence about a scene. Captions
    of photographs have none; those of scenes have one that is true."""
    names: tuple[str, ...] = ()
    """Words by which an answer may name the object: singular, plural, spelt in one word."""
    object: ObjectTruth | None = None
    """Where the object is that the task, or the scene's question, is about."""
    scene: SceneRef | None = None

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id) or not self.id.strip("."):
            raise DataError(
                f"the sample id {self.id!r} cannot name a file; expected letters, digits, . _ -"
            )
        if not self.prompt.strip():
            raise DataError(f"sample {self.id} has an empty prompt; expected a question")
