"""From the options of an explaining command to a model, its answer and the targets."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL.Image import Image

from eagle_mllm.arrays import RGBImage
from eagle_mllm.attribution.choice import TargetChoice, choose_targets
from eagle_mllm.attribution.conversation import Asked
from eagle_mllm.attribution.generation import Generation, Target
from eagle_mllm.attribution.images import ImageLike, read_image
from eagle_mllm.attribution.model import Model
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.cli.loading import ModelChoice, open_model
from eagle_mllm.cli.outputs import OutputFolder, Place, output_folder
from eagle_mllm.cli.progress import PassProgress
from eagle_mllm.cli.regions import regions_for
from eagle_mllm.engines.served import ServedModel
from eagle_mllm.engines.usage import Usage

SCENE = "scene.png"
DEFAULT_PROMPT = "Describe the image."


@dataclass(frozen=True, kw_only=True)
class Request:
    """What to explain, as the options spell it."""

    image: ImageLike
    asked: Asked
    answer: str | None
    targets: TargetChoice
    regions: str
    n_regions: int
    model: ModelChoice
    max_new_tokens: int
    max_pixels: int
    place: Place
    image_path: str
    """What the results call the picture."""

    scene: Image | None = None
    """The picture itself, to be kept beside the results as `scene.png`."""


@dataclass(frozen=True, kw_only=True)
class Answered:
    """A model that has answered, and what of its answer is to be explained."""

    model: Model
    generation: Generation
    targets: list[Target]
    regions: Regions
    output: OutputFolder

    @property
    def usage(self) -> Usage | None:
        """What was sent to its servers; None for weights that are loaded here."""
        return self.model.usage if isinstance(self.model, ServedModel) else None


@contextmanager
def asked(request: Request, progress: PassProgress) -> Iterator[Answered]:
    """Claim the folder, load the model and let it answer. What can fail early does, cheapest first.

    Raises:
        EagleError: the input cannot be used
    """
    picture = read_image(request.image, max_pixels=request.max_pixels)
    reads = [Path(one) for one in (request.image, request.regions) if isinstance(one, str | Path)]
    writes = [SCENE] if request.scene else []
    with output_folder(request.place, reads=reads, writes=writes) as output:
        with progress.step("cutting the image into regions"):
            regions = regions_for(picture, request.regions, n_regions=request.n_regions)
        progress.note(f"loading {request.model.label}")
        model = open_model(request.model, show_bars=progress.visible)
        with progress.step("answering"):
            generation = _answered(model, picture, request)
        targets = list(choose_targets(generation, request.targets))
        yield Answered(
            model=model, generation=generation, targets=targets, regions=regions, output=output
        )


def _answered(model: Model, picture: RGBImage, request: Request) -> Generation:
    path = request.image_path
    if request.answer is not None:
        return model.with_answer(picture, request.asked, request.answer, image_path=path)
    limit = request.max_new_tokens
    return model.generate(picture, request.asked, max_new_tokens=limit, image_path=path)
