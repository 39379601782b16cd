"""The processor of a checkpoint: Pillow's image processor, the tokenizer, and nothing for videos.

The video processors of transformers need torchvision, whose resize rounds otherwise than Pillow's.
An explanation has one picture, so a processor is put together without its video processor, and its
numbers do not depend on what happens to be installed.
"""

from importlib.util import find_spec
from types import FunctionType
from typing import Any, Literal

from torch import Tensor, from_numpy
from transformers import AutoFeatureExtractor, AutoImageProcessor, AutoProcessor, AutoTokenizer
from transformers.models.auto.processing_auto import PROCESSOR_MAPPING, processor_class_from_name
from transformers.utils import PushToHubMixin

from eagle_mllm.models.pretrained import Checkpoint

Backend = Literal["pil"] | None
"""Which image processor is meant; None is torchvision's where it is installed."""

_FILES = ("processor_config.json", "preprocessor_config.json", "tokenizer_config.json")
"""Where a checkpoint may name the class of its processor."""

_FOR_VIDEOS = ("num2words",)
"""Packages that processors ask for when they are made, and use for videos alone."""

_PARTS = {"tokenizer": AutoTokenizer, "feature_extractor": AutoFeatureExtractor}
"""Parts besides those for images and videos, and what reads them."""


class NoVideoProcessor(PushToHubMixin):  # type: ignore[misc]
    """What a processor has in the place of its video processor.

    It reads no videos. A setting that it is asked for is that of the image processor.

    Args:
        image_processor: of the same processor
    """

    def __init__(self, image_processor: Any) -> None:
        self._image_processor = image_processor

    def to_dict(self) -> dict[str, Any]:
        """Nothing: there is no setting to print or to save."""
        return {}

    def __getattr__(self, name: str) -> Any:
        """A setting of the image processor."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._image_processor, name)


def read_processor(checkpoint: Checkpoint, config: Any, *, backend: Backend = "pil") -> Any:
    """The whole processor of a checkpoint, without its video processor if it has one.

    Args:
        checkpoint: where it is
        config: its transformers configuration
        backend: which image processor is meant

    Raises:
        ImportError: a package that it needs is not installed
    """
    kind = _class_of(checkpoint, config)
    parts = kind.get_attributes() if hasattr(kind, "get_attributes") else []
    if "video_processor" in parts and {*parts} <= {"image_processor", "video_processor", *_PARTS}:
        return _without_video(checkpoint, kind, backend=backend)
    processor = _read(checkpoint, AutoProcessor, backend=backend)
    taking_tensors(getattr(processor, "image_processor", None))
    return processor


def read_image_processor(checkpoint: Checkpoint) -> Any:
    """The image processor of a checkpoint: Pillow's, and torchvision's where there is no other.

    Args:
        checkpoint: where it is

    Raises:
        ImportError: there is no other, and torchvision is not installed
    """
    return _read(checkpoint, AutoImageProcessor, backend="pil")


def _read(checkpoint: Checkpoint, kind: Any, *, backend: Backend) -> Any:
    try:
        return checkpoint.read(kind, backend=backend)
    except (ImportError, ValueError) as error:
        if backend is None:
            raise _needs_torchvision(error) from error
    # Some image processors come with torchvision alone.
    return _read(checkpoint, kind, backend=None)


def taking_tensors(image_processor: Any) -> Any:
    """The same image processor, whose patches may be asked of a tensor too.

    Fuyu's processor cuts what its image processor made of a picture, which are tensors, by a method
    that is for arrays where it is Pillow's.
    """
    cut = getattr(image_processor, "patchify_image", None)
    if cut is None or getattr(image_processor, "backend", None) != "pil":
        return image_processor

    def patches(image: Any, *rest: Any, **named: Any) -> Any:
        if not isinstance(image, Tensor):
            return cut(image, *rest, **named)
        return from_numpy(cut(image.numpy(), *rest, **named)).unsqueeze(0)

    image_processor.patchify_image = patches
    return image_processor


def _needs_torchvision(error: Exception) -> Exception:
    """The same error, or the true one where all that is missing is torchvision."""
    if find_spec("torchvision") is None and "torchvision" in str(error).lower():
        return ImportError("torchvision is not installed", name="torchvision")
    return error


def _without_video(checkpoint: Checkpoint, kind: Any, *, backend: Backend) -> Any:
    settings = checkpoint.processor_settings(kind)
    image_processor = _read(checkpoint, AutoImageProcessor, backend=backend)
    made: dict[str, Any] = {
        "image_processor": image_processor,
        "video_processor": NoVideoProcessor(image_processor),
    }
    for name in kind.get_attributes():
        if name not in made:
            made[name] = checkpoint.read(_PARTS[name])
    parts = [made[name] for name in kind.get_attributes()]
    return _lenient(kind).from_args_and_dict(parts, settings)


def _lenient(kind: Any) -> Any:
    """The class of a processor that takes a `NoVideoProcessor` too."""

    def checked(self: Any, name: str, part: Any) -> Any:
        if isinstance(part, NoVideoProcessor):
            return NoVideoProcessor
        return kind.check_argument_for_proper_class(self, name, part)

    members = {"check_argument_for_proper_class": checked, "__init__": _init_for_images(kind)}
    # The same name: processors write it into their settings and their messages.
    return type(kind.__name__, (kind,), members)


def _init_for_images(kind: Any) -> Any:
    """The `__init__` of a processor, without its demand for a package that only videos need.

    SmolVLM writes out the number of frames of a video with num2words.
    """
    init = kind.__init__
    unneeded = {name: True for name in _FOR_VIDEOS if init.__globals__.get(name, True) is None}
    if not unneeded:
        return init
    made = FunctionType(
        init.__code__,
        init.__globals__ | unneeded,
        closure=init.__closure__,
        argdefs=init.__defaults__,
    )
    made.__kwdefaults__ = init.__kwdefaults__
    return made


def _class_of(checkpoint: Checkpoint, config: Any) -> Any:
    """The processor's class, as `AutoProcessor` finds it; None if it knows none."""
    for file in _FILES:
        if name := (checkpoint.json_file(file) or {}).get("processor_class"):
            return processor_class_from_name(name)
    return PROCESSOR_MAPPING.get(type(config), None)
