"""Teacher-forced passes through a demo model over packed sequences."""

from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedModel

from eagle_mllm.scenes.training.architectures import LAYERS, WIDTH
from eagle_mllm.scenes.training.corpus import GRID
from eagle_mllm.scenes.training.demo_models import DemoModel
from eagle_mllm.scenes.training.packing import IGNORED, Pack, Prefix
from eagle_mllm.scenes.training.pixels import Pixels
from eagle_mllm.scenes.world import COLOURS, SHAPES, SIZES


@dataclass(frozen=True)
class Spoken:
    """Outputs of the language model over packed sequences."""

    logits: Float[Tensor, "learned vocabulary"]
    """Next-token logits at every position where something is learned, row by row."""
    inner: Float[Tensor, "batch tokens width"]
    """The image tokens in the middle of the language model."""


class Learner(nn.Module):
    """A model with linear heads that read what each image token shows.

    The heads are a scaffold, thrown away in the end. `heads` read shape, colour and size off what
    the vision tower gives: it learns to see before the language model can ask. `inner_heads`
    read the same, and row and column, off the middle of the language model: it learns to keep
    what it was given, and to tell where.
    """

    def __init__(self, demo: DemoModel, model: PreTrainedModel, prefix: Prefix) -> None:
        super().__init__()
        self.demo = demo
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
        self.prefix_positions = demo.positions(model, prefix.ids)

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
