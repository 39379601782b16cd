"""How a served model agrees with the same checkpoint in this process, and how fast it scores.

    python benchmarks/engines.py --all .venv-vllm/bin/python            starts each engine here
    python benchmarks/engines.py http://127.0.0.1:8000 --checkpoint demo
    .venv-vllm/bin/python benchmarks/engines.py --offline               vLLM in this process

Adds rows to `benchmarks/results/engines.json`: probabilities of every token of a caption under
hidden versions of a scene, an explanation of that caption side by side, and the requests of one
that was interrupted half-way and started again. A row that is there is not measured again.
"""

import argparse
import os
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from serving import VLLM, as_vllm_reads, llama_cpp, vllm, vllm_environment
from store import RESULTS, ROOT, ResultFile, run_record

from eagle_mllm import metrics
from eagle_mllm.attribution.generation import Generation
from eagle_mllm.attribution.method import Eagle, attribute
from eagle_mllm.attribution.model import Model
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.attribution.result import Attribution
from eagle_mllm.attribution.search.multilevel import MultilevelSearch
from eagle_mllm.attribution.segmentation import segment
from eagle_mllm.connecting import connect, from_vllm
from eagle_mllm.engines.served import ServedModel
from eagle_mllm.errors import ModelError
from eagle_mllm.loading import CHECKPOINTS, DEMO_TITLES, DEMOS, load_model
from eagle_mllm.scenes import scene as draw_scene
from eagle_mllm.scenes.language import CAPTION_PROMPT

N_REGIONS = 16
N_MASKS = 32
BUDGET = 64
LEADING = 4
"""First regions of an order that are compared."""


ROUTES = (
    ("llama.cpp", "qwen2_5_vl"),
    ("llama.cpp", "internvl"),
    *product(("vllm", "vllm-tokens", "vllm-offline"), DEMO_TITLES),
)
"""Engine and family; llama.cpp has no LLaVA that is the same model."""


