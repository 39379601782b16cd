"""Fixtures that every room's tests may ask for.

The package is imported inside the fixtures: imported here, it would be loaded before the check of
array shapes is hooked in.
"""

import os
import re
import select
import time

import hypothesis
import jaxtyping
import numpy as np
import pytest

# Set before the first test imports torch, and inherited by the processes that tests start: tiny
# models are faster on one core, and test processes must not fight for the cores of one machine.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A shared machine may stop for longer than the 200 ms that hypothesis grants an example.
hypothesis.settings.register_profile("shared machine", deadline=None)
hypothesis.settings.load_profile("shared machine")


@pytest.fixture
def rng():
    """A generator of random numbers, the same in every run."""
    return np.random.default_rng(20250922)


@pytest.fixture
def as_users_run_it():
    """Without the check of array shapes, which refuses a wrong shape before our own checks can."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.fixture
def image(rng):
    """A small RGB image, 16 rows of 24 columns of noise."""
    return rng.integers(0, 256, size=(16, 24, 3), dtype=np.uint8)


@pytest.fixture
def regions():
    """Six square regions of 8 x 8 pixels:

    0 1 2
    3 4 5
    """
    from eagle_mllm.attribution.regions import Regions

    return Regions.from_labels(np.arange(6).reshape(2, 3).repeat(8, axis=0).repeat(8, axis=1))


@pytest.fixture
def model():
    """Says "a cat on a tree".

    The cat is half in region 4, a quarter in 3 and a quarter in 5; the tree needs 2 and 5 together.
    """
    from eagle_mllm.testing import Evidence, PlantedModel

    return PlantedModel(
        "a cat on a tree",
        {
            "cat": Evidence(boxes=[(4, 8, 20, 16)], base=0.1, rival="dog"),
            "tree": Evidence(boxes=[(16, 0, 24, 8), (16, 8, 24, 16)], rule="all", base=0.2),
        },
    )


@pytest.fixture
def generation(model, image):
    """The planted model's answer about the small image."""
    return model.generate(image, "What is in the image?")


@pytest.fixture
def attribution(model, generation, regions):
    """The word "cat" of the planted answer, explained."""
    from eagle_mllm.attribution.method import attribute

    return attribute(model, generation, generation.find("cat"), regions=regions)


@pytest.fixture
def everything_from():
    """Reads what is written to a terminal, by the number of our end of it."""

    def read(terminal):
        """The text written to a terminal until its last writer closes it, without colors."""
        pieces = []
        deadline = time.monotonic() + 100
        while time.monotonic() < deadline:
            if not select.select([terminal], [], [], 1)[0]:
                continue
            try:
                piece = os.read(terminal, 4096)
            except OSError:  # how Linux says that nobody holds the other end
                break
            if not piece:
                break
            pieces.append(piece)
        os.close(terminal)
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", b"".join(pieces).decode())

    return read
