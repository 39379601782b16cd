"""A question of yes and no about an image, whatever list it comes from."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from eagle_mllm.datasets import prompts
from eagle_mllm.datasets.images import ImageSource
from eagle_mllm.datasets.names import file_id
from eagle_mllm.datasets.sample import Sample

TRUTHS = {"yes": "Yes", "no": "No"}
"""Labels → what a right answer begins with."""


def _lower(label: Any) -> Any:
    return label.strip().lower() if isinstance(label, str) else label


YesOrNo = Annotated[Literal["yes", "no"], BeforeValidator(_lower)]
"""A label; case and white space around it do not count."""


def existence_sample(
    image: ImageSource, question: str, *, name: str, truth: str, prompt: str
) -> Sample:
    """The sample of one question, named by image and question.

    Args:
        image: what is asked about
        question: what is asked
        name: of the image, as the list has it
        truth: yes or no
        prompt: what the model is asked; `{question}` is replaced
    """
    return Sample(
        id=file_id(Path(name).stem, question),
        task="existence",
        image=image,
        prompt=prompts.filled(prompt, question=question),
        truth=TRUTHS[truth],
    )
