"""Where the inputs of a model go."""

from typing import Any

import torch

from eagle_mllm.models.pixels.source import Tensors


def input_device(module: Any) -> torch.device:
    """Where a model takes its inputs: the device of its embeddings.

    A model may lie on several devices, or have parts that are fetched when they are called.

    Args:
        module: the transformers model
    """
    weight = module.get_input_embeddings().weight
    hook = getattr(module.get_input_embeddings(), "_hf_hook", None)
    if weight.device.type == "meta" and hook is not None:
        return torch.device(hook.execution_device)
    device: torch.device = weight.device
    return device


def to_module(tensors: Tensors, module: Any) -> Tensors:
    """The tensors on the model's device; real numbers also in its precision.

    Args:
        tensors: arguments of its forward
        module: the transformers model
    """
    device = input_device(module)
    return {
        name: tensor.to(device, module.dtype) if tensor.is_floating_point() else tensor.to(device)
        for name, tensor in tensors.items()
    }
