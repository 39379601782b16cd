"""The door and the rooms agree."""

import ast
import re
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import pytest

import eagle_mllm

SOURCE = Path(eagle_mllm.__file__)


def _typed_names() -> dict[str, str]:
    """Name -> home, as type checkers read them in the TYPE_CHECKING block."""
    block = next(
        node
        for node in ast.parse(SOURCE.read_text()).body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    )
    homes = {}
    for node in block.body:
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                whole_room = node.module == "eagle_mllm"
                homes[alias.name] = f"eagle_mllm.{alias.name}" if whole_room else node.module
    return homes


def test_all_is_sorted_and_without_repeats():
    assert eagle_mllm.__all__ == sorted(set(eagle_mllm.__all__))


def test_type_checkers_and_the_running_door_see_the_same_names_from_the_same_homes():
    assert _typed_names() == eagle_mllm._HOME
    assert sorted({*eagle_mllm._HOME, "__version__"}) == eagle_mllm.__all__


@pytest.mark.parametrize("name", sorted(eagle_mllm._HOME))
def test_a_name_of_the_door_is_the_very_object_of_its_room(name):
    home = import_module(eagle_mllm._HOME[name])
    expected = home if home.__name__ == f"eagle_mllm.{name}" else getattr(home, name)
    assert getattr(eagle_mllm, name) is expected


@pytest.mark.parametrize("name", sorted(eagle_mllm._HOME))
def test_a_public_name_is_defined_where_the_door_says_and_is_documented(name):
    value = getattr(eagle_mllm, name)
    assert value.__doc__
    defined_in = getattr(value, "__module__", eagle_mllm._HOME[name])
    assert defined_in == eagle_mllm._HOME[name]


def test_dir_offers_every_public_name():
    assert set(eagle_mllm.__all__) <= set(dir(eagle_mllm))


def test_a_name_that_does_not_exist_raises_the_usual_error():
    with pytest.raises(AttributeError, match=r"^module 'eagle_mllm' has no attribute 'heatmap'$"):
        _ = eagle_mllm.heatmap


def test_the_version_is_that_of_the_installed_distribution():
    assert eagle_mllm.__version__ == version("eagle-mllm")
    assert re.match(r"\d+\.\d+", eagle_mllm.__version__)
