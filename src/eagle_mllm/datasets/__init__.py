"""Questions about images, from wherever they come: COCO, MMVP, POPE, reference lists, scenes.

`open_data(name, ...)` reads one into a `DataSet`, a sequence of `Sample`. Nothing is downloaded;
what cannot be used is named in `DataSet.problems` and left out.
"""

from eagle_mllm.datasets.dataset import DataSet
from eagle_mllm.datasets.problems import Place, Problem
from eagle_mllm.datasets.registry import open_data
from eagle_mllm.datasets.sample import (
    FileImage,
    ImageSource,
    ObjectTruth,
    Sample,
    SceneImage,
    SceneRef,
    Task,
)
from eagle_mllm.errors import DataError

__all__ = [
    "DataError",
    "DataSet",
    "FileImage",
    "ImageSource",
    "ObjectTruth",
    "Place",
    "Problem",
    "Sample",
    "SceneImage",
    "SceneRef",
    "Task",
    "open_data",
]
