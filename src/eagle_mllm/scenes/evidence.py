"""The evidence of a model's words about a scene, known by construction."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from eagle_mllm.arrays import Mask
from eagle_mllm.attribution.generation import Generation
from eagle_mllm.attribution.words.spans import Word
from eagle_mllm.scenes.language import CaptionWord
from eagle_mllm.scenes.scene import Scene


@dataclass(frozen=True, kw_only=True)
class KnownWord:
    """A word of an answer whose evidence is known."""

    word: Word
    """The word of the answer, with its token positions."""
    truth: CaptionWord
    """The caption's word: its kind, and the objects that are its evidence."""


def known_words(example: Scene, generation: Generation) -> tuple[KnownWord, ...]:
    """The words of a generated caption that agree with the true one, place by place.

    Words from the first disagreement on are left out: after a wrong word the caption may speak
    of other objects, and its evidence is not known.
    """
    known = []
    for word, truth in zip(generation.words, example.caption_words, strict=False):
        if word.text != truth.text:
            break
        known.append(KnownWord(word=word, truth=truth))
    return tuple(known)


def evidence_of(example: Scene, words: Iterable[KnownWord]) -> Mask:
    """True on the objects that are the evidence of some words; nowhere if they need no eyes.

    Args:
        example: the scene
        words: words about it
    """
    evidence = np.zeros((example.image.height, example.image.width), dtype=bool)
    for index in {index for word in words for index in word.truth.objects}:
        evidence |= example.objects[index].mask
    return evidence
