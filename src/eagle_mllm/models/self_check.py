"""Whether a model is scored as it answers: what is checked once, when it is first scored.

A model that nobody has tried may lay out its inputs in ways that no code here knows, and its
numbers would be wrong without a word. So a scored token must be as probable as when the model
generates it, pictures of one pass must score as each alone, wherever they are in it, and a black
picture must not be a white one. Where pictures of one pass do not, a pass has one.
"""

import math
import warnings
from contextlib import AbstractContextManager
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from eagle_mllm.arrays import RGBImage
from eagle_mllm.attribution.generation import Target
from eagle_mllm.borders import border, reason
from eagle_mllm.errors import ModelError
from eagle_mllm.models.decoding import written
from eagle_mllm.models.families.base import EncodedPrompt, Family
from eagle_mllm.models.forward import TeacherForced
from eagle_mllm.models.pixels.source import Tensors
from eagle_mllm.models.placing import input_device, to_module
from eagle_mllm.models.scorer import is_out_of_memory, require_evaluation_mode, returned_nan

Scores = Float[Tensor, "batch tokens"]

_N_TOKENS = 2
"""Tokens of the answer that are checked."""


class _Tolerance(NamedTuple):
    """Differences in log p that rounding may make."""

    generated: float
    """Between scoring a token and generating it, by other kernels."""

    alone: float
    """Between a picture among others and alone, by other shapes of the same kernels."""

    floor: float = -math.inf
    """Lower log p counts as this."""


_SINGLE = _Tolerance(generated=0.01, alone=1e-3)
_TF32 = _Tolerance(generated=0.01, alone=0.01)
"""Of float32 on a GPU, where convolutions of some shapes read ten bits after the point."""
_HALF = _Tolerance(generated=0.5, alone=0.5, floor=math.log(1e-4))

_MOVED, _TIMES = 1e-3, 2
"""Difference in log p between two places of one pass, by the same kernels: this much in any
precision, or so many times what the first place differs from a pass of its own."""


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
        self.images_per_pass: int | None = 1
        """The most images that a pass may have, until pictures together were seen to score as each
        alone; then None, any number."""
        self.batch_reason: str | None = None
        """Why pictures together do not score as each alone; None where they do."""

    def __call__(self, prompt: EncodedPrompt, answer: tuple[int, ...]) -> None:
        """Refuse a model whose scores are not those of its own answers; see how it is batched.

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
                check.blindness()
                self.batch_reason = check.batches()
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                # The scorer says it where one image is too many.
                self.batch_reason = "several pictures did not fit into memory when it was checked"
                return
        self.passed = True
        if self.batch_reason is None:
            self.images_per_pass = self._family.images_per_pass


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
        difference = self._difference(scored, expected.T)
        if difference > self._tolerance.generated:
            raise self._refused(
                f"scoring a token and generating it differ by {difference:.2g} in log probability"
            )

    def blindness(self) -> None:
        """A black picture does not score as a white one, or it is warned about."""
        if torch.equal(self._alone[1], self._alone[2]):
            warnings.warn(
                f"{self._kind} does not see the picture: a black and a white one give the same "
                "probabilities, so no explanation can be found",
                stacklevel=2,
            )

    def batches(self) -> str | None:
        """Why pictures of one pass do not score as each alone; None where they do.

        The same picture is first and last: a model may count the pictures of a pass, so that each
        is the further off the later it comes.
        """
        if self._family.images_per_pass == 1:
            return None
        try:
            together = self._scores([*self._pictures, self._pictures[0]])
        except Exception as error:  # whatever a model raises that takes one picture at a time
            if isinstance(error, RuntimeError) and is_out_of_memory(error):
                raise
            return f"a pass of several pictures fails: {reason(error)}"
        noise = self._difference(together[:1], self._alone[0])
        moved = self._difference(together[:1], together[-1:])
        among = self._difference(together[:-1], torch.cat(self._alone))
        if moved <= max(_MOVED, _TIMES * noise) and among <= self._tolerance.alone:
            return None
        found = f"{max(moved, among):.2g} in log probability"
        return f"a picture differs by {found} between a pass of several and one of its own"

    @cached_property
    def _pictures(self) -> list[RGBImage]:
        """Noise, black and white."""
        shape = (*self._prompt.size, 3)
        noise = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
        return [noise, np.zeros(shape, np.uint8), np.full(shape, 255, np.uint8)]

    @cached_property
    def _alone(self) -> list[Scores]:
        return [self._scores([picture]) for picture in self._pictures]

    @property
    def _tolerance(self) -> _Tolerance:
        if self._module.dtype in (torch.float16, torch.bfloat16):
            return _HALF
        return _SINGLE if input_device(self._module).type == "cpu" else _TF32

    @torch.no_grad()
    def _scores(self, pictures: list[RGBImage], *, pixels: Tensors | None = None) -> Scores:
        if pixels is None:
            pixels = self._family.pixels(pictures, self._prompt)
        batch = max(len(pictures), 1)
        return self._forced(to_module(pixels, self._module), batch=batch).log_probability.float()

    def _difference(self, one: Scores, other: Scores) -> float:
        floor = self._tolerance.floor
        one, other = one.clamp(min=floor), other.to(one.device).clamp(min=floor)
        difference = float((one - other).abs().max())
        if math.isnan(difference):
            raise returned_nan(self._module)
        return difference

    def _refused(self, why: str) -> ModelError:
        return ModelError(
            f"{self._kind} cannot be explained: {why}, so its numbers would be wrong; please "
            "report it with the output of `eagle check`"
        )

    @property
    def _kind(self) -> str:
        return f"this {self._module.config.model_type!r} model"
