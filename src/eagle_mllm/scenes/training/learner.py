"""Teacher-forced passes through a model of any family over packed sequences."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedModel

from eagle_mllm.scenes.training.architectures import LAYERS, WIDTH
from eagle_mllm.scenes.training.corpus import GRID
from eagle_mllm.scenes.training.packing import IGNORED, Pack, Prefix
from eagle_mllm.scenes.world import COLOURS, SHAPES, SIDE, SIZES

CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Spoken:
    """Outputs of the language model over packed sequences."""

    logits: Float[Tensor, "learned vocabulary"]
    """Next-token logits at every position where something is learned, row by row."""
    inner: Float[Tensor, "batch tokens width"]
    """The image tokens in the middle of the language model."""


@dataclass(frozen=True)
class Pixels:
    """What a family's image processor makes of scenes, done for many at once."""

    values: Tensor
    grid: Tensor | None = None


def pixels(family: str, images: Sequence[UInt8[np.ndarray, "h w 3"]]) -> Pixels:
    """The pixel values of scenes for a family, equal to its image processor's."""
    if family == "llava":
        small = [
            np.asarray(Image.fromarray(image).resize((112, 112), Image.Resampling.BICUBIC))
            for image in images
        ]
        return Pixels(_normalise(np.stack(small), CLIP_MEAN, CLIP_STD))
    if family == "internvl":
        return Pixels(_normalise(np.stack(images), IMAGENET_MEAN, IMAGENET_STD))
    values = _normalise(np.stack(images), CLIP_MEAN, CLIP_STD)
    count, grid = len(images), SIDE // 14
    cut = values.reshape(count, 3, grid // 2, 2, 14, grid // 2, 2, 14)
    cut = cut.permute(0, 2, 5, 3, 6, 1, 4, 7)[:, :, :, :, :, :, None]
    cut = cut.expand(-1, -1, -1, -1, -1, -1, 2, -1, -1).reshape(count * grid * grid, -1)
    return Pixels(cut, torch.tensor([[1, grid, grid]] * count))


def _normalise(
    images: UInt8[np.ndarray, "batch h w 3"], mean: Sequence[float], std: Sequence[float]
) -> Float[Tensor, "batch 3 h w"]:
    scaled = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255.0
    return (scaled - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]


class Learner(nn.Module):
    """A model with linear heads that read what each image token shows.

    The heads are a scaffold, thrown away in the end. `heads` read shape, colour and size off what
    the vision tower gives: it learns to see before the language model can ask. `inner_heads`
    read the same, and row and column, off the middle of the language model: it learns to keep
    what it was given, and to tell where.
    """

    def __init__(self, family: str, model: PreTrainedModel, prefix: Prefix) -> None:
        super().__init__()
        self.family = family
        self.model = model
        self.heads = nn.ModuleList(
            nn.Linear(WIDTH, 1 + len(names)) for names in (SHAPES, COLOURS, SIZES)
        )
        self.inner_heads = nn.ModuleList(
            nn.Linear(WIDTH, kinds)
            for kinds in (*(1 + len(names) for names in (SHAPES, COLOURS, SIZES)), GRID, GRID)
        )
        self.image_start = prefix.image_start
        # On CPU, for sequences as short as ours, far faster than the fused kernels.
        model.set_attn_implementation("eager")
        for module in model.modules():
            if isinstance(module, nn.Conv2d | nn.Conv3d):
                module.forward = partial(_as_matrix, module)  # type: ignore[method-assign]
        self.prefix_positions = self._positions(prefix)

    def _positions(self, prefix: Prefix) -> Tensor:
        length = len(prefix.ids)
        if self.family != "qwen2_5_vl":
            return torch.arange(length)[None]
        ids = torch.tensor([prefix.ids])
        positions, _ = self.model.model.get_rope_index(
            ids,
            mm_token_type_ids=(ids == self.model.config.image_token_id).int(),
            image_grid_thw=torch.tensor([[1, SIDE // 14, SIDE // 14]]),
        )
        return torch.as_tensor(positions)[:, 0]

    def image_tokens(self, seen: Pixels) -> Float[Tensor, "batch tokens width"]:
        """What the language model gets for each image."""
        given = {} if seen.grid is None else {"image_grid_thw": seen.grid}
        output = self.model.model.get_image_features(pixel_values=seen.values, **given)
        features = output.pooler_output
        if isinstance(features, tuple | list):
            features = torch.stack([*features])
        return torch.as_tensor(features)

    def speak(self, tokens: Float[Tensor, "batch tokens width"], packed: Pack) -> Spoken:
        """What the language model makes of image tokens and packed sequences."""
        embedded = self.model.get_input_embeddings()(packed.ids)
        start, stop = self.image_start, self.image_start + tokens.shape[1]
        embedded = torch.cat(
            [embedded[:, :start], tokens.to(embedded.dtype), embedded[:, stop:]], dim=1
        )
        prefix = self.prefix_positions
        after = packed.steps + prefix.max() + 1
        positions = torch.where(packed.steps >= 0, after, torch.zeros_like(after))
        positions = positions[None].expand(len(prefix), -1, -1).clone()
        positions[:, :, : prefix.shape[1]] = prefix[:, None]
        mask = torch.zeros(packed.visible.shape, dtype=embedded.dtype)
        output = self.model.model.language_model(
            inputs_embeds=embedded,
            attention_mask=mask.masked_fill(~packed.visible, torch.finfo(mask.dtype).min),
            position_ids=positions if len(prefix) > 1 else positions[0],
            use_cache=False,
            output_hidden_states=True,
        )
        learned = output.last_hidden_state[packed.targets != IGNORED]
        return Spoken(
            logits=torch.as_tensor(self.model.lm_head(learned)),
            inner=output.hidden_states[LAYERS // 2][:, start:stop],
        )


def _as_matrix(
    layer: nn.Conv2d | nn.Conv3d, images: Float[Tensor, "batch channels ..."]
) -> Float[Tensor, "batch width ..."]:
    """A convolution whose windows do not overlap, as one matrix product: far faster on CPU."""
    sizes = [int(length) for length in layer.kernel_size]
    counts = [length // size for length, size in zip(images.shape[2:], sizes, strict=True)]
    cut = images.reshape(
        *images.shape[:2], *(n for pair in zip(counts, sizes, strict=True) for n in pair)
    )
    inside = range(3, cut.ndim, 2)
    cut = cut.permute(0, *range(2, cut.ndim, 2), 1, *inside).flatten(1 + len(sizes))
    out = functional.linear(cut, layer.weight.flatten(1), layer.bias)
    return out.movedim(-1, 1)
