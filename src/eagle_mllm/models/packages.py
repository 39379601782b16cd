"""Packages that some checkpoints need, and how to get them."""

import re

from eagle_mllm.borders import reason

EXTRA = ("torchvision", "timm", "num2words", "accelerate", "peft", "sentencepiece")
"""What `pip install 'eagle-mllm[models]'` brings."""

INSTALL = "pip install 'eagle-mllm[models]'"

_OTHERS = (
    "bitsandbytes",
    "gptqmodel",
    "optimum",
    "autoawq",
    "hqq",
    "compressed-tensors",
    "mistral-common",
    "tiktoken",
    "kernels",
    "einops",
)
"""Packages of formats and tokenizers that few checkpoints have."""

_NAMED = re.compile(r"pip install (?:-U |--upgrade )*['\"`]?([A-Za-z][\w.-]*)")


def missing_package(error: ImportError) -> str:
    """What a checkpoint lacks, in words: "needs timm, which is not installed; pip install …".

    Args:
        error: what transformers, or a package that it uses, raised
    """
    package = _package_of(error)
    if package is None:
        return f"needs a package that is not installed: {reason(error)}"
    install = INSTALL if package in EXTRA else f"pip install {package}"
    return f"needs {package}, which is not installed; {install}"


def _package_of(error: ImportError) -> str | None:
    said = str(error)
    known = [name for name in (*EXTRA, *_OTHERS) if re.search(rf"\b{name}\b", said, re.IGNORECASE)]
    # An advice that is spelled out is more exact than a name that is mentioned.
    if advice := _NAMED.search(said):
        return advice[1]
    if known:
        return min(known, key=said.lower().index)
    return None if error.name is None else error.name.partition(".")[0]
