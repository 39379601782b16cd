"""A compiled model says what the model says."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

FAMILIES = ["llava", "qwen2_5_vl", "internvl"]
SHOWN = np.random.default_rng(0).random((7, 12)) < 0.5  # two batches of four, the last one short


def scores(model, tiny, regions):
    generation = model.generate(tiny.picture(0), tiny.PROMPT, max_new_tokens=8)
    return model.scorer(generation, generation.all(), regions)(SHOWN).probability


PROGRAM = """
import sys
import numpy as np
import eagle_mllm as eagle

folder, picture, prompt = sys.argv[1:]
plain, fast = (
    eagle.load_model(folder, device="cpu", batch_size=4, compile=compile)
    for compile in (False, True)
)
module = fast.module
forward, keys = module.forward, set(vars(module))
generation = plain.generate(picture, prompt, max_new_tokens=8)
regions = eagle.segment(generation.image, method="grid", n_regions=4)
shown = np.random.default_rng(0).random((7, len(regions))) < 0.5
scores = [
    model.scorer(generation, generation.all(), regions)(shown).probability
    for model in (plain, fast)
]
assert (module.forward, set(vars(module))) == (forward, keys)
assert fast.info.details["compiled"] == "yes"
print(float(np.abs(scores[0] - scores[1]).max()), float(scores[0].std(axis=0).max()))
"""
"""In a process of its own: torch cannot compile what is checked at run time, as here all is."""


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_compiled_scores_are_the_same_and_the_module_stays_as_it_was(
    checkpoint, tiny, tmp_path, name
):
    picture = tmp_path / "picture.png"
    Image.fromarray(tiny.picture(0)).save(picture)
    arguments = [str(checkpoint(name)), str(picture), tiny.PROMPT]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    difference, spread = map(float, done.stdout.split())
    assert difference <= 1e-4 < spread


@pytest.fixture
def traced(monkeypatch):
    """`torch.compile` that changes nothing and keeps what it is given, with its batch sizes."""
    compiled = []

    def compile(function, *, dynamic):
        assert dynamic is False
        sizes = []
        compiled.append((function, sizes))

        def call(*arguments, **named):
            tensors = [*arguments, *named.values()]
            sizes.append(next(one for one in tensors if torch.is_tensor(one)).shape[0])
            return function(*arguments, **named)

        return call

    monkeypatch.setattr(torch, "compile", compile)
    return compiled


@pytest.mark.parametrize("name", FAMILIES)
def test_module_and_tower_are_compiled_and_always_called_in_one_shape(
    load, tiny, regions, name, traced
):
    expected = scores(load(name, batch_size=4), tiny, regions)
    assert not traced
    model = load(name, batch_size=4, compile=True)
    np.testing.assert_allclose(scores(model, tiny, regions), expected, atol=1e-5)
    assert traced[0][0] is model.module
    assert len(traced) == (2 if name == "qwen2_5_vl" else 1)  # this picture is one tile
    for _, sizes in traced:
        assert set(sizes) == {4}


def test_what_torch_cannot_compile_is_one_line(monkeypatch):
    from torch._dynamo.exc import TorchDynamoException

    from eagle_mllm.errors import ModelError
    from eagle_mllm.models.compiling import compiled

    def fails(*_, **__):
        raise TorchDynamoException("no C++ compiler\nwas found")

    monkeypatch.setattr(torch, "compile", lambda function, dynamic: fails)
    with pytest.raises(ModelError, match=r"cannot compile this model here: no C.. compiler was"):
        compiled(torch.nn.Linear(2, 2))(torch.zeros(1, 2))