def main() -> None:
    """Measure one server, or vLLM in this process, or all that can be started here."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("url", nargs="?")
    what.add_argument("--offline", action="store_true", help="vLLM in this process")
    what.add_argument("--all", metavar="PYTHON", help="start each; PYTHON has vLLM")
    parser.add_argument("--checkpoint", default="demo", help="as load_model takes it")
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--scene", type=int, default=5)
    parser.add_argument("--out", type=Path, default=RESULTS)
    chosen = parser.parse_args()
    if chosen.all:
        measure_all(chosen.all, scene=chosen.scene, out=chosen.out)
    elif chosen.offline:
        measure_offline(chosen.checkpoint, scene=chosen.scene, out=chosen.out)
    else:
        asked = {"url": chosen.url, "engine": chosen.engine}
        measure_served(chosen.checkpoint, **asked, scene=chosen.scene, out=chosen.out)


def measure_all(
    python: str, *, scene: int, out: Path, routes: Sequence[tuple[str, str]] = ROUTES
) -> None:
    """Each route, one after the other; those that have a row are left out.

    Args:
        python: of the environment that has vLLM
        scene: number of the scene
        out: folder of the results
        routes: engine and family of each
    """
    for engine, family in routes:
        checkpoint = f"demo/{family}"
        if {"engine": engine, "model": checkpoint, "scene": scene} in result_file(out):
            continue
        with tempfile.TemporaryDirectory() as folder:
            if engine == "vllm-offline":
                command = [python, __file__, "--offline", "--checkpoint", checkpoint]
                command += ["--scene", str(scene), "--out", str(out)]
                path = os.pathsep.join([str(ROOT / "src"), str(ROOT / "benchmarks")])
                environment = {**vllm_environment(), "PYTHONPATH": path}
                subprocess.run(command, env=environment, check=True)
            elif engine == "llama.cpp":
                with llama_cpp(family) as url:
                    measure_served(checkpoint, url=url, engine=engine, scene=scene, out=out)
            else:
                with vllm(python, as_vllm_reads(family, Path(folder))) as url:
                    measure_served(checkpoint, url=url, engine=engine, scene=scene, out=out)


def measure_served(checkpoint: str, *, url: str, engine: str, scene: int, out: Path) -> None:
    """Add the row of a server.

    Args:
        checkpoint: the same model, as `load_model` takes it
        url: of the server
        engine: as `connect` takes it
        scene: number of the scene
        out: folder of the results
    """

    def connected(**options: Any) -> ServedModel:
        options = {"cache": None, **options}
        return connect(url, checkpoint=checkpoint, agreement=False, engine=engine, **options)

    case = case_of(checkpoint, scene)
    cut = {"requests_cut_resumed_repeated": interrupted(connected, case)}
    add_row(connected(), case, checkpoint=checkpoint, scene=scene, out=out, more=cut)


def measure_offline(checkpoint: str, *, scene: int, out: Path) -> None:
    """Add the row of vLLM in this process, which has to be one of its environment.

    Args:
        checkpoint: of a demo model
        scene: number of the scene
        out: folder of the results
    """
    from vllm import LLM

    with tempfile.TemporaryDirectory() as folder:
        family = DEMOS[checkpoint]
        llm = LLM(model=str(as_vllm_reads(family, Path(folder))), **VLLM)
        served = from_vllm(llm, checkpoint=CHECKPOINTS / family, name=checkpoint)
        case = case_of(checkpoint, scene)
        add_row(served, case, checkpoint=checkpoint, scene=scene, out=out)


class Case(NamedTuple):
    """A caption by the model in this process, and how its picture is cut."""

    local: Model
    generation: Generation
    regions: Regions


def case_of(checkpoint: str, number: int) -> Case:
    """The caption of a scene."""
    local = load_model(checkpoint, pixels="processor", batch_size=1)
    image = np.asarray(draw_scene(number).image)
    generation = local.generate(image, CAPTION_PROMPT)
    return Case(local, generation, segment(image, n_regions=N_REGIONS))


def add_row(
    served: ServedModel,
    case: Case,
    *,
    checkpoint: str,
    scene: int,
    out: Path,
    more: Mapping[str, Any] | None = None,
) -> None:
    """Compare, and write the row."""
    generation = case.generation
    answer = served.generate(generation.image, CAPTION_PROMPT)
    row = {
        "engine": served.info.details["engine"],
        "model": checkpoint,
        "scene": scene,
        "noise": float(served.info.details["noise"]),
        "same_answer": answer.ids == generation.ids,
        **agreement(served, case),
        **side_by_side(served, case),
        **(more or {}),
        "load": round(os.getloadavg()[0], 1),
    }
    settings = {"regions": len(case.regions), "masks": N_MASKS, "budget": BUDGET}
    result_file(out).add(row, run=run_record(served.info, settings=settings))


def result_file(out: Path) -> ResultFile:
    """Where the rows are."""
    return ResultFile(out / "engines.json", key=("engine", "model", "scene"))


def agreement(served: Model, case: Case) -> dict[str, Any]:
    """Differences of probabilities, and passes a second of both."""
    local, generation, regions = case
    target = generation.all(include_eos=True)
    shown = np.random.default_rng(0).random((N_MASKS, len(regions))) < 0.5
    shown[0], shown[-1] = True, False
    found, rates = [], []
    for model in (served, local):
        scorer = model.scorer(generation, target, regions)
        scorer(shown[:1])
        start = perf_counter()
        found.append(scorer(shown))
        rates.append(N_MASKS / (perf_counter() - start))
    theirs, ours = found
    apart = np.abs(theirs.probability - ours.probability)
    return {
        "tokens": len(target),
        "largest": float(apart.max()),
        "mean": float(apart.mean()),
        "same_arg_max": float((theirs.predicted == ours.predicted).mean()),
        "served_per_second": round(rates[0], 2),
        "local_per_second": round(rates[1], 2),
    }


def side_by_side(served: Model, case: Case) -> dict[str, Any]:
    """A caption explained by both."""
    local, generation, regions = case
    theirs, ours = (explained(model, generation, regions) for model in (served, local))
    return {
        "caption": generation.text,
        "orders": [theirs.trace.order.tolist(), ours.trace.order.tolist()],
        "same_leading": len(
            set(theirs.trace.order[:LEADING].tolist()) & set(ours.trace.order[:LEADING].tolist())
        ),
        "insertion_auc": [metrics.insertion_auc(one.trace) for one in (theirs, ours)],
        "deletion_auc": [metrics.deletion_auc(one.trace) for one in (theirs, ours)],
        "passes": [theirs.forward_passes, ours.forward_passes],
    }


def interrupted(connected: Callable[..., ServedModel], case: Case) -> list[int]:
    """Requests of an explanation that its budget cut, and of the same once more and again."""
    requests = []
    with tempfile.TemporaryDirectory() as folder:
        for most in (BUDGET // 2, None, None):
            model = connected(cache=folder, max_requests=most)
            try:
                explained(model, case.generation, case.regions)
            except ModelError:
                assert most is not None, "only the first one has a budget"
            requests.append(model.usage.requests)
    return requests


def explained(model: Model, generation: Generation, regions: Regions) -> Attribution:
    """The whole caption, by a search of few passes."""
    method = Eagle(search=MultilevelSearch(budget=BUDGET))
    return attribute(model, generation, generation.all(), method=method, regions=regions)


if __name__ == "__main__":
    main()
