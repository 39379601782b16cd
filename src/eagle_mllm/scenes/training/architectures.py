"""An untrained model of each architecture: transformers' own classes, small."""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor
from transformers import (
    CLIPVisionConfig,
    InternVLConfig,
    InternVLForConditionalGeneration,
    InternVLVisionConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen3Config,
)

from eagle_mllm.scenes.world import SIDE

WIDTH = 128
HEADS = 4
LAYERS = 4
HIDDEN = 384
SCENE_TOKENS = 64
"""Image tokens of one scene, 8 x 8 in every demo model."""


def _language(tokenizer: PreTrainedTokenizerFast) -> dict[str, Any]:
    return {
        "vocab_size": len(tokenizer),
        "hidden_size": WIDTH,
        "intermediate_size": HIDDEN,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": HEADS,
        "max_position_embeddings": 2048,
        "tie_word_embeddings": True,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }


def llava(tokenizer: PreTrainedTokenizerFast) -> LlavaForConditionalGeneration:
    """CLIP and Llama; the tokens of one image of 112 x 112."""
    vision = CLIPVisionConfig(
        hidden_size=WIDTH,
        intermediate_size=HIDDEN,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        image_size=112,
        patch_size=14,
        projection_dim=WIDTH,
    )
    return LlavaForConditionalGeneration(
        LlavaConfig(
            vision_config=vision,
            text_config=LlamaConfig(**_language(tokenizer)),
            image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
            vision_feature_layer=-1,
            vision_feature_select_strategy="default",
            image_seq_length=SCENE_TOKENS,
            tie_word_embeddings=True,
        )
    )


def qwen2_5_vl(tokenizer: PreTrainedTokenizerFast) -> Qwen2_5_VLForConditionalGeneration:
    """A tower with windows, its patches merged two by two."""
    rope = {"rope_type": "default", "mrope_section": [4, 6, 6], "rope_theta": 10000.0}
    vision = {
        "depth": LAYERS,
        "hidden_size": WIDTH,
        "intermediate_size": HIDDEN,
        "num_heads": HEADS,
        "out_hidden_size": WIDTH,
        "patch_size": 14,
        "spatial_merge_size": 2,
        "temporal_patch_size": 2,
        "window_size": 112,
        "fullatt_block_indexes": [1, 3],
    }
    ids = {
        name: tokenizer.convert_tokens_to_ids(token)
        for name, token in {
            "image_token_id": "<|image_pad|>",
            "video_token_id": "<|video_pad|>",
            "vision_start_token_id": "<|vision_start|>",
            "vision_end_token_id": "<|vision_end|>",
        }.items()
    }
    return Qwen2_5_VLForConditionalGeneration(
        Qwen2_5_VLConfig(
            vision_config=vision,
            text_config={**_language(tokenizer), "rope_parameters": rope},
            tie_word_embeddings=True,
            **ids,
        )
    )


def internvl(tokenizer: PreTrainedTokenizerFast) -> InternVLForConditionalGeneration:
    """InternViT and Qwen3; one tile of 224 x 224, its patches shuffled two by two."""
    vision = InternVLVisionConfig(
        hidden_size=WIDTH,
        intermediate_size=HIDDEN,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        image_size=[224, 224],
        patch_size=[14, 14],
    )
    return InternVLForConditionalGeneration(
        InternVLConfig(
            vision_config=vision,
            text_config=Qwen3Config(**_language(tokenizer), head_dim=WIDTH // HEADS),
            image_token_id=tokenizer.convert_tokens_to_ids("<IMG_CONTEXT>"),
            image_seq_length=SCENE_TOKENS,
            downsample_ratio=0.5,
            tie_word_embeddings=True,
        )
    )


def plain_positions(_: PreTrainedModel, ids: Sequence[int]) -> Int[Tensor, "1 length"]:
    """Positions of the tokens up to the end of the image: counted from 0."""
    return torch.arange(len(ids))[None]


def rope_positions(model: PreTrainedModel, ids: Sequence[int]) -> Int[Tensor, "axes length"]:
    """Positions in time, height and width, as Qwen gives them to image tokens."""
    row = torch.tensor([ids])
    positions, _ = model.model.get_rope_index(
        row,
        mm_token_type_ids=(row == model.config.image_token_id).int(),
        image_grid_thw=torch.tensor([[1, SIDE // 14, SIDE // 14]]),
    )
    return torch.as_tensor(positions)[:, 0]
