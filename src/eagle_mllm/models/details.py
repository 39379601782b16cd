"""What changes the numbers of a model, in words."""

from typing import Any

import torch
import transformers

from eagle_mllm.models.families.base import Family
from eagle_mllm.models.placing import input_device


def details_of(module: Any, family: Family) -> dict[str, str]:
    """Everything but the settings of the package that changes the numbers of a model.

    Args:
        module: the transformers model
        family: how its inputs are made
    """
    details = {
        "architecture": type(module).__name__,
        "attention": str(module.config._attn_implementation),
        "image_processor": type(family.parts.image_processor).__name__,
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }
    if family.chat.options:
        details["template"] = str(family.chat.options)
    if family.chat.system is not None:
        details["system"] = family.chat.system
    quantization = getattr(module.config, "quantization_config", None)
    if quantization is not None:
        details["quantization"] = _method(quantization)
    device = input_device(module)
    if device.type == "cuda":  # the platform names the machine without it
        details["accelerator"] = torch.cuda.get_device_name(device)
    return details


def _method(quantization: Any) -> str:
    """The name of a way to quantize, from settings that are a dictionary or an object."""
    named = quantization if isinstance(quantization, dict) else vars(quantization)
    method = named.get("quant_method", quantization)
    return str(getattr(method, "value", method))
