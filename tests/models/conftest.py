"""Small models of the real architectures, made once a session."""

import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest


def _beside(name: str) -> ModuleType:
    """A module of this folder, which is no package."""
    path = Path(__file__).with_name(f"{name}.py")
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    """Tiny matrices are faster on one core, the more so when the others are busy."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def tiny() -> ModuleType:
    """The builders, the pictures and the answers."""
    return _beside("tiny_checkpoints")


@pytest.fixture(scope="session")
def mutations() -> ModuleType:
    """Damage to checkpoint folders."""
    return _beside("mutations")


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory, tiny: ModuleType) -> Callable[[str], Path]:
    """A trained checkpoint folder by architecture; each is made once for all test processes."""
    own = tmp_path_factory.getbasetemp()
    shared = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "checkpoints"
    shared.mkdir(exist_ok=True)

    def folder(name: str) -> Path:
        path = shared / name
        if not path.exists():
            fresh = tmp_path_factory.mktemp(name)
            tiny.BUILDERS[name](fresh)
            _train(tiny, fresh)
            with suppress(OSError):  # another process was first, with the same weights
                fresh.rename(path)
        return path

    return folder


@pytest.fixture(scope="session")
def load(checkpoint: Callable[[str], Path]) -> Callable[..., Any]:
    """A model by name, in float32 on the CPU: an architecture, or a shipped `demo/...`.

    Its pixels are the image processor's own unless asked otherwise: that path is the judge.
    """
    from eagle_mllm import load_model

    def loaded(
        name: str, *, batch_size: Any = 4, pixels: str = "processor", compile: bool = False
    ) -> Any:
        place = name if name.startswith("demo") else checkpoint(name)
        return load_model(
            place, device="cpu", batch_size=batch_size, pixels=pixels, compile=compile
        )

    return loaded


@pytest.fixture(scope="session")
def blocks() -> Callable[[np.ndarray, int, int], Any]:
    """Makes a partition of an image into rows and columns of blocks."""
    from eagle_mllm.attribution.regions import Regions

    def grid(image: np.ndarray, rows: int, columns: int) -> Any:
        height, width = image.shape[:2]
        down, across = np.arange(height) * rows // height, np.arange(width) * columns // width
        return Regions.from_labels(down[:, np.newaxis] * columns + across)

    return grid


@pytest.fixture
def regions(blocks: Callable[[np.ndarray, int, int], Any]) -> Any:
    """Twelve blocks that cover a picture of the builders."""
    return blocks(np.empty((40, 28, 3)), 4, 3)


@pytest.fixture
def reference() -> Callable[..., Any]:
    """The judge of all scores: probability and prediction of a target from one plain forward."""
    return _plain_forward


def _plain_forward(
    model: Any, generation: Any, target: Any, image: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities from one plain forward over everything, all logits, positions by the model."""
    import torch

    encoded = model.family.encode(image, generation.prompt)
    inputs = model.family.generation_inputs(encoded)
    ids = torch.tensor([[*encoded.ids, *generation.ids]])
    added = len(generation.ids)
    inputs["input_ids"] = ids
    for name, fill in {
        "attention_mask": 1,
        "mm_token_type_ids": 0,
        "token_type_ids": 1 if model.module.config.model_type == "paligemma" else 0,
    }.items():
        if name in inputs:
            tail = inputs[name].new_full((1, added), fill)
            inputs[name] = torch.cat([inputs[name], tail], dim=1)
    if "cross_attention_mask" in inputs:  # Mllama: the answer sees the image as the prompt does
        mask = inputs["cross_attention_mask"]
        inputs["cross_attention_mask"] = torch.cat([mask, *[mask[:, -1:]] * added], dim=1)
    with torch.no_grad():
        logits = model.module(**inputs).logits[0].double()
    rows = [len(encoded.ids) + position - 1 for position in target.positions]
    probability = logits.softmax(-1)[rows, list(target.ids)]
    return probability.numpy(), logits[rows].argmax(-1).numpy()


def _train(tiny: ModuleType, path: Path) -> None:
    import torch

    from eagle_mllm import load_model

    model = load_model(path, device="cpu")
    module, family = model.module, model.family
    steps = []
    for index, answer in enumerate(tiny.ANSWERS):
        generation = model.with_answer(tiny.picture(index), tiny.PROMPT, answer)
        encoded = family.encode(generation.image, generation.prompt)
        ids = torch.tensor([*encoded.ids, *generation.ids])
        labels = ids.clone()
        labels[: len(encoded.ids)] = -100
        steps.append(
            family.text_inputs(module, encoded, ids, batch=1)
            | dict(encoded.pixels)
            | {"labels": labels[None]}
        )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        tiny.train(module, steps)
    module.save_pretrained(path)
