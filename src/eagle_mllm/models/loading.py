"""From a checkpoint, in a folder or on the hub, to a model that can be explained."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoConfig

from eagle_mllm.borders import border, reason
from eagle_mllm.errors import EagleError, MissingDependency, ModelError
from eagle_mllm.models.adapters import add_adapter, base_of
from eagle_mllm.models.chat import chat_template, default_template
from eagle_mllm.models.device import choose_device, choose_dtype
from eagle_mllm.models.families import family_class
from eagle_mllm.models.families.assembled import AssembledFamily
from eagle_mllm.models.families.base import Family, ProcessorParts
from eagle_mllm.models.huggingface import HuggingFaceModel
from eagle_mllm.models.kinds import explained_part, model_class
from eagle_mllm.models.packages import INSTALL, missing_package
from eagle_mllm.models.plausible import (
    fewest_parameters,
    require_enough_weights,
    require_plausible,
    require_plausible_pixels,
)
from eagle_mllm.models.pretrained import Checkpoint, find_checkpoint, n_parameters
from eagle_mllm.models.processors import Backend, read_image_processor, read_processor
from eagle_mllm.models.refusals import (
    require_decoder,
    require_image_input,
    require_known_quantization,
    require_own_kernels,
)
from eagle_mllm.models.settings import ModelSettings

_SQUARE = np.zeros((64, 64, 3), np.uint8)
_AGAIN = "fetch the checkpoint again"


def load_checkpoint(
    place: str,
    *,
    name: str,
    settings: ModelSettings,
) -> HuggingFaceModel:
    """Load weights, tokenizer and image processor; see `eagle_mllm.load_model`.

    Raises:
        SettingError: the device is not here
        ModelError: the checkpoint cannot be found or loaded, or reads no images
        MissingDependency: its processor needs a package that is not installed
    """
    device = choose_device(settings.device)
    dtype = choose_dtype(settings.dtype, device)
    with _as_errors_of_ours(name, device):
        found = find_checkpoint(
            place, name=name, revision=settings.revision, trusts_code=settings.trust_remote_code
        )
        adapter, checkpoint = base_of(found)
        config = _config(checkpoint)
        checkpoint = checkpoint.pinned()
        _warn_of_code(checkpoint)
        family = _family(checkpoint, config, settings=settings)
        module = _weights(
            checkpoint, config, dtype=dtype, device=device, device_map=settings.device_map
        )
        if adapter is not None:
            add_adapter(module, adapter)
        model = HuggingFaceModel(
            module.eval(),
            family,
            name=name,
            revision=(adapter or checkpoint).revision,
            base=None if adapter is None else checkpoint.written,
            batch_size=settings.batch_size,
            pixels=settings.pixels,
            compile=settings.compile,
        )
        _require_known_ids(model, name=name)
    return model


def load_parts(place: str, *, name: str, revision: str | None = None) -> tuple[Family, list[int]]:
    """Everything of a checkpoint but its weights; see `eagle_mllm.loading.load_family`.

    Raises:
        ModelError: the checkpoint cannot be found or loaded, or reads no images
        MissingDependency: its processor needs a package that is not installed
    """
    with _as_errors_of_ours(name, torch.device("cpu")):
        checkpoint = find_checkpoint(place, name=name, revision=revision)
        config = _config(checkpoint)
        family = _family(checkpoint.pinned(), config)
        settings = checkpoint.json_file("generation_config.json") or {}
        own = family.parts.tokenizer.eos_token_id
        ends = _listed(settings.get("eos_token_id")) or _listed(own)
    return family, ends


@contextmanager
def _as_errors_of_ours(name: str, device: torch.device) -> Iterator[None]:
    """Whatever a broken checkpoint makes a parser raise leaves as one line with its name."""
    try:
        with border(ModelError, f"{name} cannot be loaded", advice=_AGAIN):
            try:
                yield
            except torch.OutOfMemoryError as error:
                raise ModelError(
                    f"{name} does not fit into the memory of {device}; use dtype='bfloat16' or "
                    "another device"
                ) from error
            except ImportError as error:
                if isinstance(error, MissingDependency):
                    raise
                raise MissingDependency(f"{name} {missing_package(error)}") from error
    except BaseException as error:
        # What a library written in Rust raises where it gives up; it is not an `Exception`.
        if type(error).__name__ != "PanicException":
            raise
        raise ModelError(
            f"{name} cannot be loaded: {reason(error)}; fetch the checkpoint again"
        ) from error


def _config(checkpoint: Checkpoint) -> Any:
    """Its configuration, once it is known that it can be explained."""
    name, raw = checkpoint.name, checkpoint.config()
    if not (checkpoint.trusts_code and "auto_map" in raw):
        require_image_input(raw, name=name)
    require_own_kernels(raw, name=name)
    require_known_quantization(raw, name=name)
    require_plausible(raw, name=name)
    checkpoint.require_weights_inside()
    config = explained_part(checkpoint.read(AutoConfig))
    require_decoder(config, name=name)
    if checkpoint.is_folder and type(config).__module__.startswith("transformers."):
        folder = Path(checkpoint.place)
        # The quick count first: thousands of layers too many take a while even without memory.
        require_enough_weights(fewest_parameters(config.to_dict()), name=name, folder=folder)
        require_enough_weights(n_parameters(config), name=name, folder=folder)
    return config


def _family(
    checkpoint: Checkpoint, config: Any, *, settings: ModelSettings | None = None
) -> Family:
    """What makes the inputs; tried on a black square, so that broken parts are found now."""
    settings = settings or ModelSettings()
    chosen: dict[str, Any] = {"template_options": settings.template, "system": settings.system}
    for file in ("preprocessor_config.json", "processor_config.json"):
        require_plausible_pixels(checkpoint.json_file(file) or {}, name=checkpoint.name)
    kind = family_class(config)
    if issubclass(kind, AssembledFamily):
        parts = replace(_assembled_parts(checkpoint, kind), **chosen)
        return _tried(kind, config, parts, name=checkpoint.name)
    try:
        parts = replace(_whole_parts(checkpoint, config), **chosen)
        return _tried(kind, config, parts, name=checkpoint.name)
    except ModelError:
        # The Pillow version of an image processor may be broken where torchvision's is not.
        if find_spec("torchvision") is None:
            raise
    parts = replace(_whole_parts(checkpoint, config, backend=None), **chosen)
    return _tried(kind, config, parts, name=checkpoint.name)


def _assembled_parts(checkpoint: Checkpoint, kind: type[AssembledFamily]) -> ProcessorParts:
    tokenizer = checkpoint.read(kind.tokenizer_kind)
    template = checkpoint.processor_settings().get("chat_template")
    return ProcessorParts(
        tokenizer=tokenizer,
        image_processor=read_image_processor(checkpoint),
        chat_template=default_template(template) or chat_template(tokenizer),
    )


def _whole_parts(
    checkpoint: Checkpoint, config: Any, *, backend: Backend = "pil"
) -> ProcessorParts:
    processor = read_processor(checkpoint, config, backend=backend)
    return ProcessorParts(
        tokenizer=processor.tokenizer,
        image_processor=processor.image_processor,
        chat_template=chat_template(processor, processor.tokenizer),
        processor=processor,
    )


def _tried(kind: type[Family], config: Any, parts: ProcessorParts, *, name: str) -> Family:
    has_torchvision = find_spec("torchvision") is not None
    advice = _AGAIN if has_torchvision else "try it with torchvision: " + INSTALL
    with border(ModelError, f"{name} cannot be used", advice=advice):
        try:
            family = kind(config, parts)
            family.encode(_SQUARE, "?")
        except EagleError as error:
            raise ModelError(f"{name} cannot be used: {error}") from error
    return family


def _warn_of_code(checkpoint: Checkpoint) -> None:
    if checkpoint.trusts_code:
        warnings.warn(
            f"code of {checkpoint.written} may run, with all that you may do; "
            "trust_remote_code=True allows it",
            stacklevel=2,
        )


def _weights(
    checkpoint: Checkpoint, config: Any, *, dtype: Any, device: torch.device, device_map: str | None
) -> Any:
    """The model on its device, or spread over several; quantized weights are put there as read."""
    is_quantized = getattr(config, "quantization_config", None) is not None
    options: dict[str, Any] = {}
    if device_map is not None:
        options["device_map"] = device_map
    elif is_quantized and device.type != "cpu":
        options["device_map"] = {"": device}
    try:
        module, report = checkpoint.read(
            model_class(config, trusts_code=checkpoint.trusts_code),
            config=config,
            dtype=dtype,
            output_loading_info=True,
            **options,
        )
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:
        raise ModelError(
            f"the weights of {checkpoint.name} do not fit its config.json: {reason(error)}; fetch "
            "the checkpoint again"
        ) from error
    if missing := sorted(report["missing_keys"]):
        raise ModelError(
            f"{len(missing)} weights are missing from {checkpoint.name}, such as {missing[0]}; "
            "transformers would make them up, fetch the checkpoint again"
        )
    return module if options else module.to(device)


def _require_known_ids(model: HuggingFaceModel, *, name: str) -> None:
    encoded = model.family.encode(_SQUARE, "?")
    vocabulary = model.module.get_input_embeddings().num_embeddings
    settings = model.module.generation_config
    for what, ids in {
        "tokenizer writes": encoded.ids,
        "generation_config.json ends answers with": _listed(settings.eos_token_id),
        "generation_config.json fills up with": _listed(settings.pad_token_id),
    }.items():
        for token in ids:
            if type(token) is not int or not 0 <= token < vocabulary:
                raise ModelError(
                    f"{name} cannot be used: its {what} id {token!r}, and its model knows the ids "
                    f"from 0 to {vocabulary - 1}; fetch the checkpoint again"
                )


def _listed(ids: Any) -> list[Any]:
    """One id, several or none, as a checkpoint may give them."""
    if ids is None:
        return []
    return list(ids) if isinstance(ids, list | tuple) else [ids]
