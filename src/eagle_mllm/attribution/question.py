"""One thing to explain, and where its scores come from."""

from dataclasses import dataclass

from eagle_mllm.attribution.evaluator import SubsetEvaluator
from eagle_mllm.attribution.generation import Generation, Target
from eagle_mllm.attribution.model import Model
from eagle_mllm.attribution.regions import Regions


@dataclass(frozen=True, kw_only=True, eq=False)
class Question:
    """Why did the model give these tokens, in terms of these regions?"""

    model: Model
    """The model to explain."""

    generation: Generation
    """Image, prompt and answer."""

    target: Target
    """The tokens to explain."""

    regions: Regions
    """A partition of the image."""

    evaluate: SubsetEvaluator
    """Probability of the target when only a subset of the regions is shown."""
