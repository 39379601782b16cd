"""From a checkpoint, in a folder or on the hub, to a model that can be explained."""

import json
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoImageProcessor,
    AutoModelForImageTextToText,
    AutoProcessor,
    AutoTokenizer,
    PretrainedConfig,
)
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES,
)
from transformers.utils import cached_file

from eagle_mllm.errors import EagleError, MissingDependency, ModelError
from eagle_mllm.models.chat import chat_template
from eagle_mllm.models.families import family_class
from eagle_mllm.models.families.base import Parts
from eagle_mllm.models.huggingface import HuggingFaceModel
from eagle_mllm.models.settings import Dtype, ModelSettings

_SUGGESTION = "use one such as llava-hf/llava-1.5-7b-hf, Qwen/Qwen2.5-VL-3B-Instruct or 'demo'"


def load_checkpoint(
    place: str,
    *,
    name: str,
    settings: ModelSettings,
) -> HuggingFaceModel:
    """Load weights, tokenizer and image processor; see `eagle_mllm.load_model`.

    Raises:
        ModelError: the checkpoint cannot be found or loaded, or reads no images.
        MissingDependency: its processor needs a package that is not installed.
    """
    revision = settings.revision
    chosen = choose_device(settings.device)
    precision = choose_dtype(settings.dtype, chosen)
    _require_image_input(_raw_config(place, name=name, revision=revision), name=name)
    try:
        config = AutoConfig.from_pretrained(place, revision=revision)
        _require_decoder(config, name=name)
        commit = getattr(config, "_commit_hash", None) or revision
        parts = _parts(place, config, name=name, revision=commit)
        module = _weights(place, config, name=name, dtype=precision, revision=commit)
        module = module.to(chosen).eval()
    except torch.OutOfMemoryError as error:
        raise ModelError(
            f"{name} does not fit into the memory of {chosen}; use dtype='bfloat16' or another "
            "device"
        ) from error
    except EagleError:
        raise
    except ImportError as error:
        raise MissingDependency(
            f"{name} needs a package that is not installed: {_first_line(error)}"
        ) from error
    except (OSError, ValueError) as error:
        raise ModelError(f"{name} cannot be loaded: {_first_line(error)}") from error
    family = family_class(config)(config, parts)
    return HuggingFaceModel(
        module,
        family,
        name=name,
        revision=commit,
        batch_size=settings.batch_size,
        pixels=settings.pixels,
    )


def choose_device(device: str) -> torch.device:
    """The device of a name; "auto" is the first of CUDA, MPS and the CPU.

    Raises:
        ModelError: there is no such device here.
    """
    has_cuda, has_mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if device == "auto":
        return torch.device("cuda" if has_cuda else "mps" if has_mps else "cpu")
    try:
        chosen = torch.device(device)
    except RuntimeError as error:
        raise ModelError(
            f"{device!r} is no device; use 'auto', 'cpu', 'cuda', 'cuda:1' or 'mps'"
        ) from error
    missing = {"cuda": not has_cuda, "mps": not has_mps}.get(chosen.type, False)
    if missing or (chosen.type == "cuda" and (chosen.index or 0) >= torch.cuda.device_count()):
        raise ModelError(f"device {device!r} is not available to torch here; use device='auto'")
    return chosen


def choose_dtype(dtype: Dtype, device: torch.device) -> Any:
    """What `from_pretrained` takes as dtype; "auto" is float32 on the CPU."""
    if dtype == "auto":
        return torch.float32 if device.type == "cpu" else "auto"
    return getattr(torch, dtype)


def _raw_config(place: str, *, name: str, revision: str | None) -> dict[str, Any]:
    """The config.json as written, before transformers has an opinion about its model type."""
    try:
        config, _ = PretrainedConfig.get_config_dict(place, revision=revision)
    except OSError as error:
        if Path(place).is_dir():
            raise ModelError(f"{name} cannot be loaded: {_first_line(error)}") from error
        raise ModelError(_not_found(name, str(error))) from error
    return dict(config)


