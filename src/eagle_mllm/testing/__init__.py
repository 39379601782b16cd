"""A model whose answers you can work out by hand: for tests, documentation and users.

>>> import numpy as np
>>> from eagle_mllm.attribution.regions import Regions
>>> cat = Evidence(boxes=[(0, 0, 4, 8)], base=0.25)
>>> model = PlantedModel("a cat", {"cat": cat})
>>> generation = model.generate(np.zeros((8, 8, 3), np.uint8), "What is this?")
>>> halves = Regions.from_labels(np.arange(8) // 4 + np.zeros((8, 1), int))
>>> scorer = model.scorer(generation, generation.find("cat"), halves)
>>> scorer(np.array([[False, False], [True, False], [False, True]])).probability.ravel().tolist()
[0.25, 1.0, 0.25]
"""

from eagle_mllm.testing.planted import Box, Evidence, PlantedModel
from eagle_mllm.testing.vocabulary import EOS, OTHER

__all__ = ["EOS", "OTHER", "Box", "Evidence", "PlantedModel"]
