"""Where multimodal LLMs attend, and what they rely on.

EAGLE explains each token that a multimodal LLM generates by the regions of the image that it
stands on (https://arxiv.org/abs/2509.22496).

    import eagle_mllm as eagle

    model = eagle.load_model("demo")
    generation = model.generate("photo.jpg", "Describe the image.")
    attribution = eagle.attribute(model, generation, generation.find("cat"))
    eagle.save(attribution, "cat.npz")

Importing this package is cheap: every name below is fetched from its room when it is first used,
so that neither torch nor matplotlib is imported before a model is loaded or a figure is drawn.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eagle_mllm import baselines as baselines
    from eagle_mllm import hallucination as hallucination
    from eagle_mllm import metrics as metrics
    from eagle_mllm import report as report
    from eagle_mllm import scenes as scenes
    from eagle_mllm import testing as testing
    from eagle_mllm.attribution.ending import Enough as Enough
    from eagle_mllm.attribution.ending import time_limit as time_limit
    from eagle_mllm.attribution.files.io import load as load
    from eagle_mllm.attribution.files.io import save as save
    from eagle_mllm.attribution.generation import Generation as Generation
    from eagle_mllm.attribution.method import Eagle as Eagle
    from eagle_mllm.attribution.method import attribute as attribute
    from eagle_mllm.attribution.objective import Objective as Objective
    from eagle_mllm.attribution.regions import Regions as Regions
    from eagle_mllm.attribution.reliance import ModalityReliance as ModalityReliance
    from eagle_mllm.attribution.reliance import modality_reliance as modality_reliance
    from eagle_mllm.attribution.result import Attribution as Attribution
    from eagle_mllm.attribution.search.greedy import GreedySearch as GreedySearch
    from eagle_mllm.attribution.search.multilevel import MultilevelSearch as MultilevelSearch
    from eagle_mllm.attribution.search.windowed import (
        WindowedGreedySearch as WindowedGreedySearch,
    )
    from eagle_mllm.attribution.segmentation import segment as segment
    from eagle_mllm.attribution.several import attribute_each as attribute_each
    from eagle_mllm.attribution.target import Target as Target
    from eagle_mllm.attribution.trace import Trace as Trace
    from eagle_mllm.connecting import connect as connect
    from eagle_mllm.errors import EagleError as EagleError
    from eagle_mllm.hallucination.auditing import audit as audit
    from eagle_mllm.hallucination.diagnosing import diagnose as diagnose
    from eagle_mllm.hallucination.diagnosis import Diagnosis as Diagnosis
    from eagle_mllm.loading import load_model as load_model

    __version__: str

# Public name -> the module that defines it. A room offered whole maps to itself.
_HOME = {
    "Attribution": "eagle_mllm.attribution.result",
    "Diagnosis": "eagle_mllm.hallucination.diagnosis",
    "Eagle": "eagle_mllm.attribution.method",
    "EagleError": "eagle_mllm.errors",
    "Enough": "eagle_mllm.attribution.ending",
    "Generation": "eagle_mllm.attribution.generation",
    "GreedySearch": "eagle_mllm.attribution.search.greedy",
    "ModalityReliance": "eagle_mllm.attribution.reliance",
    "MultilevelSearch": "eagle_mllm.attribution.search.multilevel",
    "Objective": "eagle_mllm.attribution.objective",
    "Regions": "eagle_mllm.attribution.regions",
    "Target": "eagle_mllm.attribution.target",
    "Trace": "eagle_mllm.attribution.trace",
    "WindowedGreedySearch": "eagle_mllm.attribution.search.windowed",
    "attribute": "eagle_mllm.attribution.method",
    "audit": "eagle_mllm.hallucination.auditing",
    "attribute_each": "eagle_mllm.attribution.several",
    "baselines": "eagle_mllm.baselines",
    "connect": "eagle_mllm.connecting",
    "diagnose": "eagle_mllm.hallucination.diagnosing",
    "hallucination": "eagle_mllm.hallucination",
    "load": "eagle_mllm.attribution.files.io",
    "load_model": "eagle_mllm.loading",
    "metrics": "eagle_mllm.metrics",
    "modality_reliance": "eagle_mllm.attribution.reliance",
    "report": "eagle_mllm.report",
    "save": "eagle_mllm.attribution.files.io",
    "scenes": "eagle_mllm.scenes",
    "segment": "eagle_mllm.attribution.segmentation",
    "testing": "eagle_mllm.testing",
    "time_limit": "eagle_mllm.attribution.ending",
}

# Spelled out, not computed: linters, type checkers and readers look here.
__all__ = [
    "Attribution",
    "Diagnosis",
    "Eagle",
    "EagleError",
    "Enough",
    "Generation",
    "GreedySearch",
    "ModalityReliance",
    "MultilevelSearch",
    "Objective",
    "Regions",
    "Target",
    "Trace",
    "WindowedGreedySearch",
    "__version__",
    "attribute",
    "attribute_each",
    "audit",
    "baselines",
    "connect",
    "diagnose",
    "hallucination",
    "load",
    "load_model",
    "metrics",
    "modality_reliance",
    "report",
    "save",
    "scenes",
    "segment",
    "testing",
    "time_limit",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        value: Any = _version()
    elif name in _HOME:
        module = import_module(_HOME[name])
        value = module if _HOME[name] == f"{__name__}.{name}" else getattr(module, name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("eagle-mllm")
    except PackageNotFoundError:  # a source tree on sys.path that was never installed
        return "0+unknown"
