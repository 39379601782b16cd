"""Data sets by name, for configuration files."""

import inspect
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from pydantic import TypeAdapter, ValidationError

from eagle_mllm.datasets.dataset import DataSet
from eagle_mllm.errors import SettingError, did_you_mean

DATA_SETS = {
    "amber": "eagle_mllm.datasets.amber:read",
    "coco-caption": "eagle_mllm.datasets.coco:read_captions",
    "coco-object": "eagle_mllm.datasets.coco:read_objects",
    "mmvp": "eagle_mllm.datasets.mmvp:read",
    "pope": "eagle_mllm.datasets.pope:read",
    "repope": "eagle_mllm.datasets.pope:read",
    "reference": "eagle_mllm.datasets.reference:read",
    "scenes": "eagle_mllm.datasets.scenes:read",
}
"""Name → module and reader; the reader's arguments are its settings."""


def open_data(name: str, **settings: Any) -> DataSet:
    """Read a data set.

    >>> open_data("scenes", task="vqa", count=3)
    DataSet('scenes-vqa', 3 samples, 0 problems)

    Args:
        name: a key of `DATA_SETS`
        settings: the arguments of its reader: `path` and `images` for files on disk, with
            `annotations` for AMBER, `prompt` for the words of the question; `task`, `count` and
            `first` for scenes

    Raises:
        SettingError: the data set or a setting is unknown, a setting is missing or of a wrong type
        DataError: what the settings point at cannot be read
    """
    if name not in DATA_SETS:
        raise SettingError(f"unknown data set {name!r}; {did_you_mean(name, DATA_SETS)}")
    module, _, function = DATA_SETS[name].partition(":")
    reader: Callable[..., DataSet] = getattr(import_module(module), function)
    return reader(**_checked(name, settings, inspect.signature(reader).parameters))


def _checked(
    name: str, settings: Mapping[str, Any], parameters: Mapping[str, inspect.Parameter]
) -> dict[str, Any]:
    for setting in settings:
        if setting not in parameters:
            hint = did_you_mean(setting, parameters)
            raise SettingError(f"data set {name!r} has no setting {setting!r}; {hint}")
    for parameter in parameters.values():
        if parameter.default is parameter.empty and parameter.name not in settings:
            raise SettingError(f"data set {name!r} needs the setting {parameter.name!r}; give it")
    return {
        setting: _converted(f"data set {name!r}: {setting}", value, parameters[setting].annotation)
        for setting, value in settings.items()
    }


def _converted(what: str, value: Any, annotation: Any) -> Any:
    try:
        return TypeAdapter(annotation).validate_python(value, strict=True)
    except ValidationError as error:
        reason = error.errors(include_url=False)[0]["msg"]
        raise SettingError(f"{what} is {value!r}; {reason}") from error
