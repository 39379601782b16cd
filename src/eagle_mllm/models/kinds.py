"""Which class of transformers a checkpoint is loaded as, where its auto class does not know it."""

from typing import Any

from transformers import AutoModelForCausalLM, AutoModelForImageTextToText
from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

_THINKERS = ("qwen2_5_omni", "qwen3_omni_moe")
"""Models that speak as well, of which the thinker reads and writes."""

_CAUSAL = ("phi4_multimodal",)
"""Readers of images that transformers lists among language models alone."""

# Asked of the names: asking for a class would import its module, a tenth of a second.
MORE_KINDS = tuple(kind for kind in (*_THINKERS, *_CAUSAL) if kind in CONFIG_MAPPING_NAMES)
"""What can be loaded beyond the mapping for images and text, in the installed transformers."""


def explained_part(config: Any) -> Any:
    """The configuration of the part of a model that reads an image and writes text.

    Args:
        config: of the whole checkpoint
    """
    return config.thinker_config if config.model_type in _THINKERS else config


def model_class(config: Any, *, trusts_code: bool = False) -> Any:
    """The class that loads a model; code of a checkpoint may only know itself as a language model.

    Args:
        config: of the part that is explained
        trusts_code: whether code of the checkpoint may run
    """
    mapped = getattr(config, "auto_map", None) or {}
    own = trusts_code and "AutoModelForImageTextToText" not in mapped
    if config.model_type in _CAUSAL or (own and "AutoModelForCausalLM" in mapped):
        return AutoModelForCausalLM
    return AutoModelForImageTextToText