def _not_found(name: str, reason: str) -> str:
    if "gated" in reason:
        return (
            f"{name} is gated: accept its licence on https://huggingface.co/{name}, "
            "then log in with `hf auth login`"
        )
    return (
        f"there is no model {name!r}: neither a folder here nor found on the Hugging Face hub; "
        "check the spelling, log in with `hf auth login` if it is private, and offline fetch it "
        f"beforehand with `hf download {name}` ({reason.strip().splitlines()[0]})"
    )


def _require_image_input(raw: dict[str, Any], *, name: str) -> None:
    kind = raw.get("model_type")
    if kind == "internvl_chat":
        raise ModelError(
            f"{name} is an InternVL checkpoint that runs its own code; use the same model "
            "converted for transformers, whose name ends in '-HF'"
        )
    if kind not in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES:
        raise ModelError(f"{name} {_unfit(kind, raw)}; {_SUGGESTION}")


def _require_decoder(config: Any, *, name: str) -> None:
    if config.is_encoder_decoder or config.get_text_config().is_encoder_decoder:
        raise ModelError(
            f"{name} is an encoder-decoder ({config.model_type}); only decoders, whose answer "
            f"continues the prompt, can be explained; {_SUGGESTION}"
        )


def _unfit(kind: object, raw: dict[str, Any]) -> str:
    if kind is None:
        return "has a config.json without model_type, it is no transformers checkpoint"
    if kind in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        return f"is a text model ({kind}), it has no image input"
    if "auto_map" in raw:
        return f"({kind}) runs its own code, which transformers does not know"
    return f"({kind}) does not read an image and write text"


def _parts(place: str, config: Any, *, name: str, revision: str | None) -> Parts:
    if family_class(config).needs_processor:
        processor = _processor(place, name=name, revision=revision)
        return Parts(
            tokenizer=processor.tokenizer,
            image_processor=processor.image_processor,
            chat_template=chat_template(processor, processor.tokenizer),
            processor=processor,
        )
    tokenizer = AutoTokenizer.from_pretrained(place, revision=revision)
    # Pillow and torchvision round differently; Pillow is the reference, and always there.
    image_processor = AutoImageProcessor.from_pretrained(place, revision=revision, backend="pil")
    template = _processor_template(place, revision=revision) or chat_template(tokenizer)
    return Parts(tokenizer=tokenizer, image_processor=image_processor, chat_template=template)


def _processor(place: str, *, name: str, revision: str | None) -> Any:
    try:
        return AutoProcessor.from_pretrained(place, revision=revision, backend="pil")
    except (ImportError, ValueError):
        # Video processors come with torchvision alone, and then the images' does too.
        pass
    try:
        return AutoProcessor.from_pretrained(place, revision=revision)
    except (ImportError, ValueError) as error:
        if "torchvision" not in str(error).lower():
            raise
        raise MissingDependency(
            f"the processor of {name} needs torchvision, which is not installed; "
            "pip install torchvision"
        ) from error


def _processor_template(place: str, *, revision: str | None) -> str | None:
    """The chat template that older checkpoints keep with their processor alone."""
    path = cached_file(
        place,
        "chat_template.json",
        revision=revision,
        _raise_exceptions_for_gated_repo=False,
        _raise_exceptions_for_missing_entries=False,
        _raise_exceptions_for_connection_errors=False,
    )
    if path is None:
        return None
    return str(json.loads(Path(path).read_text(encoding="utf-8"))["chat_template"])


def _weights(place: str, config: Any, *, name: str, dtype: Any, revision: str | None) -> Any:
    try:
        module, report = AutoModelForImageTextToText.from_pretrained(
            place, config=config, dtype=dtype, revision=revision, output_loading_info=True
        )
    except RuntimeError as error:
        raise ModelError(f"the weights of {name} do not fit: {_first_line(error)}") from error
    if missing := sorted(report["missing_keys"]):
        raise ModelError(
            f"{len(missing)} weights are missing from {name}, such as {missing[0]}; transformers "
            "would make them up, fetch the checkpoint again"
        )
    return module


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
