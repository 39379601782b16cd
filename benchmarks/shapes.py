"""The shapes of the paper's models, with random weights: no downloads.

Widths, depths and vocabularies are those of the published configurations, image sizes give the
image tokens of typical COCO photographs. Tokenizer and chat template are those of our demo model
of the same family: the ids of a prompt do not change the cost of a pass.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
import transformers as hf
from transformers import AutoModelForImageTextToText, AutoTokenizer

from eagle_mllm.loading import CHECKPOINTS
from eagle_mllm.models.huggingface import HuggingFaceModel


@dataclass(frozen=True, kw_only=True)
class Shape:
    """One model to build."""

    demo: str
    """The demo model whose tokenizer it uses."""
    vision: dict[str, Any]
    text: dict[str, Any]
    ties_embeddings: bool
    image: tuple[int, int]
    """Height and width of the image that is explained."""
    text_tokens: int
    """Prompt, template and answer, without the image."""


_CLIP = {
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "image_size": 336,
    "patch_size": 14,
    "projection_dim": 768,
}
_QWEN_VISION = {
    "depth": 32,
    "hidden_size": 1280,
    "intermediate_size": 3420,
    "num_heads": 16,
    "patch_size": 14,
    "window_size": 112,
    "fullatt_block_indexes": [7, 15, 23, 31],
}
_INTERN_VISION = {
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "image_size": [448, 448],
    "patch_size": [14, 14],
    "attention_bias": True,
}


def _decoder(width: int, inner: int, layers: int, heads: int, shared: int) -> dict[str, Any]:
    return {
        "hidden_size": width,
        "intermediate_size": inner,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": shared,
        "max_position_embeddings": 32768,
        "bos_token_id": None,
        "eos_token_id": None,
    }


SHAPES = {
    "llava-1.5-7b": Shape(
        demo="llava",
        vision=_CLIP,
        text={**_decoder(4096, 11008, 32, 32, 32), "vocab_size": 32064},
        ties_embeddings=False,
        image=(480, 640),
        text_tokens=56,
    ),
    "qwen2.5-vl-3b": Shape(
        demo="qwen2_5_vl",
        vision=_QWEN_VISION,
        text={**_decoder(2048, 11008, 36, 16, 2), "vocab_size": 151936},
        ties_embeddings=True,
        image=(427, 640),
        text_tokens=60,
    ),
    "qwen2.5-vl-7b": Shape(
        demo="qwen2_5_vl",
        vision=_QWEN_VISION,
        text={**_decoder(3584, 18944, 28, 28, 4), "vocab_size": 152064},
        ties_embeddings=False,
        image=(427, 640),
        text_tokens=60,
    ),
    "internvl3.5-4b": Shape(
        demo="internvl",
        vision=_INTERN_VISION,
        text={**_decoder(2560, 9728, 36, 32, 8), "vocab_size": 151936, "head_dim": 128},
        ties_embeddings=False,
        image=(1000, 1000),
        text_tokens=118,
    ),
}
"""Shape → how it is built. Lengths: 632, about 410, about 410 and 2,678 tokens."""


def tiny(shape: Shape) -> Shape:
    """The same architecture with two narrow layers, for tests without an accelerator."""
    text = {**shape.text, **_decoder(64, 128, 2, 2, 2), "vocab_size": 1024, "head_dim": 32}
    vision = {**shape.vision, "hidden_size": 64, "intermediate_size": 128}
    if shape.demo == "qwen2_5_vl":
        vision |= {"depth": 2, "num_heads": 2, "fullatt_block_indexes": [1]}
    else:
        edge = 112 if shape.demo == "llava" else [112, 112]
        vision |= {"num_hidden_layers": 2, "num_attention_heads": 2, "image_size": edge}
    return replace(shape, vision=vision, text=text, image=(120, 160))


def build(shape: Shape, *, device: torch.device, dtype: torch.dtype) -> Any:
    """The model with random weights, made on the device, and its parts.

    Returns:
        Keyword arguments of `HuggingFaceModel.from_model`, without the batch size.
    """
    tokenizer = AutoTokenizer.from_pretrained(CHECKPOINTS / shape.demo)
    config = _CONFIGS[shape.demo](shape, tokenizer)
    config.dtype = dtype
    with device:
        module = AutoModelForImageTextToText.from_config(config, dtype=dtype)
    module.generation_config.eos_token_id = tokenizer.eos_token_id
    return {
        "module": module.to(device).eval(),
        "tokenizer": tokenizer,
        "image_processor": _image_processor(shape),
    }


def wrapped(parts: dict[str, Any], *, batch_size: int, compile: bool = False) -> HuggingFaceModel:
    """Our model around built parts; it is light, the weights are shared."""
    return HuggingFaceModel.from_model(**parts, batch_size=batch_size, compile=compile)


def _llava(shape: Shape, tokenizer: Any) -> hf.PretrainedConfig:
    return hf.LlavaConfig(
        vision_config={**shape.vision, "model_type": "clip_vision_model"},
        text_config={**shape.text, "model_type": "llama"},
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        vision_feature_layer=-2,
        vision_feature_select_strategy="default",
        tie_word_embeddings=shape.ties_embeddings,
    )


def _qwen(shape: Shape, tokenizer: Any) -> hf.PretrainedConfig:
    ids = {
        f"{name}_token_id": tokenizer.convert_tokens_to_ids(token)
        for name, token in {
            "image": "<|image_pad|>",
            "video": "<|video_pad|>",
            "vision_start": "<|vision_start|>",
            "vision_end": "<|vision_end|>",
        }.items()
    }
    text = shape.text
    head = text.get("head_dim") or text["hidden_size"] // text["num_attention_heads"]
    # Pairs of rotated dimensions: a quarter for time, three eighths each for height and width.
    pairs = [head // 8, 3 * head // 16, 3 * head // 16]
    rope = {"rope_type": "default", "mrope_section": pairs, "rope_theta": 1_000_000.0}
    return hf.Qwen2_5_VLConfig(
        vision_config={**shape.vision, "out_hidden_size": text["hidden_size"]},
        text_config={**text, "rope_parameters": rope},
        tie_word_embeddings=shape.ties_embeddings,
        **ids,
    )


def _internvl(shape: Shape, tokenizer: Any) -> hf.PretrainedConfig:
    return hf.InternVLConfig(
        vision_config=shape.vision,
        text_config={**shape.text, "model_type": "qwen3"},
        image_token_id=tokenizer.convert_tokens_to_ids("<IMG_CONTEXT>"),
        image_seq_length=(shape.vision["image_size"][0] // 28) ** 2,
        downsample_ratio=0.5,
        tie_word_embeddings=shape.ties_embeddings,
    )


_CONFIGS: dict[str, Callable[[Shape, Any], hf.PretrainedConfig]] = {
    "llava": _llava,
    "qwen2_5_vl": _qwen,
    "internvl": _internvl,
}


def _image_processor(shape: Shape) -> Any:
    """The PIL image processor with the published settings."""
    if shape.demo == "llava":
        edge = shape.vision["image_size"]
        return hf.CLIPImageProcessorPil(
            size={"shortest_edge": edge}, crop_size={"height": edge, "width": edge}
        )
    if shape.demo == "internvl":
        height, width = shape.vision["image_size"]
        return hf.GotOcr2ImageProcessorPil(
            size={"height": height, "width": width}, min_patches=1, max_patches=12
        )
    return hf.Qwen2VLImageProcessorPil(
        size={"shortest_edge": 56 * 56, "longest_edge": 28 * 28 * 1280}
    )
