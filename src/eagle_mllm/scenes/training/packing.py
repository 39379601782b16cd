"""Many questions about one picture in one sequence.

The picture's tokens come first and are seen by every turn; a turn sees itself and the picture but
no other turn, and its positions continue after the picture as if it were alone. So each turn is
learned exactly as it will be asked, at a fraction of the cost.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from eagle_mllm.scenes.training.architectures import SCENE_TOKENS
from eagle_mllm.scenes.training.corpus import Turn
from eagle_mllm.scenes.training.demo_models import DemoModel

IGNORED = -100
"""The target of positions where nothing is learned."""
_MARK = "\N{OBJECT REPLACEMENT CHARACTER}"


@dataclass(frozen=True)
class Prefix:
    """The tokens before every question: the beginning of the template and the image."""

    ids: tuple[int, ...]
    image_start: int


@dataclass(frozen=True)
class EncodedTurn:
    """The ids of a turn after the prefix; the last `n_answer` are learned, the end included."""

    ids: tuple[int, ...]
    n_answer: int


@dataclass(frozen=True)
class Pack:
    """A batch of packed sequences."""

    ids: Int[Tensor, "batch length"]
    steps: Int[Tensor, "batch length"]
    """How far a token is from the end of the prefix; negative inside it."""
    visible: Bool[Tensor, "batch 1 length length"]
    targets: Int[Tensor, "batch length"]
    """The id to predict at each position, `IGNORED` where nothing is learned."""
    weights: Float[Tensor, "batch length"]
    turn: Int[Tensor, "batch length"]
    """Index of the turn, 0 for the prefix, -1 for padding."""


class TurnEncoder:
    """Turns to ids through the tokenizer's own chat template; remembers what it has seen."""

    def __init__(self, demo: DemoModel, tokenizer: PreTrainedTokenizerFast) -> None:
        self.tokenizer = tokenizer
        self._image = demo.image_marks
        self._space = demo.space
        self._known: dict[tuple[str, str], EncodedTurn] = {}
        self.prefix = self._prefix()

    def encode(self, turn: Turn) -> EncodedTurn:
        """The ids of one turn after the prefix."""
        key = (turn.prompt, turn.answer)
        if key not in self._known:
            asked = self._ids(turn.prompt, "")
            answered = self._ids(turn.prompt, self._space + turn.answer)
            assert answered[: len(asked)] == asked, "the answer changes the question's tokens"
            end = (self.tokenizer.eos_token_id,)
            start = len(self.prefix.ids) - SCENE_TOKENS + 1
            self._known[key] = EncodedTurn(
                ids=answered[start:] + end, n_answer=len(answered) - len(asked) + 1
            )
        return self._known[key]

    def _ids(self, prompt: str, answer: str) -> tuple[int, ...]:
        token, before, after = self._image.token, self._image.before, self._image.after
        content = [{"type": "image"}, {"type": "text", "text": prompt}]
        message: list[dict[str, Any]] = [{"role": "user", "content": content}]
        text = self.tokenizer.apply_chat_template(
            message, tokenize=False, add_generation_prompt=True
        )
        text = str(text).replace(token, f"{before}{token}{after}") + answer
        return tuple(self.tokenizer(text).input_ids)

    def _prefix(self) -> Prefix:
        ids = self._ids(_MARK, "")
        image = self.tokenizer.convert_tokens_to_ids(self._image.token)
        start = ids.index(image)
        end = start + (2 if self._image.after else 1)
        expanded = ids[:start] + (image,) * SCENE_TOKENS + ids[start + 1 : end]
        return Prefix(expanded, start)


def pack(
    prefix: Prefix, dialogues: Sequence[Sequence[tuple[EncodedTurn, float]]], *, pad_id: int
) -> Pack:
    """One padded sequence per dialogue; each turn comes with its weight in the loss."""
    start = len(prefix.ids)
    length = start + max(sum(len(turn.ids) for turn, _ in turns) for turns in dialogues)
    shape = (len(dialogues), length)
    ids = torch.full(shape, pad_id)
    steps = torch.zeros(shape, dtype=torch.long)
    turn_index = torch.full(shape, -1)
    targets = torch.full(shape, IGNORED)
    weights = torch.zeros(shape)
    for row, turns in enumerate(dialogues):
        ids[row, :start] = torch.tensor(prefix.ids)
        steps[row, :start] = torch.arange(-start, 0)
        turn_index[row, :start] = 0
        at = start
        for number, (turn, weight) in enumerate(turns, start=1):
            stop = at + len(turn.ids)
            ids[row, at:stop] = torch.tensor(turn.ids)
            steps[row, at:stop] = torch.arange(len(turn.ids))
            turn_index[row, at:stop] = number
            learned = slice(stop - turn.n_answer - 1, stop - 1)
            targets[row, learned] = torch.tensor(turn.ids[-turn.n_answer :])
            weights[row, learned] = weight
            at = stop
    return Pack(ids, steps, _visible(turn_index), targets, weights, turn_index)


def _visible(turn: Int[Tensor, "batch length"]) -> Bool[Tensor, "batch 1 length length"]:
    length = turn.shape[1]
    causal = torch.ones(length, length, dtype=torch.bool).tril()
    same = turn[:, :, None] == turn[:, None, :]
    shared = (turn == 0)[:, None, :]
    return ((same | shared) & causal)[:, None]
