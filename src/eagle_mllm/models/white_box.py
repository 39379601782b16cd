"""Looking into the models of transformers: the one implementation of `WhiteBox`."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from eagle_mllm.arrays import RGBImage
from eagle_mllm.attribution.generation import Generation, Target
from eagle_mllm.attribution.white_box import LayerView, Noise, PixelView, WhiteBox
from eagle_mllm.attribution.words.spans import overlapping, token_spans
from eagle_mllm.errors import ModelError
from eagle_mllm.models.families.base import EncodedPrompt, Family
from eagle_mllm.models.forward import TeacherForced, decoder_layers
from eagle_mllm.models.looking import attention_rows, frozen, leaf_behind
from eagle_mllm.models.pixels.linear import LinearPixels
from eagle_mllm.models.pixels.pipeline import PixelPipeline
from eagle_mllm.models.placing import input_device, to_module
from eagle_mllm.models.scorer import (
    is_out_of_memory,
    one_image_too_many,
    require_evaluation_mode,
)
from eagle_mllm.models.token_grid import TokenGrid
from eagle_mllm.models.vision import VisionEncoder

Part = TypeVar("Part")


class HuggingFaceWhiteBox(WhiteBox):
    """A look into a transformers model, which is left as it was, also after an interrupt.

    Many images go through the faster vision tower of the scorer, where gradients flow through it.
    Where memory runs out, a batch is halved.

    Args:
        module: the transformers model
        family: how its inputs are made
        prompt: the encoded image and prompt
        generation: the answer, which is teacher forced
        target: the tokens to explain
    """

    def __init__(
        self,
        module: Any,
        family: Family,
        prompt: EncodedPrompt,
        *,
        generation: Generation,
        target: Target,
    ) -> None:
        require_evaluation_mode(module)
        self._module = module
        self._family = family
        self._prompt = prompt
        self._generation = generation
        self._target = target
        self._forced = TeacherForced(module, family, prompt, answer=generation.ids, target=target)

    @property
    def n_layers(self) -> int:
        """See `WhiteBox`."""
        return len(decoder_layers(self._module)[1])

    @property
    def ids(self) -> tuple[int, ...]:
        """See `WhiteBox`."""
        return tuple(self._forced.ids.tolist())

    @property
    def n_prompt(self) -> int:
        """See `WhiteBox`."""
        return len(self._prompt.ids)

    @cached_property
    def prompt_positions(self) -> tuple[int, ...]:
        """See `WhiteBox`. All text of the template where a tokenizer rewrites the words."""
        image_token = self._family.config.image_token_id
        places = [place for place, token in enumerate(self._prompt.ids) if token != image_token]
        ids = [self._prompt.ids[place] for place in places]
        text, spans = token_spans(ids, self._family.chat.decode)
        words = self._prompt.prompt.strip()
        start = text.rfind(words)
        start, stop = (start, start + len(words)) if start >= 0 else (0, len(text))
        return tuple(places[index] for index in overlapping(spans, start, stop))

    @property
    def image_positions(self) -> Int[np.ndarray, " tokens"]:
        """See `WhiteBox`."""
        return self._grid.positions

    @property
    def grids(self) -> tuple[Int[np.ndarray, "rows columns"], ...]:
        """See `WhiteBox`."""
        return tuple(tokens for _, tokens in self._grid.views)

    def to_image(self, values: Float[np.ndarray, " tokens"]) -> Float[np.ndarray, "h w"]:
        """See `WhiteBox`."""
        return self._grid.to_image(values)

    @property
    def grey_level(self) -> float:
        """See `WhiteBox`."""
        return self._pipeline.grey_level

    def layer(self, images: Sequence[RGBImage], *, layer: int) -> LayerView:
        """See `WhiteBox`. The graph begins behind the norm, at `post_attention_layernorm`."""
        _, layers = decoder_layers(self._module)
        norm = getattr(layers[layer], "post_attention_layernorm", None)
        if norm is None:
            raise ModelError(
                f"the layers of {type(self._module).__name__} have no norm before their "
                "feed-forward part that is known here; use a method that needs no such activations"
            )
        positions = torch.from_numpy(self.image_positions.copy()).to(input_device(self._module))

        def run(part: slice) -> tuple[np.ndarray, np.ndarray]:
            chosen = images[part]
            pixels = to_module(self._family.pixels(chosen, self._prompt), self._module)
            with frozen(self._module), leaf_behind(norm) as leaves, torch.enable_grad():
                output = self._forced(self._encoded(pixels, len(chosen)), batch=len(chosen))
                score = _at_target(output.logits, self._target).sum()
                (gradient,) = torch.autograd.grad(score, leaves)
            return _as_array(leaves[0][:, positions]), _as_array(gradient[:, positions])

        parts = self._in_parts(len(images), run)
        activations, gradients = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        return LayerView(activations, gradients)

    def hidden(self, layer: int) -> Float[np.ndarray, "length channels"]:
        """See `WhiteBox`."""
        return _as_array(self._hidden_states[layer])

    def lens(
        self, vocabulary_ids: Sequence[int], *, layer: int | None = None
    ) -> Float[np.ndarray, "length ids"]:
        """See `WhiteBox`."""
        states = self._hidden_states[-1] if layer is None else self._normed(layer)
        head = self._module.get_output_embeddings()
        weights = head.weight[list(vocabulary_ids)].detach().float()
        logits = states.float() @ weights.T
        if head.bias is not None:
            logits = logits + head.bias[list(vocabulary_ids)].detach().float()
        return _as_array(logits)

    def predicted(self, position: int) -> int:
        """See `WhiteBox`."""
        with torch.no_grad():
            logits = self._module.get_output_embeddings()(self._hidden_states[-1][position])
        return int(logits.argmax())

    def attention(self, layers: Sequence[int]) -> Float[np.ndarray, "layers targets tokens"]:
        """See `WhiteBox`."""
        device = input_device(self._module)
        rows = torch.tensor(self._target.positions, device=device) + self.n_prompt - 1
        columns = torch.from_numpy(self.image_positions.copy()).to(device)
        _, every = decoder_layers(self._module)
        chosen = [every[layer] for layer in layers]
        with torch.no_grad(), attention_rows(chosen, rows=rows, columns=columns) as found:
            self._forced(self._own_pixels(), batch=1)
        return _as_array(torch.stack(found))

    def pixels(
        self,
        images: Float[np.ndarray, "batch h w 3"],
        *,
        tokens: Sequence[int] | None = None,
        noise: Noise | None = None,
    ) -> PixelView:
        """See `WhiteBox`."""
        chosen = slice(None) if tokens is None else list(tokens)
        linear = self._linear

        def run(part: slice) -> tuple[np.ndarray, np.ndarray]:
            values = torch.from_numpy(images[part].transpose(0, 3, 1, 2))
            values = values.to(input_device(self._module), self._wide).requires_grad_()
            with frozen(self._module), torch.enable_grad():
                views = linear.views(values)
                if noise is not None:
                    views = _noisy(views, noise.std, noise.seeds[part])
                pixels = to_module(linear.arrange(views), self._module)
                output = self._forced(self._encoded(pixels, len(values)), batch=len(values))
                score = output.log_probability[:, chosen].sum()
                (gradient,) = torch.autograd.grad(score, values)
            return _as_array(output.log_probability), _as_array(gradient.permute(0, 2, 3, 1))

        parts = self._in_parts(len(images), run)
        log_probability, gradients = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        return PixelView(log_probability, gradients)

    @cached_property
    def _grid(self) -> TokenGrid:
        return self._family.token_grid(self._prompt)

    @property
    def _wide(self) -> torch.dtype:
        return torch.promote_types(self._module.dtype, torch.float32)

    @cached_property
    def _pipeline(self) -> PixelPipeline:
        pipeline = self._family.pixel_pipeline(self._prompt.size)
        if pipeline is None:
            kind = type(self._family.parts.image_processor).__name__
            raise ModelError(
                f"the pixels of this {self._family.name} model come from {kind}, through which no "
                "gradient flows; use a method that needs none, such as 'tam' or 'eagle'"
            )
        return pipeline

    @cached_property
    def _linear(self) -> LinearPixels:
        return LinearPixels(
            self._pipeline, self._prompt.size, device=input_device(self._module), dtype=self._wide
        )

    def _encoded(self, pixels: dict[str, Tensor], batch: int) -> dict[str, Any]:
        """Pixels, or the features of an encoder of the family's own."""
        if self._encoder is None:
            return pixels
        whole = np.ones((batch, 1), dtype=bool)
        return {"mm_encoder_outputs": self._encoder(pixels, whole)}

    @cached_property
    def _encoder(self) -> VisionEncoder | None:
        return self._family.image_encoder(self._module, self._prompt)

    @cached_property
    def _hidden_states(self) -> tuple[Float[Tensor, "length channels"], ...]:
        with torch.no_grad():
            output = self._forced(self._own_pixels(), batch=1, hidden_states=True)
        return tuple(states[0] for states in output.hidden_states)

    def _normed(self, layer: int) -> Float[Tensor, "length channels"]:
        norm = getattr(decoder_layers(self._module)[0], "norm", None)
        if norm is None:
            raise ModelError(
                f"the final norm of {type(self._module).__name__} cannot be found, so its earlier "
                "layers cannot be read; leave out `layer`"
            )
        with torch.no_grad():
            normed: Tensor = norm(self._hidden_states[layer])
        return normed

    def _own_pixels(self) -> dict[str, Tensor]:
        return to_module(dict(self._prompt.pixels), self._module)

    def _in_parts(self, n_images: int, run: Callable[[slice], Part]) -> list[Part]:
        """All images at once, or halves of them where memory runs out."""
        parts: list[Part] = []
        done, size = 0, n_images
        while done < n_images:
            result = self._attempt(run, slice(done, done + size))
            if result is not None:
                parts.append(result)
                done += size
            elif size == 1:
                raise one_image_too_many(input_device(self._module))
            else:
                size //= 2
        return parts

    def _attempt(self, run: Callable[[slice], Part], part: slice) -> Part | None:
        try:
            return run(part)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
        if input_device(self._module).type == "cuda":
            torch.cuda.empty_cache()
        return None


def _at_target(
    logits: Float[Tensor, "batch tokens vocab"], target: Target
) -> Float[Tensor, "batch tokens"]:
    ids = torch.tensor(target.ids, device=logits.device)
    return logits.gather(-1, ids.expand(len(logits), -1).unsqueeze(-1)).squeeze(-1)


def _noisy(views: list[Tensor], std: float, seeds: Sequence[int]) -> list[Tensor]:
    """The views with noise of their own for each image, drawn on the CPU: equal on any device."""
    sources = [torch.Generator().manual_seed(seed) for seed in seeds]
    noisy = []
    for view in views:
        drawn = [torch.randn(view.shape[1:], generator=source) for source in sources]
        noisy.append(view + std * torch.stack(drawn).to(view))
    return noisy


def _as_array(tensor: Tensor) -> np.ndarray:
    """A float32 array, or float64 where the model is."""
    detached = tensor.detach().cpu()
    wide = torch.promote_types(detached.dtype, torch.float32)
    array: np.ndarray = detached.to(wide).numpy()
    return array
