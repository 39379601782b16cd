"""The reference's way to score and to search, written anew from a description: our judge.

One image at a time: hide regions in the 8-bit image, run the PIL image processor on it, run the
model with its cache over prompt and whole answer, and take the softmax of full rows of the logits
of all positions. The search asks insertion and deletion of every candidate at every step,
N(N + 1) passes, and remembers nothing.

`BatchedReferenceScorer` is the second version of the same, which scores all candidates of a step in
one batch.

It shares the ids of prompt and answer with our code and nothing else: pixels, positions and rows
are made here, by public calls of transformers. Three costs of the original are left out, so that
ratios are conservative: the chat template is not rendered again for each image, masks are not
stacked again at each step, and no image is moved to the device and back before it is processed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from PIL import Image

from eagle_mllm.attribution.generation import Generation, Target
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.models.huggingface import HuggingFaceModel

Score = Callable[[Bool[np.ndarray, " regions"]], Float[np.ndarray, " tokens"]]
"""p_i(S) of each target token, for one subset."""

# The reference loads InternVL's full processor, which always cuts tiles.
_PROCESSOR_SETTINGS: dict[str, dict[str, Any]] = {"internvl": {"crop_to_patches": True}}


class ReferenceScorer:
    """p_i(S), one subset per call, black fill.

    Args:
        model: of one of the three families
        generation: image, prompt and answer
        target: the tokens asked about
        regions: a partition of the image
    """

    def __init__(
        self, model: HuggingFaceModel, generation: Generation, target: Target, *, regions: Regions
    ) -> None:
        self._module = model.module
        self._family = model.family.name
        self._process = model.family.parts.image_processor
        self._image = generation.image
        self._labels = regions.labels
        prompt = model.family.encode(generation.image, generation.prompt).ids
        # The answer is not cut after the last target (a known slip of the original).
        self._ids = torch.tensor([[*prompt, *generation.ids]], device=self._module.device)
        self._positions = [len(prompt) + position for position in target.positions]
        self._target_ids = list(target.ids)

    @torch.no_grad()
    def __call__(self, shown: Bool[np.ndarray, " regions"]) -> Float[np.ndarray, " tokens"]:
        """Probability of each target token when only these regions are shown, float32."""
        masked = self._image * shown[self._labels][..., np.newaxis]
        logits = self._module(**self._inputs(Image.fromarray(masked)), use_cache=True).logits
        rows = logits[0, torch.tensor(self._positions) - 1]
        probability = rows.softmax(dim=-1)  # in the model's precision
        at_target = probability[torch.arange(len(rows)), self._target_ids]
        return np.asarray(at_target.float().cpu().numpy())

    def _inputs(self, *images: Image.Image) -> dict[str, torch.Tensor]:
        """What the model takes, a row for each image, each processed by itself."""
        settings = _PROCESSOR_SETTINGS.get(self._family, {})
        processed = [
            self._process(images=[image], return_tensors="pt", **settings) for image in images
        ]
        pixels = torch.cat([one["pixel_values"] for one in processed])
        ids = self._ids.expand(len(images), -1)
        inputs = {
            "input_ids": ids,
            "attention_mask": torch.ones_like(ids),
            "pixel_values": pixels.to(self._module.device, self._module.dtype),
        }
        if self._family == "qwen_vl":
            grids = torch.cat([one["image_grid_thw"] for one in processed])
            inputs["image_grid_thw"] = grids.to(self._module.device)
            # Without these transformers 5 silently falls back to plain positions.
            is_image = ids == int(self._module.config.image_token_id)
            inputs["mm_token_type_ids"] = is_image.int()
        return inputs


class BatchedReferenceScorer(ReferenceScorer):
    """p_i(S) as the reference's second version scores it: all subsets of a call in one batch.

    The masked images are one float tensor on the model's device, from which each goes back through
    PIL to the image processor. The answer is cut after the last target. Keys and values are still
    cached, and the logits of all positions and full softmax rows still computed.

    Args:
        model: of one of the three families
        generation: image, prompt and answer
        target: the tokens asked about
        regions: a partition of the image
    """

    def __init__(
        self, model: HuggingFaceModel, generation: Generation, target: Target, *, regions: Regions
    ) -> None:
        super().__init__(model, generation, target, regions=regions)
        self._ids = self._ids[:, : max(self._positions) + 1]

    @torch.no_grad()
    def batch(self, shown: Bool[np.ndarray, "batch regions"]) -> Float[np.ndarray, "batch tokens"]:
        """Probability of each target token for each subset, float32."""
        device = self._module.device
        pixels = torch.tensor(self._image, device=device).float()
        masks = torch.tensor(shown[:, self._labels], device=device)
        masked = (pixels * masks[..., None]).to(torch.uint8).cpu().numpy()
        images = [Image.fromarray(one) for one in masked]
        logits = self._module(**self._inputs(*images), use_cache=True).logits
        probability = logits.softmax(dim=-1)[:, torch.tensor(self._positions) - 1]
        at_target = probability[:, torch.arange(len(self._positions)), self._target_ids]
        return np.asarray(at_target.float().cpu().numpy())


@dataclass(frozen=True, kw_only=True)
class ReferenceRun:
    """What the plain loop found, and how long each pass took."""

    order: tuple[int, ...]
    """The regions picked, the most decisive first."""

    insertion: Float[np.ndarray, "picks tokens"]
    """p_i(π_:r) for r = 1, 2, … picks."""

    deletion: Float[np.ndarray, "picks tokens"]
    """p_i(V∖π_:r) for the same r."""

    seconds: Float[np.ndarray, " passes"]
    """Of each pass, in order."""


def reference_greedy(score: Score, n_regions: int, *, picks: int | None = None) -> ReferenceRun:
    """Plain greedy search with λ1 = λ2 = 1: every candidate's insertion and deletion, every step.

    Args:
        score: scores one subset
        n_regions: N
        picks: regions to pick; None picks all N, which takes N(N + 1) passes
    """
    seconds: list[float] = []

    def timed(shown: Bool[np.ndarray, " regions"]) -> Float[np.ndarray, " tokens"]:
        start = perf_counter()
        probability = score(shown)
        seconds.append(perf_counter() - start)
        return probability

    order: list[int] = []
    rows: list[tuple[np.ndarray, np.ndarray]] = []
    for _ in range(n_regions if picks is None else picks):
        candidates = [region for region in range(n_regions) if region not in order]
        scores = []
        for candidate in candidates:
            shown = np.isin(np.arange(n_regions), [*order, candidate])
            scores.append((timed(shown), timed(~shown)))
        values = [float(np.mean(insertion + 1 - deletion)) for insertion, deletion in scores]
        best = int(np.argmax(values))
        order.append(candidates[best])
        rows.append(scores[best])
    insertion, deletion = (np.stack(side) for side in zip(*rows, strict=True))
    return ReferenceRun(
        order=tuple(order), insertion=insertion, deletion=deletion, seconds=np.array(seconds)
    )
