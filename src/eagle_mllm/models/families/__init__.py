"""How each model family turns an image and a prompt into inputs.

A family is found by the `model_type` of a checkpoint's `config.json`; a model type that is not
listed goes through its own processor (`generic`). To add a family, write one file beside
`llava.py` and add a line here.
"""

from importlib import import_module
from typing import Any

from eagle_mllm.models.families.base import Family

_LLAVA = "eagle_mllm.models.families.llava:Llava"
_PIXTRAL = "eagle_mllm.models.families.pixtral:Pixtral"
_QWEN = "eagle_mllm.models.families.qwen_vl:QwenVL"

FAMILIES = {
    "llava": (_LLAVA, _PIXTRAL),
    "mistral3": (_PIXTRAL,),
    "mistral_large4": (_PIXTRAL,),
    "qwen2_vl": (_QWEN,),
    "qwen2_5_vl": (_QWEN,),
    "qwen3_vl": (_QWEN,),
    "internvl": ("eagle_mllm.models.families.internvl:InternVL",),
}
"""`model_type` → the classes that may assemble its inputs, as `module:class`."""

GENERIC = "eagle_mllm.models.families.generic:Generic"
"""The class for every other model type."""


def family_class(config: Any) -> type[Family]:
    """The family of a model, from its transformers configuration."""
    known = map(_load, FAMILIES.get(config.model_type, ()))
    return next((family for family in known if family.supports(config)), _load(GENERIC))


def _load(place: str) -> type[Family]:
    module, name = place.split(":")
    family: type[Family] = getattr(import_module(module), name)
    return family
