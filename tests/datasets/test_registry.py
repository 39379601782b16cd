"""Data sets by name, as configuration files ask for them."""

import doctest
from importlib import import_module

import pytest

from eagle_mllm.datasets import mmvp, names, registry
from eagle_mllm.datasets.coco import read_captions, read_objects
from eagle_mllm.datasets.registry import DATA_SETS, open_data
from eagle_mllm.errors import DataError, SettingError


@pytest.mark.parametrize("name", DATA_SETS)
def test_every_name_leads_to_a_reader(name) -> None:
    module, function = DATA_SETS[name].split(":")
    assert callable(getattr(import_module(module), function))


def test_a_name_opens_what_its_reader_reads(coco) -> None:
    folder = str(coco())
    assert open_data("coco-caption", path=folder) == read_captions(folder)
    images = f"{folder}/val2017"
    assert open_data("coco-object", path=folder, images=images) == read_objects(folder)
    assert len(open_data("scenes", task="vqa", count=3, first=2)) == 3


@pytest.mark.parametrize(
    ("name", "settings", "says"),
    [
        ("coco-captions", {}, "unknown data set 'coco-captions'; did you mean 'coco-caption'?"),
        ("imagenet", {}, "choose one of amber, coco-caption, coco-object, mmvp, pope"),
        ("mmvp", {"paht": "x"}, "'mmvp' has no setting 'paht'; did you mean 'path'?"),
        ("scenes", {"path": "x"}, "'scenes' has no setting 'path'; choose one of task, count"),
        ("reference", {"path": "x", "prompt": "y"}, "'reference' has no setting 'prompt'"),
        ("repope", {}, "'repope' needs the setting 'path'"),
        ("scenes", {"count": "many"}, "count is 'many'; Input should be a valid integer"),
        ("scenes", {"count": True}, "count is True"),
        ("scenes", {"task": "captions"}, "task is 'captions'; Input should be 'caption'"),
        ("pope", {"path": 3}, "path is 3"),
    ],
)
def test_a_wrong_setting_gets_one_line_that_helps(name, settings, says) -> None:
    with pytest.raises(SettingError) as raised:
        open_data(name, **settings)
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


def test_what_the_settings_point_at_must_be_there() -> None:
    with pytest.raises(DataError, match="No such file"):
        open_data("pope", path="nowhere.json")


@pytest.mark.parametrize("module", [names, mmvp, registry], ids=lambda module: module.__name__)
def test_the_examples_in_the_documentation_run(module) -> None:
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0
