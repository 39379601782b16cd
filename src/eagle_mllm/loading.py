"""Models by name, from whichever room can make them.

This file is light: torch is imported when a model is loaded.
"""

import re
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from eagle_mllm.attribution.model import Model
from eagle_mllm.borders import border
from eagle_mllm.errors import MissingDependency, ModelError, did_you_mean
from eagle_mllm.models.settings import BatchSize, ModelSettings, PixelChoice
from eagle_mllm.printable import printable
from eagle_mllm.uncollected import uncollected

DEMO_TITLES = {"llava": "LLaVA", "qwen2_5_vl": "Qwen2.5-VL", "internvl": "InternVL"}
"""The small models that ship with the package: folder → what readers call it."""

DEMOS = {"demo": "qwen2_5_vl", **{f"demo/{name}": name for name in DEMO_TITLES}}
"""What `load_model` calls them → their folders."""

TWINS = ("llava-truth", "llava-habit")
"""Folders of two models of one recipe: one teacher told the truth, the other had habits."""

DEMOS |= {f"demo/{name}": name for name in TWINS}

CHECKPOINTS = Path(__file__).parent / "scenes" / "checkpoints"
"""Where the shipped models lie."""

_SHOWN = 60
"""Characters of an impossible name that a message repeats."""

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.\-]*(/[\w.\-]+)?")


def load_model(
    name: str | Path,
    *,
    device: object = "auto",
    dtype: object = "auto",
    batch_size: BatchSize = "auto",
    revision: str | None = None,
    pixels: PixelChoice = "auto",
    compile: bool = False,
    template: Mapping[str, Any] | None = None,
    system: str | None = None,
    device_map: str | None = None,
    trust_remote_code: bool = False,
) -> Model:
    """Load a multimodal language model.

    Nothing outside the returned model is touched: no seed, no default precision, no environment
    variable, no log level.

    Args:
        name: "demo", "demo/llava", "demo/qwen2_5_vl" or "demo/internvl" for a small model that
            ships with the package; a folder with a transformers checkpoint; or a Hugging Face
            hub id such as "Qwen/Qwen2.5-VL-3B-Instruct". Write "./demo" for a folder of that name
        device: "auto" takes the first of CUDA, Apple's MPS and the CPU; or a torch device
        dtype: "auto" is the precision of the checkpoint on a GPU and float32 on the CPU; or
            "float32", "bfloat16", "float16" (or the torch dtype)
        batch_size: images per forward pass; "auto" measures a pass of each new shape of sample and
            takes what fits into half of the free memory, at most 8. It is halved when memory runs
            out all the same
        revision: branch, tag or commit of a hub repository
        pixels: how the pixels of images with hidden regions are made. "component" resizes every
            region once and adds the shown ones up on the device; "processor" hides regions in the
            8-bit image and runs the model's own image processor on each, slow. Both give the same
            pixels, which is checked for each picture. "auto" is "component" where it reproduces the
            image processor on the picture that is explained, else "processor"
        compile: let torch compile the model and its vision tower for the shapes of each sample. It
            takes from half a minute to some minutes for each, so it pays for many explanations of
            images of one size on a GPU; probabilities differ by rounding
        template: options of the chat template, such as `{"enable_thinking": False}`
        system: the system prompt; by default what the chat template does without one
        device_map: "auto" spreads the weights over all devices by accelerate, for models that fit
            none alone; instead of `device`
        trust_remote_code: run code that comes with the checkpoint, which may do anything that you
            may do; only for one whose code you have read

    Raises:
        SettingError: a setting is unknown or out of range, such as a device that is not here
        ModelError: there is no such model, it cannot read images, or components are asked for
            and cannot reproduce its image processor
        MissingDependency: torch or transformers is not installed
    """
    settings = ModelSettings(
        device=str(device),
        dtype=_dtype_name(dtype),
        batch_size=batch_size,
        revision=revision,
        pixels=pixels,
        compile=compile,
        template=dict(template or {}),
        system=system,
        device_map=device_map,
        trust_remote_code=trust_remote_code,
    )
    place = _place(str(name))
    for package in ("torch", "transformers"):
        if find_spec(package) is None:
            raise MissingDependency(
                f"models need {package}, which is not installed; pip install {package}"
            )
    with uncollected():
        from eagle_mllm.models.loading import load_checkpoint

        return load_checkpoint(place, name=str(name), settings=settings)


def load_family(name: str, *, revision: str | None = None) -> tuple[Any, list[int]]:
    """Tokenizer, chat template and image processor of a model, without its weights.

    Args:
        name: as `load_model` takes it
        revision: branch, tag or commit of a hub repository

    Returns:
        A `models.families.base.Family`, and the ids that end an answer, the usual one first

    Raises:
        ModelError: there is no such model, or it cannot read images
    """
    place = _place(name)
    with uncollected():
        from eagle_mllm.models.loading import load_parts

        return load_parts(place, name=name, revision=revision)


def checkpoint_folder(name: str) -> Path | None:
    """The folder whose files a model of this name is loaded from; None for a hub id.

    Args:
        name: as `load_model` takes it

    Raises:
        ModelError: it can be neither
    """
    place = Path(_place(name))
    return place if place.is_dir() else None


def _dtype_name(dtype: object) -> Any:
    """The name of a precision, of torch's or of ours; `ModelSettings` knows which there are."""
    return str(dtype).removeprefix("torch.")


def _place(name: str) -> str:
    """The folder or hub id that a name stands for."""
    if name in DEMOS:
        return _demo_folder(name)
    if name.startswith("demo/"):
        raise ModelError(_unknown_demo(name))
    # A name may be longer than the file system takes, or `~somebody` who has no account.
    named = printable(name[:_SHOWN])
    with border(ModelError, f"{named!r} cannot name a model", advice="give a folder or a hub id"):
        place = _folder(name)
    if place is None and not _HUB_ID.fullmatch(name):
        raise ModelError(
            f"there is no folder {printable(name)}; give a checkpoint folder, a hub id like "
            f"'Qwen/Qwen2.5-VL-3B-Instruct', or 'demo'"
        )
    return place or name


def _folder(name: str) -> str | None:
    """The checkpoint folder of this name, if there is one."""
    folder = Path(name).expanduser()
    if folder.is_dir():
        if not any((folder / file).is_file() for file in ("config.json", "adapter_config.json")):
            raise ModelError(
                f"{name} is not a checkpoint, it has no config.json; give the folder that "
                "save_pretrained wrote"
            )
        return str(folder)
    if folder.is_file():
        raise ModelError(f"{name} is a file; give the folder of a transformers checkpoint")
    return None


def _demo_folder(name: str) -> str:
    folder = CHECKPOINTS / DEMOS[name]
    if not (folder / "config.json").is_file():
        raise ModelError(
            f"the model {name!r} is not part of this installation; pip install --force-reinstall "
            "eagle-mllm, or give a folder or hub id"
        )
    return str(folder)


def _unknown_demo(name: str) -> str:
    return f"there is no demo model {name!r}; {did_you_mean(name, DEMOS, cutoff=0.5)}"
