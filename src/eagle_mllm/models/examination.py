"""What somebody with a real checkpoint wants to know first: does it work here, and how fast?

Each step is tried by itself: one that fails says why, and the next ones go on.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch

from eagle_mllm.arrays import RGBImage, Subsets
from eagle_mllm.attribution.generation import Generation
from eagle_mllm.attribution.provenance import made_with
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.attribution.several import attribute_each
from eagle_mllm.borders import reason
from eagle_mllm.models.huggingface import HuggingFaceModel
from eagle_mllm.models.pixel_choice import bind_pixels
from eagle_mllm.models.placing import input_device
from eagle_mllm.models.settings import PixelPath

PROMPT = "Describe the image."
_N_TOKENS = 24
_BATCHES = (1, 2, 4, 8)
_PATHS: tuple[PixelPath, ...] = ("component", "processor")
_WORDS = 5

Step = dict[str, Any]
"""`ok`, what was `found`, and the measured values under names of their own."""


class Examined(NamedTuple):
    """One step as it ends."""

    name: str
    step: Step


def examine(model: HuggingFaceModel, pictures: list[np.ndarray]) -> Iterator[Examined]:
    """Try a model step by step; each step is given out as it ends.

    Args:
        model: a loaded model
        pictures: a few RGB images of any sizes, the first of which is explained
    """
    yield Examined("model", {"ok": True, "found": repr(model), **made_with(model.info)})
    image = pictures[0]
    answer, step = _tried(lambda: _answer(model, image))
    yield Examined("answer", step)
    if answer is None:
        return
    _, step = _tried(lambda: _checked(model, answer))
    yield Examined("self-check", step)
    if not step["ok"]:
        return
    steps: dict[str, Callable[[], tuple[Any, Step]]] = {
        "pixels": lambda: _pixels(model, pictures),
        "repeated": lambda: _repeated(model, answer),
        "speed": lambda: _speed(model, answer),
        "explanation": lambda: _explained(model, answer),
    }
    for name, run in steps.items():
        yield Examined(name, _tried(run)[1])


def _tried(run: Callable[[], tuple[Any, Step]]) -> tuple[Any, Step]:
    started = time.perf_counter()
    try:
        value, step = run()
    except Exception as error:  # whatever a model nobody has tried raises
        return None, {"ok": False, "found": f"{type(error).__name__}: {reason(error)}"}
    return value, {"ok": True, **step, "seconds": round(time.perf_counter() - started, 3)}


def _answer(model: HuggingFaceModel, image: RGBImage) -> tuple[Generation, Step]:
    generation = model.generate(image, PROMPT, max_new_tokens=_N_TOKENS)
    return generation, {"found": repr(generation.text), "ids": list(generation.ids)}


def _checked(model: HuggingFaceModel, answer: Generation) -> tuple[None, Step]:
    model.scorer(answer, answer.all(include_eos=True), _grid(answer.image, 4))
    found = "pictures together score as each alone, tokens as they are generated"
    if (why := model.info.details.get("batch_reason")) is not None:
        found = f"tokens score as they are generated; one picture a pass: {why}"
    return None, {"found": found}


def _pixels(model: HuggingFaceModel, pictures: list[np.ndarray]) -> tuple[None, Step]:
    """Mean difference between the two ways to make pixels, in grey levels, for each picture."""
    differences = []
    for image in pictures:
        regions = _grid(image, 16)
        encoded = model.family.encode(image, PROMPT)
        pipeline = model.family.pixel_pipeline(image.shape[:2])
        if pipeline is None:
            return None, {"found": "by the image processor alone; there is no fast way here"}
        fast, exact = (
            bind_pixels(
                path,
                model.family,
                encoded,
                image=image,
                regions=regions,
                fill="black",
                device=input_device(model.module),
            ).source(_subsets(regions, 1))
            for path in _PATHS
        )
        found = [(fast[name].cpu() - exact[name]).abs().mean() for name in pipeline.arrangements]
        differences.append(float(max(found)) / pipeline.grey_level)
    worst = max(differences)
    return None, {
        "found": f"fast and exact pixels differ by {worst:.3f} grey levels on average",
        "grey_levels": differences,
    }


def _repeated(model: HuggingFaceModel, answer: Generation) -> tuple[None, Step]:
    """How far a score depends on its neighbours in a batch, and on the time it is asked."""
    regions = _grid(answer.image, 16)
    shown = _subsets(regions, 4)
    scorer = model.scorer(answer, answer.all(include_eos=True), regions)
    together = scorer(shown).probability
    again = scorer(shown).probability
    alone = np.concatenate([scorer(row[np.newaxis]).probability for row in shown])
    noise = float(np.abs(together - again).max())
    batch = float(np.abs(together - alone).max())
    return None, {
        "found": f"p differs by {noise:.1e} when asked again, by {batch:.1e} alone",
        "noise": noise,
        "batch": batch,
    }


def _speed(model: HuggingFaceModel, answer: Generation) -> tuple[None, Step]:
    """Milliseconds for an image, and memory, by images in a pass."""
    regions = _grid(answer.image, 16)
    rows: list[dict[str, Any]] = []
    for size in _BATCHES:
        fixed = HuggingFaceModel(model.module, model.family, name=model.info.id, batch_size=size)
        scorer = fixed.scorer(answer, answer.all(include_eos=True), regions)
        shown = _subsets(regions, size)
        scorer(shown)
        if scorer.preferred_batch_size != size:
            break  # memory ran out, or a pass has one image
        _forget_peak(model)
        started = time.perf_counter()
        scorer(shown)
        spent = (time.perf_counter() - started) / size
        rows.append({"images": size, "ms": round(1e3 * spent, 2), "gib": _peak(model)})
    best = min(rows, key=lambda row: row["ms"])
    found = f"{best['ms']:.1f} ms an image, {best['images']} in a pass"
    if best["gib"] is not None:
        found += f", at most {max(row['gib'] for row in rows):.1f} GiB"
    return None, {"found": found, "passes": rows}


def _explained(model: HuggingFaceModel, answer: Generation) -> tuple[None, Step]:
    """The strongest region of a few words, and what it is to show and to hide it."""
    regions = _grid(answer.image, 9)
    targets = answer.each_word()[:_WORDS] if answer.words else (answer.all(include_eos=True),)
    made = attribute_each(model, answer, targets, regions=regions)
    words = [
        {
            "word": one.target.text,
            "first_region": int(one.trace.order[0]),
            "p_full": float(one.trace.deletion[0].mean()),
            "p_empty": float(one.trace.insertion[0].mean()),
            "images": one.forward_passes,
        }
        for one in made
    ]
    said = ", ".join(f"{one['word']!r} {one['p_empty']:.2f} → {one['p_full']:.2f}" for one in words)
    return None, {"found": f"p without and with the picture: {said}", "words": words}


def _grid(image: RGBImage, n_regions: int) -> Regions:
    side = round(n_regions**0.5)
    down, across = (np.arange(length) * side // length for length in image.shape[:2])
    return Regions.from_labels(down[:, np.newaxis] * side + across)


def _subsets(regions: Regions, count: int) -> Subsets:
    shown = np.random.default_rng(0).random((count, len(regions))) < 0.5
    shown[0] = True
    return shown


def _forget_peak(model: HuggingFaceModel) -> None:
    if input_device(model.module).type == "cuda":
        torch.cuda.reset_peak_memory_stats()


def _peak(model: HuggingFaceModel) -> float | None:
    if input_device(model.module).type != "cuda":
        return None
    return round(torch.cuda.max_memory_allocated() / 2**30, 2)
