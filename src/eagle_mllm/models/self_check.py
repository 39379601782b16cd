"""Whether a model is scored as it answers: what is checked once, when it is first scored.

A model that nobody has tried may lay out its inputs in ways that no code here knows, and its
numbers would be wrong without a word. So two subsets together must score as each alone, a scored
token must be as probable as when the model generates it, and a black picture must not be a white
one.
"""

import math
import warnings
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from eagle_mllm.arrays import RGBImage
from eagle_mllm.attribution.generation import Target
from eagle_mllm.borders import border
from eagle_mllm.errors import ModelError
from eagle_mllm.models.decoding import written
from eagle_mllm.models.families.base import EncodedPrompt, Family
from eagle_mllm.models.forward import TeacherForced
from eagle_mllm.models.pixels.source import Tensors
from eagle_mllm.models.placing import to_module
from eagle_mllm.models.scorer import is_out_of_memory, require_evaluation_mode, returned_nan

Scores = Float[Tensor, "batch tokens"]

_N_TOKENS = 2
"""Tokens of the answer that are checked."""

_TOLERANCE = 0.01
"""Difference in log p that rounding may make in float32."""

_HALF_TOLERANCE, _HALF_FLOOR = 0.5, math.log(1e-4)
"""The same in half precision, where log p below the floor counts as the floor."""


class SelfCheck:
    """Checks a model when it is first scored, and remembers that it has passed.

    Args:
        module: the transformers model
        family: how its inputs are made
        name: of the model, for messages
    """

    def __init__(self, module: Any, family: Family, *, name: str) -> None:
        self._module = module
        self._family = family
        self._name = name
        self.passed = False

    def __call__(self, prompt: EncodedPrompt, answer: tuple[int, ...]) -> None:
        """Refuse a model whose scores are not those of its own answers.

        Args:
            prompt: the encoded image and prompt
            answer: ids of an answer, of which the first two are looked at

        Raises:
            ModelError: it fails a check, or is in training mode
        """
        if self.passed or not answer:
            return
        require_evaluation_mode(self._module)
        check = _Check(self._module, self._family, prompt, answer[:_N_TOKENS])
        with model_border(self._module, f"{self._name} cannot be scored"):
            try:
                check.generation()
                check.batches()
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                return  # the scorer halves its passes, and says it where one image is too many
        self.passed = True


def model_border(module: Any, what: str) -> AbstractContextManager[None]:
    """What the parts of somebody's checkpoint raise, in one line of ours, with the model type.

    Args:
        module: the transformers model
        what: what was attempted, with the model's name
    """
    advice = "fetch the checkpoint again, or use a smaller image if memory ran out"
    return border(ModelError, f"{what} ({module.config.model_type!r})", advice=advice)


class _Check:
    def __init__(
        self, module: Any, family: Family, prompt: EncodedPrompt, answer: tuple[int, ...]
    ) -> None:
        self._module = module
        self._family = family
        self._prompt = prompt
        self._answer = answer
        target = Target(positions=tuple(range(len(answer))), ids=answer, text="")
        self._forced = TeacherForced(module, family, prompt, answer=answer, target=target)

    def generation(self) -> None:
        """The probability of a token is the one with which the model writes it."""
        inputs = to_module(self._family.generation_inputs(self._prompt), self._module)
        forced = written(
            self._module, inputs, ends=[], max_new_tokens=len(self._answer), forced=self._answer
        )
        if forced.logits is None or len(forced.ids) != len(self._answer):
            return  # its `generate` cannot be told what to write
        if forced.start not in (None, self._prompt.ids):
            raise self._refused(
                f"its `generate` begins with {len(forced.start)} tokens of its own and not with "
                f"the {len(self._prompt.ids)} of the prompt"
            )
        wide = forced.logits.float().log_softmax(dim=-1)
        expected = wide.gather(-1, torch.tensor(self._answer, device=wide.device)[:, None])
        scored = self._scores([], pixels=dict(self._prompt.pixels))
        self._require_close(scored, expected.T, "scoring a token and generating it")

    def batches(self) -> None:
        """Pictures together score as each alone, and a black one not as a white one."""
        black = np.zeros((*self._prompt.size, 3), np.uint8)
        pictures = [black, np.full_like(black, 255)]
        alone = [self._scores([picture]) for picture in pictures]
        if self._family.images_per_pass != 1:
            together = self._scores(pictures)
            self._require_close(together, torch.cat(alone), "two pictures together and each alone")
        if torch.equal(*alone):
            warnings.warn(
                f"{self._kind} does not see the picture: a black and a white one give the same "
                "probabilities, so no explanation can be found",
                stacklevel=2,
            )

    @torch.no_grad()
    def _scores(self, pictures: list[RGBImage], *, pixels: Tensors | None = None) -> Scores:
        if pixels is None:
            pixels = self._family.pixels(pictures, self._prompt)
        batch = max(len(pictures), 1)
        return self._forced(to_module(pixels, self._module), batch=batch).log_probability.float()

    def _require_close(self, one: Scores, other: Scores, what: str) -> None:
        tolerance = _TOLERANCE
        if self._module.dtype in (torch.float16, torch.bfloat16):
            tolerance = _HALF_TOLERANCE
            one, other = one.clamp(min=_HALF_FLOOR), other.clamp(min=_HALF_FLOOR)
        difference = float((one - other.to(one.device)).abs().max())
        if math.isnan(difference):
            raise returned_nan(self._module)
        if difference > tolerance:
            raise self._refused(f"{what} differ by {difference:.2g} in log probability")

    def _refused(self, why: str) -> ModelError:
        return ModelError(
            f"{self._kind} cannot be explained: {why}, so its numbers would be wrong; please "
            "report it with the output of `eagle check`"
        )

    @property
    def _kind(self) -> str:
        return f"this {self._module.config.model_type!r} model"
