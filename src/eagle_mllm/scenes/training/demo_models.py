"""The demo models as one table: everything in which they differ."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jaxtyping import Int
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from eagle_mllm.scenes.training import architectures, pixels, tokenizers
from eagle_mllm.scenes.training.architectures import SCENE_TOKENS
from eagle_mllm.scenes.training.pixels import CLIP_MEAN, CLIP_STD, IMAGENET_MEAN, IMAGENET_STD
from eagle_mllm.scenes.training.recipe import Recipe
from eagle_mllm.scenes.world import SIDE


@dataclass(frozen=True)
class ImageMarks:
    """How an image appears in a prompt."""

    token: str
    """The token that is repeated once per image token."""
    before: str = ""
    after: str = ""


@dataclass(frozen=True, kw_only=True)
class DemoModel:
    """What a demo model is made of."""

    name: str
    """Of its folder, and the `model_type` of its architecture in transformers."""

    architecture: Callable[[PreTrainedTokenizerFast], PreTrainedModel]
    """Builds the model with random weights."""

    positions: Callable[[PreTrainedModel, Sequence[int]], Int[Tensor, "axes length"]]
    """Positions of the ids up to the end of the image."""

    tokenizer: Callable[[], PreTrainedTokenizerFast]
    """Trains the tokenizer."""

    image_marks: ImageMarks
    space: str = ""
    """What the template leaves out between itself and an answer."""

    pixels: Callable[[pixels.Scenes], pixels.Pixels]
    """What its image processor makes of scenes."""

    image_processor: Mapping[str, Any]
    """`preprocessor_config.json`, as far as it is its own."""

    processor: Mapping[str, Any]
    """`processor_config.json`."""

    recipe: Recipe
    """How the shipped checkpoint was trained."""

    def build(self, tokenizer: PreTrainedTokenizerFast) -> PreTrainedModel:
        """The model with random weights, its special ids taken from the tokenizer."""
        model = self.architecture(tokenizer)
        model.generation_config.eos_token_id = tokenizer.eos_token_id
        model.generation_config.pad_token_id = tokenizer.pad_token_id
        model.generation_config.bos_token_id = tokenizer.bos_token_id
        return model


LLAVA = DemoModel(
    name="llava",
    architecture=architectures.llava,
    positions=architectures.plain_positions,
    tokenizer=tokenizers.llava,
    image_marks=ImageMarks("<image>"),
    space=" ",
    pixels=pixels.halved,
    image_processor={
        "image_processor_type": "CLIPImageProcessor",
        "size": {"shortest_edge": 112},
        "crop_size": {"height": 112, "width": 112},
        "do_center_crop": True,
        "image_mean": CLIP_MEAN,
        "image_std": CLIP_STD,
    },
    processor={
        "processor_class": "LlavaProcessor",
        "image_token": "<image>",
        "patch_size": 14,
        "num_additional_image_tokens": 1,
        "vision_feature_select_strategy": "default",
    },
    recipe=Recipe(),
)

QWEN2_5_VL = DemoModel(
    name="qwen2_5_vl",
    architecture=architectures.qwen2_5_vl,
    positions=architectures.rope_positions,
    tokenizer=tokenizers.qwen2_5_vl,
    image_marks=ImageMarks("<|image_pad|>"),
    pixels=pixels.patches,
    image_processor={
        "image_processor_type": "Qwen2VLImageProcessor",
        "size": {"shortest_edge": SIDE * SIDE, "longest_edge": SIDE * SIDE},
        "patch_size": 14,
        "temporal_patch_size": 2,
        "merge_size": 2,
        "image_mean": CLIP_MEAN,
        "image_std": CLIP_STD,
    },
    processor={"processor_class": "Qwen2_5_VLProcessor"},
    recipe=Recipe(stop=1_100),
)

INTERNVL = DemoModel(
    name="internvl",
    architecture=architectures.internvl,
    positions=architectures.plain_positions,
    tokenizer=tokenizers.internvl,
    image_marks=ImageMarks("<IMG_CONTEXT>", "<img>", "</img>"),
    pixels=pixels.whole,
    image_processor={
        "image_processor_type": "GotOcr2ImageProcessor",
        "size": {"height": SIDE, "width": SIDE},
        "crop_to_patches": True,
        "min_patches": 1,
        "max_patches": 1,
        "image_mean": IMAGENET_MEAN,
        "image_std": IMAGENET_STD,
    },
    processor={"processor_class": "InternVLProcessor", "image_seq_length": SCENE_TOKENS},
    recipe=Recipe(stop=1_400),
)

DEMO_MODELS = {demo.name: demo for demo in (LLAVA, QWEN2_5_VL, INTERNVL)}
"""By name: the names of `eagle_mllm.loading`, which must not import torch."""
