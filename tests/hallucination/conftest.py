"""A picture of 8 x 8 regions of 6 x 6 pixels, and planted models that err because of some."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest


@pytest.fixture
def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(1, 255, (48, 48, 3), dtype=np.uint8)


@pytest.fixture
def grid() -> Any:
    import eagle_mllm as eagle

    rows, columns = np.indices((48, 48)) // 6
    return eagle.Regions.from_labels(rows * 8 + columns)


@pytest.fixture
def liar() -> Callable[..., Any]:
    """A model that says "Yes" while any (or all) of some boxes are visible, and "No" without."""

    def build(boxes: list[tuple[int, int, int, int]], **options: Any) -> Any:
        from eagle_mllm.testing import Evidence, PlantedModel

        yes = Evidence(boxes=boxes, rival="No", **options)
        return PlantedModel("Yes.", {"Yes": yes}, prior=0.9)

    return build


def box(region: int) -> tuple[int, int, int, int]:
    row, column = divmod(region, 8)
    return (6 * column, 6 * row, 6 * column + 6, 6 * row + 6)
