"""Checkpoints that cannot be explained, told by their config.json, and what to use instead."""

import re
from typing import Any

import transformers
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES,
)
from transformers.quantizers.auto import AUTO_QUANTIZATION_CONFIG_MAPPING

from eagle_mllm.errors import ModelError
from eagle_mllm.models.kinds import MORE_KINDS

_OLD_BITS = {"load_in_8bit", "load_in_4bit"}
_QUANTIZED = sorted({re.sub(r"_[48]bit$", "", one) for one in AUTO_QUANTIZATION_CONFIG_MAPPING})

_SUGGESTION = "use one such as llava-hf/llava-1.5-7b-hf, Qwen/Qwen2.5-VL-3B-Instruct or 'demo'"

_ORIGINAL_LLAVA = "llava-hf/llava-1.5-7b-hf or llava-hf/llava-v1.6-vicuna-7b-hf"

_OTHER_TASKS = {
    "diffusion_gemma": "writes blocks of tokens at once, so that none depends on those before it",
    "evolla": "reads proteins, no images",
    "instructblipvideo": "reads videos alone",
    "pi0": "moves a robot and writes no text",
    "unlimited_ocr": "forgets all but the last words of its answer while it writes, and a pass "
    "over prompt and answer does not",
}
"""`model_type` of those in transformers' mapping for images and text that do something else."""

_CONVERTED = {
    "llava_llama": _ORIGINAL_LLAVA,
    "llava_mistral": "llava-hf/llava-v1.6-mistral-7b-hf",
    "llava_qwen": "llava-hf/llava-onevision-qwen2-7b-ov-hf",
    "llava_mpt": _ORIGINAL_LLAVA,
    "internvl_chat": "its conversion, whose name ends in '-HF', such as OpenGVLab/InternVL3-8B-hf",
    "multi_modality": "deepseek-community/deepseek-vl-1.3b-chat or deepseek-community/Janus-Pro-1B",
    "deepseek_vl_v2": "deepseek-community/deepseek-vl-7b-chat",
    "qwen": "Qwen/Qwen2.5-VL-3B-Instruct",
}
"""`model_type` of repositories with code of their own → checkpoints that transformers serves."""


def require_image_input(raw: dict[str, Any], *, name: str) -> None:
    """Refuse what is not an image-text-to-text model of transformers.

    Args:
        raw: the checkpoint's config.json, as written
        name: of the checkpoint

    Raises:
        ModelError: it is another kind of model, or in a format of its own
    """
    kind = raw.get("model_type")
    for architecture in raw.get("architectures") or ():
        if str(architecture).endswith("Classification"):
            raise ModelError(
                f"{name} is a classifier ({architecture}), which writes no text; {_SUGGESTION}"
            )
    if kind in _OTHER_TASKS:
        raise ModelError(f"{name} ({kind}) {_OTHER_TASKS[kind]}; {_SUGGESTION}")
    # The first LLaVA checkpoints call themselves "llava" too.
    if "mm_vision_tower" in raw and kind not in _CONVERTED:
        kind = "llava_llama"
    if kind in _CONVERTED and (kind != "qwen" or "visual" in raw):
        raise ModelError(
            f"{name} is in the format of its authors' own code ({kind}), which is never run; use "
            f"{_CONVERTED[kind]}"
        )
    if kind not in (*MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES, *MORE_KINDS):
        raise ModelError(f"{name} {_unfit(kind, raw)}; {_SUGGESTION}")


def require_own_kernels(raw: Any, *, name: str) -> None:
    """Refuse a configuration that has its attention computed by code from a hub repository.

    Args:
        raw: the config.json, or a part of it
        name: of the checkpoint

    Raises:
        ModelError: it does
    """
    for key, value in raw.items():
        if isinstance(value, dict):
            require_own_kernels(value, name=name)
        elif key.endswith("_implementation") and "/" in str(value):
            raise ModelError(
                f"{name} wants {value!r} to compute its {key.removesuffix('_implementation')}, "
                "foreign code that is never run; remove it from its config.json"
            )


def require_known_quantization(raw: dict[str, Any], *, name: str) -> None:
    """Refuse quantized weights that transformers would take for plain ones.

    Args:
        raw: the checkpoint's config.json, as written
        name: of the checkpoint

    Raises:
        ModelError: it names no way to quantize that transformers knows
    """
    settings = raw.get("quantization_config")
    if settings is None:
        return
    method = settings.get("quant_method") if isinstance(settings, dict) else None
    # Old files of bitsandbytes name the number of bits alone.
    is_old = method is None and isinstance(settings, dict) and bool(settings.keys() & _OLD_BITS)
    if not is_old and method not in _QUANTIZED:
        raise ModelError(
            f"{name} is quantized by {method!r}, which transformers {transformers.__version__} "
            f"does not know; use a checkpoint by one of {', '.join(_QUANTIZED)}"
        )


def require_decoder(config: Any, *, name: str) -> None:
    """Refuse an encoder-decoder, whose answer does not continue the prompt.

    Args:
        config: the checkpoint's transformers configuration
        name: of the checkpoint

    Raises:
        ModelError: it is one
    """
    if config.is_encoder_decoder or config.get_text_config().is_encoder_decoder:
        raise ModelError(
            f"{name} is an encoder-decoder ({config.model_type}); only decoders, whose answer "
            f"continues the prompt, can be explained; {_SUGGESTION}"
        )


def _unfit(kind: object, raw: dict[str, Any]) -> str:
    if kind is None:
        return "has a config.json without model_type, so it is not a transformers checkpoint"
    if "auto_map" in raw:
        return f"({kind}) needs code of its own, which is never run"
    if kind in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES and not any("vision" in key for key in raw):
        return f"is a text model ({kind}) without image input"
    return (
        f"({kind}) cannot be served: transformers {transformers.__version__} has no "
        "image-text-to-text class for it"
    )
